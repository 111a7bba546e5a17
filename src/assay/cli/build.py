"""``assay build``: train the embedded base or its ceiling for edits, or plant one organism."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

import assay
from assay.cli.left_out import failed_lines
from assay.cli.options import Base, Corpus, Device
from assay.cli.screen import grid
from assay.core.errors import OrganismInvalid
from assay.report.numbers import fixed

EMBEDDED_BASE = "base"
EDITED_WORLD = "edited_world"


def make(
    what: Annotated[
        str,
        Argument(help="'base', 'edited_world', or a recipe; see 'assay list organisms'.", show_default=False),
    ],
    seed: Annotated[int, Option(help="Which organism of the recipe, or which training of the base.")] = 0,
    base: Base = "embedded",
    corpus: Corpus = None,
    device: Device = "auto",
    out: Annotated[
        Path | None, Option(help="Folder for the base.", metavar="DIR", show_default="inside the package")
    ] = None,
) -> None:
    """Build the embedded base, or an organism with its clean twin and the proof that its fault took.

    'edited_world' is the base trained again where the lists of edits are true: the ceiling of 'edit'.

    A build that was stopped goes on from its last checkpoint when the same command is given again.
    """
    from assay.model.numerics import settle  # torch takes a second that other verbs need not wait

    settle()
    if what in (EMBEDDED_BASE, EDITED_WORLD):
        skills = assay.build_base(out, seed=seed, device=device, edited=what == EDITED_WORLD).skills
        measured = [[s.score.metric, fixed(s.score.estimate), fixed(s.chance)] for s in skills]
        grid(("skill", "right", "chance"), measured, numeric=("right", "chance"))
        return
    card = assay.build(what, seed=seed, base=base, corpus=corpus, device=device)
    rows = [
        [line.claim, fixed(line.score.estimate), _limit(line.score.better, line.limit), _verdict(line.holds)]
        for line in card.proof
    ]
    grid(("proof", "measured", "limit", "holds"), rows, numeric=("measured", "limit"))
    if not card.valid:
        raise OrganismInvalid(f"{card.id} will not be scored: {failed_lines(card)}")


def _limit(better: str, limit: float) -> str:
    return f"{'>=' if better == 'higher' else '<='} {fixed(limit)}"


def _verdict(holds: bool) -> str:
    return "yes" if holds else "NO"
