"""What everybody does, on which inputs."""

from functools import partial
from pathlib import Path

from benchmarks.dictionaries.inputs import write
from benchmarks.plan import Task

WIDTH, LATENTS, K, BATCH = 768, 8 * 768, 32, 2048
_CONDITIONS = (
    f"{BATCH} rows a step, {WIDTH} dimensions, {LATENTS} latents, k {K}; same rows, weights and rate"
)
_SAME = 0.01
"""Of the standard deviation of (explained, 0, 1), about a half: .005 of the variance explained."""


def rows(folder: Path) -> Path:
    """Eight batches, which come again; two steps are timed, and 96 go before results are compared."""
    return write(
        folder / "rows", width=WIDTH, latents=LATENTS, batches=8, k=K, batch=BATCH, rate=1e-3, timed_steps=2,
        compared_steps=96,
    )  # fmt: skip


TASKS = tuple(
    Task(
        name,
        name,
        does,
        partial(rows),
        _CONDITIONS,
        kinds=("ours", "floor", "peer"),
        tolerance=_SAME,
        count_flops=True,
    )
    for name, does in (
        ("train_topk", "two steps of training, the largest latents of each row"),
        ("train_batchtopk", "two steps of training, the largest latents of all rows"),
    )
)
