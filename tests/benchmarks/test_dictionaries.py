"""Training side by side: whoever begins with the same weights and rows ends with the same dictionary."""

from pathlib import Path
from typing import Any

import pytest
import torch

from assay.core.errors import BadOption
from benchmarks.dictionaries.benchmark import PARTICIPANTS, benchmark
from benchmarks.dictionaries.inputs import Inputs, write
from benchmarks.dictionaries.participants import assay, plain
from benchmarks.match import disagreement
from benchmarks.work import Compared

SIZES: dict[str, Any] = {
    "width": 32, "latents": 128, "batches": 4, "batch": 256, "rate": 1e-3, "timed_steps": 2,
    "compared_steps": 40,
}  # fmt: skip
TASKS = ("train_topk", "train_batchtopk")


def explained(module: Any, task: str, folder: Path) -> Compared:
    """What a participant's own training comes to."""
    (work,) = getattr(module, task)(folder).values()
    with torch.no_grad():  # as the worker has it
        return work.compared(work.run())


@pytest.mark.parametrize("task", TASKS)
def test_ours_explains_what_the_plain_loop_does(task: str, tmp_path: Path) -> None:
    """As closely as the benchmark asks, batches in another order, and more than what both began with."""
    folder = write(tmp_path / "rows", k=4, **SIZES)
    ours, theirs = explained(assay, task, folder), explained(plain, task, folder)
    assert disagreement(ours, theirs) < benchmark().tasks[0].tolerance
    begun = explained(plain, task, write(tmp_path / "begun", k=4, **{**SIZES, "compared_steps": 0}))
    assert float(ours["variance explained"][0]) > float(begun["variance explained"][0]) + 0.02


def test_another_dictionary_would_show(tmp_path: Path) -> None:
    """One latent fewer is farther off than the benchmark allows."""
    four, three = (write(tmp_path / str(k), k=k, **SIZES) for k in (4, 3))
    off = disagreement(explained(assay, "train_topk", three), explained(plain, "train_topk", four))
    assert off > benchmark().tasks[0].tolerance


def test_rows_come_again_after_the_last(tmp_path: Path) -> None:
    """Batches in turn, none of them held out."""
    inputs = Inputs.read(write(tmp_path / "rows", k=4, **SIZES))
    assert torch.equal(inputs.batch(4), inputs.batch(0))
    assert len(inputs["x"]) == 4 * 256
    assert float(inputs["x"].pow(2).sum(1).mean()) == pytest.approx(1, abs=0.05)


def test_peers_have_locks_and_nobody_a_sample() -> None:
    """Every peer's environment can be made; an option that means nothing is refused."""
    locks = [who.lock for who in PARTICIPANTS if who.kind == "peer"]
    assert len(locks) == 2
    assert all(lock and lock.is_file() for lock in locks)
    with pytest.raises(BadOption, match="leave out --sample"):
        benchmark("3:4")
