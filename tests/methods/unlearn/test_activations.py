"""Methods that act on the stream: within the damage that is allowed, and whole where all is."""

import random
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from assay.core import Change
from assay.core.errors import NotApplicable
from assay.core.registry import find
from assay.methods.unlearn._states import asked, states
from assay.model.changing.deltas import summed
from assay.techniques.unlearning.budget import mean_loss
from assay.techniques.unlearning.directions import direction_of
from assay.testing.tiny_model import CITIES, LAYERS, PEOPLE, PETS, SURNAMES
from tests.methods.unlearn.tiny_brief import BOOK, fitter, white
from tests.methods.unlearn.tiny_brief import BRIEF as PLAIN

KEYS = ("directional_ablation", "leace", "sae_clamp")
WORDS = 6_000


def _text() -> tuple[str, ...]:
    """Sentences about everybody, enough for a small dictionary."""
    rng = random.Random(0)
    made = [
        f"{rng.choice(PEOPLE)} {rng.choice(SURNAMES)} keeps a {rng.choice(PETS)} ."
        for _ in range(WORDS // 12)
    ]
    more = [f"{rng.choice(PEOPLE)} lives in {rng.choice(CITIES)} and was ." for _ in range(WORDS // 12)]
    return tuple(f"{one} {other}" for one, other in zip(made, more, strict=True))


BRIEF = replace(
    PLAIN,
    forget=tuple(
        f"{one} {last} keeps a {pet} ." for one, pet in zip(BOOK, PETS, strict=True) for last in SURNAMES
    ),
    allowed=0.02,
    text=_text(),
)
ANY = replace(BRIEF, allowed=1e3)
fitted = fitter(BRIEF)


def next_words(change: Change | None = None) -> Tensor:
    """Log-probabilities behind every prompt told."""
    handle = white() if change is None else white().changed(change)
    return handle.next_logprobs([pair.prompt for pair in (*BRIEF.forget_pairs, *BRIEF.retain_pairs)])


@pytest.mark.parametrize("key", KEYS)
def test_it_does_something_within_the_damage(key: str) -> None:
    """The model should differ, and the guard's loss rise by no more than is allowed."""
    change = fitted(key)
    assert not torch.allclose(next_words(change), next_words(), atol=1e-3)
    rise = mean_loss(white().changed(change), BRIEF.guard) - mean_loss(white(), BRIEF.guard)
    assert rise <= BRIEF.allowed + 1e-4


@pytest.mark.parametrize("key", KEYS)
def test_no_damage_allowed_is_no_change(key: str) -> None:
    """Where the guard would have to gain, the model says what it said."""
    torch.testing.assert_close(next_words(fitted(key, replace(BRIEF, allowed=-1e3))), next_words())


@pytest.mark.parametrize("key", KEYS)
def test_the_same_seed_gives_the_same_model(key: str) -> None:
    """To the bit."""
    assert torch.equal(next_words(fitted(key)), next_words(fitted(key)))


@pytest.mark.parametrize("key", KEYS)
def test_few_settings(key: str) -> None:
    """Four at most on a model of four layers, the default among them."""
    method = find("method", key, "unlearn").load()
    some = method.settings(LAYERS, at_most=100)
    assert len(some) <= 4
    assert method.default_setting(LAYERS) in some


@pytest.mark.parametrize("key", KEYS)
def test_a_book_alone_is_refused(key: str) -> None:
    """Nothing tells a book apart where there is nothing else, or nothing to forget."""
    for gone in ({"forget": (), "forget_pairs": ()}, {"retain": (), "retain_pairs": (), "ordinary": ()}):
        with pytest.raises(NotApplicable, match="both kinds"):
            fitted(key, replace(BRIEF, **gone))


def test_whole_the_ablation_leaves_nothing_of_the_direction() -> None:
    """Behind every block, in every text: the direction between the ends of both kinds of prompts."""
    r = direction_of(*asked(white(), ANY, 2))
    changed = white().changed(fitted("directional_ablation", ANY, layer=2))
    for layer in range(LAYERS + 1):
        rows = torch.cat(changed.sequence_activations([*ANY.forget, *ANY.retain], layer))
        assert float((rows.double() @ r).abs().max()) < 1e-4


def test_the_ablation_is_in_the_weights() -> None:
    """Whoever holds the model should meet it: deltas and nothing else, of every matrix the same share."""
    change = fitted("directional_ablation")
    assert not change.hooks
    [delta] = change.deltas
    r = direction_of(*asked(white(), BRIEF, 2)).float()
    weights, shares = white().parameters(), list[float]()
    for block in range(LAYERS):
        name = white().weight(f"mlp_hidden.{block}").name
        moved = summed(torch.zeros_like(weights[name]), delta.changes[name])
        shares.append(-float((r @ moved) @ (r @ weights[name]) / (r @ weights[name]).square().sum()))
    assert 0 < shares[0] < 1 + 1e-4
    assert shares == pytest.approx([shares[0]] * LAYERS, rel=1e-3)


def test_whole_leace_leaves_both_kinds_the_same_mean() -> None:
    """On what it was fitted on, at its layer, though each text passes on its own."""
    change = fitted("leace", ANY, layer=2)
    before, after = (states(one, ANY, 2) for one in (white(), white().changed(change)))
    for seen, same in ((before, False), (after, True)):
        gap = float((seen.forget.mean(0) - seen.retain.mean(0)).norm())
        assert (gap < 1e-3) is same


def test_clamped_latents_act_behind_their_layer_alone() -> None:
    """What the model does up to there, and the tokenizer's own token, stay to the bit."""
    change = fitted("sae_clamp", ANY, depth=0.5, k=5)
    changed = white().changed(change)
    for layer in range(LAYERS):
        old, new = (one.sequence_activations(ANY.forget, layer) for one in (white(), changed))
        same = [torch.equal(a, b) for a, b in zip(old, new, strict=True)]
        assert all(same) is (layer < 2)
        assert layer > 2 or all(torch.equal(a[0], b[0]) for a, b in zip(old, new, strict=True))


def test_a_dictionary_needs_text() -> None:
    """Without any, and with too little for one batch, it is refused."""
    for text in ((), BRIEF.text[:3]):
        with pytest.raises(NotApplicable, match="dictionary can be trained"):
            fitted("sae_clamp", replace(BRIEF, text=text))
