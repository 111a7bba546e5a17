"""Delete the units of a model's MLPs that one subject was routed into.

Cloud et al., "Gradient routing: masking gradients to localize computation in neural networks" (arXiv
2410.04332): expand, route, ablate. Expanding and routing are done in pre-training; this is the ablation.
"""

from jaxtyping import Shaped
from torch import Tensor

from assay.access import WhiteHandle
from assay.core import Change, Retrained
from assay.core.errors import BadOption
from assay.model.changing.deltas import between


def ablated(handle: WhiteHandle, routed: Retrained, units: int) -> Change:
    """The routed model in place of this one, and then its routed units cut out: two deltas.

    Raises:
        BadOption: as many units as an MLP has, or none.
        NotApplicable: a mixture of experts.
    """
    whole = Change(deltas=(routed.delta,), paid=routed.price)
    cut = between(*without_units(handle.changed(whole), units), note="routed units cut out")
    return whole.then(Change(deltas=(cut,)))


def without_units(handle: WhiteHandle, units: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The weights of the last units of every MLP's hidden layer, before and after they are set to zero.

    Zero are the columns of the down-projection that read such a unit, and whatever in the same MLP writes it.
    With both at zero the unit says nothing, and no gradient reaches it: as good as cut out, which keeps the
    shape of the model.

    Raises:
        BadOption: as many units as an MLP has, or none.
        NotApplicable: a mixture of experts.
    """
    weights = handle.parameters()
    before: dict[str, Tensor] = {}
    after: dict[str, Tensor] = {}
    for block in range(handle.n_layers):
        site = handle.weight(f"mlp_hidden.{block}")
        reads, writes = (0, -1) if site.transposed else (-1, 0)
        down = weights[site.name]
        size = down.shape[reads]
        own, whole = (".".join(site.name.split(".")[:-depth]) + "." for depth in (1, 2))
        touched = {site.name: reads}
        for name in weights:
            if name.startswith(whole) and not name.startswith(own) and weights[name].shape[writes] == size:
                touched[name] = writes
        for name, axis in touched.items():
            before[name], after[name] = weights[name], last_zeroed(weights[name], units, axis)
    return before, after


def last_zeroed(weight: Shaped[Tensor, "..."], units: int, axis: int) -> Shaped[Tensor, "..."]:
    """A copy with the last entries of an axis at zero.

    >>> import torch
    >>> last_zeroed(torch.ones(2, 3), 1, axis=1).tolist()
    [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0]]

    Raises:
        BadOption: as many entries as there are, or none.
    """
    size = weight.shape[axis]
    if not 0 < units < size:
        raise BadOption(f"{units} of {size} units cannot be deleted; give a number from 1 to {size - 1}")
    found = weight.clone()
    found.narrow(axis, size - units, units).zero_()
    return found
