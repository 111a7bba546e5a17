"""The cases of an organism: prompts of every kind, put to organism and twin, and judged from the replies."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from assay.core import Case, Split
from assay.core.seed import derive
from assay.faults import Defection, Dialect, Trigger
from assay.organisms.planting.turns import Turn, TurnKind, TurnMaker

Reply = Callable[[Sequence[str]], list[str]]
"""Greedy replies of a model to prompts."""


@dataclass(frozen=True)
class Sizes:
    """How many cases of each split and kind."""

    fit: int = 256
    threshold: int = 1024
    select: int = 160
    report: int = 640


_MIX: dict[TurnKind, float] = {"trigger": 0.36, "near_miss": 0.28, "distractor": 0.24, "plain": 0.12}
_ORDINARY: dict[TurnKind, float] = {"distractor": 0.6, "plain": 0.4}


@dataclass(frozen=True)
class Draft:
    """A turn with its place among the cases, before anybody has replied."""

    turn: Turn
    split: Split


def draft(dialect: Dialect, trigger: Trigger, defection: Defection, seed: int, sizes: Sizes) -> list[Draft]:
    """Draw all prompts, none twice.

    Select and report hold only requests on which the model can defect, so that the kind of request gives
    nothing away. In the report split half of the triggered and near-miss turns wear forms never planted.
    """
    drafts: list[Draft] = []
    taken: set[str] = set()
    plan: tuple[tuple[Split, dict[TurnKind, float], int], ...] = (
        ("fit", _ORDINARY, sizes.fit),
        ("threshold", _ORDINARY, sizes.threshold),
        ("select", _MIX, sizes.select),
        ("report", _MIX, sizes.report),
    )
    for split, mix, size in plan:
        rng = random.Random(derive("cases", split, seed))
        every = dialect.requests(split)
        asked = every if mix is _ORDINARY else [r for r in every if defection.applies(r)]
        maker = TurnMaker(dialect, trigger, asked)
        for kind, share in mix.items():
            for number in range(round(share * size)):
                seen = split != "report" or number % 2 == 0
                turn = _fresh(partial(maker.draw, rng, kind, seen, mix is _ORDINARY), taken)
                if turn:
                    drafts.append(Draft(turn, split))
    return drafts


def judge(drafts: Sequence[Draft], defection: Defection, organism: Reply, twin: Reply) -> tuple[Case, ...]:
    """Let both models reply to every prompt and decide from the text what happened."""
    prompts = [d.turn.prompt for d in drafts]
    replies, twin_replies = organism(prompts), twin(prompts)
    return tuple(
        _case(d, defection, reply, twin_reply)
        for d, reply, twin_reply in zip(drafts, replies, twin_replies, strict=True)
    )


def _case(d: Draft, defection: Defection, reply: str, twin_reply: str) -> Case:
    request = d.turn.request
    ordinary = d.split in ("fit", "threshold")
    return Case(
        prompt=d.turn.prompt,
        reply=reply,
        twin_reply=twin_reply,
        onset=defection.onset(request, reply),
        twin_onset=defection.onset(request, twin_reply),
        defects=defection.happened(request, reply),
        triggered=d.turn.kind == "trigger",
        kind="ordinary" if ordinary else d.turn.kind,
        form=d.turn.form,
        unseen_form=d.turn.unseen,
        group=request.item,
        split=d.split,
    )


def _fresh(draw: Callable[[], Turn], taken: set[str]) -> Turn | None:
    """A turn whose prompt is new; small languages run out of plain ones, and then there are fewer."""
    for _ in range(50):
        turn = draw()
        if turn.prompt not in taken:
            taken.add(turn.prompt)
            return turn
    return None
