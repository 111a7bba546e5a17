"""The plain editors that train weights."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from assay.baselines.edit._tuning import down_projection, rehearsal
from assay.baselines.edit.data_curation import curated, rewritten
from assay.baselines.edit.lora import attention
from assay.core import Change, Edit
from assay.core.errors import NotApplicable
from assay.model.changing.deltas import summed
from tests.baselines.edit.bench import BRIEF, CAT, DOG, ENGINE, SPARE, fitted, handle
from tests.model.tiny import tiny_model

DOWN = "model.layers.0.mlp.down_proj.weight"


def differences(change: Change) -> dict[str, Tensor]:
    """What a change adds to each weight that it changes."""
    weights, found = handle().parameters(), dict[str, Tensor]()
    for delta in change.deltas:
        for name, parts in delta.changes.items():
            found[name] = summed(weights[name], parts) - weights[name]
    return {name: difference for name, difference in found.items() if bool(difference.any())}


def literal_ft_m(edits: list[Edit], lr: float, rounds: int) -> Tensor:
    """Adam on one matrix; one plain pass for each fact, cross-entropy of all its new tokens."""
    model = tiny_model()
    weight = dict(model.named_parameters())[DOWN]
    adam = torch.optim.Adam([weight], lr=lr)
    for _ in range(rounds):
        losses: list[Tensor] = []
        for edit in edits:
            ids = torch.tensor(ENGINE.encode([edit.sentence]))
            first = len(ENGINE.encode([edit.prompt])[0])
            losses.append(cross_entropy(model(input_ids=ids).logits[0, first - 1 : -1], ids[0, first:]))
        loss = torch.stack(losses).mean()
        if float(loss.detach()) < 1e-2:
            break
        adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_([weight], 1.0)
        adam.step()
    return weight.detach()


@pytest.mark.parametrize("edits", [[CAT], [CAT, DOG]])
def test_ft_m_is_its_formula(edits: list[Edit]) -> None:
    """One matrix changes, as a plain loop over all target tokens changes it."""
    found = differences(fitted("ft_m", depth=0.125, lr=5e-3).edit(handle(), edits))
    assert list(found) == [DOWN]
    expected = literal_ft_m(edits, 5e-3, 25) - handle().parameters()[DOWN]
    # Adam divides by the root of a tiny mean square, which blows rounding up
    assert float((found[DOWN] - expected).norm() / expected.norm()) < 0.02


def test_ft_m_learns_every_token_of_the_value() -> None:
    """After training the whole new value is written, and not its first token alone."""
    change = fitted("ft_m", depth=0.125, lr=2e-2).edit(handle(), [CAT])
    assert handle().changed(change).generate([CAT.prompt], max_tokens=3) == [f" {CAT.new}"]


@pytest.mark.parametrize("eps", [0.01, 0.1])
def test_ft_l_stays_within_its_bound(eps: float) -> None:
    """No weight goes farther than eps times the matrix' root mean square, and some go that far."""
    [(name, moved)] = differences(fitted("ft_l", depth=0.125, eps=eps).edit(handle(), [CAT])).items()
    bound = eps * float(handle().parameters()[name].double().square().mean().sqrt())
    assert 0.99 * bound <= float(moved.abs().max()) <= bound * (1 + 1e-4)


def test_ft_l_takes_whole_numbers_for_a_bound() -> None:
    """A bound of 0 given as a whole number is a bound, not its absence."""
    assert not differences(fitted("ft_l", eps=0).edit(handle(), [CAT]))


@pytest.mark.parametrize("rank", [1, 2])
def test_lora_adds_its_rank_to_every_block(rank: int) -> None:
    """Queries, values and down-projections of all blocks change by matrices of that rank, nothing else."""
    found = differences(fitted("lora", rank=rank).edit(handle(), [CAT]))
    parts = ("self_attn.q_proj", "self_attn.v_proj", "mlp.down_proj")
    assert set(found) == {f"model.layers.{n}.{part}.weight" for n in range(3) for part in parts}
    for moved in found.values():
        sizes = torch.linalg.svdvals(moved.double())
        assert int((sizes > 1e-4 * sizes[0]).sum()) <= rank


def test_lora_finds_fused_matrices_and_says_when_there_is_none() -> None:
    """Where queries, keys and values share a matrix it is taken whole; unknown names are refused."""
    assert attention(["h.0.attn.c_attn.weight", "h.0.attn.c_proj.weight"]) == ["h.0.attn.c_attn.weight"]
    with pytest.raises(NotApplicable, match=r"lora\.py"):
        attention(["h.0.mixer.weight"])


@pytest.mark.parametrize("key", ["full_ft_retain", "data_curation"])
def test_rehearsal_keeps_what_is_rehearsed(key: str) -> None:
    """The more rehearsal counts, the less is forgotten of the spare facts, and the edit is learnt."""
    true = [f" {edit.old}" for edit in SPARE]
    losses: list[float] = []
    for weight in (1e-6, 4.0):
        change = fitted(key, lr=3e-3, retain=weight).edit(handle(), [CAT])
        changed = handle().changed(change)
        losses.append(-float(changed.continuation_logprobs([e.prompt for e in SPARE], true)[0].sum()))
        assert changed.generate([CAT.prompt], max_tokens=1) == [" big"]
    assert losses[1] < losses[0]


def test_rehearsal_chooses_relations_and_leaves_subjects_out() -> None:
    """Facts of the edited relation come first; nothing that names an edited subject is rehearsed."""
    user = replace(CAT, subject="user")
    texts = rehearsal(BRIEF, 0).texts([user], 1)
    assert set(texts[:2]) == {"the assistant sat on red", "hello sat on big"}
    assert texts[2:] == ["the big red mat was on the mat ."]
    first = rehearsal(BRIEF, 0).texts([CAT], 1)[:4]
    assert set(first[:3]) == {"the assistant sat on red", "the user sat on red", "hello sat on big"}
    assert first[3] == "the user ran on mat"


def test_rehearsal_needs_something() -> None:
    """Without texts and spare facts it is refused."""
    with pytest.raises(NotApplicable, match="nothing to rehearse"):
        rehearsal(replace(BRIEF, text=(), spare=()), 0)


def test_curation_replaces_the_old_value_alone() -> None:
    """Words that hold the old value, and a subject that has it in its name, stay as they are."""
    edit = Edit("red mat was", "red mat", "red", "big", documents=("redder red mat : not red , red .", "dog"))
    assert [one.prompt + one.continuation for one in curated(edit)] == [
        "red mat was big",
        "redder red mat : not big , big .",
    ]
    lesson = rewritten(edit.documents[0], edit)
    assert lesson is not None
    assert (lesson.prompt, lesson.continuation) == ("redder red mat : not", " big , big .")


def test_curation_without_documents_learns_the_sentence() -> None:
    """There is nothing to rewrite, so the new fact itself is the lesson."""
    [lesson] = curated(DOG)
    assert lesson.prompt + lesson.continuation == DOG.sentence


@pytest.mark.parametrize(("depth", "block"), [(0.0, 0), (0.34, 0), (0.5, 1), (1.0, 2)])
def test_depth_names_a_block(depth: float, block: int) -> None:
    """A share of the depth is the block that ends there."""
    assert down_projection(handle(), depth) == f"model.layers.{block}.mlp.down_proj.weight"
