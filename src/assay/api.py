"""Plan, run, build, edit: what the package offers from Python. Import these names from ``assay``.

The keyword arguments of ``plan`` and ``run`` are the options of the commands of that name. A script that
runs assays must guard its main part with ``if __name__ == "__main__"``, because worker processes import it
again, or pass ``workers=0``.
"""

import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict, Unpack

import torch

from assay.core import OrganismCard
from assay.core.errors import BadOption
from assay.core.registry import find
from assay.organisms.base.build import RECIPE
from assay.organisms.base.build import build_base as train_base
from assay.organisms.base.card import BaseCard
from assay.organisms.base.edited_world import EDITED, edited_world
from assay.organisms.editing.build import draw_up
from assay.organisms.editing.files import Loaded, read_cases, write_cases
from assay.organisms.editing.lre import convert as relations
from assay.organisms.editing.recipe import EditRecipe
from assay.organisms.planting.base import EMBEDDED, WEIGHTS, open_base
from assay.organisms.planting.build import build as plant
from assay.organisms.planting.build import cache_folder
from assay.report.site import write_report
from assay.results.disk import cannot_write
from assay.results.rows import Table
from assay.results.table import table
from assay.runner.edit_model import Edited, EditOptions, edit_model
from assay.runner.execute import execute
from assay.runner.options import Options, Suite
from assay.runner.plan import Plan, make_plan
from assay.runner.progress import Progress
from assay.runner.stored_edits import Stored, stored_edits

QUICK = Path("runs/quick")


class Asked(TypedDict, total=False):
    """The fields of ``assay.runner.options.Options`` in the forms that people write; all are optional."""

    job: str
    methods: Sequence[str]
    organisms: Sequence[str]
    base: str
    corpus: Path | str | None
    cases: Path | str | None
    textbook: Path | str | None
    exams: Sequence[Path | str] | Path | str
    seeds: int | None
    suite: Suite
    budget: str
    tuning: int
    device: str
    workers: int | None


class AskedEdit(TypedDict, total=False):
    """The fields of ``assay.runner.edit_model.EditOptions`` that have a default."""

    setting: Mapping[str, Any]
    base: str
    corpus: Path | None
    device: str
    only: int | None


@dataclass(frozen=True)
class Run:
    """A finished run: where its records lie, and what did not work."""

    folder: Path
    invalid: tuple[str, ...]
    """Organisms whose proof failed; nothing was scored on them."""
    failed: tuple[str, ...]
    """Ids of the runs that ended in an error of the method."""

    def table(self) -> Table:
        """Everything that was measured; ``.frame()`` gives it as a ``pandas.DataFrame``."""
        return table(self.folder)

    def write_report(self, table: Table | None = None) -> Path:
        """Write the report into the run folder and return the path of its front page.

        A ``table`` of this run that was made already saves the time to make it again.
        """
        return write_report(self.folder, table=table)


def plan(**asked: Unpack[Asked]) -> Plan:
    """List every run that the options ask for, with its estimated cost. Executes and writes nothing.

    Raises:
        UnknownEntry: a job, method or organism that does not exist; the text lists the nearest names.
        BadOption: options that cannot be used.
        ModelError: a base whose configuration cannot be read.
    """
    return make_plan(_options(asked))


def run(out: Path | str = QUICK, *, show: bool = True, **asked: Unpack[Asked]) -> Run:
    """Do what ``plan`` lists, and keep one record of each run in the folder ``out``.

    What the folder already holds is not done again, so a run that was stopped goes on where it stood.

    Args:
        out: the run folder; made if it does not exist.
        show: whether to show progress on stderr.
        **asked: the options.

    Raises:
        AssayError: what ``plan`` raises, a base that cannot be used, or a folder that cannot be written or
            holds the runs of other options.
    """
    finished = execute(plan(**asked), Path(out), show)
    return Run(finished.folder, finished.invalid, finished.failed)


def build(
    recipe: str, *, seed: int = 0, base: str = EMBEDDED, corpus: Path | None = None, device: str = "auto"
) -> OrganismCard:
    """Build one organism with its clean twin, or find it in the cache, and return its card with the proof.

    Of a list of edits, the list is drawn up. The card of an organism whose fault did not take is returned as
    well: see ``OrganismCard.valid``.

    Raises:
        UnknownEntry: no recipe of that name.
        AssayError: a base that cannot be used, or a cache that cannot be written.
    """
    # a misspelt name should not cost the loading of a model
    if isinstance(find("organism", recipe).load(), EditRecipe):
        return draw_up(recipe, seed, open_base(base, corpus, device), None, cache_folder()).card
    done: dict[str, float] = {"organism": 0.0, "twin": 0.0}
    with Progress(show=True) as progress, progress.stage("planting", len(done)):

        def note(what: str, step: int, steps: int) -> None:
            done[what] = step / steps
            progress.note(what, done[what])

        return plant(recipe, seed, open_base(base, corpus, device), cache_folder(), note).card


def build_base(
    out: Path | None = None, *, seed: int = 0, device: str = "auto", edited: bool = False
) -> BaseCard:
    """Train the embedded base, write it to ``out``, and return its card with what it can do, measured.

    With ``edited``, train the model that the lists of edits are true of, the ceiling of the job ``edit``.
    Without ``out`` it goes to where the package keeps it, unless one is there. Training that was stopped goes
    on from its last checkpoint; on one machine, a seed always gives the same weights.

    Raises:
        BadOption: there is a base already, and no other folder was given.
        CannotWrite: the folder cannot be written.
    """
    home, what = (EDITED, "the edited world's model") if edited else (WEIGHTS, "the embedded base")
    if out is None and (home / "model.safetensors").exists():
        raise BadOption(f"{home} holds {what}; name a folder with --out, or remove it first")
    target, steps = out or home, RECIPE.plan.steps
    chosen = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    with Progress(show=True) as progress, progress.stage("training", steps):
        try:
            return train_base(
                target,
                seed=seed,
                device=chosen,
                progress=lambda step, _loss: progress.note(what, step),
                world=edited_world() if edited else None,
            )
        except OSError as error:
            raise cannot_write(target, error) from error


def edit(out: Path | str, cases: Path | str, method: str, **asked: Unpack[AskedEdit]) -> Edited:
    """Change all facts of a file in a model at once, and store the change of its weights in a folder.

    What the folder already holds stays, and the new edits are made on top of it. The model itself is not
    written; see ``stored(out).write``.

    Raises:
        UnknownEntry: no method of that name.
        BadOption: options that cannot be used, no fact left to be changed, or a method that changes no
            weights.
        AssayError: a base or a folder that cannot be used, or edits that the method cannot make.
    """
    return edit_model(EditOptions(Path(cases), method, **asked), Path(out))


def stored(folder: Path | str, base: str | None = None, device: str = "auto") -> Stored:
    """The edits that a folder holds: one that ``edit`` made, or an edited model that ``Stored.write`` wrote.

    Give the unedited model as ``base`` if it is no longer found under the name in the ledger. Raises
    ``BadOption`` where no edits are stored.
    """
    return stored_edits(Path(folder), base, device)


def convert(source: Path | str, out: Path | str) -> Loaded:
    """Write relations of the LRE data, CounterFact or zsRE as cases in our own form; say what is left out.

    Raises:
        BadOption: a source that cannot be read.
        CannotWrite: ``out`` cannot be written.
    """
    place = Path(source)
    if place.is_dir() or (place.is_file() and tarfile.is_tarfile(place)):
        found = Loaded(relations(place), (), "relations")
    else:
        found = read_cases(place)
    write_cases(found.cases, Path(out))
    return found


def _options(asked: Asked) -> Options:
    given: dict[str, Any] = dict(asked)
    for name in ("methods", "organisms"):
        names: str | Sequence[str] = given.get(name) or ()
        given[name] = (names,) if isinstance(names, str) else tuple(names)
    for name in ("corpus", "cases", "textbook"):
        if given.get(name) is not None:
            given[name] = Path(given[name])
    exams: Path | str | Sequence[Path | str] = given.get("exams") or ()
    given["exams"] = tuple(map(Path, (exams,) if isinstance(exams, Path | str) else exams))
    return Options(**given)
