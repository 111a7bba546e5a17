"""Proof by running that the sites of a model are what their names say."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from assay.core.errors import NotApplicable
from assay.model.sites.site import Site
from assay.model.sites.sitemap import SiteMap

_SLACK = {torch.float64: 1e-9, torch.float32: 1e-4}
"""Largest error relative to the largest number of the stream; half precision gets 0.05."""


def problems(sites: SiteMap, capture: Callable[[Sequence[Site]], dict[Site, Tensor]]) -> set[str]:
    """Run a few tokens, check in every layer that the parts add up, and name the kinds of site to leave out.

    ``resid_pre + attn_out + mlp_out = resid_post`` must hold. Where ``resid_pre + attn_out`` is not
    ``resid_mid``, the halves work side by side and nothing lies between them.

    Raises:
        NotApplicable: the parts do not add up in some layer.
    """
    kinds = [k for k in ("resid_pre", "attn_out", "resid_mid", "mlp_out", "resid_post") if sites.has(k)]
    seen = capture([Site(kind, layer) for layer in range(sites.layers) for kind in kinds])
    wrong: set[str] = set()
    for layer in range(sites.layers):
        # of a model over several devices, what enters a block may lie where the block before it does
        value = {kind: seen[Site(kind, layer)].cpu() for kind in kinds}
        between = value["resid_pre"] + value["attn_out"]
        if not _equal(between + value["mlp_out"], value["resid_post"]):
            raise NotApplicable(
                f"layer {layer}: what attention and MLP write does not add up to the residual stream, so no "
                "site inside can be trusted; add a file for this family to assay/model/sites/families"
            )
        if "resid_mid" in value and not _equal(between, value["resid_mid"]):
            wrong.add("resid_mid")
    return wrong


def _equal(one: Tensor, other: Tensor) -> bool:
    slack = _SLACK.get(other.dtype, 0.05) * float(other.abs().max())
    return float((one - other).abs().max()) <= slack
