"""Change facts of one model and keep the change: what ``assay edit`` does."""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from assay.access import WhiteHandle, open_handle
from assay.access.source import Live
from assay.core import Access, Change, Edit, EditCase, Editor, Job, Material, Method
from assay.core.errors import BadOption, UnknownEntry
from assay.core.registry import Entry, entries, find, load_file
from assay.core.seed import derive
from assay.model.untrained import untrained
from assay.organisms.editing.files import read_cases
from assay.organisms.editing.material import material
from assay.organisms.planting.base import EMBEDDED, Base, open_base
from assay.organisms.planting.dialects import WorldDialect
from assay.results.disk import make_folder
from assay.runner.settings import setting_of
from assay.techniques.edits.audit import Audited, ask
from assay.techniques.edits.ledger import Ledger, Made, why_not_saved
from assay.techniques.edits.ledger_file import NAME
from assay.techniques.edits.replies import says
from assay.world.rewrites import FAMILIES
from assay.world.spare_edits import spare

SPARE = 100
"""Facts of the file that are not edited, at most, which methods may learn from."""


@dataclass(frozen=True)
class EditOptions:
    """What is to be edited, and how."""

    cases: Path
    """File of facts in any form that ``assay.organisms.editing.files`` knows; both splits are edited."""
    method: str
    """Key, or path of a Python file."""
    setting: Mapping[str, Any] = field(default_factory=lambda: {})
    """What differs from the method's default; values may be text, as on the command line."""
    base: str = EMBEDDED
    corpus: Path | None = None
    device: str = "auto"
    only: int | None = None
    """Take so many cases from the top of the file; None takes all."""

    def __post_init__(self) -> None:
        if self.only is not None and self.only < 1:
            raise BadOption(f"--only {self.only}: give 1 or more")


@dataclass(frozen=True)
class Edited:
    """What was stored, and what was not."""

    ledger: Ledger
    """Its last entry is the new one."""
    facts: tuple[Audited, ...]
    """The new facts, asked on the edited model."""
    left_out: tuple[str, ...]
    """A sentence on everything in the file that is not used."""
    unknown: tuple[Edit, ...]
    """Facts that the unedited model does not say as they were, so that there is nothing to change."""
    there: tuple[Edit, ...]
    """Facts that are stored already, and said."""
    repeated: tuple[str, ...]
    """A sentence on each fact that was stored with another value."""


@dataclass(frozen=True)
class _Chosen:
    """The edits of a file, sorted."""

    take: tuple[Edit, ...]
    unknown: tuple[Edit, ...]
    there: tuple[Edit, ...]


def edit_model(options: EditOptions, out: Path) -> Edited:
    """Make all edits of a file at once, on top of what the folder holds, and store them there.

    Raises:
        BadOption: options that cannot be used, no fact left to be changed, a method whose edits are none of
            weights alone, or a folder that belongs to another model.
        NotApplicable: the method cannot do these edits, or not on this model.
        AssayError: a base that cannot be opened, or a folder that cannot be written.
    """
    key, method = _method(options.method)
    loaded = read_cases(options.cases, least=0)
    held = Ledger.open(out) if (out / NAME).exists() else None
    base = open_base(options.base, options.corpus, options.device)
    setting = setting_of(method, base.engine.n_layers, options.setting)
    if held is not None:
        held.check(base.engine)
    work = _Work(base, method, held)
    cases = loaded.cases[: options.only]
    chosen = work.chosen([case.edit for case in cases])
    if not chosen.take:
        raise BadOption(
            f"{options.cases}: no fact is left to be changed; of {len(cases)} the model does not know "
            f"{len(chosen.unknown)} as they were, {len(chosen.there)} are stored already, and "
            f"{len(loaded.left_out)} things in the file could not be used"
        )
    make_folder(out)  # one that cannot be written should be named before the work
    rest = [case.edit for case in loaded.cases[len(cases) :]]
    change = work.change(chosen.take, rest, setting, derive("edit", key))
    if reason := why_not_saved(change):
        raise BadOption(f"{key}: {reason}; {_savers()}")
    ledger = held or Ledger.create(out, options.base, base.engine)
    repeated = ledger.repeated(chosen.take)
    ledger = ledger.stack(base.engine, change, Made(key, setting, chosen.take))
    facts = ask(work.handle.changed(Change(deltas=ledger.deltas())), ledger.entries[-1:])
    return Edited(ledger, facts, loaded.left_out, chosen.unknown, chosen.there, repeated)


@dataclass(frozen=True)
class _Work:
    base: Base
    method: Method
    ledger: Ledger | None

    @cached_property
    def handle(self) -> WhiteHandle:
        """On the unedited model."""
        engine = self.base.engine
        others = {"untrained": lambda: Live(untrained(engine, 0))}
        return open_handle(engine, Access.WHITE, others=others)

    @cached_property
    def now(self) -> WhiteHandle:
        """On the model with all that is stored."""
        return self.handle.changed(Change(deltas=self.ledger.deltas() if self.ledger else ()))

    def chosen(self, edits: Sequence[Edit]) -> _Chosen:
        """What the model says as it was, less what is stored already and still said."""
        prompts = [edit.prompt for edit in edits]
        known = says(self.handle, prompts, [edit.old for edit in edits])
        done = says(self.now, prompts, [edit.new for edit in edits])
        stored = {fact: edit.new for fact, (_, edit) in self.ledger.facts.items()} if self.ledger else {}
        take: list[Edit] = []
        unknown: list[Edit] = []
        there: list[Edit] = []
        for edit, knows, said in zip(edits, known, done, strict=True):
            same = said and stored.get(edit.fact) == edit.new
            (there if same else take if knows else unknown).append(edit)
        return _Chosen(tuple(take), tuple(unknown), tuple(there))

    def change(
        self, edits: tuple[Edit, ...], rest: Sequence[Edit], setting: Mapping[str, Any], seed: int
    ) -> Change:
        """What the method makes of the edits; it is fitted to the model as it was, and edits it as it is."""
        job: Job = find("job", "edit").load()
        editor = self.method.fit(self.handle, job.brief(self._material(edits, rest)), setting, seed)
        if not isinstance(editor, Editor):
            raise BadOption(f"{self.method.title} makes no edits but says something about them; {_savers()}")
        return editor.edit(self.now, edits)

    def _material(self, edits: tuple[Edit, ...], rest: Sequence[Edit]) -> Material:
        """Text without the old facts, and facts that are not edited."""
        from_file = find("organism", "edits_file").load()
        cases = tuple(EditCase(edit, (), "report") for edit in edits)
        base = self.base
        made = material(from_file, base.dialect, base.name, base.engine, cases, full=False)
        assert made.edits is not None
        listed = replace(made.edits, spare=self._spare(edits, rest))
        return replace(made, edits=listed).told(self.method.text)

    def _spare(self, edits: Sequence[Edit], rest: Sequence[Edit]) -> tuple[Edit, ...]:
        """Facts that the model knows and nobody edits: of the same relations in the World, or the file."""
        taken = {edit.fact for edit in edits}
        if isinstance(self.base.dialect, WorldDialect):
            world, relations = self.base.dialect.world, {edit.relation for edit in edits}
            free = [one for family in FAMILIES for one in spare(world, family) if one.fact not in taken]
            return tuple([one for one in free if one.relation in relations] or free)
        some = [edit for edit in rest if edit.fact not in taken][:SPARE]
        known = says(self.handle, [edit.prompt for edit in some], [edit.old for edit in some])
        return tuple(edit for edit, knows in zip(some, known, strict=True) if knows)


def _method(name: str) -> tuple[str, Method]:
    """A method by key or file, if it may change weights and needs no truth."""
    known = {entry.key: entry for group in ("method", "baseline") for entry in entries(group, "edit")}
    if name.endswith(".py"):
        key, method = Path(name).stem, load_file(Path(name))
    elif name in known:
        key, method = name, known[name].load()
    else:
        raise UnknownEntry("method", name, known)
    if not isinstance(method, Method) or method.job not in ("edit", "any"):
        raise BadOption(f"{name} is no method for the job edit; {_savers()}")
    if method.sees_truth:
        raise BadOption(f"{name} is a {method.kind} that is told the truth, which a file lacks; {_savers()}")
    if method.access != Access.WHITE:
        raise BadOption(
            f"{name} has {method.access} access, so it changes no weights to be saved; {_savers()}"
        )
    return key, method


def _savers() -> str:
    """What to take instead, as part of a sentence."""
    found = [
        entry.key for group in ("method", "baseline") for entry in entries(group, "edit") if _white(entry)
    ]
    return f"choose one that changes weights among {', '.join(found)}"


def _white(entry: Entry) -> bool:
    kind, access = (entry.said.get(name) for name in ("kind", "access"))
    rival = isinstance(kind, ast.Constant) and kind.value in ("method", "baseline")
    return rival and access is not None and ast.unparse(access).endswith("WHITE")
