"""Edits from the relations data: new objects of the same relation, and neighbours that no edit changes."""

import json
import os
import tarfile
from collections import Counter
from pathlib import Path

import pytest

from assay.core.edit import EditCase
from assay.core.errors import BadOption
from assay.organisms.editing.files import read_cases, write_cases
from assay.organisms.editing.lre import convert

ASSETS = Path(os.environ.get("ASSAY_ASSETS", Path(__file__).parents[4] / "shared" / "assets"))
CAPITALS = {f"Land {n}": f"City {n}" for n in range(12)}
TONGUES = {f"Land {n}": ("North" if n % 2 else "South") for n in range(12)} | {"Isle": "East"}


def _relation(folder: Path, name: str, templates: list[str], objects: dict[str, str]) -> None:
    samples = [{"subject": subject, "object": value} for subject, value in objects.items()]
    record = {
        "name": name,
        "prompt_templates": templates[:1],
        "prompt_templates_zs": templates,
        "properties": {},
        "samples": [*samples, {"subject": "Twice", "object": "X"}, {"subject": "Twice", "object": "Y"}],
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(record), encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two factual relations with the same subjects, and one of another domain."""
    data = tmp_path / "data"
    _relation(data / "factual", "capital", ["The capital of {} is", "{} is ruled from"], CAPITALS)
    _relation(data / "factual", "tongue", ["In {} they speak", "The tongue of {} is", "{} speaks"], TONGUES)
    _relation(data / "bias", "prejudice", ["{} are"], CAPITALS)
    return data


def test_an_edit_is_a_sample_with_another_object(folder: Path) -> None:
    """The first wording is the prompt, the others paraphrases; no subject with two objects is edited."""
    cases = convert(folder)
    assert Counter(case.edit.relation for case in cases) == {"capital": 4, "tongue": 4}
    for case in cases:
        edit = case.edit
        objects = {"capital": CAPITALS, "tongue": TONGUES}[edit.relation]
        assert objects[edit.subject] == edit.old != edit.new
        assert edit.new in objects.values()
        told = {"capital": 1, "tongue": 2}[edit.relation]
        assert [(p.right, p.wrong) for p in case.probes if p.kind == "paraphrase"] == [
            (edit.new, edit.old)
        ] * told
        assert all(edit.subject in p.prompt for p in case.probes if p.kind != "neighbourhood")


def _lookup(prompt: str) -> tuple[str, str, str]:
    """Relation, subject and object of a prompt in the first wording of a relation."""
    if prompt.startswith("The capital of "):
        subject = prompt.removeprefix("The capital of ").removesuffix(" is")
        return "capital", subject, CAPITALS[subject]
    subject = prompt.removeprefix("In ").removesuffix(" they speak")
    return "tongue", subject, TONGUES[subject]


def test_what_must_stay_is_edited_nowhere(folder: Path) -> None:
    """Neighbours have the old object where any does; other relations keep theirs; no edit changes either."""
    cases = convert(folder)
    edited = {(case.edit.relation, case.edit.subject) for case in cases}
    free = [
        (r, s, o) for r, all_of in (("capital", CAPITALS), ("tongue", TONGUES)) for s, o in all_of.items()
    ]
    free = [entry for entry in free if entry[:2] not in edited]
    for case in cases:
        edit = case.edit
        near = [_lookup(p.prompt) for p in case.probes if p.kind == "neighbourhood"]
        others = [_lookup(p.prompt) for p in case.probes if p.kind == "same_subject"]
        same = [entry for entry in free if entry[0] == edit.relation and entry[2] == edit.old]
        assert set(near) | set(others) <= set(free)
        assert all(entry[0] == edit.relation for entry in near)
        assert {entry[2] for entry in near} == {edit.old} if same else edit.new not in {e[2] for e in near}
        assert others == [entry for entry in free if entry[1] == edit.subject]
        assert all(
            _lookup(p.prompt)[2] == p.right != p.wrong for p in case.probes if p.kind in ("neighbourhood",)
        )


def test_an_archive_gives_what_its_folder_gives(folder: Path, tmp_path: Path) -> None:
    """Same data, same cases, packed or not; another seed draws others."""
    archive = tmp_path / "relations.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, "data")
    assert convert(archive) == convert(folder)
    assert convert(folder, seed=1) != convert(folder)


def test_a_relation_with_one_object_is_not_edited(folder: Path) -> None:
    """There is nothing to change it to."""
    _relation(folder / "factual", "planet", ["{} is on"], dict.fromkeys(CAPITALS, "Earth"))
    data = json.loads((folder / "factual" / "planet.json").read_text())
    data["samples"] = [s for s in data["samples"] if s["subject"] != "Twice"]
    (folder / "factual" / "planet.json").write_text(json.dumps(data))
    assert {case.edit.relation for case in convert(folder)} == {"capital", "tongue"}


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"name": "x", "samples": [], "prompt_templates": ["{} is"]}']
)
def test_a_file_that_is_no_relation_is_named(folder: Path, content: str) -> None:
    """The error has the file's name."""
    (folder / "factual" / "broken.json").write_text(content)
    with pytest.raises(BadOption, match=r"factual/broken\.json: not a relation"):
        convert(folder)


def test_a_source_without_relations_is_refused(tmp_path: Path) -> None:
    """An empty folder, a missing path, and a file that is no archive."""
    with pytest.raises(BadOption, match="no factual/"):
        convert(tmp_path)
    with pytest.raises(BadOption, match="neither a folder nor a tar archive"):
        convert(tmp_path / "absent")
    whole = tmp_path / "whole.tar.gz"
    with tarfile.open(whole, "w:gz") as tar:
        tar.add(Path(__file__), "data/factual/a.json")
    (tmp_path / "cut.tar.gz").write_bytes(whole.read_bytes()[:-400])
    with pytest.raises(BadOption, match="neither a folder nor a tar archive"):
        convert(tmp_path / "cut.tar.gz")
    (tmp_path / "text").write_text("hello")
    with pytest.raises(BadOption, match="neither a folder nor a tar archive"):
        convert(tmp_path / "text")


@pytest.fixture(scope="module")
def real() -> tuple[EditCase, ...]:
    """The cases of the published data, where they are at hand."""
    archive = ASSETS / "data-relations-lre" / "relations.tar.gz"
    if not archive.is_file():
        pytest.skip(f"{archive} is absent; set ASSAY_ASSETS to the folder that holds it")
    return convert(archive)


def test_the_published_data_become_sound_cases(real: tuple[EditCase, ...], tmp_path: Path) -> None:
    """Written and read again nothing is left out; each case has neighbours; splits are 5 to 1."""
    assert len({case.edit.relation for case in real}) > 20
    write_cases(real, tmp_path / "lre.json")
    loaded = read_cases(tmp_path / "lre.json")
    assert loaded.cases == real
    assert loaded.left_out == ()
    for case in real:
        kinds = Counter(probe.kind for probe in case.probes)
        assert kinds["efficacy"] == 1
        assert kinds["neighbourhood"] >= 1
    assert abs(sum(case.split == "select" for case in real) - len(real) / 6) < 1


def test_no_question_of_the_published_data_relies_on_an_edited_fact(real: tuple[EditCase, ...]) -> None:
    """No prompt of a neighbour or of another relation is the prompt of an edit."""
    edited = {case.edit.prompt for case in real}
    asked = {p.prompt for case in real for p in case.probes if p.kind in ("neighbourhood", "same_subject")}
    assert asked
    assert not asked & edited
