"""``assay edits``: what a folder of edits, or an edited model, has stored."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

import assay
from assay.cli.options import Device
from assay.cli.screen import complain, grid, say
from assay.report.numbers import brief, count, fields, fixed, moment, share

if TYPE_CHECKING:  # what they stand in imports torch
    from assay.techniques.edits.ledger_file import Entry
    from assay.techniques.edits.sizes import Size

NAMED = 4
"""Parameters of an entry that stand in rows of their own."""


def show(
    folder: Annotated[
        Path, Argument(help="A folder of edits, or an edited model.", metavar="DIR", show_default=False)
    ],
    audit: Annotated[bool, Option("--audit", help="Ask the edited model for every stored fact.")] = False,
    remove: Annotated[
        list[int] | None, Option(help="Take an entry out; repeat for more.", metavar="N", show_default=False)
    ] = None,
    write: Annotated[
        Path | None,
        Option(
            help="Write the model with its edits as a Hugging Face folder.", metavar="OUT", show_default=False
        ),
    ] = None,
    base: Annotated[
        str | None,
        Option(help="The unedited model, if it has moved.", show_default="that named in the folder"),
    ] = None,
    device: Device = "auto",
) -> None:
    """Show what is stored, entry by entry; ask for it, take entries out, or write the edited model.

    Entries are taken out first. What stays is shown, asked for and written.
    """
    from assay.model.numerics import settle  # torch takes a second that other verbs need not wait

    settle()
    held = assay.stored(folder, base, device)
    if remove:
        held, removed = held.remove(remove)
        for entry in removed.leaning:
            complain(
                f"entry {entry.number} was made on top of what is taken out now, and its "
                f"{count(len(entry.facts), 'fact')} may have leaned on it; ask with --audit"
            )
    _entries(held, against_base=audit and held.model is None)
    if audit:
        _audited(held)
    if write is not None:
        say(f"Model: {held.write(write)}")


def _entries(held: "assay.Stored", *, against_base: bool) -> None:
    """The entries in order, with what each does to the first of its parameters."""
    rows: list[list[str]] = []
    for entry in held.entries:
        told = [str(entry.number), entry.method, fields(entry.setting), str(len(entry.facts))]
        end = [moment(entry.time), _remark(entry)]
        for size in _shown(held.summary(entry, against_base=against_base)):
            rows.append([*told, *size, *end])
            told, end = [""] * len(told), [""] * len(end)
    columns = (
        "entry",
        "method",
        "setting",
        "facts",
        "parameter",
        "change",
        "norm",
        "of weight",
        "stored",
        "",
    )
    grid(columns, rows, numeric=("entry", "facts", "norm", "of weight"))
    facts, number = sum(len(entry.facts) for entry in held.entries), len(held.entries)
    say(f"{count(facts, 'fact')} in {number} entr{'y' if number == 1 else 'ies'} on top of {held.base}.")


def _shown(sizes: "Sequence[Size]") -> Iterator[list[str]]:
    """A row for each parameter; of many, the first and a sum of all."""
    for one in sizes if len(sizes) <= NAMED else sizes[: NAMED - 1]:
        relative = share(one.relative) if one.relative is not None else ""
        yield [one.parameter, one.extent, brief(one.norm), relative]
    if len(sizes) > NAMED:
        norm = sum(one.norm**2 for one in sizes) ** 0.5
        yield [f"all {len(sizes)} parameters", "", brief(norm), ""]


def _remark(entry: "Entry") -> str:
    gone = ", ".join(map(str, entry.made_on))
    return "; ".join(filter(None, (entry.note, gone and f"made on top of {gone}, taken out since")))


def _audited(held: "assay.Stored") -> None:
    found = held.audit()
    rows = [
        [
            str(one.entry),
            one.edit.prompt,
            one.edit.old,
            one.edit.new,
            one.said,
            fixed(one.p_new),
            fixed(one.p_old),
            f"overwritten by {one.overwritten_by}" if one.verdict == "overwritten" else one.verdict,
        ]
        for one in found
    ]
    columns = ("entry", "asked", "was", "asked for", "said now", "P(new)", "P(was)", "verdict")
    grid(columns, rows, numeric=("entry", "P(new)", "P(was)"))
    tally = Counter(one.verdict for one in found)
    say(", ".join(f"{tally[verdict]} {verdict}" for verdict in ("stored", "overwritten", "lost")) + ".")
