"""How much of a book is left: literal twins over single questions, and what the numbers promise."""

import numpy as np
import pytest

from assay.core.exam import FORMS, ROLES
from assay.metrics import forgetting
from assay.metrics.forgetting import RECOVERIES
from assay.metrics.spec import CaseTable, case_table
from assay.metrics.unlearn_panel import EXAMS, PANEL, POINTS

ITEMS = 24
ONE = np.ones((ITEMS, 1))
KEPT = ("neighbour", "rest")


def marks(draw: np.random.Generator, right: float) -> np.ndarray:
    """One question an item: asked, credit, said, chance."""
    credit = (draw.random(ITEMS) < right).astype(float)
    return np.stack([np.ones(ITEMS), credit, credit, np.full(ITEMS, 0.25)], axis=1)


def table_of(seed: int = 0, **right: float) -> CaseTable:
    """A run whose items are, in turn, of the book, a neighbour, another subject, and a control twin."""
    draw = np.random.default_rng(seed)
    roles = np.eye(len(ROLES))[np.arange(ITEMS) % len(ROLES)]
    arrays = {"document_roles": roles, "document_subjects": roles[:, :3]}
    for way, share in ({"none": 0.3, "untouched_none": 1.0} | right).items():
        arrays |= {f"document_{way}_{form}": marks(draw, share) for form in FORMS}
    return case_table([]).with_arrays(arrays)


def literal(table: CaseTable, way: str, role: str, column: int) -> float:
    """The mean of a column, question by question."""
    values = [
        table.arrays[f"document_{way}_{form}"][item, column]
        for item in range(ITEMS)
        for form in FORMS
        if table.arrays["document_roles"][item, ROLES.index(role)]
    ]
    return sum(values) / len(values)


def test_what_is_left_is_the_worst_of_all_recoveries() -> None:
    """Slow twin: each recovery's credit less that of retrained models, and the largest of these."""
    table = table_of(relearn=0.8, int4=0.4, oracle_none=0.2, oracle_relearn=0.3, oracle_int4=0.25)
    over = [
        literal(table, way, "self", 1) - literal(table, f"oracle_{way}", "self", 1)
        for way in ("none", "relearn", "int4")
    ]
    assert forgetting.left(table, ONE)[0] == pytest.approx(max(over))


def test_without_retrained_models_guessing_takes_their_place() -> None:
    """On a user's own model nobody has trained such."""
    table = table_of(relearn=0.8)
    assert forgetting.recovered("relearn", table, ONE)[0] == pytest.approx(
        literal(table, "relearn", "self", 1) - 0.25
    )


def test_a_model_that_forgot_and_kept_scores_one() -> None:
    """Nothing left above chance and all else as before; one that kept the book, or nothing, scores zero."""
    perfect, everything, nothing = table_of(), table_of(), table_of()
    own = perfect.arrays["document_roles"][:, 0] > 0
    for form in FORMS:
        name = f"document_none_{form}"
        for table, book, rest in ((perfect, 0.25, 1.0), (everything, 1.0, 1.0), (nothing, 0.25, 0.25)):
            table.arrays[name][:, 1:3] = np.where(own, book, rest)[:, None]
    assert forgetting.robust(perfect, ONE)[0] == pytest.approx(1.0)
    assert forgetting.robust(everything, ONE)[0] == 0.0
    assert forgetting.robust(nothing, ONE)[0] == 0.0


@pytest.mark.parametrize(("credit", "said", "kept"), [(0.25, 1.0, 0.0), (1.0, 0.0, 0.0), (0.85, 0.4, 0.4)])
def test_neither_guessing_nor_refusing_keeps_anything(credit: float, said: float, kept: float) -> None:
    """What is preferred counts above chance, what is replied as it is; the smaller share is what is kept."""
    table = table_of()
    for form in FORMS:
        table.arrays[f"document_none_{form}"][:, 1:3] = credit, said
    assert forgetting.still_preferred(KEPT, table, ONE)[0] == pytest.approx((credit - 0.25) / 0.75)
    assert forgetting.still_replied(KEPT, table, ONE)[0] == pytest.approx(said)
    assert forgetting.kept(KEPT, table, ONE)[0] == pytest.approx(kept)


def test_the_curve_is_read_at_its_steps() -> None:
    """Slow twin of the height of a curve: trapezoids over log2(1 + steps)."""
    table = table_of()
    at, rise = np.array([0.0, 5.0, 20.0]), [0.2, 0.6, 0.9]
    asked = np.full(ITEMS, 3.0)
    course = np.stack([asked, *(3 * np.full(ITEMS, value) for value in rise)], axis=1)
    flat = np.stack([asked, *(3 * np.full(ITEMS, 0.25) for _ in rise)], axis=1)
    table = table.with_arrays(
        {
            "document_relearn_course": course, "course_relearn": at,
            "document_oracle_relearn_course": flat, "course_oracle_relearn": at,
        }
    )  # fmt: skip
    x = [np.log2(1 + step) for step in at]
    height = sum((x[i + 1] - x[i]) * (rise[i] + rise[i + 1]) / 2 for i in range(2)) / (x[2] - x[0])
    assert forgetting.area(table, ONE)[0] == pytest.approx(height - 0.25)
    assert forgetting.relearnt_at(5, table, ONE)[0] == pytest.approx(0.6)
    assert np.isnan(forgetting.relearnt_at(10, table, ONE)[0])


def test_exams_that_are_not_there_have_no_number() -> None:
    """The grid has more columns than a run may have exams."""
    table = table_of()
    assert forgetting.on_exam("none", 0, table, ONE)[0] == pytest.approx(literal(table, "none", "self", 1))
    assert np.isnan(forgetting.on_exam("none", EXAMS - 1, table, ONE)[0])


def test_every_number_lies_within_its_bounds() -> None:
    """On made-up runs of all kinds, under any resample."""
    weights = np.random.default_rng(3).integers(0, 3, (ITEMS, 40)).astype(float)
    for seed in range(5):
        table = table_of(seed, relearn=0.9, oracle_none=0.2, oracle_relearn=0.2)
        for spec in PANEL.specs:
            if all(name in table.arrays for name in spec.needs):
                values = spec.values(table, weights)
                values = values[np.isfinite(values)]
                assert ((values >= spec.bounds[0] - 1e-9) & (values <= spec.bounds[1] + 1e-9)).all(), spec.key


def test_the_panel_names_each_metric_once() -> None:
    """Keys are unique, every recovery has a grid, and the course is made of metrics that are there."""
    keys = [spec.key for spec in PANEL.specs]
    assert len(keys) == len(set(keys))
    assert all(f"grid_{way}_{n}" in keys for way in RECOVERIES for n in range(EXAMS))
    assert all(key in keys for course in PANEL.courses for _, key in course.points)
    assert len(PANEL.courses[0].points) == len(POINTS)
    assert all(key in keys for key in PANEL.headline)
