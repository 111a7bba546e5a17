"""What training changes: weights lent by a model, as they are or through factors that are added to them."""

import math
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from assay.core.errors import BadOption
from assay.model.changing.deltas import Delta, Part, between, low_rank, summed
from assay.model.engine import Engine


class Whole:
    """Weights trained as they are, each within its bounds; in half precision they are float32 meanwhile.

    ``within`` is the farthest that any weight may move, in units of its matrix's root mean square.
    """

    def __init__(self, before: Mapping[str, Tensor], within: float | None = None) -> None:
        self._before = before
        self._leaves = {name: weight.to(wide(weight), copy=True) for name, weight in before.items()}
        self._bounds = {} if within is None else {n: _bounds(w, within) for n, w in before.items()}

    def all(self) -> list[Tensor]:
        """What the optimiser changes."""
        return list(self._leaves.values())

    def take(self, slopes: Mapping[str, Tensor]) -> None:
        """Gradients of the weights become those of what is trained."""
        for name, leaf in self._leaves.items():
            leaf.grad = slopes[name].to(leaf.dtype)

    @torch.no_grad()
    def weights(self) -> dict[str, Tensor]:
        """The weights as they are now."""
        for name, (low, high) in self._bounds.items():
            self._leaves[name].clamp_(low.to(self._leaves[name].dtype), high.to(self._leaves[name].dtype))
        return {name: leaf.to(self._before[name].dtype) for name, leaf in self._leaves.items()}

    def delta(self, base: str) -> Delta:
        """The change, to the bit."""
        found = between(dict(self._before), self.weights())
        return Delta(base, found.changes, "fine-tuned")


class Factors:
    """Two factors whose product is added to each matrix: ``W + alpha / rank * B A``.

    LoRA (Hu et al. 2021, arXiv 2106.09685), for the matrix as stored: B from zero, A uniform in
    +-1 / sqrt(columns), drawn by the seed.
    """

    def __init__(self, before: Mapping[str, Tensor], rank: int, alpha: float, seed: int) -> None:
        self._before, self._scale = before, alpha / rank
        draw = torch.Generator().manual_seed(seed)
        self._left: dict[str, Tensor] = {}
        self._right: dict[str, Tensor] = {}
        for name, weight in before.items():
            rows, columns = weight.shape
            right = (2 * torch.rand(rank, columns, generator=draw) - 1) / math.sqrt(columns)
            self._right[name] = right.to(weight.device, wide(weight))
            self._left[name] = torch.zeros(rows, rank, device=weight.device, dtype=wide(weight))

    def all(self) -> list[Tensor]:
        """What the optimiser changes."""
        return [*self._left.values(), *self._right.values()]

    def take(self, slopes: Mapping[str, Tensor]) -> None:
        """d/dB = s G Aᵀ and d/dA = s Bᵀ G, with G the gradient of the matrix."""
        for name, left in self._left.items():
            right, slope = self._right[name], self._scale * slopes[name].to(left.dtype)
            left.grad, right.grad = slope @ right.T, left.T @ slope

    def weights(self) -> dict[str, Tensor]:
        """The weights as they are now, rounded as the delta rounds them."""
        return {
            name: summed(weight, (Part("low_rank", tuple(weight.shape), self._pair(name)),))
            for name, weight in self._before.items()
        }

    def delta(self, base: str) -> Delta:
        """The change in its factors."""
        return low_rank({name: self._pair(name) for name in self._before}, base=base, note="low-rank tuned")

    def _pair(self, name: str) -> tuple[Tensor, Tensor]:
        return self._scale * self._left[name], self._right[name]


def chosen(
    names: Mapping[str, str], weights: Mapping[str, Tensor], wanted: Sequence[str], rank: int | None
) -> dict[str, Tensor]:
    """The parameters to be trained, tied ones once; all where none is named, with a rank all matrices.

    Raises:
        BadOption: a weight that the model lacks, or one that is no matrix where a rank is given.
    """
    for name in wanted:
        if name not in names:
            raise BadOption(f"this model lacks the weight {name}; choose among its named_parameters()")
        if rank is not None and weights[names[name]].ndim != 2:
            raise BadOption(f"{name} is no matrix, so it has no rank; name matrices only")
    some = {names[name] for name in wanted} if wanted else set(weights)
    return {
        name: weight
        for name, weight in weights.items()
        if name in some and weight.is_floating_point() and (rank is None or weight.ndim == 2)
    }


@contextmanager
def lent(weights: Mapping[str, Tensor]) -> Generator[dict[str, Tensor]]:
    """Copies of weights, which are put back to the bit on exit."""
    kept = {name: weight.detach().clone() for name, weight in weights.items()}
    try:
        yield kept
    finally:
        write(weights, kept)


@contextmanager
def learning(engine: Engine, trained: Mapping[str, Tensor]) -> Generator[None]:
    """Inside, gradients of some weights are taken and of no others."""
    with engine.differentiating():
        for weight in trained.values():
            weight.requires_grad_(True)
        yield


@contextmanager
def instead(weights: Mapping[str, Tensor], values: Mapping[str, Tensor]) -> Generator[None]:
    """Other values in the weights' place, for passes without gradients.

    Passes whose gradients are still to be taken do not notice: their weights are back to the bit by then.
    """
    now = {name: weight.detach().clone() for name, weight in weights.items()}
    try:
        for name, weight in weights.items():
            weight.data.copy_(values[name])
        yield
    finally:
        for name, weight in weights.items():
            weight.data.copy_(now[name])


@torch.no_grad()
def write(weights: Mapping[str, Tensor], values: Mapping[str, Tensor]) -> None:
    """Values into weights."""
    for name, weight in weights.items():
        weight.copy_(values[name])


def wide(weight: Tensor) -> torch.dtype:
    """The precision in which a weight is trained."""
    return torch.promote_types(weight.dtype, torch.float32)


def _bounds(weight: Tensor, within: float) -> tuple[Tensor, Tensor]:
    """The farthest values that a weight may take, none of them farther by rounding."""
    start = weight.double()
    reach = within * float(start.square().mean().sqrt())
    low, high = (start - reach).to(weight.dtype), (start + reach).to(weight.dtype)
    low = torch.where(start - low.double() > reach, torch.nextafter(low, weight), low)
    return low, torch.where(high.double() - start > reach, torch.nextafter(high, weight), high)
