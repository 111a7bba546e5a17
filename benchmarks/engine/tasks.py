"""What everybody does, on which inputs."""

from functools import partial
from pathlib import Path

import torch

from benchmarks.engine.inputs import GPT2_SMALL, SMALL, Sizes, random_ids, write
from benchmarks.plan import Task

SWEEP_LAYERS, SWEEP_POSITIONS = (3, 8), (3, 11, 20, 28)
"""The sample of the sweep: on average 6.5 of 12 layers and 16.5 of 32 tokens are left, as in all of it.
Assay does all layers at these positions, for it does them together."""


def cache_inputs(folder: Path, name: str, sizes: Sizes, rows: int, length: int) -> Path:
    """Texts whose residual streams are wanted."""
    ids = random_ids(sizes, rows, length, seed=1)
    return write(folder / name, sizes, {"ids": ids}, layers=sizes.layers)


def pair_inputs(
    folder: Path, name: str, sizes: Sizes, rows: int, length: int, *, sample: tuple[list[int], list[int]]
) -> Path:
    """Clean and corrupted texts, two tokens to tell apart, and which patches of the whole sweep are done."""
    clean, corrupt = (random_ids(sizes, rows, length, seed) for seed in (1, 2))
    right, wrong = (random_ids(sizes, rows, 1, seed)[:, 0] for seed in (3, 4))
    layers, positions = sample
    scale = sizes.layers * length / (len(layers) * len(positions))
    tensors = {"clean": clean, "corrupt": corrupt, "right": right, "wrong": wrong}
    settings = {"layers": sizes.layers, "heads": sizes.heads, "sample_layers": layers}
    return write(folder / name, sizes, tensors, **settings, sample_positions=positions, scale=scale)


def stream_inputs(folder: Path, sizes: Sizes, rows: int, shortest: int, longest: int) -> Path:
    """A corpus of unlike lengths, padded on the right, and the batches that plain code would make of it."""
    ids = random_ids(sizes, rows, longest, seed=1)
    generator = torch.Generator().manual_seed(2)
    lengths = torch.randint(shortest, longest + 1, (rows,), generator=generator)
    sites = sorted({max(sizes.layers * part // 4, 1) - 1 for part in (1, 2, 3, 4)})
    return write(
        folder / "stream", sizes, {"ids": ids, "lengths": lengths}, sites=sites, width=sizes.width,
        batch_tokens=512,
    )  # fmt: skip


def tasks(layers: list[int], positions: list[int]) -> tuple[Task, ...]:
    """All tasks at their full sizes; the sweep does these layers and positions."""
    cache = partial(cache_inputs, name="cache", sizes=GPT2_SMALL, rows=4, length=128)
    small = partial(cache_inputs, name="cache_small", sizes=SMALL, rows=1, length=16)
    pairs = partial(pair_inputs, sizes=GPT2_SMALL, sample=(layers, positions))
    sample = (
        f"a sample of layers {layers} x positions {positions} is done (all layers where they are done "
        "together) and the whole reckoned from it"
    )
    return (
        Task(
            "cache", "cache", "the residual stream after every block", cache,
            "GPT-2-small shape, 4 texts x 128 tokens; whoever can leave out the head does so",
        ),
        Task(
            "cache_logits", "cache", "the same and all logits", cache,
            "GPT-2-small shape, 4 texts x 128 tokens", kinds=("ours", "plain", "floor"),
        ),
        Task(
            "cache_small", "cache_small", "the residual stream after every block", small,
            "0.3M parameters in 10 blocks, 1 text x 16 tokens",
        ),
        Task(
            "patch_sweep", "patch_sweep", "residual stream patched at every layer and position",
            partial(pairs, name="patch_sweep", rows=16, length=32),
            f"GPT-2-small shape, 16 pairs x 32 tokens, logit difference at the last position; {sample}",
            count_flops=True,
        ),
        Task(
            "attribution", "attribution", "attribution patching of all heads and MLPs at every position",
            partial(pairs, name="attribution", rows=8, length=32),
            "GPT-2-small shape, 8 pairs x 32 tokens, logit difference at the last position",
        ),
        Task(
            "stream", "stream", "residual streams of a corpus, four layers up to the last, to the disk",
            partial(stream_inputs, sizes=GPT2_SMALL, rows=128, shortest=32, longest=128),
            "GPT-2-small shape, 128 texts of 32 to 128 tokens; peers get ids in batches sorted by length",
        ),
    )  # fmt: skip
