"""The shape that NPO, SimNPO and preference optimisation share: a pull that slackens as it is yielded to."""

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import logsigmoid

from assay.core.errors import BadOption


def slackening(margins: Float[Tensor, " n"], beta: float) -> Float[Tensor, ""]:
    """``(2/b) mean(-log sigma(b margin))``: pulls margins up, with a slope of 1 at 0 whatever b is.

    The slope for a margin m is ``2 sigma(-b m)``: near 2 far below 0, near 0 far above it. A small b makes it
    1 everywhere.

    Raises:
        BadOption: a beta of 0 or less.

    >>> import torch
    >>> slackening(torch.tensor([0.0]), beta=2.0)
    tensor(0.6931)
    """
    if not beta > 0:
        raise BadOption(f"a beta of {beta:g} leaves no slope to go down; give one above 0, such as 0.1")
    return -2 / beta * logsigmoid(beta * margins).mean()
