"""Assay, plain passes and raw hooks come to the same results on a small model, in every case."""

from functools import partial
from pathlib import Path
from types import ModuleType

import pytest
import torch

from benchmarks.engine.inputs import Inputs, Sizes, word_tokenizer, words
from benchmarks.engine.participants import assay, floor, plain
from benchmarks.engine.tasks import cache_inputs, pair_inputs, stream_inputs
from benchmarks.match import disagreement
from benchmarks.work import Compared

SIZES = Sizes(layers=3, width=32, heads=4, vocabulary=50, context=24)
CACHE = partial(cache_inputs, name="cache", sizes=SIZES, rows=3, length=10)
MADE = {
    "cache": CACHE,
    "cache_logits": CACHE,
    "cache_small": CACHE,
    "patch_sweep": partial(
        pair_inputs, name="pairs", sizes=SIZES, rows=3, length=8, sample=([0, 2], [0, 3, 7])
    ),
    "attribution": partial(pair_inputs, name="pairs", sizes=SIZES, rows=3, length=8, sample=([0], [0])),
    "stream": partial(stream_inputs, sizes=SIZES, rows=30, shortest=2, longest=20),
}


def results(module: ModuleType, task: str, folder: Path) -> dict[str, Compared]:
    """What every use of a participant comes to."""
    with torch.no_grad():
        return {use: work.compared(work.run()) for use, work in getattr(module, task)(folder).items()}


@pytest.mark.parametrize("task", MADE)
def test_everybody_agrees(task: str, tmp_path: Path) -> None:
    """Assay equals the floor to 1e-4 of a standard deviation, and so does a plain pass that has a result."""
    folder = MADE[task](tmp_path)
    (truth,) = results(floor, task, folder).values()
    (ours,) = results(assay, task, folder).values()
    assert truth
    assert disagreement(ours, truth) < 1e-4
    for found in results(plain, task, folder).values():
        assert disagreement(found, {name: truth[name] for name in found}) < 1e-4
        assert bool(found) is (task in ("cache_logits", "patch_sweep"))


@pytest.mark.parametrize(("module", "done"), [(assay, 3 * 3), (floor, 2 * 3), (plain, 2 * 3)])
def test_the_scale_makes_up_the_whole_sweep(module: ModuleType, done: int, tmp_path: Path) -> None:
    """Of 3 x 8 patches two layers at three positions are done, or all layers where they go together."""
    for work in module.patch_sweep(MADE["patch_sweep"](tmp_path)).values():
        assert work.scale == 24 / done
        assert work.once is not None


def test_an_error_would_show(tmp_path: Path) -> None:
    """One patched position more, and the sweep is far from the floor's."""
    (truth,) = results(floor, "patch_sweep", MADE["patch_sweep"](tmp_path / "one")).values()
    moved = pair_inputs(tmp_path / "other", "pairs", SIZES, 3, 8, sample=([0, 2], [1, 3, 7]))
    (other,) = results(assay, "patch_sweep", moved).values()
    assert disagreement(other, truth) > 1e-2


def test_inputs_come_back_as_they_were_written(tmp_path: Path) -> None:
    """The same weights and ids for whoever reads them, and texts that the tokenizer cuts into those ids."""
    inputs = Inputs.read(MADE["stream"](tmp_path))
    one, other = inputs.open_model(), inputs.open_model()
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    assert word_tokenizer(50)(words(inputs["ids"][0]))["input_ids"] == inputs["ids"][0].tolist()
