"""Edits from the relations data of Hernandez et al., "Linearity of Relation Decoding" (arXiv 2308.09124).

The data (github.com/evandez/relations, MIT licence) are not part of Assay; a copy is read where it lies.
"""

import json
import random
import tarfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import cast

from assay.core.edit import Edit, EditCase, Probe
from assay.core.errors import BadOption
from assay.organisms.editing.files.draft import plain_document
from assay.organisms.editing.files.read import EVERY
from assay.organisms.reading.fields import Record, Unusable, records, text, texts

DOMAIN = "factual"
"""The folder of relations that state facts; the others hold word forms, common sense and prejudice."""
MOST = 12
"""Edits of one relation."""
SHARE = 3
"""At most one fact in so many of a relation is edited, so that enough are left that must not change."""
PARAPHRASES = 3
NEIGHBOURS = 4
OTHERS = 3


@dataclass(frozen=True)
class Relation:
    """A relation with its wordings (``{}`` for the subject) and the subjects that have exactly one object."""

    name: str
    templates: tuple[str, ...]
    objects: dict[str, str]


def convert(source: Path, seed: int = 0) -> tuple[EditCase, ...]:
    """Edits of the factual relations, drawn by a seed; the new value is another object of the relation.

    Paraphrases are the other wordings of the relation. Neighbours are subjects of the same object, or of any
    other than the new one where there are none; with the subject's other relations they are taken from facts
    that no edit changes. Every sixth edit is for tuning. Same folder or archive, same seed, same cases.

    Args:
        source: the archive ``relations.tar.gz``, or a folder that holds ``factual/*.json``.
        seed: of the draw.

    Raises:
        BadOption: there is no such data, or a file of it cannot be read.
    """
    relations = [_relation(name, content) for name, content in sorted(_files(source))]
    if not relations:
        raise BadOption(f"{source}: no {DOMAIN}/*.json in it; give relations.tar.gz or its unpacked folder")
    rng = random.Random(f"lre/{seed}")
    chosen = [(relation, subject) for relation in relations for subject in _drawn(relation, rng)]
    edited = {(relation.name, subject) for relation, subject in chosen}
    cases: list[EditCase] = []
    for place, (relation, subject) in enumerate(chosen, start=1):
        edit = _edit(relation, subject, rng)
        probes = (
            *_about(relation, edit),
            *_neighbours(relation, edit, edited, rng),
            *_others(relations, edit, edited, rng),
        )
        cases.append(EditCase(edit, probes, "report" if place % EVERY else "select"))
    return tuple(cases)


def _files(source: Path) -> Iterator[tuple[str, bytes]]:
    """Path and content of every file of a factual relation, in an archive or a folder."""
    if source.is_dir():
        for path in source.rglob("*.json"):
            if path.is_file() and _wanted(path.as_posix()):
                yield path.relative_to(source).as_posix(), path.read_bytes()
        return
    try:
        with tarfile.open(source) as archive:
            for member in archive:
                if member.isfile() and _wanted(member.name) and (content := archive.extractfile(member)):
                    yield member.name, content.read()
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise BadOption(f"{source}: neither a folder nor a tar archive that can be read ({error})") from error


def _wanted(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix == ".json" and path.parent.name == DOMAIN and not path.name.startswith(".")


def _relation(name: str, content: bytes) -> Relation:
    """One file; a subject with two objects is dropped, since neither of them is the fact."""
    try:
        found: object = json.loads(content)
        record = cast(Record, found) if isinstance(found, dict) else {}
        pairs = {(text(one, "subject"), text(one, "object")) for one in records(record.get("samples"))}
        templates = [*texts(record, "prompt_templates"), *texts(record, "prompt_templates_zs")]
        key = text(record, "name")
    except (Unusable, ValueError) as error:
        raise BadOption(f"{name}: not a relation of this data set ({error})") from error
    wordings = tuple(dict.fromkeys(template for template in templates if "{}" in template))
    if not wordings or not pairs:
        raise BadOption(f"{name}: not a relation of this data set (no samples, or no template with '{{}}')")
    count = Counter(subject for subject, _ in pairs)
    return Relation(key, wordings, {s: value for s, value in sorted(pairs) if count[s] == 1})


def _drawn(relation: Relation, rng: random.Random) -> list[str]:
    """The subjects whose fact is edited; none if all have one and the same object."""
    if len(set(relation.objects.values())) == 1:
        return []
    return rng.sample(list(relation.objects), min(MOST, len(relation.objects) // SHARE))


def _edit(relation: Relation, subject: str, rng: random.Random) -> Edit:
    old = relation.objects[subject]
    new = rng.choice(sorted(set(relation.objects.values()) - {old}))
    prompt = relation.templates[0].replace("{}", subject)
    return Edit(prompt, subject, old, new, relation.name, plain_document(prompt, old))


def _about(relation: Relation, edit: Edit) -> list[Probe]:
    told = [template.replace("{}", edit.subject) for template in relation.templates[1 : 1 + PARAPHRASES]]
    paraphrases = [Probe("paraphrase", prompt, edit.new, edit.old) for prompt in told]
    return [Probe("efficacy", edit.prompt, edit.new, edit.old), *paraphrases]


def _neighbours(
    relation: Relation, edit: Edit, edited: set[tuple[str, str]], rng: random.Random
) -> list[Probe]:
    free = [s for s, o in relation.objects.items() if (relation.name, s) not in edited and o != edit.new]
    near = [subject for subject in free if relation.objects[subject] == edit.old] or free
    return [
        Probe(
            "neighbourhood",
            relation.templates[0].replace("{}", subject),
            relation.objects[subject],
            edit.new,
        )
        for subject in rng.sample(near, min(NEIGHBOURS, len(near)))
    ]


def _others(
    relations: Sequence[Relation], edit: Edit, edited: set[tuple[str, str]], rng: random.Random
) -> list[Probe]:
    """What else the data know of the subject; the wrong answer is another object of that relation."""
    subject = edit.subject
    some = [
        relation
        for relation in relations
        if subject in relation.objects and relation.name != edit.relation
        if (relation.name, subject) not in edited and len(set(relation.objects.values())) > 1
    ]
    return [
        Probe(
            "same_subject",
            relation.templates[0].replace("{}", subject),
            right := relation.objects[subject],
            rng.choice(sorted(set(relation.objects.values()) - {right})),
        )
        for relation in rng.sample(some, min(OTHERS, len(some)))
    ]
