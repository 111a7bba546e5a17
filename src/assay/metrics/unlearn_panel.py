"""The metrics of the job ``unlearn``: what is left of the book after every recovery, and what else has gone.

Every number is a mean over questions of credit or of right replies, or made of such means; the bootstrap
redraws facts with all their questions, and unrelated texts with the fact of the same row.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from assay.core.exam import FORMS, ROLES
from assay.metrics.forgetting import (
    OTHERS,
    RECOVERIES,
    SAID,
    area,
    kept,
    left,
    loss,
    mean,
    on_exam,
    recovered,
    relearnt,
    relearnt_at,
    robust,
    role,
    still_preferred,
    still_replied,
)
from assay.metrics.spec import CaseTable, Course, MetricSpec, Panel, Question, Sample

EXAMS = 8
"""Most exams that the grid shows."""
POINTS = (0, 5, 10, 20, 30, 40, 80)
"""Steps of relearning that are told apart."""


def _counted(array: str, *roles: str) -> Callable[[CaseTable], Sample]:
    """Questions of some roles, and the facts that they ask for."""

    def sample(table: CaseTable) -> Sample:
        held = role(table, *(roles or ROLES))
        asked = table.arrays[array][:, 0] * (held > 0)
        forms = len(FORMS) if array.endswith(FORMS) else 1
        return Sample(round(float(asked.sum())) * forms, int((asked > 0).sum()))

    return sample


def _on(number: int, array: str) -> Callable[[CaseTable], Sample]:
    def sample(table: CaseTable) -> Sample:
        exams = table.arrays["document_subjects"]
        held = exams[:, number] if number < exams.shape[1] else np.zeros(len(exams))
        asked = table.arrays[array][:, 0] * held
        return Sample(round(float(asked.sum())) * len(FORMS), int((asked > 0).sum()))

    return sample


_ROLES = ("document_roles",)
_UNTOUCHED = (*_ROLES, *(f"document_untouched_none_{form}" for form in FORMS))
_CREDIT = "mean credit for preferring the right option, level options sharing it"


def _marks(way: str) -> tuple[str, ...]:
    return (*_ROLES, *(f"document_{way}_{form}" for form in FORMS))


def _summary() -> tuple[MetricSpec, ...]:
    """What the first table shows."""
    plain = _marks("none") + _UNTOUCHED
    own, others = (_counted("document_none_cloze", *roles) for roles in (("self",), OTHERS))
    return (
        MetricSpec(
            "robust", "Robust unlearning",
            "harmonic mean of kept and 1 - left / (credit of the untouched model - that of retrained models)",
            "share", "higher", plain, robust, own,
        ),
        MetricSpec(
            "left", "Left of the book",
            "largest over recoveries, none among them, of credit on the book's exam less that of models that "
            "never read it, after the same recovery at its own worst try",
            "credit", "lower", plain, left, own, (-1.0, 1.0),
        ),
        MetricSpec(
            "kept", "Kept of the rest",
            "the smaller of two shares of what the untouched model shows on all other exams: right replies, "
            "and credit above chance",
            "share", "higher", plain, partial(kept, OTHERS), others,
        ),
        MetricSpec(
            "none_self", "Book, no recovery", f"{_CREDIT}; the book's exam", "credit", "lower",
            _marks("none"), lambda t, w: mean(t, w, "none", role(t, "self")), own,
        ),
        MetricSpec(
            "relearnt", "Back by relearning",
            "credit on the book's exam after relearning its other half, as a share of the untouched model's",
            "share", "lower", _marks("relearn") + _UNTOUCHED, relearnt, own, (0.0, 2.0),
        ),
        MetricSpec(
            "kept_neighbour", "Kept of neighbours",
            "the same as kept, on exams of subjects that touch the book", "share", "higher", plain,
            partial(kept, ("neighbour",)), _counted("document_none_cloze", "neighbour"),
        ),
        MetricSpec(
            "kept_rest", "Kept of other subjects", "the same as kept, on exams of all other subjects",
            "share", "higher", plain, partial(kept, ("rest",)), _counted("document_none_cloze", "rest"),
        ),
    )  # fmt: skip


def _beside() -> tuple[MetricSpec, ...]:
    """What stands behind the first table."""
    plain = _marks("none") + _UNTOUCHED
    own, others = (_counted("document_none_cloze", *roles) for roles in (("self",), OTHERS))
    return (
        MetricSpec(
            "none_said", "Book, right replies", "share of the book's questions whose greedy reply is right",
            "share", "lower", _marks("none"), lambda t, w: mean(t, w, "none", role(t, "self"), SAID), own,
        ),
        MetricSpec(
            "kept_said", "Kept, right replies",
            "right replies / right replies of the untouched model, on all other exams",
            "share", "higher", plain, partial(still_replied, OTHERS), others,
        ),
        MetricSpec(
            "kept_preferred", "Kept, among the options",
            "(credit - chance) / (credit of the untouched model - chance) on all other exams",
            "share", "higher", plain, partial(still_preferred, OTHERS), others,
        ),
        MetricSpec(
            "loss", "Damage", "loss of unrelated texts less that before, in nats a token", "nats", "lower",
            ("document_damage",), loss, _counted("document_damage"), (-30.0, 30.0),
        ),
        MetricSpec(
            "relearn_area", "Relearning curve",
            "mean over log2(1 + steps) of the credit while relearning, less that of retrained models",
            "credit", "lower", ("course_relearn", "course_oracle_relearn", "document_relearn_course",
            "document_oracle_relearn_course", *_ROLES), area, own, (-1.0, 1.0),
        ),
    )  # fmt: skip


def _by_form() -> tuple[MetricSpec, ...]:
    words = {"choice": "four options", "cloze": "sentence to complete", "generation": "free reply"}
    return tuple(
        MetricSpec(
            f"none_self_{form}", f"Book, {words[form]}", f"{_CREDIT}; the book's exam, {words[form]}",
            "credit", "lower", _marks("none"),
            lambda t, w, form=form: mean(t, w, "none", role(t, "self"), forms=(form,)),
            _counted("document_none_cloze", "self"),
        )
        for form in FORMS
    )  # fmt: skip


def _of(way: str, words: str) -> tuple[MetricSpec, ...]:
    """One recovery."""
    shown = f"after the recovery: {words}" if way != "none" else words
    own, twin = (_counted(f"document_{way}_cloze", name) for name in ("self", "twin"))
    found = (
        MetricSpec(
            f"{way}_recovered", f"Recovered: {words}",
            f"credit on the book's exam less that of models that never read it; {shown}", "credit", "lower",
            _marks(way), partial(recovered, way), own, (-1.0, 1.0),
        ),
        MetricSpec(
            f"{way}_twin", f"Never taught: {words}", f"{_CREDIT}, on what nobody was taught; {shown}",
            "credit", "lower", _marks(way), lambda t, w: mean(t, w, way, role(t, "twin")), twin,
        ),
        *(
            MetricSpec(
                f"grid_{way}_{number}", f"Exam {number}: {words}", f"{_CREDIT}; {shown}", "credit", "higher",
                (*_marks(way), "document_subjects"), partial(on_exam, way, number),
                _on(number, f"document_{way}_cloze"), drawn_only=True,
            )
            for number in range(EXAMS)
        ),
    )  # fmt: skip
    return found if way == "none" else (_self(way, words, shown), *found)


def _self(way: str, words: str, shown: str) -> MetricSpec:
    return MetricSpec(
        f"{way}_self", f"Book: {words}", f"{_CREDIT}; the book's exam, {shown}", "credit", "lower",
        _marks(way), lambda t, w: mean(t, w, way, role(t, "self")), _counted(f"document_{way}_cloze", "self"),
    )  # fmt: skip


def _relearning() -> tuple[MetricSpec, ...]:
    return tuple(
        MetricSpec(
            f"relearn_at_{step}", f"Relearning, {step} steps",
            f"{_CREDIT}; the book's exam after {step} steps of the worst relearning of its other half",
            "credit", "lower", ("document_relearn_course", "course_relearn", *_ROLES),
            partial(relearnt_at, step), _counted("document_relearn_course", "self"), drawn_only=True,
        )
        for step in POINTS
    )  # fmt: skip


_HIDING = ("grad_diff", "npo", "rmu")
TRIED = ("directional_ablation", *_HIDING)
"""The methods of the quick suite."""
PANEL = Panel(
    "unlearn",
    (
        *_summary(),
        *_beside(),
        *_by_form(),
        *(spec for way, words in RECOVERIES.items() for spec in _of(way, words)),
        *_relearning(),
    ),
    questions=(
        Question(
            key="beat_placebos",
            text="Do the methods forget better than the same work without the insight?",
            metric="robust",
            entries=TRIED,
            rivals=("weight_noise", "rmu_to_present"),
            yes="Yes: they beat the best placebo",
            no="No: a placebo does better",
        ),
        Question(
            key="beat_plain",
            text="Do they beat plain rivals: a prompt, a filter, refusal tuning, fine-tuning on the rest?",
            metric="robust",
            entries=TRIED,
            rivals=("refusal_prompt", "keyword_filter", "refusal_tuning", "fine_tuning_on_rest"),
            yes="Yes: they beat the best of them",
            no="No: the best plain rival does better",
        ),
        Question(
            key="hides",
            text="Does relearning other facts bring back most of what GradDiff, NPO and RMU hid?",
            metric="relearnt",
            entries=_HIDING,
            rivals=("retrained_without", "retrained_shuffled"),
            yes="No: after relearning they know less than a model that never read the book",
            no="Yes: after relearning they know more than a model that never read the book",
        ),
    ),
    courses=(
        Course(
            "relearning",
            "Credit on the book's exam while its other half is relearnt",
            "steps of relearning",
            tuple((float(step), f"relearn_at_{step}") for step in POINTS),
            heading="Relearning",
            intro="How fast one half of the book brings the other half back.",
        ),
    ),
    twin="",
    headline=("robust", "left", "kept", "none_self", "relearnt", "kept_neighbour", "kept_rest"),
)
