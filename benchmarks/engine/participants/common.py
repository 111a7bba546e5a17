"""What several participants would otherwise each write anew."""

import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.engine.inputs import Inputs
from benchmarks.work import Compared, Work

_COMPARED_EVERY = 97
"""Of a stored corpus every so many-th row is compared."""


def difference(last: Tensor, inputs: Inputs) -> Tensor:
    """Logit difference of each text, from the logits at its last position."""
    rows = torch.arange(len(last))
    return last[rows, inputs["right"]] - last[rows, inputs["wrong"]]


def streams(values: Sequence[Tensor]) -> Compared:
    """Residual streams by layer, as they are compared."""
    return {f"layer {layer}": value for layer, value in enumerate(values)}


def scores(heads: Sequence[Tensor], mlps: Sequence[Tensor]) -> Compared:
    """Attributions of the heads of each layer, "n t head", and of its MLP, "n t"."""
    parts = [(f"heads {n}", value) for n, value in enumerate(heads)]
    return dict([*parts, *((f"mlp {n}", value) for n, value in enumerate(mlps))])


def grid(inputs: Inputs) -> list[tuple[int, int]]:
    """Layers and positions of the patches that are done, layer by layer."""
    settings = inputs.settings
    return [(layer, at) for layer in settings["sample_layers"] for at in settings["sample_positions"]]


def sample(run: Callable[[], list[Tensor]], once: Callable[[], Any], inputs: Inputs) -> Work:
    """Patches of the sample, in the order of ``grid``."""
    shape = len(inputs.settings["sample_layers"]), len(inputs.settings["sample_positions"])

    def compared(found: list[Tensor]) -> Compared:
        return {"patched": torch.stack(found).unflatten(0, shape)}

    return Work(run, compared, once, inputs.settings["scale"])


def in_batches(inputs: Inputs) -> Iterator[tuple[Tensor, list[int]]]:
    """Ids of the corpus in batches of like lengths, padded on the right, and which texts they are."""
    lengths = inputs["lengths"].tolist()
    group: list[int] = []
    for number in sorted(range(len(lengths)), key=lengths.__getitem__):
        if group and (len(group) + 1) * lengths[number] > inputs.settings["batch_tokens"]:
            yield inputs["ids"][group, : lengths[group[-1]]], group
            group = []
        group.append(number)
    yield inputs["ids"][group, : lengths[group[-1]]], group


def stored(inputs: Inputs, read: Callable[[Tensor], Sequence[Tensor]]) -> Work:
    """A corpus written to one file per site by a loop around ``read``, which gives the sites of a batch.

    Rows go where their text stands in the corpus, and are on the disk when the loop ends.
    """
    lengths, sites, width = inputs["lengths"].tolist(), inputs.settings["sites"], inputs.settings["width"]
    starts, fresh = np.cumsum([0, *lengths]).tolist(), fresh_folders(inputs)

    def run() -> Path:
        home = fresh()
        with ExitStack() as stack:
            files = [stack.enter_context((home / f"{site}.bin").open("wb")) for site in sites]
            for ids, group in in_batches(inputs):
                for values, file in zip(read(ids), files, strict=True):
                    for number, row in zip(group, values, strict=True):
                        file.seek(4 * width * starts[number])
                        file.write(row[: lengths[number]].numpy().data)
            for file in files:
                file.flush()
                os.fsync(file.fileno())
        return home

    def rows(home: Path) -> Compared:
        maps = [np.memmap(home / f"{site}.bin", "<f4", "r", shape=(starts[-1], width)) for site in sites]
        return {str(site): some_rows(there) for site, there in zip(sites, maps, strict=True)}

    return Work(run, rows)


def some_rows(rows: np.ndarray) -> Tensor:
    """A few rows of one site of a corpus, from all over it."""
    return torch.from_numpy(np.array(rows[::_COMPARED_EVERY]))


def fresh_folders(inputs: Inputs) -> Callable[[], Path]:
    """Gives an empty folder at each call and removes the one before; the last goes with the caller."""
    kept: list[Path] = []

    def fresh() -> Path:
        _remove(kept)
        kept.append(Path(tempfile.mkdtemp(prefix="stored-", dir=inputs.folder)))
        return kept[0]

    weakref.finalize(fresh, _remove, kept)
    return fresh


def _remove(folders: list[Path]) -> None:
    while folders:
        shutil.rmtree(folders.pop(), ignore_errors=True)
