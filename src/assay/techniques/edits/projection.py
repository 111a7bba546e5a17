"""The linear map at the end of a block's MLP, which edits of facts write into."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from assay.access import WhiteHandle
from assay.core.errors import NotApplicable
from assay.model.changing.deltas import Delta, Part

_TOLERANCE = 0.05
"""Half precision rounds by less; a norm behind the map changes what leaves it by far more."""


@dataclass(frozen=True, eq=False)
class Projection:
    """``mlp_out = W mlp_hidden + b`` of one block, as the model is now, in float64."""

    name: str
    transposed: bool
    """Stored "in out"."""
    matrix: Float[Tensor, "out m"]
    bias: Float[Tensor, " out"]

    def outputs(self, rows: Float[Tensor, "n m"]) -> Float[Tensor, "n out"]:
        """What the block's MLP makes of keys."""
        return rows @ self.matrix.T + self.bias

    def delta(self, left: Float[Tensor, "out r"], right: Float[Tensor, "r m"], note: str = "") -> Delta:
        """``W + left @ right``, the way round in which the model stores it, in the shorter form."""
        one, two = (right.T, left.T) if self.transposed else (left, right)
        shape = (len(one), two.shape[1])
        if one.shape[1] * sum(shape) < shape[0] * shape[1]:
            part = Part("low_rank", shape, (one.float().contiguous(), two.float().contiguous()))
        else:
            part = Part("dense", shape, ((one @ two).float(),))
        return Delta("", {self.name: (part,)}, note)


def projection(handle: WhiteHandle, block: int, text: str) -> Projection:
    """The down-projection of a block, checked on a text: what it gives must be what the MLP adds.

    Raises:
        NotApplicable: a mixture of experts, or a family with a norm between the map and the stream, such as
            Gemma 2 and 3 or OLMo 2: there no key can be given a value by changing the map alone.
    """
    site = handle.weight(f"mlp_hidden.{block}")
    weights = handle.parameters()
    stored = weights[site.name].cpu().double()
    matrix = stored.T if site.transposed else stored
    shift = site.name.removesuffix("weight") + "bias"
    bias = weights[shift].cpu().double() if shift in weights else torch.zeros(len(matrix)).double()
    found = Projection(site.name, site.transposed, matrix, bias)
    [inside], [out] = (
        handle.site_activations([text], f"{kind}.{block}") for kind in ("mlp_hidden", "mlp_out")
    )
    gap = float((found.outputs(inside.double()) - out).norm() / out.norm().clamp_min(1e-30))
    if not gap < _TOLERANCE:
        raise NotApplicable(
            f"what block {block}'s MLP adds to the stream is not what {site.name} gives (they differ by "
            f"{gap:.2g} of its length): a norm stands between them, so writing into it sets no value"
        )
    return found
