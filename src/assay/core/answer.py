"""What a method returns."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
from jaxtyping import Float

from assay.core.edit import Edit
from assay.core.price import Price
from assay.core.transcript import Transcript


class Answer(ABC):  # noqa: B024 - a family of unlike things: a finding, a monitor, a change
    """Anything that a method may return: a finding, a monitor, or a change."""


class Features(Answer):
    """A finding: what a model represents, feature by feature, each read at every word of a text.

    Features are numbered in the order in which a searcher without labels would look at them.
    """

    @property
    @abstractmethod
    def count(self) -> int:
        """Number of features."""

    @abstractmethod
    def activity(self, handle: Any, texts: Sequence[str]) -> Iterator[Float[np.ndarray, "words features"]]:
        """How much each feature is on at each word (``text.split()``) of each text: 0 is off, never below.

        A word may depend on what stands before it in its text, never on other texts.
        """

    def sheet(self, handle: Any, features: Sequence[int]) -> Sequence[Mapping[str, Any]]:  # noqa: ARG002
        """What else a reader may want to know of some features, as plain data under fixed names.

        ``raised`` and ``lowered``: lists of (token, change of its logit) that the feature brings about.
        """
        return [{} for _ in features]

    def measures(self, handle: Any, texts: Sequence[str]) -> Sequence[Mapping[str, Any]]:  # noqa: ARG002
        """How well the features give back what they were made from, as plain data under fixed names.

        ``metric``, ``estimate``, ``low``, ``high``, ``n``, ``unit`` of a score, and its ``formula``.
        """
        return ()


class Monitor(Answer):
    """Watches a model as it runs: one number for each transcript, higher for more alarming.

    A transcript ends where the model stands now. The monitor therefore cannot see what is still to be
    written. It must not depend on the other transcripts of the batch: the job may send them in any grouping.
    """

    @abstractmethod
    def score(self, handle: Any, transcripts: Sequence[Transcript]) -> Float[np.ndarray, " n"]:
        """Score each transcript; all numbers must be finite."""


@final
@dataclass(frozen=True, eq=False)
class Change(Answer):
    """A model that differs, as data: what is put into its weights, onto its activations, and in front of it.

    ``handle.changed(change)`` is a handle on the changed model. Weights and activations need white access.
    """

    deltas: tuple[Any, ...] = ()
    """Edits of weights (``assay.model.changing.deltas.Delta``), one on top of the other."""
    hooks: tuple[Any, ...] = ()
    """What is done to activations as they pass (``assay.model.changing.change.Change``), in this order."""
    context: Callable[[str], str] | None = None
    """What is put in front of a text, if anything, with the space between."""
    table: Callable[[str], str | None] | None = None
    """The reply to a prompt that is looked up instead of asked, without a leading space; None asks."""
    paid: Price = field(default_factory=Price)
    """What went into it before the handle was opened, such as a pre-training; added to what is metered."""

    def then(self, other: "Change") -> "Change":
        """Both, the other on top: its context stands nearer to the text, its table is asked first."""
        return Change(
            (*self.deltas, *other.deltas),
            (*self.hooks, *other.hooks),
            _both_contexts(self.context, other.context),
            _both_tables(other.table, self.table),
            self.paid + other.paid,
        )


class Editor(Answer):
    """Changes facts on demand. Whatever does not depend on the facts was prepared when it was made."""

    @abstractmethod
    def edit(self, handle: Any, edits: Sequence[Edit]) -> Change:
        """A change of the model behind the handle, which may itself be a changed one, that does all edits.

        The change comes on top of what the handle's model is. Raises NotApplicable for edits that cannot be
        done, naming them.
        """

    def each(self, handle: Any, edits: Sequence[Edit]) -> Sequence[Change]:
        """What ``edit`` gives for each edit alone; for editors that can share the work among them."""
        return [self.edit(handle, [edit]) for edit in edits]


class Localisation(Answer):
    """A finding: where in a model facts are stored, and whether editing there works better than elsewhere."""

    @abstractmethod
    def effects(
        self, handle: Any, edits: Sequence[Edit]
    ) -> Mapping[str, Float[np.ndarray, "fact role layer"]]:
        """What restoring a part of the model gives back of each fact: part -> (place in the text, layer)."""

    @abstractmethod
    def edited(self, handle: Any, edits: Sequence[Edit]) -> Float[np.ndarray, "fact layer"]:
        """How well each fact can be edited at each layer: P(new) after the edit."""


def _both_contexts(
    far: Callable[[str], str] | None, near: Callable[[str], str] | None
) -> Callable[[str], str] | None:
    if far is None or near is None:
        return far or near
    return lambda text: far(text) + near(text)


def _both_tables(
    first: Callable[[str], str | None] | None, second: Callable[[str], str | None] | None
) -> Callable[[str], str | None] | None:
    if first is None or second is None:
        return first or second

    def table(prompt: str) -> str | None:
        found = first(prompt)
        return second(prompt) if found is None else found

    return table
