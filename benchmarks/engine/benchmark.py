"""The engine's benchmark: participants, tasks and targets."""

from dataclasses import replace
from pathlib import Path

from assay.core.errors import BadOption
from benchmarks.engine.tasks import SWEEP_LAYERS, SWEEP_POSITIONS, tasks
from benchmarks.plan import Benchmark, Target, participant

_HERE = Path(__file__).parent
_LAST = "last logits only"

PARTICIPANTS = (
    participant("engine", "assay", "ours", "assay"),
    participant("engine", "plain", "plain", "transformers"),
    participant("engine", "floor", "floor", "torch"),
    participant("engine", "transformer_lens", "peer", "transformer-lens"),
    participant("engine", "transformer_lens_3", "peer", "transformer-lens"),
    participant("engine", "nnsight", "peer", "nnsight"),
    participant("engine", "pyvene", "peer", "pyvene"),
)


def _against_peers(task: str, bound: float, why: str = "", why_expert: str = "") -> tuple[Target, Target]:
    """Against what the peers' documentation shows first, and against the best they can be brought to."""
    documented = Target(task, "best peer", "time", bound, at_most=False, use="", why=why)
    return documented, replace(documented, use=None, why=why_expert)


TARGETS = (
    Target("cache_logits", "plain", "time", 1.02, at_most=True),
    Target(
        "cache",
        "plain",
        "time",
        0.70,
        at_most=True,
        why="by count the blocks are .693 of the pass, and only the head can be left out: noise decides",
    ),
    *_against_peers(
        "cache",
        1.4,
        why="a peer that runs the whole pass, as plain code does, computes 1.44 times as much: noise decides",
        why_expert="brought to end before the head, a peer runs the same products as raw hooks (the floor), "
        "and none of these can be left out",
    ),
    *_against_peers("cache_small", 1.25),
    Target("patch_sweep", "plain", "flops", 3.0, at_most=False, use=""),
    *_against_peers(
        "patch_sweep",
        4.0,
        why="operations fall by more than time, for short rests of texts fill the cores less well",
        why_expert="brought to start at the patched layer and to unembed one position, a peer has only the "
        "positions before the patch left to save",
    ),
    # the leaner of the two ways to pass is the harder one to match
    Target("attribution", "plain", "time", 1.1, at_most=True, use=_LAST),
    Target("attribution", "plain", "memory", 1.5, at_most=True, use=_LAST),
    Target("stream", "plain", "time", 0.9, at_most=False),
)


def benchmark(sample: str | None = None) -> Benchmark:
    """All of it; ``sample`` names the layers and positions of the sweep that are done, as ``3,8:3,11,20,28``.

    Raises:
        BadOption: a sample that cannot be read.
    """
    layers, positions = list(SWEEP_LAYERS), list(SWEEP_POSITIONS)
    if sample is not None:
        try:
            layers, positions = ([int(n) for n in part.split(",")] for part in sample.split(":"))
        except ValueError as error:
            raise BadOption(
                f"sample '{sample}' cannot be read; write layers:positions, as 3,8:3,11,20,28"
            ) from error
    return Benchmark("engine", PARTICIPANTS, tasks(layers, positions), TARGETS, _HERE)
