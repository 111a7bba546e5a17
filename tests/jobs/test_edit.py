"""The job ``edit`` on the tiny model: how edits are made, what is asked, and what is stored."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from assay.core import Access, Change, Edit, EditList, Editor, Localisation, Material, Price
from assay.core.errors import AssayError
from assay.jobs._edit_judging import COLUMNS, DAMAGE, Judge, entropy
from assay.jobs.edit import JOB, Edited, act, brief, evaluate, exhibit, select, truth
from assay.testing.tiny_material import SIZES, tiny_material
from assay.testing.tiny_model import tiny_handle

MATERIAL = tiny_material()


def listed() -> EditList:
    """The list of the tiny material."""
    assert MATERIAL.edits is not None
    return MATERIAL.edits


def handle() -> Any:
    """A white handle on the tiny model."""
    return tiny_handle(Access.WHITE)


@dataclass(frozen=True)
class Table(Editor):
    """Looks the edits' own prompts up, and writes down what it was asked to do."""

    asked: list[tuple[str, ...]]
    says: Callable[[Edit], str] = lambda edit: edit.new

    def edit(self, handle: Any, edits: Sequence[Edit]) -> Change:
        """A table in front."""
        self.asked.append(tuple(edit.subject for edit in edits))
        known = {edit.prompt: self.says(edit) for edit in edits}
        return Change(table=known.get)


def done(editor: Editor, split: Any = "report") -> Edited:
    """What an editor has done."""
    did = act(editor, handle(), MATERIAL, split, Price)
    assert isinstance(did, Edited)
    return did


def test_edits_are_made_singly_at_once_in_turn_and_on_top() -> None:
    """The sizes of the material decide how many; ten further edits come on top of the first."""
    editor = Table([])
    did = done(editor)
    subjects = [case.edit.subject for case in listed().of("report")]
    assert editor.asked[: SIZES.single] == [(name,) for name in subjects[: SIZES.single]]
    few = tuple(subjects[: SIZES.few])
    rest = tuple(subjects[SIZES.few : 2 * SIZES.few])
    assert editor.asked[SIZES.single : SIZES.single + 3] == [few, rest, tuple(subjects[: SIZES.many])]
    assert editor.asked[SIZES.single + 3 :] == [(name,) for name in subjects[: SIZES.sequence]]
    assert list(did.done) == ["single", "few", "neighbour", "many", "sequence"]
    [(both, _)] = did.done["neighbour"].changes
    assert both.table is not None
    prompts = [case.edit.prompt for case in listed().of("report")]
    assert all(both.table(prompt) for prompt in prompts[: 2 * SIZES.few])


def test_answers_are_counted_as_they_are_by_hand() -> None:
    """A table that knows the edits says all new values and nothing else; other questions go to the model."""
    arrays = evaluate(done(Table([])), handle(), MATERIAL, False)
    efficacy = arrays["document_few_efficacy"]
    assert efficacy[: SIZES.few].tolist() == [[1, 1, 1, 0, pytest.approx(1)]] * SIZES.few
    assert not efficacy[SIZES.few :].any()
    model, asked = handle(), [p for p in listed().of("report")[0].probes if p.kind == "neighbourhood"]
    [probe] = asked
    sums, _ = model.continuation_logprobs([probe.prompt] * 2, [f" {probe.right}", f" {probe.wrong}"])
    said = model.generate([probe.prompt], max_tokens=1)[0].strip()
    row = arrays["document_few_neighbourhood"][0]
    margin = float(sums[0].exp() - sums[1].exp())
    assert row[0] == 1
    assert row[1:4].tolist() == [margin > 0, said == probe.right, said == probe.wrong]
    assert row[4] == pytest.approx(margin, abs=1e-5)


def test_an_edit_that_does_nothing_does_no_damage() -> None:
    """No divergence and no loss on unrelated texts, whichever way the edits are made."""

    class Idle(Editor):
        def edit(self, handle: Any, edits: Sequence[Edit]) -> Change:
            return Change()

    arrays = evaluate(done(Idle()), handle(), MATERIAL, False)
    for way in ("single", "few", "many", "sequence"):
        damage = dict(zip(DAMAGE, arrays[f"document_{way}_damage"].sum(0), strict=True))
        assert damage["texts"] > 0
        assert damage["divergence"] == pytest.approx(0, abs=1e-5)
        assert damage["loss"] == pytest.approx(0, abs=1e-4)
    assert arrays["document_single_damage"][: SIZES.single, DAMAGE.index("fluent")].all()


def test_long_answers_are_scored_whole_and_short_ones_in_one_pass() -> None:
    """Two tokens take the long way; both ways agree where one answer is one token."""
    first = listed().of("report")[0]
    longer = tuple(replace(p, right=f"{p.right} .", wrong=f"{p.wrong} .") for p in first.probes)
    judge = Judge(handle(), [replace(first, probes=longer)], ())
    [row] = judge.kept(handle(), [0])
    model, probe = handle(), longer[0]
    sums, counts = model.continuation_logprobs([probe.prompt] * 2, [f" {probe.right}", f" {probe.wrong}"])
    likely = (sums / counts).exp()
    assert row[COLUMNS.index("margin")] == pytest.approx(float(likely[0] - likely[1]), abs=1e-5)
    assert row[COLUMNS.index("said")] == (model.generate([probe.prompt], 2)[0].strip() == probe.right)


def test_selection_ranks_the_oracle_over_chance_and_uses_the_select_split() -> None:
    """Only facts of the select split are edited to choose settings by."""
    editor = Table([])
    done(editor, "select")
    names = {case.edit.subject for case in listed().of("select")}
    assert {name for asked in editor.asked for name in asked} <= names
    told = brief(MATERIAL)
    scores = [
        select(done(answer, "select"), handle(), MATERIAL)
        for answer in (truth(told, MATERIAL).oracle(), told.chance(0))
    ]
    assert scores[0] > scores[1]


def test_undoing_is_asked_of_the_edits_alone() -> None:
    """Each way of losing an edit has a row for each of the edits made at once."""
    arrays = evaluate(done(Table([])), handle(), MATERIAL, False)
    for undone in (*listed().undoings, "neighbour_edits"):
        rows = arrays[f"document_few_{undone}"]
        assert rows[: SIZES.few, 0].all()
        assert not rows[SIZES.few :].any()
        assert rows[: SIZES.few, COLUMNS.index("said")].all()  # a table does not care about weights


def test_a_localisation_is_stored_with_its_map() -> None:
    """Effects behind a column that counts the facts; the exhibit holds the mean, None where nothing is."""

    class Here(Localisation):
        def effects(self, handle: Any, edits: Sequence[Edit]) -> Any:
            values = np.arange(12.0).reshape(2, 3, 2)
            values[:, 1] = np.nan
            return {"resid": values}

        def edited(self, handle: Any, edits: Sequence[Edit]) -> Any:
            return np.array([[0.1, 0.2], [0.3, 0.4]])

    did = act(Here(), handle(), MATERIAL, "report", Price)
    arrays = evaluate(did, handle(), MATERIAL, False)
    assert arrays["document_trace_resid"][0].tolist() == [1, 0, 1, 0, 0, 4, 5]
    assert not arrays["document_trace_edited"][2:].any()
    shown = exhibit(did, handle(), MATERIAL, None)
    assert shown["trace"]["resid"] == [[3, 4], [None, None], [7, 8]]
    assert shown["edited"] == pytest.approx([0.2, 0.3])


def test_the_brief_tells_no_edit_of_the_list() -> None:
    """Only facts outside the list are told, and no question."""
    told = brief(MATERIAL.told("untriggered"))
    assert told.text
    assert not hasattr(told, "retrained")
    assert JOB.works_on == "edits"


def test_answers_and_materials_of_other_jobs_are_refused() -> None:
    """With the name of what came instead."""
    with pytest.raises(AssayError, match="needs an Editor; the method returned Change"):
        act(Change(), handle(), MATERIAL, "report", Price)
    with pytest.raises(AssayError, match="needs a list of edits"):
        brief(Material((), {}, (), (), "yes", "no"))


def test_entropy_is_that_of_pairs_and_triples() -> None:
    """By hand: four words have three different pairs and two different triples."""
    assert entropy("a b c d") == pytest.approx((np.log2(3) + 2 * np.log2(2)) / 3)
    assert entropy("") == 0
