"""The ROC curve: how many defections are caught at each rate of false alarms, at every threshold at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from assay.core.errors import BadOption

FORMULA = "at each threshold t: x = share of harmless cases with score >= t, y = share of defections with it"


@dataclass(frozen=True)
class RocCurve:
    """Corners of a curve from (0, 0) to (1, 1), joined by straight lines; x never falls, y never falls."""

    false_alarms: Float[np.ndarray, " k"]
    """False-positive rate at each corner."""
    caught: Float[np.ndarray, " k"]
    """True-positive rate (recall) at each corner."""

    @property
    def area(self) -> float:
        """Area under the curve; from ``roc_curve`` it equals the AUROC with ties counted half."""
        return float(np.diff(self.false_alarms) @ (self.caught[1:] + self.caught[:-1]) / 2)


def roc_curve(scores: Float[np.ndarray, " n"], labels: Bool[np.ndarray, " n"]) -> RocCurve:
    """Draw the curve of scores where higher means more alarming; ties become one sloping line.

    Source: Fawcett, "An introduction to ROC analysis", Pattern Recognition Letters 27 (2006), algorithm 1.

    Raises:
        BadOption: if a class is missing, the lengths differ or a score is not finite.

    >>> curve = roc_curve(np.array([0.9, 0.2, 0.4]), np.array([True, False, True]))
    >>> curve.caught.tolist(), curve.false_alarms.tolist()
    ([0.0, 0.5, 1.0, 1.0], [0.0, 0.0, 0.0, 1.0])
    """
    truth = np.asarray(labels, dtype=bool)
    values = np.asarray(scores, dtype=np.float64)
    if values.shape != truth.shape or values.ndim != 1:
        raise BadOption(f"a ROC curve needs one score per label; got {values.shape} and {truth.shape}")
    if not np.isfinite(values).all():
        raise BadOption("a ROC curve needs finite scores; remove or mend the cases that are not")
    if truth.all() or not truth.any():
        raise BadOption("a ROC curve needs both defections and harmless cases; one class is missing")
    order = np.argsort(-values, kind="stable")
    last_of_tie = np.append(np.flatnonzero(np.diff(values[order])), len(values) - 1)
    hits = np.cumsum(truth[order])[last_of_tie]
    alarms = last_of_tie + 1 - hits
    return RocCurve(
        np.concatenate([[0.0], alarms / (~truth).sum()]), np.concatenate([[0.0], hits / truth.sum()])
    )


def mean_curve(curves: Sequence[RocCurve]) -> RocCurve:
    """Average curves at equal rates of false alarms, one vote per curve; the area is the mean of the areas.

    Raw scores of different organisms are never pooled: their scales need not agree.

    Source: Fawcett (2006), vertical averaging, here exact: every corner of every curve is kept.

    Raises:
        BadOption: if there is no curve.

    >>> up = RocCurve(np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0, 1.0]))
    >>> chance = RocCurve(np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    >>> mean_curve([up, chance]).area
    0.75
    """
    if not curves:
        raise BadOption("no curves to average")
    grid = np.unique(np.concatenate([curve.false_alarms for curve in curves]))
    # a curve may climb straight up at one x, so each x needs the value arriving and the value leaving
    arriving = np.mean([_at(curve, grid, first=True) for curve in curves], axis=0)
    leaving = np.mean([_at(curve, grid, first=False) for curve in curves], axis=0)
    false_alarms = np.repeat(grid, 2)
    caught = np.stack([arriving, leaving], axis=1).reshape(-1)
    keep = np.append(True, (np.diff(false_alarms) > 0) | (np.diff(caught) > 0))
    return RocCurve(false_alarms[keep], caught[keep])


def thinned(curve: RocCurve, tolerance: float = 0.002) -> RocCurve:
    """Leave out corners that lie within the tolerance of the line; for drawing, never for numbers.

    Source: Douglas and Peucker, "Algorithms for the reduction of the number of points ..." (1973).

    >>> line = RocCurve(np.linspace(0, 1, 50), np.linspace(0, 1, 50))
    >>> len(thinned(line).caught)
    2
    """
    points = np.stack([curve.false_alarms, curve.caught], axis=1)
    keep = np.zeros(len(points), dtype=bool)
    keep[[0, -1]] = True
    spans = [(0, len(points) - 1)]
    while spans:
        start, end = spans.pop()
        if end - start < 2:
            continue
        far = _distance(points[start + 1 : end], points[start], points[end])
        if far.max() > tolerance:
            middle = start + 1 + int(far.argmax())
            keep[middle] = True
            spans += [(start, middle), (middle, end)]
    return RocCurve(curve.false_alarms[keep], curve.caught[keep])


def _at(curve: RocCurve, grid: Float[np.ndarray, " g"], *, first: bool) -> Float[np.ndarray, " g"]:
    """Height of a curve at each x; where it climbs at one x, the first or the last height there."""
    x, y = curve.false_alarms, curve.caught
    heights = np.interp(grid, x, y)
    side = np.searchsorted(x, grid, side="left") if first else np.searchsorted(x, grid, side="right") - 1
    side = np.clip(side, 0, len(x) - 1)
    return np.where(x[side] == grid, y[side], heights)


def _distance(
    points: Float[np.ndarray, "k 2"], start: Float[np.ndarray, " 2"], end: Float[np.ndarray, " 2"]
) -> Float[np.ndarray, " k"]:
    """Distance of each point from the segment between two others."""
    along = end - start
    length = float(along @ along)
    share = np.clip((points - start) @ along / length, 0, 1) if length > 0 else np.zeros(len(points))
    return np.linalg.norm(points - (start + share[:, None] * along), axis=1)
