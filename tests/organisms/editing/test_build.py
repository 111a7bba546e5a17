"""Lists of edits for a base: what the model does not know is left out, counted and said."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assay.core import EditCase
from assay.core.errors import BadOption
from assay.organisms.editing import build as building
from assay.organisms.editing.build import draw_up, read
from assay.organisms.editing.files import write_cases
from assay.organisms.planting.base import EMBEDDED, Base, open_base
from assay.world import World
from assay.world.edit_cases import edit_cases


@pytest.fixture(scope="module")
def base() -> Base:
    """The embedded base."""
    return open_base(EMBEDDED, None, "cpu")


def some(count: int, unknown: int) -> list[EditCase]:
    """Facts of people, of which the first ones are stated wrongly: no model knows them."""
    drawn = list(edit_cases(World(0), "subjects"))[:count]
    cases = [replace(one, split="select" if n % 3 == 2 else "report") for n, one in enumerate(drawn)]
    wrong = [replace(one, edit=_wrong(one)) for one in cases[:unknown]]
    return [*wrong, *cases[unknown:]]


def _wrong(case: EditCase) -> Any:
    other = (
        next(p.wrong for p in case.probes if p.kind == "same_subject")
        if any(p.kind == "same_subject" for p in case.probes)
        else "stones"
    )
    return replace(case.edit, old=other, documents=())


def test_a_file_is_drawn_up_with_what_the_model_knows(base: Base, tmp_path: Path) -> None:
    """Unknown facts are gone and counted on the card, and the second time the cache answers."""
    file = tmp_path / "facts.json"
    write_cases(some(18, 5), file)
    drawn = draw_up("edits_file", 0, base, file, tmp_path)
    assert len(drawn.cases) == 13
    said = drawn.card.fault.details
    assert said["facts that the model does not know, left out"] == "5"
    assert int(said["facts"]) + int(said["facts to choose settings by"]) == 13
    assert drawn.card.valid
    assert draw_up("edits_file", 0, base, file, tmp_path) == read(drawn.folder) == drawn


def test_what_the_reader_leaves_out_is_on_the_card(base: Base, tmp_path: Path) -> None:
    """A subject that is not in its prompt and an edit that is there twice, both named."""
    file = tmp_path / "facts.json"
    write_cases(some(16, 0), file)
    records = json.loads(file.read_text())
    records.append(records[0])
    records.append({**records[1], "edit": {**records[1]["edit"], "subject": "nobody", "documents": []}})
    file.write_text(json.dumps(records))
    said = draw_up("edits_file", 0, base, file, tmp_path).card.fault.details["cases of the file left out"]
    assert "case 17" in said
    assert "case 18" in said
    assert "nobody" in said


def test_a_model_that_knows_too_little_is_told_so(base: Base, tmp_path: Path) -> None:
    """With how many it knows and how many are needed."""
    file = tmp_path / "facts.json"
    write_cases(some(14, 13), file)
    with pytest.raises(BadOption, match=r"of 14 facts this model knows \d+ to report on .* more or others"):
        draw_up("edits_file", 0, base, file, tmp_path)
    with pytest.raises(BadOption, match="--cases FILE"):
        draw_up("edits_file", 0, base, None, tmp_path)


def test_the_worlds_lists_are_known_and_their_questions_hold(base: Base, tmp_path: Path) -> None:
    """On the embedded base every required line of the proof holds."""
    drawn = draw_up("edits_places", 0, base, None, tmp_path)
    assert drawn.card.valid
    assert len(drawn.cases) >= 0.95 * 120
    assert building.FEWEST > 0
