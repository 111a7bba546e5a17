"""Draw up a list of edits for a base: only what the model knows is changed, and what is left out is said."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.core import EditCase, Fault, OrganismCard, ProofLine
from assay.core.codec import build as from_plain
from assay.core.codec import dumps
from assay.core.edit import STAYS
from assay.core.errors import BadOption, CannotWrite
from assay.core.registry import find
from assay.core.seed import fingerprint
from assay.metrics.proportion import proportion
from assay.model.engine import Engine
from assay.organisms.editing.files import read_cases
from assay.organisms.editing.recipe import FILE, EditRecipe
from assay.organisms.planting.base import Base
from assay.organisms.planting.dialects import WorldDialect
from assay.organisms.planting.needed import PACKAGE, needed
from assay.world.edit_cases import edit_cases

FEWEST = 4
"""Facts of each split that must be left for a list to be of use."""


@dataclass(frozen=True)
class DrawnUp:
    """A list of edits in the cache."""

    card: OrganismCard
    cases: tuple[EditCase, ...]
    folder: Path


def draw_up(recipe_key: str, seed: int, base: Base, file: Path | None, cache: Path) -> DrawnUp:
    """The list of a recipe for a base, from the cache or put together now.

    Raises:
        BadOption: a file of cases that cannot be read, or of which the model knows too little.
        CannotWrite: the cache cannot be written.
    """
    recipe: EditRecipe = find("organism", recipe_key).load()
    content = _content(recipe_key, seed, base, file)
    folder = cache / "organisms" / f"{recipe_key}.s{seed}-{content}"
    if not (folder / "card.json").is_file():
        cases, left_out = _cases(recipe, base, file)
        kept, card = _checked(recipe_key, recipe, seed, base, cases, left_out, content)
        _write(folder, card, kept)
    return read(folder)


def read(folder: Path) -> DrawnUp:
    """Read a list that lies in the cache."""
    card = from_plain(OrganismCard, json.loads((folder / "card.json").read_text(encoding="utf-8")))
    text = (folder / "edits.json").read_text(encoding="utf-8")
    return DrawnUp(card, from_plain(tuple[EditCase, ...], json.loads(text)), folder)


def _cases(recipe: EditRecipe, base: Base, file: Path | None) -> tuple[tuple[EditCase, ...], tuple[str, ...]]:
    if recipe.family != FILE:
        assert isinstance(base.dialect, WorldDialect)  # the plan lets no other base come here
        return edit_cases(base.dialect.world, recipe.family), ()
    if file is None:
        raise BadOption("the list edits_file needs a file of cases; give one with --cases FILE")
    loaded = read_cases(file)
    return loaded.cases, loaded.left_out


def _checked(
    key: str,
    recipe: EditRecipe,
    seed: int,
    base: Base,
    cases: Sequence[EditCase],
    left_out: Sequence[str],
    content: str,
) -> tuple[tuple[EditCase, ...], OrganismCard]:
    """Leave out what the model does not know, and prove what the questions rely on."""
    knows = _said(base.engine, [(case.edit.prompt, case.edit.old) for case in cases])
    kept = tuple(case for case, known in zip(cases, knows, strict=True) if known)
    counts = Counter(case.split for case in kept)
    if min(counts["select"], counts["report"]) < FEWEST:
        raise BadOption(
            f"{key}: of {len(cases)} facts this model knows {counts['report']} to report on and "
            f"{counts['select']} to choose settings by; {FEWEST} of each are needed, so give more or others"
        )
    details = {
        "facts": str(counts["report"]),
        "facts to choose settings by": str(counts["select"]),
        "facts that the model does not know, left out": str(len(cases) - len(kept)),
        "cases of the file left out": "; ".join(left_out),
    }
    fault = Fault(
        "edits", "asked about a fact of the list", recipe.does, {k: v for k, v in details.items() if v}
    )
    card = OrganismCard(
        recipe=key,
        seed=seed,
        base=base.name,
        dialect=base.dialect.name,
        fault=fault,
        proof=tuple(_proof(base.engine, kept, knows, required=recipe.family != FILE)),
        content_hash=content,
        build={},
    )
    return kept, card


def _proof(
    engine: Engine, cases: Sequence[EditCase], knows: Sequence[bool], required: bool
) -> Iterable[ProofLine]:
    """What the list and its questions rest on, asked of the model before any edit."""
    share = proportion("share", sum(knows), len(knows))
    yield ProofLine("facts of the list that the model knows", share, 0.95, required)
    probes = [probe for case in cases for probe in case.probes]
    staying = [probe for probe in probes if probe.kind in STAYS]
    told = [probe for probe in probes if probe.kind in ("paraphrase", "generation")]
    for claim, some, answers in (
        ("what must stay is said before any edit", staying, [probe.right for probe in staying]),
        ("the old facts are said in other words too", told, [probe.wrong for probe in told]),
    ):
        if some:
            said = _said(engine, [(probe.prompt, to) for probe, to in zip(some, answers, strict=True)])
            yield ProofLine(claim, proportion("share", sum(said), len(said)), 0.9, required)


def _said(engine: Engine, asked: Sequence[tuple[str, str]]) -> list[bool]:
    """Whether the greedy reply to each prompt starts with an answer."""
    prompts, answers = [prompt for prompt, _ in asked], [answer for _, answer in asked]
    lengths = engine.lengths([f" {answer}" for answer in answers])
    replies = engine.generate(prompts, max_tokens=max(lengths, default=1))
    return [f"{reply.strip()} ".startswith(f"{to} ") for reply, to in zip(replies, answers, strict=True)]


def _write(folder: Path, card: OrganismCard, cases: Sequence[EditCase]) -> None:
    """Put a list into the cache, the card last: it is what makes it count."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, value in (("edits.json", list(cases)), ("card.json", card)):
            partial = folder / f".{name}.{os.getpid()}"
            partial.write_text(dumps(value), encoding="utf-8")
            os.replace(partial, folder / name)
    except OSError as error:
        raise CannotWrite(f"{folder}: {error.strerror or error}; free space or set ASSAY_CACHE") from error


def _content(recipe_key: str, seed: int, base: Base, file: Path | None) -> str:
    """Hash of everything that decides a list: base, language, the code of world and lists, and the file."""
    digest = hashlib.blake2b(digest_size=16)
    for path in needed("assay.organisms.editing.build", find("organism", recipe_key).module):
        if path.relative_to(PACKAGE).parts[0] in ("organisms", "world"):
            digest.update(path.read_bytes())
    digest.update(file.read_bytes() if file and file.is_file() else b"")
    return fingerprint(recipe_key, seed, base.fingerprint, digest.hexdigest())
