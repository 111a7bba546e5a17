"""What a loss may ask: the numbers of plain passes, text after text, of the model now or before."""

from collections.abc import Generator
from contextlib import contextmanager, nullcontext

import pytest
import torch
from torch import Tensor

from assay.core.errors import BadOption
from assay.model import Engine
from assay.model.training.passes import Pair, Passes
from tests.model.tiny import TEXTS, tiny_engine

PAIRS = [Pair("the cat sat", " on the mat"), Pair("hello", " dog"), Pair("", "the big red dog ran .")]


def passes(engine: Engine) -> Passes:
    """Passes of a model that does not change."""
    return Passes(engine, nullcontext, nullcontext)


def by_hand(engine: Engine, text: str) -> Tensor:
    """Log-probabilities at every position of one text, from one plain pass over it alone."""
    return engine.model(input_ids=torch.tensor(engine.encode([text]))).logits[0].float().log_softmax(-1)


@pytest.mark.parametrize("family", ["llama", "gpt2", "qwen2"])
@pytest.mark.parametrize("before", [True, False])
def test_log_probabilities_are_those_of_the_engine(family: str, before: bool) -> None:
    """Sums and counts of replies, the same for the model before where nothing was changed."""
    engine = tiny_engine(family)
    sums, counts = passes(engine).logprobs(PAIRS, before=before)
    wanted = engine.continuation_logprobs([one.prompt for one in PAIRS], [one.reply for one in PAIRS])
    assert torch.allclose(sums, wanted[0], atol=1e-5)
    assert torch.equal(counts, wanted[1])
    assert sums.requires_grad is not before


@pytest.mark.parametrize("limit", [10, 512])
@pytest.mark.parametrize("before", [True, False])
def test_distributions_stand_text_after_text(limit: int, before: bool) -> None:
    """Row by row those of passes over each text alone, its last position left out, however passes divide."""
    engine = tiny_engine()
    engine.batch_tokens = limit
    found = passes(engine).distributions(TEXTS, before=before)
    wanted = torch.cat([by_hand(engine, text)[:-1] for text in TEXTS])
    assert torch.allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize("limit", [10, 512])
@pytest.mark.parametrize("before", [True, False])
def test_states_are_those_of_tokens_without_the_start(limit: int, before: bool) -> None:
    """Values of several sites, of unlike widths and with heads, at every token but the start token."""
    engine = tiny_engine()
    engine.batch_tokens = limit
    found = passes(engine).states(TEXTS, ["resid_post.1", "mlp_hidden.0", "z.1"], before=before)
    stream = torch.cat([rows[1:] for rows in engine.sequence_activations(TEXTS, 2)])
    assert torch.allclose(found["resid_post.1"], stream, atol=1e-5)
    assert [tuple(found[site].shape) for site in found] == [(len(stream), width) for width in (32, 48, 32)]


def test_gradients_flow_from_everything() -> None:
    """Each of the three moves the weights below as passes over each text alone do."""
    engine = tiny_engine()
    weights = [engine.model.get_parameter("model.layers.0.mlp.down_proj.weight")]
    ask = passes(engine)
    states = ask.states(TEXTS, ["resid_post.1", "mlp_out.0"])
    asked = [ask.logprobs(PAIRS)[0], ask.distributions(TEXTS), states["resid_post.1"]]
    ids = [torch.tensor(engine.encode([text])) for text in TEXTS]
    plain = [engine.model(input_ids=row, output_hidden_states=True).hidden_states[2][0, 1:] for row in ids]
    told = [by_hand(engine, f"{one.prompt}{one.reply}") for one in PAIRS]
    wanted = [
        torch.stack([_replied(engine, pair, rows) for pair, rows in zip(PAIRS, told, strict=True)]),
        torch.cat([by_hand(engine, text)[:-1] for text in TEXTS]),
        torch.cat(plain),
    ]
    for one, other in zip(asked, wanted, strict=True):
        slopes = [torch.autograd.grad(value.square().mean(), weights)[0] for value in (one, other)]
        assert float(slopes[1].abs().max()) > 0
        assert torch.allclose(*slopes, rtol=1e-4, atol=1e-4 * float(slopes[1].abs().max()))


def _replied(engine: Engine, pair: Pair, rows: Tensor) -> Tensor:
    """The summed log-probability of a reply, token by token."""
    ids, first = engine.encode([pair.prompt + pair.reply])[0], len(engine.encode([pair.prompt])[0])
    return torch.stack([rows[at - 1, ids[at]] for at in range(first, len(ids))]).sum()


def test_the_model_before_is_asked_once() -> None:
    """Texts seen again cost nothing and say the same; what is new is added; the bill says so."""
    engine = tiny_engine()
    entered: list[int] = []

    @contextmanager
    def counted() -> Generator[None]:
        entered.append(1)
        yield

    ask = Passes(engine, nullcontext, counted)
    first, _ = ask.logprobs(PAIRS[:2], before=True)
    tokens = ask.price.tokens_forward
    again, _ = ask.logprobs(PAIRS[:2][::-1], before=True)
    assert torch.equal(first.flip(0), again)
    assert ask.price.tokens_forward == tokens == sum(engine.lengths(["the cat sat on the mat", "hello dog"]))
    ask.logprobs(PAIRS, before=True)
    assert ask.price.tokens_forward == tokens + engine.lengths([PAIRS[2].reply])[0]
    assert ask.price.tokens_backward == 0


def test_real_tokens_are_counted() -> None:
    """Padding is free; passes with gradients count on the way back too, and three times the operations."""
    engine = tiny_engine()
    ask = passes(engine)
    ask.distributions(TEXTS)
    lengths = engine.lengths(TEXTS)
    flops = engine.shape.forward(lengths, None, sum(lengths) - len(lengths))
    price = ask.price
    assert (price.queries, price.tokens_forward, price.tokens_backward) == (5, sum(lengths), sum(lengths))
    assert price.flops == pytest.approx(3 * flops)
    with torch.no_grad():
        ask.states(TEXTS, ["resid_post.0"])
    assert ask.price.tokens_backward == sum(lengths)
    assert ask.price.flops == pytest.approx(3 * flops + engine.shape.forward(lengths, 1))


def test_what_cannot_be_asked_is_refused() -> None:
    """A pair that says nothing is shown; so are no texts and sites that the model lacks."""
    ask = passes(tiny_engine())
    with pytest.raises(BadOption, match="the cat"):
        ask.logprobs([Pair("the cat", "")])
    with pytest.raises(BadOption, match="no text"):
        ask.distributions([])
    with pytest.raises(BadOption, match=r"resid_post\.7"):
        ask.states(["the cat"], ["resid_post.7"])
