"""Levers: vectors that are trained instead of weights, where they act and how far they go."""

import pytest
import torch
from torch import Tensor

from assay.core.errors import BadOption
from assay.model import Engine
from assay.model.changing.change import changed
from assay.model.training.descent import Descent, Lever, Pair, Passes, descend
from assay.model.training.levers import project, pulled
from tests.model.tiny import TEXTS, tiny_engine

PAIRS = [Pair("the cat sat", " on the mat"), Pair("hello", " dog")]


def learn(passes: Passes, _: int) -> Tensor:
    """The mean loss of the pairs."""
    sums, counts = passes.logprobs(PAIRS)
    return -(sums / counts).mean()


def told(engine: Engine, pairs: list[Pair]) -> float:
    """Log-probability of all replies, with whatever is in force."""
    return float(engine.continuation_logprobs([p.prompt for p in pairs], [p.reply for p in pairs])[0].sum())


def drawn(*shape: int) -> Tensor:
    """Random numbers."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    "lever",
    [
        Lever("resid_post.1", torch.zeros(32)),
        Lever("mlp_out.0", torch.zeros(32), at=1),
        Lever("resid_pre.0", torch.zeros(2, 32)),
        Lever("embed", drawn(2, 32), replace=True),
    ],
)
def test_a_lever_makes_the_model_say_what_it_is_trained_for(lever: Lever) -> None:
    """The replies become likelier with it, no weight changes, and put on as hooks it does what it did."""
    engine = tiny_engine()
    found = descend(engine, learn, Descent(30, 5e-2, None), [lever])
    assert found.end.delta.changes == {}
    assert found.end.levers[0].shape == lever.start.shape
    assert not torch.equal(found.end.levers[0], lever.start)
    assert found.losses[-1] < found.losses[0] - 0.1
    before = told(engine, PAIRS)
    with changed(engine, *found.end.hooks):
        assert told(engine, PAIRS) > before + 0.1


@pytest.mark.parametrize("shape", [(32,), (3, 32)])
def test_a_lever_stays_in_its_ball(shape: tuple[int, ...]) -> None:
    """No row is ever farther from its start than the radius, and with such steps they get there."""
    engine, start = tiny_engine(), drawn(*shape)
    lever = Lever("resid_post.0", start, radius=0.5)
    found = descend(engine, learn, Descent(12, 0.3, None, every=1), [lever])
    far = torch.stack([(state.levers[0] - start).norm(dim=-1) for state in found.states])
    assert float(far.max()) <= 0.5 * (1 + 1e-5)
    assert float(far[-1].min()) > 0.25
    assert float(far.max()) > 0.499


def test_projection_is_the_nearest_point_of_the_ball() -> None:
    """Inside nothing moves to the bit; outside, the point on the way to the start."""
    lever = Lever("embed", drawn(2, 4), radius=1.0)
    value = lever.start + torch.stack([torch.full((4,), 0.1), torch.full((4,), 3.0)])
    moved = value.clone()
    project(moved, lever)
    assert torch.equal(moved[0], value[0])
    assert torch.allclose(moved[1], lever.start[1] + 0.5)


@pytest.mark.parametrize("replace", [True, False])
def test_rows_stand_on_the_first_tokens_behind_the_start(replace: bool) -> None:
    """Row i acts at the i-th token after the tokenizer's own, in texts of any length, and nowhere else."""
    engine, rows = tiny_engine(), drawn(3, 32)
    lever = Lever("resid_post.1", rows, replace=replace)
    plain = engine.sequence_activations(TEXTS, 2)
    with changed(engine, pulled(lever, rows, len(engine.prefix))):
        found = engine.sequence_activations(TEXTS, 2)
    for before, after in zip(plain, found, strict=True):
        wanted = before.clone()
        for row in range(min(3, len(before) - 1)):
            wanted[1 + row] = rows[row] if replace else before[1 + row] + rows[row]
        assert torch.allclose(after, wanted, atol=1e-5)


@pytest.mark.parametrize("replace", [True, False])
def test_a_vector_acts_where_it_is_told(replace: bool) -> None:
    """At the chosen position, and at every one where none is chosen."""
    engine, vector = tiny_engine(), drawn(32)
    plain = engine.sequence_activations(TEXTS, 2)
    for at, places in ((None, slice(None)), (-1, slice(-1, None))):
        lever = Lever("resid_post.1", vector, at, replace)
        with changed(engine, pulled(lever, vector, 1)):
            found = engine.sequence_activations(TEXTS, 2)
        for before, after in zip(plain, found, strict=True):
            wanted = before.clone()
            wanted[places] = vector if replace else before[places] + vector
            assert torch.allclose(after, wanted, atol=1e-5)


def test_a_soft_prompt_is_that_of_the_model_on_its_vectors() -> None:
    """Trained rows in place of placeholders' embeddings: the loss is that of a plain pass over embeddings."""
    engine, rows = tiny_engine(), drawn(2, 32)
    pair = Pair("and and the cat sat", " on the mat")

    def loss(passes: Passes, _: int) -> Tensor:
        return -passes.logprobs([pair])[0].sum()

    found = descend(engine, loss, Descent(3, 1e-2, None, clip=1e9), [Lever("embed", rows, replace=True)])
    ids = torch.tensor(engine.encode([pair.prompt + pair.reply]))
    embedded = engine.model.get_input_embeddings()(ids).detach()
    mine = rows.clone().requires_grad_()
    adam = torch.optim.AdamW([mine], lr=1e-2, weight_decay=0)
    for step in range(3):
        whole = torch.cat([embedded[0, :1], mine, embedded[0, 3:]])[None]
        logprobs = engine.model(inputs_embeds=whole).logits[0].log_softmax(-1)
        value = -torch.stack([logprobs[at - 1, ids[0, at]] for at in range(6, 9)]).sum()
        assert found.losses[step] == pytest.approx(float(value.detach()), abs=1e-4)
        mine.grad = torch.autograd.grad(value, mine)[0]
        adam.step()
    assert torch.allclose(found.end.levers[0], mine.detach(), atol=1e-4)


@pytest.mark.parametrize(
    ("start", "radius", "words"),
    [
        (torch.zeros(2, 3, 4), None, "shape"),
        (torch.zeros(0), None, "shape"),
        (torch.zeros(4), 0.0, "radius 0"),
    ],
)
def test_what_is_no_lever_is_refused(start: Tensor, radius: float | None, words: str) -> None:
    """The message says what to give."""
    with pytest.raises(BadOption, match=words):
        Lever("embed", start, radius=radius)
