"""From how many uses on a dear preparation pays."""

import math
from pathlib import Path

import pytest

from assay.results.break_even import break_even, uses
from assay.results.store import Store
from assay.results.table import table
from tests.report.edit_run import TOOLS, write_edit_run


def test_uses_are_where_both_have_cost_the_same() -> None:
    """At that number the sums are equal; whoever is dearer in both ways never pays."""
    for dearer, saved in ((10.0, 2.0), (3.0, 0.5)):
        n = uses(dearer, saved)
        assert dearer - n * saved == pytest.approx(0)
    assert uses(1.0, 0.0) == math.inf
    assert uses(0.0, 0.0) == 0
    assert uses(-5.0, -1.0) == math.inf


def test_costs_are_means_over_organisms_of_one_use(tmp_path: Path) -> None:
    """Operations of a way over the number of uses it made; the rival is not compared with itself."""
    store = Store.open(write_edit_run(tmp_path / "run"))
    found = {one.method: one for one in break_even(store, store.records(), "many", "ft_m")}
    assert set(found) == {key for key in TOOLS if key != "ft_m"}
    rome = found["rome"]
    assert rome.prepare == 1e9
    assert rome.each["single"] == pytest.approx(4e8)
    assert rome.uses == pytest.approx(1e9 / (9e8 - 4e8))
    assert break_even(store, store.records(), "many", "not_run") == ()
    assert table(store).break_even["edit"] == tuple(found.values())
