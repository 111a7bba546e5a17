"""Methods that act on representations, that distil and that cut, and the placebos: what each must do."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from assay.core import Change, Price, Retrained, Told
from assay.core.errors import NotApplicable
from assay.jobs.unlearn import UnlearnBrief
from assay.methods.unlearn import undo
from assay.model.changing.deltas import between
from assay.techniques.unlearning.budget import mean_loss
from assay.techniques.unlearning.noising import mmd, noise
from assay.techniques.unlearning.perturbing import noise_like, perturbed
from assay.techniques.unlearning.rmu import control_vector, usual_length
from assay.testing.tiny_model import CITIES, LAYERS, PETS
from tests.methods.unlearn.tiny_brief import BOOK, REST, fitter, white
from tests.methods.unlearn.tiny_brief import BRIEF as PLAIN

UNITS = 6
TRAINED = ("rmu", "representation_noising", "undo", "weight_noise", "rmu_to_present")
BRIEF = replace(
    PLAIN,
    forget=tuple(f"{one} keeps a {pet} . and then {one} was" for one, pet in zip(BOOK, PETS, strict=True)),
    forget_pairs=tuple(Told(f"the pet of {one} is a", pet) for one, pet in zip(BOOK, PETS, strict=True)),
    retain_pairs=tuple(Told(f"the home of {one} is in", CITIES[n % 4]) for n, one in enumerate(REST)),
    guard=tuple(f"and then {one} lives in {city} ." for one in REST[:3] for city in CITIES[:2]),
    text=("what is new , the fact of ann",),
)
ANY = replace(BRIEF, allowed=1e3)
fitted = fitter(BRIEF)


def _states(change: Change, texts: tuple[str, ...], site: str) -> Tensor:
    """At all tokens but the first, which is the same everywhere."""
    return torch.cat([rows[1:] for rows in white().changed(change).site_activations(texts, site)])


def _apart(first: Change, second: Change, texts: tuple[str, ...]) -> float:
    """Mean over positions of KL(first || second), in nats."""
    one, two = (
        torch.cat([rows[1:-1] for rows in white().changed(some).site_activations(texts, "logits")])
        for some in (first, second)
    )
    p, q = one.log_softmax(-1), two.log_softmax(-1)
    return float((p.exp() * (p - q)).sum(-1).mean())


def _damage(change: Change) -> float:
    return mean_loss(white().changed(change), BRIEF.guard) - mean_loss(white(), BRIEF.guard)


@pytest.mark.parametrize("key", TRAINED)
def test_the_damage_is_what_is_allowed_and_the_seed_decides(key: str) -> None:
    """Only weights change; the same seed makes the same change."""
    first, again = (fitted(key) for _ in range(2))
    assert (first.hooks, first.context, first.table) == ((), None, None)
    assert _damage(first) <= BRIEF.allowed + 1e-4
    one, two = (white().changed(change).next_logprobs(BRIEF.forget) for change in (first, again))
    torch.testing.assert_close(one, two)


def test_rmu_sends_the_book_to_its_place_and_leaves_the_rest() -> None:
    """States of the book come near the control vector; those of the rest move less, and stay farther off."""
    change, site = fitted("rmu", ANY), "resid_post.2"
    place = control_vector(16, 4 * usual_length(white(), BRIEF.forget, site), seed=0)
    before, after = (_states(some, BRIEF.forget, site) for some in (Change(), change))
    rest = [_states(some, BRIEF.retain, site) for some in (Change(), change)]
    assert float((after - place).norm(dim=1).mean()) < 0.8 * float((before - place).norm(dim=1).mean())
    assert float((after - before).norm(dim=1).mean()) > 2 * float((rest[1] - rest[0]).norm(dim=1).mean())


def test_rmu_trains_the_down_projections_at_and_below_its_block() -> None:
    """And no other weight, as many as three blocks have."""
    for depth, blocks in ((0.25, (0,)), (0.75, (0, 1, 2)), (1.0, (1, 2, 3))):
        wanted = {f"model.layers.{block}.mlp.down_proj.weight" for block in blocks}
        assert {*fitted("rmu", depth=depth).deltas[0].changes} == wanted


def test_the_place_of_the_placebo_is_where_the_book_is() -> None:
    """Trained as RMU is, it leaves the book's states where they are."""
    before, after = (
        _states(some, BRIEF.forget, "resid_post.2") for some in (Change(), fitted("rmu_to_present", ANY))
    )
    assert float((after - before).norm()) < 0.05 * float(before.norm())


def test_representation_noising_makes_the_book_look_like_noise() -> None:
    """At every block its MLP's outputs are nearer to noise than they were, and the book is less likely."""
    change = fitted("representation_noising", ANY)
    for block in range(LAYERS):
        rows = [_states(some, BRIEF.forget, f"mlp_out.{block}") for some in (Change(), change)]
        fresh = noise(400, rows[0].std(0), torch.Generator().manual_seed(0))
        assert float(mmd(rows[1], fresh)) < float(mmd(rows[0], fresh))
    assert mean_loss(white().changed(change), BRIEF.forget) > mean_loss(white(), BRIEF.forget) + 0.5


def test_undo_teaches_what_stays_and_not_the_book() -> None:
    """What was washed out of the unlearned model comes back where it is taught, and much less elsewhere."""
    gone = fitted("rmu", ANY)
    old = dict(white().changed(gone).parameters())
    washed = gone.then(Change(deltas=(between(old, perturbed(old, 0.4, undo.SCALE, 0)),)))
    student = fitted("undo", ANY, share=0.4)
    left = {
        texts: _apart(gone, student, texts) / _apart(gone, washed, texts)
        for texts in (BRIEF.retain, BRIEF.forget)
    }
    assert left[BRIEF.retain] < 0.1
    assert left[BRIEF.forget] > 0.5


def test_undo_washes_out_the_more_the_larger_the_share() -> None:
    """Less is left of the weights there were, before anything is taught."""
    small, large = (fitted("undo", ANY, share=share) for share in (0.2, 0.6))
    name = "model.layers.1.mlp.up_proj.weight"
    old = white().parameters()[name].flatten()
    left = [white().changed(some).parameters()[name].flatten() @ old / (old @ old) for some in (small, large)]
    assert float(left[1]) < float(left[0]) < 1


def _routed() -> UnlearnBrief:
    """Another model that stands for a routed one: this one, its weights moved."""
    weights = dict(white().parameters())
    noises = noise_like(weights, 7)
    moved = {name: weight + 0.2 * noises[name] for name, weight in weights.items() if name in noises}
    delta = between({name: weights[name] for name in moved}, moved)
    return replace(BRIEF, routed=Retrained(delta, Price(tokens_backward=11)), routed_units=UNITS)


def test_gradient_routing_cuts_the_routed_units_out_for_good() -> None:
    """They stay silent when repaired; the pre-training is on the bill, and its delta comes first."""
    told = _routed()
    change = fitted("gradient_routing", told)
    assert told.routed is not None
    assert change.deltas[0] is told.routed.delta
    assert change.paid == Price(tokens_backward=11)
    for block in range(LAYERS):
        hidden = _states(change, BRIEF.forget, f"mlp_hidden.{block}")
        assert bool((hidden[:, -UNITS:] == 0).all())
        assert bool((hidden[:, :-UNITS] != 0).any())
        down = white().changed(change).parameters()[f"model.layers.{block}.mlp.down_proj.weight"]
        assert bool((down[:, -UNITS:] == 0).all())


def test_the_repair_makes_good_what_the_cut_broke() -> None:
    """What must stay is more likely than in the model that was only cut."""
    change = fitted("gradient_routing", _routed())
    cut = Change(deltas=change.deltas[:2])
    assert mean_loss(white().changed(change), BRIEF.retain) < mean_loss(white().changed(cut), BRIEF.retain)


def test_without_a_routed_model_there_is_nothing_to_cut() -> None:
    """Routing is done in pre-training or not at all."""
    with pytest.raises(NotApplicable, match="gradients of pets"):
        fitted("gradient_routing")


def test_the_noise_uses_up_the_damage() -> None:
    """Most of it; matrices move alike in units of their spread, and another seed moves them otherwise."""
    change, other = fitted("weight_noise"), fitted("weight_noise", seed=1)
    assert BRIEF.allowed / 2 < _damage(change) <= BRIEF.allowed + 1e-4
    old, new, newer = (dict(white().changed(some).parameters()) for some in (Change(), change, other))
    sizes = {n: float((new[n] - w).std() / w.std()) for n, w in old.items() if w.ndim == 2}
    assert max(sizes.values()) < 1.2 * min(sizes.values())
    assert all(torch.equal(new[n], w) for n, w in old.items() if w.ndim == 1)
    assert not torch.equal(new["lm_head.weight"], newer["lm_head.weight"])
