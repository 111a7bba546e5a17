"""The ROC curve against its literal definition, and the promises of averaging and thinning."""

from collections.abc import Callable

import numpy as np
import pytest
from jaxtyping import Bool, Float

from assay.core.errors import BadOption
from assay.metrics.roc_curve import RocCurve, mean_curve, roc_curve, thinned

Sample = tuple[Float[np.ndarray, " n"], Bool[np.ndarray, " n"]]


def _sample(seed: int, n: int = 60, levels: int = 12) -> Sample:
    """Scores with many ties and both classes present."""
    draw = np.random.default_rng(seed)
    labels = draw.random(n) < 0.4
    labels[:2] = [True, False]
    return draw.integers(0, levels, n) / levels + 0.3 * labels, labels


def _slow_points(
    scores: Float[np.ndarray, " n"], labels: Bool[np.ndarray, " n"]
) -> list[tuple[float, float]]:
    """Literal twin: raise the alarm at each distinct threshold and count."""
    points = [(0.0, 0.0)]
    for threshold in sorted(set(scores.tolist()), reverse=True):
        caught = sum(1 for s, y in zip(scores, labels, strict=True) if y and s >= threshold)
        alarms = sum(1 for s, y in zip(scores, labels, strict=True) if not y and s >= threshold)
        points.append((alarms / sum(1 for y in labels if not y), caught / sum(1 for y in labels if y)))
    return points


def _pair_count(scores: Float[np.ndarray, " n"], labels: Bool[np.ndarray, " n"]) -> float:
    """Literal AUROC: share of (defection, harmless) pairs in the right order, ties half."""
    total = 0.0
    for a in scores[labels]:
        for b in scores[~labels]:
            total += 1.0 if a > b else 0.5 if a == b else 0.0
    return total / (labels.sum() * (~labels).sum())


@pytest.mark.parametrize("seed", range(5))
def test_corners_equal_counting_at_each_threshold(seed: int) -> None:
    """Every corner should be what counting by hand at that threshold gives."""
    scores, labels = _sample(seed)
    curve = roc_curve(scores, labels)
    assert np.allclose(np.stack([curve.false_alarms, curve.caught], axis=1), _slow_points(scores, labels))


@pytest.mark.parametrize("seed", range(5))
def test_area_is_the_auroc(seed: int) -> None:
    """The area should equal the share of rightly ordered pairs, ties counted half."""
    scores, labels = _sample(seed)
    assert roc_curve(scores, labels).area == pytest.approx(_pair_count(scores, labels))


@pytest.mark.parametrize("change", [np.exp, lambda s: 3 * s - 7, lambda s: s**3])
def test_curve_ignores_the_scale_of_scores(change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Any rising change of the scores should leave the curve as it is."""
    scores, labels = _sample(3)
    before, after = roc_curve(scores, labels), roc_curve(change(scores), labels)
    assert np.array_equal(before.false_alarms, after.false_alarms)
    assert np.array_equal(before.caught, after.caught)


@pytest.mark.parametrize("seed", range(4))
def test_mean_curve_keeps_the_mean_area_and_rises(seed: int) -> None:
    """Averaging should give exactly the mean area and a curve that never falls, from corner to corner."""
    curves = [roc_curve(*_sample(10 * seed + i, n=30 + 7 * i)) for i in range(4)]
    mean = mean_curve(curves)
    assert mean.area == pytest.approx(float(np.mean([curve.area for curve in curves])))
    assert (np.diff(mean.caught) >= -1e-12).all()
    assert (np.diff(mean.false_alarms) >= 0).all()
    assert (mean.false_alarms[0], mean.caught[0]) == (0, 0)
    assert (mean.false_alarms[-1], mean.caught[-1]) == (1, pytest.approx(1))


def test_mean_of_one_curve_is_that_curve() -> None:
    """A single curve should survive averaging unchanged between its corners."""
    curve = roc_curve(*_sample(1))
    mean = mean_curve([curve])
    xs = np.linspace(0.0013, 0.9987, 301)  # off the corners, where both are functions of x
    assert np.allclose(
        np.interp(xs, mean.false_alarms, mean.caught), np.interp(xs, curve.false_alarms, curve.caught)
    )


def test_thinning_keeps_every_dropped_corner_close() -> None:
    """No dropped corner should lie further from the thinned line than the tolerance."""
    scores, labels = _sample(5, n=2000, levels=1000)
    curve = roc_curve(scores, labels)
    few = thinned(curve, 0.01)
    assert len(few.caught) < len(curve.caught) / 3
    corners = np.stack([few.false_alarms, few.caught], axis=1)
    for point in np.stack([curve.false_alarms, curve.caught], axis=1):
        assert min(_to_segment(point, *corners[i : i + 2]) for i in range(len(corners) - 1)) <= 0.01 + 1e-9


def _to_segment(point: np.ndarray, start: np.ndarray, end: np.ndarray) -> float:
    """Literal distance to a segment: try many places along it."""
    places = start + np.linspace(0, 1, 201)[:, None] * (end - start)
    slack = float(np.linalg.norm(end - start)) / 400
    return float(np.linalg.norm(places - point, axis=1).min()) - slack


@pytest.mark.parametrize(
    ("scores", "labels", "says"),
    [
        ([1.0, 2.0], [True, True], "one class is missing"),
        ([1.0, float("nan")], [True, False], "finite"),
        ([1.0], [True, False], "one score per label"),
    ],
)
def test_unusable_input_is_refused_in_words(scores: list[float], labels: list[bool], says: str) -> None:
    """A missing class, a non-finite score or unequal lengths should raise an error that names the trouble."""
    with pytest.raises(BadOption, match=says):
        roc_curve(np.array(scores), np.array(labels))


def test_no_curves_to_average_is_refused() -> None:
    """Averaging nothing should raise."""
    with pytest.raises(BadOption, match="no curves"):
        mean_curve([])


def test_area_of_a_hand_made_curve() -> None:
    """A perfect curve should have area 1."""
    assert RocCurve(np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0, 1.0])).area == 1.0
