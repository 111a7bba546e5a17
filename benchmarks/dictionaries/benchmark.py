"""The benchmark of training dictionaries: participants, tasks and targets."""

from pathlib import Path

from assay.core.errors import BadOption
from benchmarks.dictionaries.tasks import TASKS
from benchmarks.plan import Benchmark, Target, participant

_HERE = Path(__file__).parent

PARTICIPANTS = (
    participant("dictionaries", "assay", "ours", "assay"),
    participant("dictionaries", "plain", "floor", "torch"),
    participant("dictionaries", "sae_lens", "peer", "sae-lens"),
    participant("dictionaries", "dictionary_learning", "peer", "dictionary-learning"),
)
TARGETS = tuple(
    target
    for task in TASKS
    for target in (
        Target(
            task.name,
            "best peer",
            "time",
            4.5,
            at_most=False,
            why="the encoder's product, which nobody can leave out, is two fifths of our step",
        ),
        Target(task.name, "best peer", "memory", 1.0, at_most=True),
    )
)


def benchmark(sample: str | None = None) -> Benchmark:
    """All of it; raises BadOption for a sample, which nothing here has."""
    if sample is not None:
        raise BadOption("training has no sample; leave out --sample")
    return Benchmark("dictionaries", PARTICIPANTS, TASKS, TARGETS, _HERE)
