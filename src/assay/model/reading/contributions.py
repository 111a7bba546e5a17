"""What each head adds: attention's output taken apart."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from transformers.pytorch_utils import Conv1D

from assay.core.errors import BadOption
from assay.model.engine import Engine


def head_contributions(
    engine: Engine, z: Float[Tensor, "n t head size"], layer: int
) -> Float[Tensor, "n t head d"]:
    """``z_h W_h`` for every head: with the bias they sum to what attention gives back.

    ``W_h`` are the rows of the output matrix that head ``h`` writes through. In a family with a norm after
    attention (Gemma, OLMo 2) the sum enters that norm; in others it is ``attn_out``.

    Raises:
        BadOption: values that do not belong to this site.
    """
    matrix: Any = engine.body.point(f"z.{layer}").module
    # Conv1D keeps its weight as "in out", Linear as "out in"
    weight: Tensor = matrix.weight if isinstance(matrix, Conv1D) else matrix.weight.T
    if z.shape[-2] * z.shape[-1] != weight.shape[0]:
        raise BadOption(
            f"z has {z.shape[-2]} heads of {z.shape[-1]}, but layer {layer} mixes {weight.shape[0]} numbers"
        )
    by_head = weight.reshape(z.shape[-2], z.shape[-1], -1)
    return torch.einsum("nths,hsd->nthd", z, by_head)
