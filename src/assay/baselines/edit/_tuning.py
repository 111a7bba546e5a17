"""Fine-tuning on new facts: what is learnt, which weights, and the change that it makes."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from assay.access import WhiteHandle
from assay.core import Change, Edit, Editor
from assay.core.errors import NotApplicable
from assay.jobs.edit import EditBrief
from assay.model.training.tuning import Lesson, Tuning

STEPS = 25
"""Times that every lesson is seen, at most."""
STOP = 1e-2
"""Training ends when the loss is lower."""
TOGETHER = 20
"""Lessons of one step."""
ORDINARY = 200
"""Ordinary texts that may be rehearsed."""
FEWEST, MOST = 8, 20
"""Texts that are rehearsed at a step."""
DEPTHS = (0.125, 0.375, 0.625)
"""Shares of the depth at which the one trained matrix may lie."""


@dataclass(frozen=True)
class Tuner(Editor):
    """Trains weights to continue each edit's prompt with the new value."""

    how: Tuning
    """``steps`` counts rounds through all lessons."""

    def edit(self, handle: WhiteHandle, edits: Sequence[Edit]) -> Change:
        """Train from what the handle's model is now."""
        return tuned(handle, [lesson(edit) for edit in edits], self.how)


def tuned(handle: WhiteHandle, lessons: Sequence[Lesson], how: Tuning, kept: Sequence[str] = ()) -> Change:
    """What training makes of the model; ``how.steps`` counts rounds through all lessons."""
    rounds = -(-len(lessons) // how.batch)
    return Change(deltas=(handle.tune(lessons, replace(how, steps=how.steps * rounds), kept).delta,))


def lesson(edit: Edit) -> Lesson:
    """The new value, all its tokens, behind the prompt."""
    return Lesson(edit.prompt, f" {edit.new}")


def down_projection(handle: WhiteHandle, depth: float) -> str:
    """Name of the matrix that leads out of the MLP at a share of the depth.

    Raises:
        NotApplicable: the MLP has several, as a mixture of experts has.
    """
    block = max(1, min(handle.n_layers, round(depth * handle.n_layers))) - 1
    return handle.weight(f"mlp_hidden.{block}").name


@dataclass(frozen=True)
class Rehearsal:
    """What a model said before and is to go on saying."""

    facts: tuple[Edit, ...]
    """Facts that stay as they are."""
    ordinary: tuple[str, ...]
    seed: int

    def texts(self, edits: Sequence[Edit], lessons: int) -> list[str]:
        """Texts to go beside some lessons: a quarter ordinary, the rest facts, first of the edited relations.

        None names a subject that is edited: it might state the old fact.
        """
        size = min(MOST, FEWEST + lessons // 5)
        rng = random.Random(f"{self.seed}/{'/'.join(edit.fact for edit in edits)}")
        relations, about = {edit.relation for edit in edits}, {edit.subject for edit in edits}
        facts = [one for one in rng.sample(self.facts, len(self.facts)) if one.subject not in about]
        facts.sort(key=lambda one: one.relation not in relations)
        plain = rng.sample(self.ordinary, len(self.ordinary))
        plain = [text for text in plain if not any(subject in text for subject in about)]
        told = [f"{one.prompt} {one.old}" for one in facts[: size - size // 4]]
        return [*told, *plain[: size - len(told)]]


def rehearsal(brief: EditBrief, seed: int) -> Rehearsal:
    """Keep the facts outside the list, and some ordinary texts.

    Raises:
        NotApplicable: there is neither.
    """
    if not brief.spare and not brief.text:
        raise NotApplicable("no ordinary text and no facts outside the list, so there is nothing to rehearse")
    ordinary = random.Random(f"ordinary/{seed}").sample(brief.text, min(ORDINARY, len(brief.text)))
    return Rehearsal(brief.spare, tuple(ordinary), seed)
