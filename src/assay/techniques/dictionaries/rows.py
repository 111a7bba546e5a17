"""Where a dictionary's activations come from."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import torch
from jaxtyping import Float, Int
from torch import Tensor

from assay.core.errors import BadOption


class Rows(Protocol):
    """Activations by number: a site of a store, or one of those below."""

    def __len__(self) -> int: ...

    def rows(self, indices: Int[Tensor, " k"]) -> Float[Tensor, "k ..."]:
        """Some rows in the order asked for."""
        ...


@dataclass(frozen=True)
class Difference:
    """What one model's activations have that another's lack, token by token: model diffing without labels.

    The texts must be the same, so that row ``i`` is the same token in both.
    """

    first: Rows
    second: Rows

    def __post_init__(self) -> None:
        _same_length((self.first, self.second))

    def __len__(self) -> int:
        return len(self.first)

    def rows(self, indices: Int[Tensor, " k"]) -> Float[Tensor, "k d"]:
        """``second - first``."""
        first, second = (_flat(one.rows(indices)) for one in (self.first, self.second))
        return second - first


@dataclass(frozen=True)
class Beside:
    """Activations of several models one behind the other: a dictionary of these is a *crosscoder*.

    Lindsey et al. 2024, "Sparse crosscoders". ``weights`` bring the models to one size, so that a loud one is
    not all that counts.
    """

    models: Sequence[Rows]
    weights: Sequence[float]

    def __post_init__(self) -> None:
        _same_length(self.models)
        if len(self.weights) != len(self.models):
            raise BadOption(f"{len(self.models)} models but {len(self.weights)} weights; give one for each")

    def __len__(self) -> int:
        return len(self.models[0])

    def rows(self, indices: Int[Tensor, " k"]) -> Float[Tensor, "k models*d"]:
        """The rows of all models."""
        each = zip(self.models, self.weights, strict=True)
        return torch.cat([_flat(model.rows(indices)) * weight for model, weight in each], 1)


@dataclass(frozen=True)
class Order:
    """Which rows each step of training takes: every row once before any comes again, as the seed says."""

    count: int
    batch: int
    seed: int

    def __post_init__(self) -> None:
        if not 1 <= self.batch <= self.count:
            raise BadOption(f"batches of {self.batch} rows cannot be had from {self.count}")

    def step(self, number: int) -> Int[Tensor, " batch"]:
        """The rows of one step, in the order of the file, which reads faster."""
        epoch, place = divmod(number, self.count // self.batch)
        order = _shuffled(self.count, self.seed, epoch)
        return order[place * self.batch : (place + 1) * self.batch].sort().values


@lru_cache(maxsize=2)
def _shuffled(count: int, seed: int, epoch: int) -> Int[Tensor, " count"]:
    generator = torch.Generator().manual_seed(((seed << 20) + epoch) % 2**63)
    return torch.randperm(count, generator=generator)


def read(rows: Rows, indices: Int[Tensor, " k"], device: torch.device) -> Float[Tensor, "k d"]:
    """Some rows in float32 where they are worked on, those of heads flattened; raises BadOption for NaN."""
    x = _flat(rows.rows(indices)).to(device)
    # one number says whether any of them is not finite
    if not bool(x.sum().isfinite()):
        bad = (~x.isfinite().all(1)).nonzero()[:, 0]
        if len(bad):
            raise BadOption(
                f"row {int(indices[int(bad[0])])} of the activations holds NaN or infinity; read them in "
                "float32, or leave that text out"
            )
    return x


def _flat(x: Tensor) -> Float[Tensor, "k d"]:
    return x.float().flatten(1)


def _same_length(models: Sequence[Rows]) -> None:
    if len({len(model) for model in models}) > 1:
        lengths = ", ".join(str(len(model)) for model in models)
        raise BadOption(f"rows of {lengths} tokens do not belong together; store the same texts for all")
