"""How the keys of ordinary text are spread: what an edit of a fact must leave alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from assay.access import WhiteHandle
from assay.core.errors import BadOption, NotApplicable

PER_DIMENSION = 20
"""Tokens for each dimension of the keys."""
_TOGETHER = 64
"""Texts that are read at once."""
_FEWEST = 2
"""Tokens for each dimension below which a second moment says little."""


@dataclass(frozen=True, eq=False)
class SecondMoment:
    """``C = E[k k^T]``, not centred, with a small multiple of the identity where it is solved for."""

    matrix: Float[Tensor, "m m"]
    """Without the ridge, in float64."""
    tokens: int
    ridge: float = 1e-4
    """In units of the mean eigenvalue ``tr(C) / m``."""

    @property
    def size(self) -> int:
        """Number of dimensions of a key."""
        return len(self.matrix)

    @property
    def ridged(self) -> Float[Tensor, "m m"]:
        """``C + ridge tr(C)/m I``."""
        more = self.ridge * self.matrix.diagonal().mean()
        return self.matrix + more * torch.eye(self.size, dtype=self.matrix.dtype)

    @cached_property
    def _factor(self) -> Float[Tensor, "m m"]:
        return torch.linalg.cholesky(self.ridged)

    def solve(self, rows: Float[Tensor, "n m"]) -> Float[Tensor, "n m"]:
        """``C^-1 k`` for each row k; factors C once, the first time.

        >>> SecondMoment(2 * torch.eye(2).double(), 40, 0.0).solve(torch.ones(1, 2).double())
        tensor([[0.5000, 0.5000]], dtype=torch.float64)
        """
        return torch.cholesky_solve(rows.T, self._factor).T


def second_moment(
    handle: WhiteHandle, texts: Sequence[str], block: int, tokens: int | None = None
) -> SecondMoment:
    """The second moment of ``mlp_hidden.block`` over the tokens of ordinary text.

    Meng et al. 2022 (arXiv 2202.05262), section 3.1, with far fewer tokens than their 100,000 articles:
    twenty for each dimension unless another number is given, and for that a ridge. Texts are read in order
    until there are enough; tokens that a tokenizer puts in front by default hold no subject, are often far
    longer than all others, and are left out.

    Cost: a forward pass over that text, up to the block, and ``tokens m^2`` operations.

    Raises:
        BadOption: a number of tokens below one.
        NotApplicable: the texts hold fewer than two tokens for each dimension.
    """
    if tokens is not None and tokens < 1:
        raise BadOption(f"{tokens} tokens say nothing; give at least 1, or none for the usual number")
    total, count, wanted = torch.zeros(0, 0).double(), 0, tokens
    for first in range(0, len(texts), _TOGETHER):
        some = texts[first : first + _TOGETHER]
        rows = torch.cat(_own_tokens(handle, some, f"mlp_hidden.{block}")).double()
        if not first:
            total = torch.zeros(rows.shape[1], rows.shape[1]).double()
            wanted = wanted or PER_DIMENSION * rows.shape[1]
        total += rows.T @ rows
        count += len(rows)
        if count >= (wanted or 0):
            break
    if tokens is None and count < max(1, _FEWEST * len(total)):
        raise NotApplicable(
            f"the texts hold {count} tokens, too few for the second moment of keys of {len(total)} "
            f"dimensions; give at least {_FEWEST * len(total)}, better {PER_DIMENSION * len(total)}"
        )
    return SecondMoment(total / count, count)


def _own_tokens(handle: WhiteHandle, texts: Sequence[str], site: str) -> list[Float[Tensor, "t m"]]:
    spans = handle.spans(texts)
    values = handle.site_activations(texts, site)
    return [
        rows[torch.tensor([last > 0 for _, last in span])] for span, rows in zip(spans, values, strict=True)
    ]
