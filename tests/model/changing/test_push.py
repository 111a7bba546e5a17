"""Pushing: vectors equal those of a plain loop over the bare model, and do what they are for."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import kl_div, nll_loss

from assay.core.errors import BadOption
from assay.model import Engine
from assay.model.changing.change import add, changed
from assay.model.changing.push import Optimised, Pushed, Pushing, push
from assay.model.places import last_tokens
from tests.model.tiny import tiny_engine

CAT = Pushed(
    ("the cat sat on", "hello . then the cat sat on", "ran the cat sat on"),
    (7, 20, 11),
    " red mat",
    "big cat was",
    7,
)
DOG = Pushed(("the big red dog ran",), (15,), " hello", "the big red dog is", 15)
USER = Pushed(("user : was", "on the mat user : was"), (4, 15), " big big dog")
ITEMS = (CAT, DOG, USER)
LAST = Pushed(("the cat sat", "hello the cat sat"), (11, 17), " red mat", "big cat sat on", 11)
"""In the last layer a change is felt only where it is made, so the subject stands at the end."""
HOW = Pushing(steps=6, stop=-1.0)
FAMILIES = ("llama", "gpt2", "mistral", "gemma2", "gpt_neox", "gptj")


def module(engine: Engine, site: str) -> Any:
    """The module whose output is the site, in the two families of the literal twin."""
    kind, layer = site.split(".")
    block: Any = engine.body.parts.blocks[int(layer)]
    return block if kind == "resid_post" else block.mlp


def literal(engine: Engine, item: Pushed, site: str, how: Pushing) -> tuple[Tensor, Tensor, float, float]:
    """One item text by text on the bare model, with torch's own Adam: start, change, loss, nll."""
    model: Any = engine.model.requires_grad_(False)
    seen: list[Tensor] = []
    joined = [text + item.target for text in item.texts]
    places = last_tokens(engine, joined, item.ends).tolist()
    spot = module(engine, site)

    def logits(ids: list[int], at: int, change: Tensor) -> Tensor:
        def hook(_: Any, __: Any, out: Any) -> Any:
            value = (out[0] if isinstance(out, tuple) else out).clone()
            seen.append(value[0, at].clone())
            value[0, at] += change
            return (value, *out[1:]) if isinstance(out, tuple) else value

        handle = spot.register_forward_hook(hook)
        try:
            return model(input_ids=torch.tensor([ids])).logits[0].log_softmax(-1)
        finally:
            handle.remove()

    def judged(change: Tensor) -> Tensor:
        at = int(last_tokens(engine, [item.essence], [item.essence_end]))
        return logits(engine.encode([item.essence])[0], at, change)[at][None]

    zero = torch.zeros(engine.width)
    logits(engine.encode(joined)[0], places[0], zero)
    start, old = seen[0], judged(zero) if item.essence else None
    change = zero.clone().requires_grad_()
    adam = torch.optim.Adam([change], lr=how.lr * float(start.norm()) / engine.width**0.5)

    def measured() -> tuple[Tensor, Tensor]:
        each: list[Tensor] = []
        for text, ids, at in zip(item.texts, engine.encode(joined), places, strict=True):
            first = len(engine.encode([text])[0])
            each.append(nll_loss(logits(ids, at, change)[first - 1 : -1], torch.tensor(ids[first:])))
        nll = torch.stack(each).mean()
        loss = nll + how.decay * change.norm() / start.norm() ** 2
        if old is not None:
            # torch's first argument is q of KL(p || q)
            loss = loss + how.kl * kl_div(old, judged(change), log_target=True, reduction="batchmean")
        return loss, nll

    for _ in range(how.steps):
        adam.zero_grad()
        measured()[0].backward()
        adam.step()
        with torch.no_grad():
            longest = how.clamp * start.norm()
            if change.norm() > longest:
                change *= longest / change.norm()
    loss, nll = measured()
    return start, change.detach(), float(loss.detach()), float(nll.detach())


def same(one: Optimised, other: Optimised, rows: Sequence[int]) -> bool:
    """Whether some rows of a result are those of another."""
    pairs = ((getattr(one, name)[list(rows)], getattr(other, name)) for name in ("start", "change", "losses"))
    return all(torch.allclose(a, b, atol=1e-4) for a, b in pairs)


@pytest.mark.parametrize("family", ["llama", "gpt2"])
@pytest.mark.parametrize("site", ["mlp_out.1", "resid_post.0", "mlp_out.2", "resid_post.2"])
def test_vectors_equal_those_of_a_plain_loop(family: str, site: str) -> None:
    """Start, change and losses are those of full passes over one text at a time."""
    engine = tiny_engine(family)
    how = replace(HOW, kl=0.5, clamp=0.5 if site == "mlp_out.1" else 4.0)
    items = (LAST,) if site.endswith("2") else ITEMS
    found = push(engine, items, site, how)
    for number, item in enumerate(items):
        start, change, loss, nll = literal(engine, item, site, how)
        assert torch.allclose(found.start[number], start, atol=1e-5)
        assert torch.allclose(found.change[number], change, atol=1e-4)
        assert float(found.losses[number]) == pytest.approx(loss, abs=1e-4)
        assert float(found.nll[number]) == pytest.approx(nll, abs=1e-4)
    texts = [text + item.target for item in items for text in item.texts]
    essences = [item.essence for item in items if item.essence]
    assert found.tokens == how.steps * sum(engine.lengths(texts + essences))


@pytest.mark.parametrize(
    ("family", "site"),
    [*product(FAMILIES, ["resid_pre.0", "attn_out.1", "mlp_out.1"]), ("bloom", "resid_post.0")],
)
def test_what_is_kept_from_step_to_step_changes_nothing(family: str, site: str) -> None:
    """While a change of zero is in force every text goes through whole, and the outcome is the same."""
    engine = tiny_engine(family)
    quick = push(engine, ITEMS, site, HOW)
    with changed(engine, add("resid_post.0", torch.zeros(engine.width))):
        assert same(push(engine, ITEMS, site, HOW), quick, range(3))


def test_items_do_not_depend_on_their_company() -> None:
    """Together, alone and in small groups they come out alike, some finished before others."""
    engine = tiny_engine()
    how = Pushing(steps=25, stop=2.5)
    together = push(engine, ITEMS, "mlp_out.1", how)
    assert len(set(together.steps.tolist())) > 1
    alone = [push(engine, [item], "mlp_out.1", how) for item in ITEMS]
    engine.batch_tokens = 8
    for number, one in enumerate(alone):
        assert same(together, one, [number])
        assert int(one.steps) == int(together.steps[number])
    assert same(push(engine, ITEMS, "mlp_out.1", how), together, range(3))
    assert together.tokens == sum(one.tokens for one in alone)


def test_finished_items_stop_at_once() -> None:
    """An item stops at the first loss below the threshold, which an unlimited search passes at that step."""
    engine = tiny_engine()
    found = push(engine, [CAT], "resid_post.0", Pushing(steps=40, stop=3.0))
    steps = int(found.steps)
    assert 0 < steps < 40
    assert float(found.losses) < 3.0
    before = push(engine, [CAT], "resid_post.0", Pushing(steps=steps - 1, stop=-1.0))
    assert float(before.losses) >= 3.0


def test_the_change_makes_the_target_likelier() -> None:
    """Added by hand at the subject's end, it brings the loss that was promised, lower than before."""
    engine = tiny_engine()
    found = push(engine, [DOG], "mlp_out.1", Pushing())
    told = [DOG.texts[0]], [DOG.target]
    plain = -float(engine.continuation_logprobs(*told)[0])
    place = int(last_tokens(engine, DOG.texts, DOG.ends))
    with changed(engine, add("mlp_out.1", found.change[0], at=place)):
        pushed = -float(engine.continuation_logprobs(*told)[0])
    assert pushed == pytest.approx(float(found.nll), abs=1e-4)
    assert pushed < plain - 0.5


def test_no_change_is_longer_than_the_clamp() -> None:
    """The bound holds and, with long steps, is reached."""
    found = push(tiny_engine(), ITEMS, "mlp_out.1", Pushing(lr=3.0, clamp=0.7, stop=-1.0))
    ratio = found.change.norm(dim=-1) / found.start.norm(dim=-1)
    assert float(ratio.max()) == pytest.approx(0.7, abs=1e-5)
    assert float(ratio.max()) <= 0.7 + 1e-6


def test_the_essence_is_read_at_its_subject() -> None:
    """What follows the subject in the essence makes no difference, and the weight of the term does."""
    engine = tiny_engine()
    how = replace(HOW, kl=5.0)
    found = push(engine, [CAT], "mlp_out.1", how)
    other = push(engine, [replace(CAT, essence="big cat ran on and on")], "mlp_out.1", how)
    assert same(found, other, [0])
    assert not torch.allclose(found.change, push(engine, [CAT], "mlp_out.1", HOW).change, atol=1e-3)


def test_changes_in_force_are_part_of_the_model() -> None:
    """With a vector added below, the start and the losses are those of the model so changed."""
    engine = tiny_engine()
    plain = push(engine, [DOG], "mlp_out.1", HOW)
    with changed(engine, add("resid_post.0", torch.ones(engine.width), 3.0, at=-1)):
        found = push(engine, [DOG], "mlp_out.1", replace(HOW, steps=0))
        wanted = -engine.continuation_logprobs([DOG.texts[0]], [DOG.target])[0]
    assert torch.allclose(found.nll, wanted, atol=1e-4)
    assert int(found.steps) == found.tokens == 0
    assert torch.equal(found.change, torch.zeros_like(plain.change))


@pytest.mark.parametrize(
    ("item", "site", "words"),
    [
        (replace(DOG, ends=(99,)), "mlp_out.1", "end 99"),
        (replace(DOG, essence_end=0), "mlp_out.1", "end 0"),
        (replace(DOG, target=""), "mlp_out.1", "without a token"),
        (replace(DOG, ends=(19,), target="ning"), "mlp_out.1", "begin the target with a space"),
        (replace(DOG, texts=(), ends=()), "mlp_out.1", "no text"),
        (DOG, "mlp_hidden.1", "mlp_hidden.1"),
        (DOG, "z.1", "choose among"),
        (DOG, "mlp_out.9", "no site"),
    ],
)
def test_what_cannot_be_pushed_is_refused(item: Pushed, site: str, words: str) -> None:
    """The message names what is wrong."""
    with pytest.raises(BadOption, match=words):
        push(tiny_engine(), [item], site, Pushing())
