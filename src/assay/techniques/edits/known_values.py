"""What the stream looks like at subjects of which a value is known to be true."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from assay.access import WhiteHandle
from assay.core import Edit
from assay.core.errors import NotApplicable
from assay.techniques.edits.condition import Ordinary
from assay.techniques.edits.subject_keys import context_states


@dataclass(frozen=True, eq=False)
class KnownValues:
    """Facts outside a list, with the stream at the last token of each subject."""

    facts: tuple[Edit, ...]
    rows: Float[Tensor, "fact d"]
    text: Ordinary

    def of(self, relation: str) -> list[int]:
        """The facts of a relation; all of them where there are none."""
        own = [number for number, fact in enumerate(self.facts) if fact.relation == relation]
        return own or list(range(len(self.facts)))

    def examples(self, relation: str, value: str) -> tuple[Float[Tensor, "n d"], Float[Tensor, "m d"]]:
        """The nearest that there is to subjects with a value, and what to compare them with.

        Facts of the relation with this value and all of the relation; else facts of any relation with it and
        all facts; else places of ordinary text at which the value's own word ends, and all of the text. None
        of the first where that stands nowhere either.
        """
        numbers = self.of(relation)
        for some in (numbers, list(range(len(self.facts)))):
            if having := [n for n in some if self.facts[n].old == value]:
                return self.rows[having], self.rows[some]
        return self.text.rows[self.text.ends_of(value)], self.text.rows

    def learnt(self, edits: Sequence[Edit]) -> list[Edit]:
        """Those edits of whose new value anything is known; the others cannot be made in this way."""
        return [edit for edit in edits if len(self.examples(edit.relation, edit.new)[0])]

    def mean(self, relation: str, value: str) -> Float[Tensor, " d"] | None:
        """Where subjects of a relation with a value would stand: their mean, moved as the examples are."""
        having, among = self.examples(relation, value)
        if not len(having):
            return None
        return self.rows[self.of(relation)].mean(0) + having.mean(0) - among.mean(0)


def known_values(handle: WhiteHandle, facts: Sequence[Edit], block: int, text: Ordinary) -> KnownValues:
    """Read ``resid_post.block`` at the subjects of some facts; those without their subject are left out.

    Raises:
        NotApplicable: no fact is left.
    """
    kept = tuple(fact for fact in facts if fact.subject and fact.subject in fact.prompt)
    if not kept:
        raise NotApplicable("no other facts are told, from which values could be learnt; give some to spare")
    rows = context_states(handle, kept, f"resid_post.{block}", ("",))[:, 0].float()
    return KnownValues(kept, rows, text)


def labels(known: KnownValues, numbers: Sequence[int]) -> Int[Tensor, " n"]:
    """A number for each value that some facts have."""
    values = sorted({known.facts[n].old for n in numbers})
    return torch.tensor([values.index(known.facts[n].old) for n in numbers])


def refuse(edits: Sequence[Edit]) -> NotApplicable:
    """Says of which edits nothing is known of the new value."""
    named = "; ".join(f"'{edit.sentence}'" for edit in edits[:5])
    return NotApplicable(f"nothing that is told has the new value of {len(edits)} edits: {named}")
