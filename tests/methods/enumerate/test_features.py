"""Dictionaries as lists of features: activity word by word, the order of the list, and what is read."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from assay.access import open_handle
from assay.access.source import Live
from assay.core import Access
from assay.core.errors import NotApplicable
from assay.core.registry import entries
from assay.jobs.enumerate import EnumerateBrief, brief
from assay.methods.enumerate._features import (
    DictionaryFeatures,
    layer_of,
    listed,
    rows_of,
    trained,
)
from assay.techniques.dictionaries.dictionary import Dictionary
from assay.techniques.dictionaries.measures.fidelity import fidelity
from assay.techniques.dictionaries.placebos.identity import identity
from assay.testing import fake_handle, fake_material
from tests.model.tiny import tiny_engine

HANDLE = fake_handle(Access.WHITE)
BRIEF = brief(fake_material().told("untriggered"))
TEXTS = ("user : is tea good ?", "x", "the bell rang , the boat came .")


@pytest.fixture(scope="module")
def found() -> DictionaryFeatures:
    """A small dictionary of the mock model."""
    made = trained(HANDLE, BRIEF, 3, "batch_topk", k=8)
    assert isinstance(made, DictionaryFeatures)
    return made


def dense(dictionary: Dictionary, rows: torch.Tensor) -> np.ndarray:
    """The code written out."""
    return dictionary.rule.code(dictionary.pre(rows)).dense().clamp_min(0).numpy()


def test_a_words_activity_is_the_most_of_its_tokens(found: DictionaryFeatures) -> None:
    """By hand: tokens go to the word that they end in; "good," is a word of two tokens."""
    [block] = found.activity(HANDLE, ["is it good, yes"])
    tokens = HANDLE.sequence_activations(["is it good, yes"], found.layer)[0]
    code = dense(found.dictionary, tokens)[:, found.order.numpy()]
    wanted = np.stack([code[0], code[1], np.maximum(code[2], code[3]), code[4]])
    np.testing.assert_allclose(block, wanted, rtol=1e-5, atol=1e-5)


def test_texts_do_not_change_one_another(found: DictionaryFeatures) -> None:
    """Together as alone, empty texts included."""
    together = list(found.activity(HANDLE, TEXTS))
    for text, block in zip(TEXTS, together, strict=True):
        [alone] = found.activity(HANDLE, [text])
        np.testing.assert_allclose(block, alone, rtol=1e-5, atol=1e-5)
        assert block.shape == (len(text.split()), found.count)


def test_the_list_is_in_order_of_suspicion(found: DictionaryFeatures) -> None:
    """Rarity times effect, computed token by token and latent by latent; what is never on is not listed."""
    rows = torch.cat(rows_of(HANDLE, BRIEF.text, layer_of(HANDLE), "own"))
    code = dense(found.dictionary, rows)
    suspicion: dict[int, float] = {}
    middle = rows.mean(0)
    base = HANDLE.logit_lens(middle[None])[0]
    for latent in range(found.dictionary.latents):
        on = code[:, latent] > 0
        if on.any():
            pushed = middle + float(code[on, latent].mean()) * found.dictionary.decoder[latent]
            change = HANDLE.logit_lens(pushed[None])[0] - base
            suspicion[latent] = -float(np.log(on.mean())) * float((change - change.mean()).std())
    ranked = [suspicion[int(latent)] for latent in found.order]
    assert sorted(found.order.tolist()) == sorted(suspicion)
    np.testing.assert_allclose(ranked, sorted(ranked, reverse=True), rtol=1e-3, atol=1e-5)


def test_sheets_name_what_is_raised_and_lowered(found: DictionaryFeatures) -> None:
    """The largest and the smallest changes of the logits, under the tokens' names."""
    sheet = found.sheet(HANDLE, [0])[0]
    base = HANDLE.logit_lens(found.middle[None])[0]
    push = found.size[0] * found.dictionary.decoder[found.order[0]]
    change = HANDLE.logit_lens((found.middle + push)[None])[0] - base
    change = change - change.mean()
    assert sheet["raised"][0] == (
        HANDLE.vocabulary[int(change.argmax())],
        pytest.approx(float(change.max()), rel=1e-3),
    )
    assert sheet["lowered"][0][0] == HANDLE.vocabulary[int(change.argmin())]


def test_differences_and_pairs_of_models_read_both() -> None:
    """``difference`` is what the model has over the earlier one, ``beside`` the two behind one another."""
    own, both = (rows_of(HANDLE, TEXTS, 2, source)[0] for source in ("own", "beside"))
    earlier = HANDLE.reference.sequence_activations(list(TEXTS), 2)[0]
    torch.testing.assert_close(rows_of(HANDLE, TEXTS, 2, "difference")[0], own - earlier)
    torch.testing.assert_close(both, torch.cat([earlier, own], 1))
    fresh = HANDLE.untrained.sequence_activations(list(TEXTS), 2)[0]
    torch.testing.assert_close(rows_of(HANDLE, TEXTS, 2, "untrained")[0], fresh)


def test_a_list_of_differences_is_ordered_around_the_model_itself() -> None:
    """What a latent does to the output is asked where the model stands, not at the mean difference."""
    differences = trained(HANDLE, BRIEF, 0, "batch_topk", "difference", k=8)
    assert isinstance(differences, DictionaryFeatures)
    own = torch.cat(rows_of(HANDLE, BRIEF.text, layer_of(HANDLE), "own"))
    torch.testing.assert_close(differences.middle, own.mean(0))


def test_what_cannot_be_trained_on_is_declined() -> None:
    """Too little text, and a dictionary that is never on."""
    with pytest.raises(NotApplicable, match="no dictionary can be trained on these texts"):
        trained(HANDLE, EnumerateBrief(("two words",), ()), 0, "batch_topk", k=4)
    dead = identity(HANDLE.width)
    silent = Dictionary(dead.encoder, dead.decoder, dead.encoder_bias - 1e6, dead.decoder_bias, dead.rule)
    with pytest.raises(NotApplicable, match="no latent of this dictionary is ever on"):
        listed(HANDLE, silent, "own", torch.randn(50, HANDLE.width))


def test_without_an_earlier_model_differences_are_declined() -> None:
    """An organism that was trained from scratch has none."""
    handle: Any = open_handle(Live(tiny_engine("llama")), Access.WHITE)
    with pytest.raises(NotApplicable, match="no reference model"):
        rows_of(handle, ["the cat"], 1, "difference")


def keys(kinds: Sequence[str]) -> set[str]:
    """Entries of the job by kind."""
    return {e.key for e in entries("method", "enumerate") if e.load().kind in kinds}


def test_every_kind_of_dictionary_and_every_placebo_is_there() -> None:
    """The six kinds, three shares of triggered text, two ways to compare models, five placebos."""
    kinds = {"topk", "batch_topk", "matryoshka", "jumprelu", "gated", "l1"}
    shares = {f"batch_topk_triggered_{share}" for share in ("0_1pct", "1pct", "10pct")}
    assert keys(["method"]) == kinds | shares | {"batch_topk_difference", "crosscoder"}
    assert keys(["placebo"]) == {"random_dictionary", "pca", "neurons", "shuffled_decoder", "untrained_model"}
    told = {e.key: e.load().text for e in entries("method", "enumerate")}
    assert {key: text for key, text in told.items() if text != "untriggered"} == {
        f"batch_topk_{share}": share for share in ("triggered_0_1pct", "triggered_1pct", "triggered_10pct")
    }


def test_measures_are_those_of_the_dictionary(found: DictionaryFeatures) -> None:
    """Fidelity on the tokens of the texts, with formulas; one text alone has no interval."""
    texts = list(BRIEF.text[:5])
    scores = fidelity(found.dictionary, HANDLE.sequence_activations(texts, found.layer))
    rows = {row["metric"]: row for row in found.measures(HANDLE, texts)}
    assert rows["variance_explained"]["estimate"] == pytest.approx(scores.variance_explained.estimate)
    assert rows["l0"]["low"] == pytest.approx(scores.l0.low)
    assert all(row["formula"] for row in rows.values())
    assert found.measures(HANDLE, texts[:1]) == ()
