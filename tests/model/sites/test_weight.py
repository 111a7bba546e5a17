"""The weight that reads a site: with it alone, the site gives what the model makes of it."""

from dataclasses import replace

import pytest
import torch

from assay.core.errors import BadOption, NotApplicable
from assay.model.sites.families import enters
from assay.model.sites.site import Site
from assay.model.sites.sitemap import Point, SiteMap
from assay.model.sites.weight import Weight
from tests.model.tiny import FAMILIES, TEXTS, tiny_engine

NOT_UNDERSTOOD, MIXTURES = ("opt", "bloom"), ("gpt_oss", "mixtral")
DENSE = sorted({*FAMILIES} - {*NOT_UNDERSTOOD, *MIXTURES})


@pytest.mark.parametrize("family", DENSE)
@pytest.mark.parametrize(("kind", "half"), [("mlp_hidden", "mlp_in"), ("z", "attn_in")])
def test_the_weight_makes_of_the_site_what_the_half_gives(family: str, kind: str, half: str) -> None:
    """``site @ W.T + bias`` is what the MLP, or attention, hands on: in every family, in every layer."""
    engine = tiny_engine(family)
    weights, tokens = dict(engine.model.named_parameters()), engine.tokens(TEXTS[:1])
    for layer in range(engine.n_layers):
        site, out = Site(kind, layer), Site("attn_out" if kind == "z" else "mlp_out", layer)
        # what leaves the half itself: some families put a norm behind it before it counts as written
        wanted = {
            site: engine.body.point(site),
            out: Point(engine.body.point(f"{half}.{layer}").module, "out"),
        }
        with engine.evaluating():
            seen = engine.body.until(wanted, 1, lambda: engine.body.run(tokens))
        found = engine.body.sites.weight(site)
        matrix = weights[found.name].detach()
        value = seen[site].flatten(2) if kind == "z" else seen[site]
        made = value @ (matrix if found.transposed else matrix.T)
        shift = weights.get(found.name.replace(".weight", ".bias"))
        made = made if shift is None else made + shift.detach()
        torch.testing.assert_close(made, seen[out], rtol=1e-5, atol=1e-5)


def test_only_the_weights_of_gpt2_lie_the_other_way_round() -> None:
    """The name is the full one, with its layer."""
    assert tiny_engine("gpt2").body.sites.weight("mlp_hidden.2") == Weight(
        "transformer.h.2.mlp.c_proj.weight", transposed=True
    )
    assert tiny_engine("llama").body.sites.weight("mlp_hidden.1") == Weight(
        "model.layers.1.mlp.down_proj.weight", transposed=False
    )


@pytest.mark.parametrize("site", ["embed", "logits", "resid_pre.1", "mlp_in.0", "mlp_out.0", "q.0", "z.0.1"])
def test_other_sites_are_read_by_no_single_weight(site: str) -> None:
    """What enters more than one matrix, or a part of one, is refused with advice."""
    with pytest.raises(BadOption, match=r"not the whole input of one linear map.*mlp_hidden\.L"):
        tiny_engine("llama").body.sites.weight(site)


def test_a_layer_outside_the_model_is_named() -> None:
    """As everywhere else."""
    with pytest.raises(BadOption, match=r"no site mlp_hidden\.3; it has"):
        tiny_engine("llama").body.sites.weight("mlp_hidden.3")


@pytest.mark.parametrize("family", MIXTURES)
def test_a_mixture_has_no_one_matrix(family: str) -> None:
    """Fused experts."""
    with pytest.raises(NotApplicable, match="every expert of a mixture has its own"):
        tiny_engine(family).body.sites.weight("mlp_hidden.0")


def test_one_expert_of_a_list_is_not_taken_for_all() -> None:
    """Experts that are modules of their own have matrices by the right shape, but none that reads it all."""
    engine = tiny_engine("llama")
    sites = SiteMap(engine.model, engine.body.parts)
    block = {**sites.layout.block, "mlp_hidden": enters("mlp.experts.3.down_proj")}
    sites.__dict__["layout"] = replace(sites.layout, block=block)
    with pytest.raises(NotApplicable, match="every expert of a mixture has its own"):
        sites.weight("mlp_hidden.0")
