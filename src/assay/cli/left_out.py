"""Says on stderr what a table leaves out, and why."""

from collections.abc import Iterable
from pathlib import Path

from assay.cli.screen import complain
from assay.core import OrganismCard
from assay.report.numbers import fixed
from assay.results.store import Store


def name_invalid(cards: Iterable[OrganismCard]) -> None:
    """Name each organism whose fault did not take, with the lines of its proof that failed."""
    for card in cards:
        complain(f"organism {card.id} is not scored: {failed_lines(card)}")


def failed_lines(card: OrganismCard) -> str:
    """The required lines of a proof that do not hold, as part of a sentence."""
    lines = [
        f"'{line.claim}' is {fixed(line.score.estimate)} and must be at "
        f"{'least' if line.score.better == 'higher' else 'most'} {fixed(line.limit)}"
        for line in card.failures
    ]
    return f"the proof that its fault took fails, {'; '.join(lines) or 'see its card'}"


def name_damaged(folder: Path) -> bool:
    """Name each record that was found damaged and not made again since; tell whether there are any."""
    store = Store.open(folder)
    lost = [damage for damage in store.damaged() if not store.holds(damage.run_id)]
    for damage in lost:
        complain(
            f"record {damage.run_id} is damaged ({damage.reason}) and was moved to {folder / 'quarantine'}; "
            "all others are kept, and the command that made this folder makes it again"
        )
    return bool(lost)
