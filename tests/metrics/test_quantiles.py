"""Quantiles against an independent implementation and against their own definition."""

import pytest

from assay.metrics.quantiles import beta_cdf, beta_quantile, student_quantile

stats = pytest.importorskip("scipy.stats")


@pytest.mark.parametrize("p", [0.001, 0.1, 0.5, 0.8, 0.975])
@pytest.mark.parametrize("df", [1, 2, 3, 8, 299, 5000])
def test_student_agrees_with_scipy(p: float, df: int) -> None:
    """The quantile should agree with SciPy's to ten digits from the heaviest tail to nearly normal."""
    assert student_quantile(p, df) == pytest.approx(stats.t.ppf(p, df), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("a", "b"), [(0.5, 0.5), (1, 1000), (990, 11), (0.5, 4.5), (30, 2)])
def test_beta_agrees_with_scipy(a: float, b: float) -> None:
    """Distribution and quantile should agree with SciPy's, and invert each other."""
    for p in (0.025, 0.4, 0.975):
        x = beta_quantile(p, a, b)
        assert x == pytest.approx(stats.beta.ppf(p, a, b), rel=1e-9)
        assert beta_cdf(x, a, b) == pytest.approx(p, rel=1e-9)


def test_beta_cdf_outside_its_range() -> None:
    """Below 0 nothing has happened yet, above 1 everything."""
    assert (beta_cdf(-1.0, 2, 3), beta_cdf(2.0, 2, 3)) == (0.0, 1.0)
