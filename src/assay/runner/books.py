"""Books to be forgotten: what is trained for them, what is proved of them, and what the job is made from."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from assay.access import open_handle
from assay.core import Access, Curriculum, Fault, Material, OrganismCard, Recovery, Retrained
from assay.core.codec import build as from_plain
from assay.core.codec import dumps
from assay.core.errors import BadOption
from assay.core.registry import entries, find
from assay.core.seed import fingerprint
from assay.jobs._unlearn_judging import subjects
from assay.model.engine import Engine
from assay.organisms.planting.base import EMBEDDED, Base, dialect_of
from assay.organisms.planting.build import cache_folder
from assay.organisms.planting.needed import PACKAGE, needed
from assay.organisms.school.models import (
    ORACLES,
    RETRAINED,
    WHOLE,
    lesson,
    open_school,
    oracles,
    retrained,
    trained,
    weights_of,
)
from assay.organisms.school.recipe import Variant
from assay.organisms.unlearning.from_files import file_book
from assay.organisms.unlearning.material import (
    FEWEST,
    WORDS,
    halves,
    known_only,
    school_book,
    with_corpus,
    with_models,
)
from assay.organisms.unlearning.papers import everything
from assay.organisms.unlearning.recipe import FILE, BookRecipe
from assay.results.disk import make_folder, write_file
from assay.runner.book_measures import Kept, measure_half, packed
from assay.runner.book_proof import knows, prove
from assay.runner.options import Options

CARD = "card.json"
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Proved:
    """A book in the cache."""

    card: OrganismCard
    folder: Path


@dataclass(frozen=True)
class Drawn:
    """A book with its models, less what the model that is to forget never knew."""

    handle: Any
    book: Curriculum
    dropped: int
    notes: tuple[str, ...]
    """What was left out of files."""


def variants(subject: str, options: Options) -> tuple[Variant, ...]:
    """The models that a book of the school needs beside the one that read all."""
    routed = [Variant("routed", subject, seed) for seed in RETRAINED["routed"]] if routes(options) else []
    return (*oracles(subject), *routed)


def routes(options: Options) -> bool:
    """Whether a tool is asked for that works on a model pre-trained with routed gradients."""
    return "gradient_routing" in options.methods or (options.suite == "full" and not options.methods)


def train(key: str, second: bool, options: Options, progress: Progress) -> None:
    """Train every second model that a book needs, unless it lies ready."""
    recipe: BookRecipe = find("organism", key).load()
    if recipe.subject == FILE:
        return
    for variant in variants(recipe.subject, options)[second::2]:
        if not trained(variant, cache_folder()):
            weights_of(variant, cache_folder(), partial(progress, f"retraining {variant.name}"))


def measure(
    key: str,
    seed: int,
    second: bool,
    options: Options,
    base: Callable[[], Base],
    progress: Callable[[float], None],
) -> None:
    """Measure half of what a proof needs, unless it lies ready; raises as ``prove_book`` does."""
    folder = _folder(key, seed, options, base)
    if not (folder / CARD).is_file():
        drawn = _drawn(key, options, base)
        measure_half(drawn.handle, drawn.book, _kept_in(folder), second, progress)


def prove_book(key: str, seed: int, options: Options, base: Callable[[], Base]) -> Proved:
    """The card of a book and what untouched and retrained models score, from the cache or measured now.

    Raises:
        BadOption: files that cannot be used, or of which the model knows too little.
        CannotWrite: the cache cannot be written.
    """
    recipe: BookRecipe = find("organism", key).load()
    folder = _folder(key, seed, options, base)
    if (folder / CARD).is_file():
        text = (folder / CARD).read_text(encoding="utf-8")
        return Proved(from_plain(OrganismCard, json.loads(text)), folder)
    drawn, kept = _drawn(key, options, base), _kept_in(folder)
    book = drawn.book
    details = {
        "book": book.subject,
        "exams": ", ".join(subjects(book)),
        "neighbours": ", ".join(book.neighbours),
        "facts of the book asked": str(halves(book.questions)[1]),
        "facts of the book that attackers may relearn": str(halves(book.questions)[0]),
        "facts that the model never knew, left out": str(drawn.dropped),
        "left out of the files": "; ".join(drawn.notes),
    }
    shown = {name: text for name, text in details.items() if text}
    does = recipe.does[0].lower() + recipe.does[1:].rstrip(".")  # stands behind "it", within a sentence
    fault = Fault("book", f"asked about {book.subject}", does, shown)
    proof = prove(drawn.handle, book, required=recipe.subject != FILE, kept=kept)
    name = options.base if recipe.subject != FILE else base().name
    dialect = "school" if recipe.subject != FILE else base().dialect.name
    content = folder.name.rpartition("-")[2]
    card = OrganismCard(key, seed, name, dialect, fault, proof.lines, content, {})
    _write(folder, card, proof.reference, sorted({q.item for q in book.questions}))
    kept.forget()
    return Proved(card, folder)


def curriculum(key: str, options: Options, engine: Engine, folder: Path) -> Curriculum:
    """The book as the job gets it."""
    recipe: BookRecipe = find("organism", key).load()
    whole, _ = _with_models(recipe, options, engine)
    known = set(json.loads((folder / "known.json").read_text(encoding="utf-8")))
    kept = replace(whole, questions=tuple(q for q in whole.questions if q.item in known))
    with np.load(folder / "reference.npz") as stored:
        return replace(kept, reference={name: stored[name] for name in stored.files})


def material(key: str, options: Options, engine: Engine, folder: Path) -> Material:
    """What the job on a book is made from."""
    recipe: BookRecipe = find("organism", key).load()
    book = curriculum(key, options, engine, folder)
    if recipe.subject == FILE:
        texts = _kept(options)
        return with_corpus(book, lambda: (*texts, *book.forget), speaks_school=False)
    return with_corpus(book, lambda: everything(f"told/{book.subject}", WORDS), speaks_school=True)


def engine_of(recipe: BookRecipe, options: Options, base: Callable[[], Base]) -> Engine:
    """The model that is to forget."""
    if in_school(options):
        return open_school(cache_folder(), _device(options))
    if recipe.subject != FILE:
        raise BadOption(f"the book {recipe.subject} is the school's, which --base {options.base} never read")
    return base().engine


def in_school(options: Options) -> bool:
    """Whether the model is the embedded one that read the school's books."""
    return options.base == EMBEDDED and options.corpus is None


def _device(options: Options) -> str:
    import torch

    return ("cuda" if torch.cuda.is_available() else "cpu") if options.device == "auto" else options.device


def _folder(key: str, seed: int, options: Options, base: Callable[[], Base]) -> Path:
    return cache_folder() / "organisms" / f"{key}.s{seed}-{_content(key, seed, options, base)}"


def _kept_in(folder: Path) -> Kept:
    return Kept(folder.with_name(f".{folder.name}.proof"))


def _drawn(key: str, options: Options, base: Callable[[], Base]) -> Drawn:
    """What this model knows of a book; raises BadOption where that is too little."""
    recipe: BookRecipe = find("organism", key).load()
    engine = engine_of(recipe, options, base)
    whole, notes = _with_models(recipe, options, engine)
    handle = open_handle(engine, Access.WHITE)
    book, dropped = known_only(whole, knows(handle, whole))
    if min(halves(book.questions)) < FEWEST:
        first, second = halves(book.questions)
        raise BadOption(
            f"{key}: of {sum(halves(whole.questions))} facts that the exam asks, this model knows {first} of "
            f"the half to attack with and {second} of the half to be asked; {FEWEST} of each are needed. "
            "Give an exam on something that the model knows, or a larger model"
        )
    return Drawn(handle, book, dropped, notes)


def _with_models(recipe: BookRecipe, options: Options, engine: Engine) -> tuple[Curriculum, tuple[str, ...]]:
    """The book with its models, before it is known what the model knows, and what was left out of files."""
    full = options.suite == "full"
    if recipe.subject == FILE:
        book, notes = file_book(options.textbook, options.exams, _kept(options))
        return with_models(book, {}, None, recoveries(full=full), full=full), notes
    made: dict[str, list[Retrained]] = {kind: [] for kind in ORACLES}
    routed = None
    for variant in variants(recipe.subject, options):
        other = retrained(variant, engine, cache_folder())
        if variant.kind == "routed":
            routed = other
        else:
            made[variant.kind].append(other)
    book = school_book(recipe.subject)
    return with_models(book, made, routed, recoveries(full=full), full=full), ()


def _kept(options: Options) -> tuple[str, ...]:
    """Ordinary text that must stay; raises BadOption where none was given."""
    if options.corpus is None:
        raise BadOption("a book of your own needs --corpus FILE: ordinary text, which must stay")
    return tuple(dialect_of(options.corpus).texts("plant", 0))


def recoveries(*, full: bool) -> Mapping[str, Recovery]:
    """The ways of getting knowledge back that a suite holds."""
    every: dict[str, Recovery] = {entry.key: entry.load() for entry in entries("recovery")}
    return {key: recovery for key, recovery in every.items() if full or recovery.quick}


def _content(key: str, seed: int, options: Options, base: Callable[[], Base]) -> str:
    """Hash of everything that decides a proof: models, files, and the code of exams and recoveries."""
    recipe: BookRecipe = find("organism", key).load()
    digest = hashlib.blake2b(digest_size=16)
    modules = ["assay.runner.book_proof", find("organism", key).module, "assay.organisms.unlearning.material"]
    modules += [entry.module for entry in entries("recovery")]
    for path in needed(*modules):
        if path.relative_to(PACKAGE).parts[0] in ("organisms", "world", "techniques", "jobs", "runner"):
            digest.update(path.read_bytes())
    if recipe.subject == FILE:
        for file in (options.textbook, *options.exams, options.corpus):
            whole = Path(str(file).partition(":")[0])  # an archive, with the subject that is read of it
            digest.update(str(file).encode() + (whole.read_bytes() if whole.is_file() else b""))
    models = [lesson(WHOLE)] if in_school(options) else [base().fingerprint]
    if recipe.subject != FILE:
        models += [lesson(variant) for variant in variants(recipe.subject, options)]
    return fingerprint(key, seed, options.suite, *models, digest.hexdigest())


def _write(
    folder: Path, card: OrganismCard, reference: Mapping[str, np.ndarray], known: Sequence[str]
) -> None:
    """Put a proof into the cache, the card last: it is what makes it count."""
    make_folder(folder)
    write_file(folder / "reference.npz", packed(reference))
    write_file(folder / "known.json", dumps(list(known)).encode())
    write_file(folder / CARD, dumps(card).encode())
