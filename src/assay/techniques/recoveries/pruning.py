"""Sets the smallest weights of every matrix to zero."""

from collections.abc import Iterator, Mapping
from functools import partial

from jaxtyping import Int
from torch import Tensor

from assay.core import Change
from assay.core.exam import Attacked, Attempt, Recovery
from assay.model.changing.deltas import Delta, Part
from assay.techniques.sitting import sit

FEW, MANY = (0.1, 0.2, 0.3), (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)
"""Shares of each matrix that are set to zero, in the coarse grid and in the whole one."""


def attempts(attacked: Attacked, seed: int, full: bool) -> Iterator[Attempt]:  # noqa: ARG001
    """One try for each share."""
    held = attacked.handle.changed(attacked.held)
    for share in MANY if full else FEW:
        less = held.changed(Change(deltas=(pruned(held.parameters(), share),)))
        yield Attempt({"share": share}, partial(sit, less), course="magnitude", x=share)


def pruned(weights: Mapping[str, Tensor], share: float) -> Delta:
    """What takes the smallest ``share`` of each matrix to zero; weights that are no matrix stay."""
    parts: dict[str, tuple[Part, ...]] = {}
    for name in weights:
        weight = weights[name]
        if weight.ndim == 2:
            places = smallest(weight, share)
            values = -weight.flatten()[places]
            parts[name] = (Part("sparse", tuple(weight.shape), (places, values)),)
    return Delta("", parts, f"{share:g} of every matrix pruned")


def smallest(weight: Tensor, share: float) -> Int[Tensor, " k"]:
    """Flat indices of the ``floor(share * size)`` values nearest to zero, the first of equal ones."""
    return weight.abs().flatten().argsort(stable=True)[: int(share * weight.numel())]


RECOVERY = Recovery(
    title="Pruning",
    source="Jain et al. 2023, Mechanistically analyzing the effects of fine-tuning on procedurally defined "
    "tasks, arXiv 2311.12786; on unlearnt models: Lucki et al. 2024, arXiv 2409.18025; by magnitude: Han et "
    "al. 2015, arXiv 1506.02626",
    formula="w_ij = 0 for the share of each matrix with the smallest |w_ij|",
    does="Takes the smallest weights out of every matrix, and with them what is spread thinly over it.",
    through="weights",
    attempts=attempts,
)
