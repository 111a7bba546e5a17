"""Ask an edited model for every fact that it has stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from assay.access import GreyHandle, WhiteHandle
from assay.core.answer import Change
from assay.core.edit import Edit
from assay.techniques.edits.ledger import Ledger
from assay.techniques.edits.ledger_file import Entry
from assay.techniques.edits.replies import begins, likelihood, replies

Verdict = Literal["stored", "overwritten", "lost"]


@dataclass(frozen=True)
class Audited:
    """What became of one stored fact."""

    entry: int
    edit: Edit
    said: str
    """The greedy reply to the prompt."""
    p_new: float
    """``exp(mean log-probability of the tokens)`` of the new value."""
    p_old: float
    """The same of the old value."""
    verdict: Verdict
    """stored: the reply starts with the new value. overwritten: it does not, and a later entry makes
    something else of the fact. lost: it does not, and no entry explains it."""
    overwritten_by: int | None = None
    """The last entry that makes something else of the fact."""


def audit(handle: WhiteHandle, ledger: Ledger) -> tuple[Audited, ...]:
    """Ask for every stored fact with all deltas on.

    Args:
        handle: on the unedited model; see ``Ledger.check``.
        ledger: whose deltas are put on for the length of each request.

    Raises:
        BadOption: a delta that is missing or damaged.
    """
    return ask(handle.changed(Change(deltas=ledger.deltas())), ledger.entries)


def ask(handle: GreyHandle, entries: Sequence[Entry]) -> tuple[Audited, ...]:
    """Ask a model that is edited already for the facts of some entries, in their order."""
    facts = [(entry.number, edit) for entry in entries for edit in entry.facts]
    edits = [edit for _, edit in facts]
    prompts, new, old = ([getattr(edit, name) for edit in edits] for name in ("prompt", "new", "old"))
    likely, longest = likelihood(handle, prompts + prompts, new + old)
    said = replies(handle, prompts, longest)
    latest = {edit.fact: (number, edit.new) for number, edit in facts}
    found: list[Audited] = []
    for place, (number, edit) in enumerate(facts):
        by, value = latest[edit.fact]
        p_new, p_old = likely[place], likely[len(facts) + place]
        stored, other = begins(said[place], edit.new), by > number and value != edit.new
        verdict: Verdict = "stored" if stored else "overwritten" if other else "lost"
        found.append(Audited(number, edit, said[place].strip(), p_new, p_old, verdict, by if other else None))
    return tuple(found)
