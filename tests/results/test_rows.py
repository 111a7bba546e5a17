"""The table's exports."""

import csv
import importlib
import json
import math
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from assay.core.errors import BadOption
from assay.results.rows import Row, Table

ROW = Row(
    job="monitor",
    organism="all",
    method="probe",
    kind="method",
    access="white",
    metric="auroc",
    estimate=0.9,
    low=0.8,
    high=0.95,
    n=300,
    clusters=3,
    unit="probability",
    better="higher",
    cost={"prepare": {"wall_s": 1.5, "queries": 2.0}, "use": {"wall_s": 0.5}},
    status="ok",
    title="A probe, with a comma",
    note="",
    records=("a", "b"),
)
DENIED = replace(
    ROW, method="other", estimate=math.nan, low=math.nan, high=math.nan, status="denied", cost={}
)
TABLE = Table((ROW, DENIED), (), ())


def test_json_holds_no_nan() -> None:
    """A missing number should be null, so that any JSON reader can read the rows."""
    rows = TABLE.to_json()
    text = json.dumps(rows, allow_nan=False)
    assert json.loads(text) == rows
    assert rows[0]["estimate"] == 0.9
    assert rows[0]["cost"]["prepare"]["wall_s"] == 1.5
    assert rows[0]["records"] == ["a", "b"]
    assert rows[1]["estimate"] is None


def test_csv_has_one_column_for_each_price(tmp_path: Path) -> None:
    """Prices should be flat columns, and missing numbers empty."""
    TABLE.to_csv(tmp_path / "rows.csv")
    with (tmp_path / "rows.csv").open(newline="", encoding="utf-8") as file:
        first, second = csv.DictReader(file)
    assert (first["title"], first["prepare_wall_s"], first["use_wall_s"]) == (ROW.title, "1.5", "0.5")
    assert first["records"] == "a b"
    assert (second["estimate"], second["prepare_queries"], second["status"]) == ("", "", "denied")


def test_empty_table_exports(tmp_path: Path) -> None:
    """A run without rows should still export."""
    empty = Table((), (), ())
    empty.to_csv(tmp_path / "rows.csv")
    assert empty.to_json() == []


def test_frame_and_parquet_hold_the_same(tmp_path: Path) -> None:
    """The frame should have a column for each field, and Parquet should read back to it."""
    pandas = pytest.importorskip("pandas")
    frame = TABLE.frame()
    assert frame.shape[0] == 2
    assert frame.loc[0, "estimate"] == 0.9
    assert math.isnan(frame.loc[1, "estimate"])
    TABLE.to_parquet(tmp_path / "rows.parquet")
    pandas.testing.assert_frame_equal(pandas.read_parquet(tmp_path / "rows.parquet"), frame)


def test_missing_extra_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pandas or pyarrow the error should name the extra to install."""

    def absent(name: str) -> ModuleType:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(BadOption, match=r"pandas.*assay\[frame\]"):
        TABLE.frame()
    with pytest.raises(BadOption, match=r"pyarrow.*assay\[frame\]"):
        TABLE.to_parquet(tmp_path / "rows.parquet")
