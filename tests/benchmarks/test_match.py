"""A match: nobody is timed before results agree, and nobody is left out silently."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from safetensors.torch import save_file

from benchmarks.match import Entry, Match, compared, disagreement
from benchmarks.plan import Kind, Participant, Task
from benchmarks.process import Failed, Process, Unable
from benchmarks.rows import Row

TASK = Task("task", "case", "something", lambda folder: folder, "as it is")
TRUTH = torch.tensor([1.0, 2.0, 4.0])


class Scripted:
    """Answers as a process would, from a script."""

    def __init__(self, result: torch.Tensor, seconds: float, error: Exception | None = None) -> None:
        self.versions: Mapping[str, str] = {"package": "1.0"}
        self.asked: list[str] = []
        self._result, self._seconds, self._error = result, seconds, error

    def ask(self, do: str, **what: Any) -> Any:
        """One answer."""
        self.asked.append(do)
        if self._error and do == ("prepare" if isinstance(self._error, Unable) else "time"):
            raise self._error
        if do == "result":
            save_file({"x": self._result}, what["file"])
        return {"prepare": [""], "time": self._seconds, "peak": 8.0 * self._seconds}.get(do)


def who(name: str, kind: Kind) -> Participant:
    """A participant of a kind."""
    return Participant(name, kind, "", "package")


def play(tmp_path: Path, absent: list[Entry] | None = None, **others: Scripted) -> dict[str, Row]:
    """Three rounds of Assay and the floor with some others; rows by the kind or the first letters given."""
    ours = others.pop("ours", Scripted(TRUTH, 2.0))
    there = {who("ours", "ours"): ours, who("floor", "floor"): Scripted(TRUTH, 1.0)}
    there |= {who(name, "peer"): script for name, script in others.items()}
    match = Match(TASK, cast(Mapping[Participant, Process], there), {}, 0.0)
    names = ["floor", *others, *(entry.who.name for entry in absent or [])]
    return dict(zip(names, match.rows(tmp_path, 3, absent or [], lambda _: None), strict=True))


def test_ratios_and_memory_stand_beside_ours(tmp_path: Path) -> None:
    """Their time over ours, both peaks, and the number of rounds."""
    row = play(tmp_path, peer=Scripted(TRUTH + 1e-6, 6.0))["peer"]
    assert (row.ratio, row.ours_s, row.peer_s, row.n) == (3.0, 2.0, 6.0, 3)
    assert (row.ours_peak_mb, row.peer_peak_mb, row.status) == (16.0, 48.0, "measured")


def test_who_disagrees_is_not_timed(tmp_path: Path) -> None:
    """Its row says so, it has no ratio, and nobody asked it for a time."""
    wrong = Scripted(TRUTH + 0.1, 6.0)
    rows = play(tmp_path, wrong=wrong, right=Scripted(TRUTH, 4.0))
    assert (rows["wrong"].status, rows["wrong"].ratio, rows["right"].ratio) == ("disagrees", None, 2.0)
    assert "time" not in wrong.asked


def test_nobody_is_timed_where_we_disagree(tmp_path: Path) -> None:
    """If Assay's own result is off, every row says so."""
    peer = Scripted(TRUTH, 4.0)
    rows = play(tmp_path, ours=Scripted(TRUTH + 0.1, 2.0), peer=peer)
    assert all(row.status == "disagrees" and row.ratio is None for row in rows.values())
    assert "time" not in peer.asked


def test_who_cannot_breaks_or_is_missing_has_a_row(tmp_path: Path) -> None:
    """Each with its reason; the others are measured all the same."""
    absent = [Entry(who("absent", "peer"), "absent 1.0", status="missing", note="no index")]
    unable, broken = Unable("no gradients"), Failed("out of memory")
    rows = play(
        tmp_path, absent, unable=Scripted(TRUTH, 1.0, unable), broken=Scripted(TRUTH, 1.0, broken),
        fine=Scripted(TRUTH, 1.0),
    )  # fmt: skip
    status = {name: row.status for name, row in rows.items()}
    expected = {
        "unable": "unable",
        "broken": "failed",
        "absent": "missing",
        "fine": "measured",
        "floor": "measured",
    }
    assert status == expected
    assert (rows["unable"].note, rows["absent"].note) == ("no gradients", "no index")


@pytest.mark.parametrize("wrong", [{}, {"y": TRUTH}, {"x": TRUTH[:2]}, {"x": TRUTH * float("nan")}])
def test_something_else_is_a_disagreement(wrong: dict[str, torch.Tensor]) -> None:
    """Nothing, another name, another shape or no number never pass for agreement."""
    assert disagreement(wrong, {"x": TRUTH}) == float("inf")
    assert compared(Entry(who("p", "peer"), "p"), wrong, {"x": TRUTH}, 1e-3).status == "disagrees"


def test_only_a_plain_pass_may_have_nothing_to_show() -> None:
    """It sets the time to compare with; a peer with nothing is refused."""
    plain, peer = (compared(Entry(who("p", kind), "p"), {}, {"x": TRUTH}, 1e-3) for kind in ("plain", "peer"))
    assert (plain.status, peer.status) == ("measured", "disagrees")
