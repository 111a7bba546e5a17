"""What a latent does to the output: against the pass of a real model, and token by token."""

import pytest
import torch

from assay.core.errors import BadOption
from assay.model.reading.logit_lens import logit_lens
from assay.techniques.dictionaries.explanations.output_tokens import extreme_tokens, output_effects
from tests.model.tiny import tiny_engine


@pytest.mark.parametrize("family", ["llama", "gpt2", "gemma2"])
def test_effects_are_those_of_the_models_own_end(family: str) -> None:
    """Norm and unembedding by hand, one row after another; whatever the family does there counts."""
    engine = tiny_engine(family)
    generator = torch.Generator().manual_seed(0)
    middle = torch.randn(engine.width, generator=generator)
    push = torch.randn(4, engine.width, generator=generator)
    found = output_effects(lambda rows: logit_lens(engine, rows), middle, push)
    for row, one in zip(push, found, strict=True):
        change = logit_lens(engine, (middle + row)[None])[0] - logit_lens(engine, middle[None])[0]
        torch.testing.assert_close(one, change - change.mean(), rtol=1e-4, atol=1e-5)
        assert abs(float(one.mean())) < 1e-5


def test_what_no_softmax_sees_is_no_effect() -> None:
    """A push that moves all logits alike does nothing."""
    found = output_effects(lambda rows: rows @ torch.ones(3, 5), torch.zeros(3), torch.eye(3))
    torch.testing.assert_close(found, torch.zeros(3, 5))


def test_extremes_are_the_sorted_ends() -> None:
    """By sorting the whole vocabulary; no more than there are."""
    effects = torch.randn(3, 20, generator=torch.Generator().manual_seed(1))
    names = [f"t{n}" for n in range(20)]
    for row, ends in zip(effects.tolist(), extreme_tokens(effects, names, top=4), strict=True):
        ranked = sorted(range(20), key=lambda n: row[n])
        assert [name for name, _ in ends["lowered"]] == [names[n] for n in ranked[:4]]
        assert [name for name, _ in ends["raised"]] == [names[n] for n in ranked[:-5:-1]]
        assert ends["raised"][0][1] == pytest.approx(max(row))
    assert len(extreme_tokens(effects, names, top=99)[0]["raised"]) == 20


def test_what_does_not_fit_is_refused() -> None:
    """Rows of another width, and names of another vocabulary."""
    with pytest.raises(BadOption, match="does not fit a row"):
        output_effects(lambda rows: rows, torch.zeros(3), torch.zeros(2, 4))
    with pytest.raises(BadOption, match="2 names for a vocabulary of 3"):
        extreme_tokens(torch.zeros(1, 3), ["a", "b"])
