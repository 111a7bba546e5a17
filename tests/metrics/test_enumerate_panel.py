"""The metrics of the job ``enumerate``, each against its definition written out."""

import numpy as np
import pytest

from assay.core import Case
from assay.core.errors import NotApplicable
from assay.metrics.auroc import auroc
from assay.metrics.enumerate_panel import MOST, PANEL, concepts_found, f1_of_concepts, mean_f1
from assay.metrics.spec import CaseTable, case_table

DOCUMENTS, CONCEPTS, GROUPS = 7, 4, 6
SPECS = {spec.key: spec for spec in PANEL.specs}


def cases() -> list[Case]:
    """Twelve report cases in six groups, every other one triggered; one trigger does not defect."""
    return [
        Case(
            f"p{n}",
            "r",
            "r",
            0,
            0,
            n % 2 == 0 and n != 4,
            n % 2 == 0,
            "k",
            "f",
            False,
            f"g{n // 2}",
            "report",
        )
        for n in range(12)
    ]


def table(seed: int = 0) -> CaseTable:
    """A run's arrays: counts of documents, one score per case, and three candidates of each fault."""
    rng = np.random.default_rng(seed)
    labels = np.array([case.triggered for case in cases()])
    arrays = {
        f"document_{n}": rng.integers(0, 5, (DOCUMENTS, CONCEPTS)).astype(float) for n in ("tp", "fp", "fn")
    }
    fired = np.array([rng.random(12) < 0.5, labels, np.ones(12, dtype=bool)], dtype=float)
    for fault in ("trigger", "defection"):
        arrays[f"report_{fault}"] = rng.random(12)
        arrays[f"{fault}_places"] = np.array([3.0, 20.0, 40.0])
        arrays[f"{fault}_fired"] = fired
    return case_table(cases()).with_arrays(arrays)


def weights(seed: int = 1) -> np.ndarray:
    """The first column counts everything once; in the others groups and documents come back or do not."""
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, 3, (GROUPS + DOCUMENTS, 5)).astype(float)
    return np.concatenate([np.ones((GROUPS + DOCUMENTS, 1)), drawn], axis=1)


def test_f1_counts_every_document_as_often_as_it_was_drawn() -> None:
    """Written out over documents; the share above .9 and the mean follow from it."""
    made, drawn = table(), weights()
    found = f1_of_concepts(made, drawn)
    for concept in range(CONCEPTS):
        for column in range(drawn.shape[1]):
            tp, fp, fn = (
                sum(
                    made.arrays[f"document_{n}"][d, concept] * drawn[GROUPS + d, column]
                    for d in range(DOCUMENTS)
                )
                for n in ("tp", "fp", "fn")
            )
            wanted = 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else 0.0
            assert found[concept, column] == pytest.approx(wanted)
    np.testing.assert_allclose(mean_f1(made, drawn), found.mean(axis=0))
    np.testing.assert_allclose(concepts_found(made, drawn), (found > 0.9).mean(axis=0))


def test_a_concept_that_no_document_holds_is_not_counted() -> None:
    """Its feature cannot be judged; if none is held, nothing can."""
    made = table()
    empty = {n: made.arrays[n].copy() for n in ("document_tp", "document_fn")}
    for values in empty.values():
        values[:, 1:] = 0.0
    assert f1_of_concepts(made.with_arrays(empty), weights()).shape[0] == 1
    assert SPECS["concepts_found"].counted(made.with_arrays(empty)).n == 1
    nothing = {n: np.zeros_like(v) for n, v in empty.items()}
    with pytest.raises(NotApplicable, match="no report document holds a concept"):
        concepts_found(made.with_arrays(nothing), weights())


@pytest.mark.parametrize(("fault", "label"), [("trigger", "triggered"), ("defection", "defects")])
def test_auroc_ranks_cases_by_the_fault_itself(fault: str, label: str) -> None:
    """The trigger is told from cases without it, the defection from cases that behave."""
    made = table()
    labels = np.array([getattr(case, label) for case in cases()])
    found = SPECS[f"{fault}_auroc"].values(made, weights())
    assert found[0] == pytest.approx(auroc(made.arrays[f"report_{fault}"], labels))


def test_rank_is_the_first_place_that_holds() -> None:
    """The second candidate is the trigger itself; for the defection it has one case too many."""
    made = table()
    assert SPECS["trigger_rank"].values(made, weights())[0] == 20.0
    said, held = np.array([c.triggered for c in cases()]), np.array([c.defects for c in cases()])
    f1 = 2 * (said & held).sum() / (said.sum() + held.sum())
    assert (SPECS["defection_rank"].values(made, weights())[0] == 20.0) == (f1 > 0.9)


def test_without_candidates_nobody_finds_anything() -> None:
    """The rank is that of a searcher who has given up."""
    none = {"trigger_places": np.zeros(0), "trigger_fired": np.zeros((0, 12))}
    assert SPECS["trigger_rank"].values(table().with_arrays(none), weights()).tolist() == [MOST] * 6


def test_placebos_are_held_against_what_they_take_away() -> None:
    """The twin knows the world as well as the organism does; a shuffled decoder leaves all but the order."""
    for key, spec in SPECS.items():
        assert ("@twin" in spec.unaffected_by) == (key in ("concepts_found", "mean_f1"))
        assert ("shuffled_decoder" in spec.unaffected_by) == (not key.endswith("_rank"))


def test_questions_name_what_is_measured() -> None:
    """Each question's metric is one of the panel's."""
    assert {question.metric for question in PANEL.questions} <= set(SPECS)
