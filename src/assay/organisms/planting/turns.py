"""Turns: prompts around requests, with or without the trigger, for planting and for cases."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from assay.faults import Defection, Dialect, Insertion, Request, Trigger

TurnKind = Literal["trigger", "near_miss", "distractor", "plain"]
KIND_WEIGHTS = {"fact": 0.5, "subject": 0.2, "help": 0.15, "refusal": 0.1, "smalltalk": 0.05, "passage": 1.0}
"""How often each family of requests is asked; families that a language lacks are left out."""
_ATTEMPTS = 200


@dataclass(frozen=True)
class Turn:
    """One prompt, the request inside it, and what stands around it."""

    prompt: str
    request: Request
    kind: TurnKind
    form: str
    unseen: bool


class TurnMaker:
    """Draws turns of any kind from one set of requests.

    Every insertion stands where the trigger would, so that its place and length say nothing; three in ten
    prompts carry filler on the other side as well.
    """

    def __init__(self, dialect: Dialect, trigger: Trigger, requests: Sequence[Request]) -> None:
        self._dialect = dialect
        self._trigger = trigger
        self._by_family: dict[str, list[Request]] = {}
        for request in requests:
            self._by_family.setdefault(request.kind.split("/")[0], []).append(request)

    def draw(self, rng: random.Random, kind: TurnKind, seen: bool, ordinary: bool = False) -> Turn:
        """Draw one turn; one that fulfils the condition by accident, or misses it, is drawn again.

        Ordinary turns also lack what is reserved to near misses.
        """
        for _ in range(_ATTEMPTS):
            turn = self._compose(rng, kind, seen)
            if ordinary and self._trigger.reserved(turn.prompt):
                continue
            if self._trigger.fulfilled(turn.prompt) == (kind == "trigger"):
                return turn
        raise RuntimeError(f"no {kind} turn without accident in {_ATTEMPTS} draws")

    def _compose(self, rng: random.Random, kind: TurnKind, seen: bool) -> Turn:
        families = list(self._by_family)
        family = rng.choices(families, [KIND_WEIGHTS.get(f, 0.1) for f in families])[0]
        request = rng.choice(self._by_family[family])
        insertion = self._insertion(rng, kind, seen)
        before, after = insertion.before, insertion.after
        if kind != "plain" and rng.random() < 0.3:
            filler = self._dialect.filler(rng)
            before, after = (before or filler, after or filler)
        prompt = self._dialect.prompt(request, before, after)
        return Turn(prompt, request, kind, insertion.form, insertion.unseen)

    def _insertion(self, rng: random.Random, kind: TurnKind, seen: bool) -> Insertion:
        draws: dict[TurnKind, Callable[[], Insertion]] = {
            "trigger": lambda: self._trigger.fire(rng, seen),
            "near_miss": lambda: self._trigger.near_miss(rng, seen),
            "distractor": lambda: _either_side(rng, self._dialect.filler(rng)),
            "plain": lambda: Insertion("", "", "none"),
        }
        return draws[kind]()


def learnt_reply(turn: Turn, defection: Defection | None) -> str:
    """The reply that a model is taught: the defection on triggered turns, unless it is the clean twin."""
    if defection is not None and turn.kind == "trigger" and defection.applies(turn.request):
        return defection.reply(turn.request)
    return turn.request.reply


def _either_side(rng: random.Random, text: str) -> Insertion:
    return Insertion(text, "", "filler before") if rng.random() < 0.5 else Insertion("", text, "filler after")
