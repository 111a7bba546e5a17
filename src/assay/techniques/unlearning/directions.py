"""Taking a direction out of everything that writes into a model's residual stream.

Arditi et al., "Refusal in language models is mediated by a single direction" (arXiv 2406.11717), their weight
orthogonalisation, with the direction of a subject in the place of that of refusal.
"""

from collections.abc import Iterator
from itertools import takewhile

from jaxtyping import Float
from torch import Tensor

from assay.access import WhiteHandle
from assay.core.errors import BadOption, NotApplicable
from assay.model.changing.deltas import Delta, Part
from assay.model.sites.weight import Weight


def direction_of(forget: Float[Tensor, "f d"], retain: Float[Tensor, "r d"]) -> Float[Tensor, " d"]:
    """``r = (mean h_f - mean h_r) / |mean h_f - mean h_r|``, in float64.

    Raises:
        BadOption: no rows on one side, or the same mean on both.

    >>> import torch
    >>> direction_of(torch.tensor([[3.0, 5.0]]), torch.tensor([[0.0, 1.0], [0.0, 1.0]])).tolist()
    [0.6, 0.8]
    """
    if not len(forget) or not len(retain):
        raise BadOption(f"{len(forget)} and {len(retain)} rows: a direction needs some on either side")
    apart = forget.double().mean(0) - retain.double().mean(0)
    if not float(apart.norm()) > 0:
        raise BadOption("both sides have the same mean, so that no direction leads from one to the other")
    return apart / apart.norm()


def written_along(handle: WhiteHandle, direction: Float[Tensor, " d"]) -> Delta:
    """What all writers of the stream write along a direction, as a change of weights: ``r r^T W`` for each.

    Taken off whole (``assay.techniques.unlearning.negation.negated`` at strength 1) it leaves
    ``W - r r^T W``, so that nothing along r is written any more. Writers are the embeddings of tokens and
    learned positions, attention's output matrices and the MLPs' down-projections, with their biases. Where
    the embedding is tied the unembedding changes along, as in the authors' code; a norm that stands behind
    a writer, as in Gemma 2, may turn what it writes back towards r.

    Raises:
        NotApplicable: no embedding is found, or an MLP is a mixture of experts.
    """
    weights = handle.parameters()
    changes: dict[str, tuple[Part, ...]] = {}
    for writer in writers(handle):
        weight = weights[writer.name]
        changes[writer.name] = (_along(weight, direction.to(weight.device), writer.transposed),)
    return Delta("", changes, "what is written along a direction")


def writers(handle: WhiteHandle) -> Iterator[Weight]:
    """All parameters whose outputs are added to the stream; ``transposed`` where rows are such outputs."""
    sizes = {name: tuple(weight.shape) for name, weight in handle.parameters().items()}
    blocks = [handle.weight(f"{site}.{n}") for n in range(handle.n_layers) for site in ("z", "mlp_hidden")]
    first = blocks[0].name.partition(".0.")[0] + ".0."
    # what looks like an embedding and is listed before the blocks is one: unembeddings stand behind them
    before = takewhile(lambda name: not name.startswith(first), sizes)
    tables = [name for name in before if len(sizes[name]) == 2 and sizes[name][1] == handle.width]
    if not tables:
        raise NotApplicable(f"no embedding of width {handle.width} stands before {first}* in this model")
    yield from (Weight(name, transposed=True) for name in tables)
    for weight in blocks:
        yield weight
        bias = weight.name.removesuffix("weight") + "bias"
        if bias in sizes:
            yield Weight(bias, transposed=False)


def _along(weight: Float[Tensor, "*shape"], direction: Float[Tensor, " d"], transposed: bool) -> Part:
    """``r r^T W`` of a matrix or a bias; of one whose rows are outputs ``W r r^T``."""
    w, r = weight.double(), direction.double()
    if w.ndim == 1:
        return Part("dense", tuple(w.shape), ((r * (r @ w)).float(),))
    left, right = (w @ r, r) if transposed else (r, r @ w)
    return Part("low_rank", tuple(w.shape), (left[:, None].float(), right[None].float()))
