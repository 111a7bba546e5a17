"""Proof by running that the sites of a model are what their names say."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from assay.core.errors import NotApplicable
from assay.model.sites.site import Site
from assay.model.sites.sitemap import SiteMap

Capture = Callable[[Sequence[Site]], dict[Site, Tensor]]
_SLACK = {torch.float64: 1e-9, torch.float32: 1e-4}
"""Largest error relative to the largest number of the stream; half precision gets 0.05."""


def problems(sites: SiteMap, capture: Capture) -> set[str]:
    """Run a few tokens, check in every layer that the parts add up, and name the kinds of site to leave out.

    ``resid_pre + attn_out + mlp_out = resid_post`` must hold. Where ``resid_pre + attn_out`` is not
    ``resid_mid``, the halves work side by side and nothing lies between them. Patterns are there only if the
    plain attention function that shows them gives the ``z`` of the model's own.

    Raises:
        NotApplicable: the parts do not add up in some layer.
    """
    wanted = ("resid_pre", "z", "attn_out", "resid_mid", "mlp_out", "resid_post")
    kinds = [kind for kind in wanted if sites.has(kind)]
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
    mixed = {site: value for site, value in seen.items() if site.kind == "z"}
    return wrong | (set() if _shows_patterns(sites, mixed, capture) else {"pattern"})


def _shows_patterns(sites: SiteMap, mixed: dict[Site, Tensor], capture: Capture) -> bool:
    patterns = [Site("pattern", layer) for layer in range(sites.layers)] if sites.has("pattern") else []
    try:
        seen = capture([*patterns, *mixed])
    except NotApplicable:  # a family that does not ask transformers for its attention function
        return False
    # the softmax of patterns is taken in float32, however wide the rest may be
    return all(_equal(seen[site].float(), value.float()) for site, value in mixed.items())


def _equal(one: Tensor, other: Tensor) -> bool:
    slack = _SLACK.get(other.dtype, 0.05) * float(other.abs().max())
    return float((one - other).abs().max()) <= slack
