"""Answers to the yes/no questions of a job, each in one line with its interval."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from assay.metrics.spec import MetricSpec, Panel, Question
from assay.results.cells import Cell, Cells, Value
from assay.results.compare import compare
from assay.results.rows import Reply


def replies(panel: Panel, cells: Cells, organisms: Sequence[str]) -> list[Reply]:
    """Answer the questions of a panel over all organisms; one that nobody ran anything for is left out."""
    specs = {spec.key: spec for spec in panel.specs}
    found = [
        _reply(panel.job, question, specs[question.metric], cells, organisms) for question in panel.questions
    ]
    return [reply for reply in found if reply is not None]


def _reply(
    job: str, question: Question, spec: MetricSpec, cells: Cells, organisms: Sequence[str]
) -> Reply | None:
    means = {(question.key, o): mean for o in organisms if (mean := _mean(question, spec, cells, o))}
    compared = compare(job, spec, question.key, question.rivals, {**cells, **means}, organisms)
    if compared is None:
        return None
    said = {"wins": question.yes, "loses": question.no, "no winner": "Not to be told from this run"}
    estimates = [cell.values[spec.key].estimate for cell in means.values()]
    return Reply(
        job=job,
        question=question.text,
        answer=said[compared.verdict],
        metric=spec.key,
        entries=tuple(e for e in question.entries if any((e, o) in cells for o in organisms)),
        mean=float(np.mean(estimates)),
        comparison=replace(compared, method=question.key),
    )


def _mean(question: Question, spec: MetricSpec, cells: Cells, organism: str) -> Cell | None:
    """The mean of the entries on one organism, as a cell of its own."""
    own = [cells[e, organism] for e in question.entries if (e, organism) in cells]
    values = [cell.values[spec.key] for cell in own if spec.key in cell.values]
    if not values:
        return None
    middle = Value(
        float(np.mean([value.estimate for value in values])),
        np.mean([value.draws for value in values], axis=0),
        values[0].n,
        min(value.clusters for value in values),
    )
    return Cell(question.key, "method", organism, (), "ok", {spec.key: middle})
