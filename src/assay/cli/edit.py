"""``assay edit``: change the facts of a file in a model, and keep the change."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from typer import Option

import assay
from assay.cli.options import Base, Corpus, Device, taking
from assay.cli.screen import complain, grid, say
from assay.core import Edit
from assay.report.numbers import count, fixed

NAMED = 5
"""Facts of a kind that are named; the others are counted."""


@dataclass(frozen=True)
class Wanted:
    """What is to be edited, and how."""

    cases: Annotated[
        Path,
        Option(
            help="Facts to be changed, all of the file: CounterFact, zsRE, EasyEdit or our own JSON.",
            metavar="FILE",
            show_default=False,
        ),
    ]
    method: Annotated[
        str,
        Option(
            help="A tool by name, or a Python file that defines METHOD; see 'assay list methods --job edit'.",
            show_default=False,
        ),
    ]
    out: Annotated[
        Path,
        Option(
            help="Folder of edits; new ones go on top of what it holds.", metavar="DIR", show_default=False
        ),
    ]
    setting: Annotated[
        list[str] | None,
        Option(metavar="NAME=VALUE", help="Of the method; repeat for more.", show_default="its default"),
    ] = None
    only: Annotated[
        int | None, Option(help="Take so many facts from the top of the file.", show_default="all")
    ] = None
    base: Base = "embedded"
    corpus: Corpus = None
    device: Device = "auto"


@taking(Wanted)
def make(wanted: Wanted) -> None:
    """Change all facts of a file in a model at once, and store the change of its weights.

    Facts that the model does not know as they were are left out. The model itself stays as it is: look at
    what is stored with 'assay edits DIR', and write the edited model with 'assay edits DIR --write OUT'.
    """
    from assay.model.numerics import settle  # torch takes a second that other verbs need not wait
    from assay.runner.settings import named_values

    settle()
    options = {name: getattr(wanted, name) for name in ("base", "corpus", "device", "only")}
    setting = named_values(wanted.setting or ())
    done = assay.edit(wanted.out, wanted.cases, wanted.method, setting=setting, **options)
    for sentence in done.left_out:
        complain(f"{wanted.cases}: {sentence}")
    _name(done.unknown, "the model does not say them as they were")
    _name(done.there, "stored already")
    for sentence in done.repeated:
        complain(sentence)
    rows = [[a.edit.prompt, a.edit.old, a.edit.new, a.said, fixed(a.p_new)] for a in done.facts]
    grid(("asked", "was", "asked for", "said now", "P(new)"), rows, numeric=("P(new)",))
    said = sum(a.verdict == "stored" for a in done.facts)
    entry = done.ledger.entries[-1].number
    say(f"Entry {entry} in {wanted.out}: the model says {said} of {count(len(done.facts), 'new fact')}.")


def _name(facts: Sequence[Edit], what: str) -> None:
    """Count facts that are left out on stderr, and name the first of them."""
    if facts:
        shown = "; ".join(f"'{edit.prompt}' ({edit.old})" for edit in facts[:NAMED])
        more = "; ..." if len(facts) > NAMED else ""
        complain(f"{count(len(facts), 'fact')} left out, {what}: {shown}{more}")
