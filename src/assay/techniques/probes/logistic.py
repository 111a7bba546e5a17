"""Logistic regression with an L2 penalty, solved to the optimum whatever the shape of the data."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from assay.techniques.probes.linear import LinearProbe, two_classes

EXACT_UP_TO = 320
"""Widest problem (coefficients) whose exact Hessian is formed at every step; measured on two CPU cores."""
MEMORY = 10
Vector = Float[np.ndarray, " k"]


class _Problem(NamedTuple):
    """``minimise sum_i log(1 + exp(-y_i (v . q_i + b))) + l2/2 |v|^2`` over theta = (v, b)."""

    q: Float[np.ndarray, "n r"]
    """Centred features."""
    y: Float[np.ndarray, " n"]
    """+1 or -1."""
    l2: float

    def value(self, theta: Vector) -> float:
        """The objective."""
        margins = self.y * (self.q @ theta[:-1] + theta[-1])
        return float(np.logaddexp(0.0, -margins).sum() + self.l2 / 2 * theta[:-1] @ theta[:-1])

    def gradient(self, theta: Vector) -> tuple[Vector, Float[np.ndarray, " n"]]:
        """The gradient, and each row's probability of its wrong class."""
        margins = self.y * (self.q @ theta[:-1] + theta[-1])
        wrong = 0.5 * (1.0 - np.tanh(margins / 2))
        pull = self.y * wrong
        return np.append(self.l2 * theta[:-1] - self.q.T @ pull, -pull.sum()), wrong


def logistic(
    x: Float[np.ndarray, "n d"], labels: Bool[np.ndarray, " n"], l2: float = 1.0, standardise: bool = True
) -> LinearProbe:
    """Fit the direction and offset that make the labels most likely, less a penalty on the direction's
    length.

    ``minimise sum_i log(1 + exp(-y_i (w . z_i + b))) + l2/2 |w|^2`` with z the features in units of their own
    standard deviation (``standardise``) and b free of penalty; the probe returned reads raw features. The
    optimum is unique for l2 > 0, also where the classes can be separated perfectly.

    Cost: for n < d the problem is first rotated into the n dimensions that the rows span (``n^2 d``). Up to
    ``EXACT_UP_TO`` coefficients Newton's method; beyond, L-BFGS preconditioned by the bound ``X'X/4 + l2``
    on the Hessian (Boehning 1992), which costs one product ``d^2 n`` and then ``n d`` a step.

    >>> x = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> probe = logistic(x, np.array([False, False, True, True]))
    >>> probe.scores(np.array([[1.5]])).round(6) + 0.0
    array([0.])
    """
    alarming, harmless = two_classes(x, labels)
    rows = np.concatenate([alarming, harmless])
    y = np.concatenate([np.ones(len(alarming)), -np.ones(len(harmless))])
    mean = rows.mean(axis=0)
    spread = rows.std(axis=0) if standardise else np.ones(rows.shape[1])
    # A feature that does not vary in these rows tells nothing; scaled by rounding error it would explode.
    spread = np.where(spread > 1e-10 * (np.abs(mean) + 1e-30), spread, np.inf)
    z = (rows - mean) / spread
    if len(z) < z.shape[1]:
        q, combine = _span(z)
        theta = _minimise(_Problem(q, y, l2))
        w = (z.T @ (combine @ theta[:-1])) / spread
    else:
        theta = _minimise(_Problem(z, y, l2))
        w = theta[:-1] / spread
    return LinearProbe(w, float(theta[-1] - w @ mean))


def logistic_objective(
    x: Float[np.ndarray, "n d"], labels: Bool[np.ndarray, " n"], probe: LinearProbe, l2: float
) -> float:
    """What ``logistic`` minimises with standardised features, at any probe: log loss plus penalty.

    >>> x, labels = np.array([[0.0], [2.0]]), np.array([False, True])
    >>> round(logistic_objective(x, labels, LinearProbe(np.zeros(1), 0.0), l2=1.0), 4)
    1.3863
    """
    margins = np.where(labels, 1.0, -1.0) * probe.scores(x)
    weights = probe.direction * np.asarray(x, dtype=np.float64).std(axis=0)
    return float(np.logaddexp(0.0, -margins).sum() + l2 / 2 * weights @ weights)


def _span(z: Float[np.ndarray, "n d"]) -> tuple[Float[np.ndarray, "n r"], Float[np.ndarray, "n r"]]:
    """Rotate rows into the space that they span: coordinates, and each axis as a combination of rows."""
    values, vectors = np.linalg.eigh(z @ z.T)
    keep = values > 1e-12 * max(float(values[-1]), 1e-300)
    size = np.sqrt(values[keep])
    return vectors[:, keep] * size, vectors[:, keep] / size


def _minimise(problem: _Problem) -> Vector:
    theta = np.zeros(problem.q.shape[1] + 1)
    # Start from the class balance, the optimum where no feature helps.
    share = float((problem.y > 0).mean())
    theta[-1] = np.log(share / (1 - share))
    if len(theta) - 1 > EXACT_UP_TO:
        theta = _quasi_newton(problem, theta)
    return _newton(problem, theta)


def _newton(problem: _Problem, theta: Vector, tolerance: float = 1e-12) -> Vector:
    """Damped Newton steps until the predicted decrease is below ``tolerance`` of the objective."""
    q = problem.q
    value = problem.value(theta)
    for _ in range(200):
        gradient, wrong = problem.gradient(theta)
        # Far beyond convergence of the cheap solver the exact Hessian would only be formed to be thrown away.
        if np.abs(gradient).max() <= 1e-9 * (1.0 + value):
            break
        root = np.sqrt(wrong * (1.0 - wrong))[:, None]
        weighted = np.concatenate([q, np.ones((len(q), 1))], axis=1) * root
        hessian = weighted.T @ weighted
        hessian[np.diag_indices(len(theta) - 1)] += problem.l2
        hessian[-1, -1] += 1e-12
        step = np.linalg.solve(hessian, -gradient)
        if -gradient @ step <= tolerance * (1.0 + value):
            break
        moved, value = _descend(problem, theta, value, gradient, step)
        if moved is theta:
            break
        theta = moved
    return theta


def _quasi_newton(problem: _Problem, theta: Vector) -> Vector:
    """L-BFGS whose first guess of the inverse Hessian is the inverse of its constant upper bound."""
    n, r = problem.q.shape
    bound = problem.q.T @ problem.q / 4
    bound[np.diag_indices(r)] += problem.l2
    inverse = np.linalg.inv(bound)

    def precondition(vector: Vector) -> Vector:
        return np.append(inverse @ vector[:-1], vector[-1] * 4 / n)

    value, (gradient, _) = problem.value(theta), problem.gradient(theta)
    past: list[tuple[Vector, Vector]] = []
    for _ in range(100):
        if np.abs(gradient).max() <= 1e-9 * (1.0 + value):
            break
        before, old = theta, gradient
        step = -_two_loops(gradient, past, precondition)
        theta, value = _descend(problem, theta, value, gradient, step)
        if theta is before:
            break
        gradient, _ = problem.gradient(theta)
        change = (theta - before, gradient - old)
        if change[0] @ change[1] > 1e-300:
            past = [*past, change][-MEMORY:]
    return theta


def _two_loops(
    gradient: Vector, past: list[tuple[Vector, Vector]], precondition: Callable[[Vector], Vector]
) -> Vector:
    """The gradient times the inverse Hessian as past steps show it (two-loop recursion, Nocedal 1980)."""
    left, shares = gradient.copy(), list[float]()
    for move, turn in reversed(past):
        shares.append(float(move @ left) / float(move @ turn))
        left = left - shares[-1] * turn
    right = precondition(left)
    for (move, turn), share in zip(past, reversed(shares), strict=True):
        right = right + (share - float(turn @ right) / float(move @ turn)) * move
    return right


def _descend(
    problem: _Problem, theta: Vector, value: float, gradient: Vector, step: Vector
) -> tuple[Vector, float]:
    """Halve the step until it decreases the objective by a fair part of what the slope promises."""
    slope, size = float(gradient @ step), 1.0
    for _ in range(60):
        new = problem.value(theta + size * step)
        if new <= value + 1e-4 * size * slope:
            return theta + size * step, new
        size /= 2
    return theta, value
