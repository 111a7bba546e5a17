"""Attributions against finite differences, completeness, and what plain autograd gives."""

import pytest
import torch
from torch import Tensor

from assay.core.errors import BadOption
from assay.model import Engine
from assay.model.attribution.attribute import attribute, integrated_gradients
from assay.model.attribution.frozen_norms import frozen_norms
from assay.model.changing import change as c
from assay.model.changing.change import changed
from assay.model.patching.effects import Effect, logit_difference
from assay.model.patching.patch import patch
from assay.model.reading.read import Reading, read
from assay.model.sites.site import Site
from tests.model.patching.test_patch import CLEAN, CORRUPT
from tests.model.tiny import tiny_engine, tiny_model, word_tokenizer

FAMILIES = ("gpt2", "gpt_neox", "llama", "qwen3", "gemma2", "olmo2", "phi3")
SITES = (
    "embed",
    "resid_pre.1",
    "attn_in.1",
    "q.1",
    "k.0",
    "v.1",
    "z.2",
    "z.1.2",
    "attn_out.0",
    "mlp_hidden.1",
    "mlp_out.2",
    "pattern.1",
)
EFFECT = logit_difference(torch.arange(3) + 4, torch.arange(3) + 7)
EFFECT_OF_ONE: Effect = lambda logits: logits[:, 4] - logits[:, 7]  # noqa: E731


@pytest.fixture(params=FAMILIES, scope="module")
def engine(request: pytest.FixtureRequest) -> Engine:
    """Random models in double precision, so that finite differences say something."""
    return Engine(tiny_model(request.param).double(), word_tokenizer())


def answer(engine: Engine, site: str, value: Tensor) -> Tensor:
    """The effect with a value in place at all positions."""
    tokens = engine.tokens(CORRUPT)
    with changed(engine, c.assign(site, value, slice(0, None))):
        logits = read(engine, tokens, ["logits"])["logits"]
    return EFFECT(logits[torch.arange(len(tokens)), tokens.lengths - 1])


@pytest.mark.parametrize("site", SITES)
def test_attribution_is_the_slope_towards_the_source(engine: Engine, site: str) -> None:
    """Summed over positions and heads it equals the central finite difference along source - base."""
    tokens = engine.tokens(CORRUPT)
    base, source = read(engine, tokens, [site]), read(engine, engine.tokens(CLEAN), [site])
    found = attribute(engine, tokens, [site], EFFECT, source)[Site.parse(site)]
    # RMSNorms and softmaxes of transformers round to float32 even in double precision
    exact = engine.model.config.model_type in ("gpt2", "gpt_neox") and not site.startswith("pattern")
    news, step = source[site] - base[site], 1e-5 if exact else 1e-3
    slope = answer(engine, site, base[site] + step * news) - answer(engine, site, base[site] - step * news)
    wanted = slope / (2 * step)
    rtol, atol = (1e-6, 1e-9) if exact else (5e-3, 2e-3)
    torch.testing.assert_close(found.flatten(1).sum(1), wanted, rtol=rtol, atol=atol)
    assert float(wanted.abs().max()) > 1e-4


def test_texts_that_share_their_positions_have_gradients_of_their_own() -> None:
    """Learned positions are one row for all texts; each text's attribution is that of the text alone."""
    engine = Engine(tiny_model("gpt2").double(), word_tokenizer())
    site = Site("positions")
    together = attribute(engine, engine.tokens(CORRUPT[:2]), [site], EFFECT_OF_ONE)[site]
    for row, text in enumerate(CORRUPT[:2]):
        alone = attribute(engine, engine.tokens([text]), [site], EFFECT_OF_ONE)[site][0]
        torch.testing.assert_close(together[row, : len(alone)], alone)


def test_gradient_times_activation_is_attribution_from_zero(engine: Engine) -> None:
    """Without a source the news is the activation itself."""
    tokens = engine.tokens(CORRUPT)
    reading = read(engine, tokens, ["mlp_out.1"])
    doubled = Reading(tokens, {site: 2 * values for site, values in reading.values.items()})
    one = attribute(engine, tokens, ["mlp_out.1"], EFFECT)[Site("mlp_out", 1)]
    other = attribute(engine, tokens, ["mlp_out.1"], EFFECT, doubled)[Site("mlp_out", 1)]
    torch.testing.assert_close(one, other)
    assert float(one[2, 5:].abs().max()) == 0  # padding of the short text


def test_all_sites_cost_one_backward_pass(engine: Engine) -> None:
    """However many sites are asked for, every block runs once."""
    engine.body.check()  # whichever test comes first has the model looked at
    ran: list[int] = []
    hooks = [b.register_forward_hook(lambda *_: ran.append(1)) for b in engine.body.parts.blocks]
    attribute(engine, engine.tokens(CORRUPT), SITES, EFFECT)
    for hook in hooks:
        hook.remove()
    assert len(ran) == engine.n_layers


@pytest.mark.parametrize("site", ["resid_pre.1", "z.1", "mlp_out.0"])
def test_integrated_gradients_are_complete(engine: Engine, site: str) -> None:
    """They sum to the effect of putting the source in at all positions, and more steps come closer."""
    tokens = engine.tokens(CORRUPT)
    source, base = read(engine, engine.tokens(CLEAN), [site]), read(engine, tokens, [site])
    wanted = answer(engine, site, source[site]) - answer(engine, site, base[site])
    errors = [
        float(
            (integrated_gradients(engine, tokens, site, EFFECT, source, n).flatten(1).sum(1) - wanted)
            .abs()
            .max()
        )
        for n in (4, 128)
    ]
    assert errors[1] < 0.02 * float(wanted.abs().max()) + 1e-4
    assert errors[1] <= errors[0] + 1e-5


def test_a_linear_path_is_attributed_exactly(engine: Engine) -> None:
    """After the last block only norm and unembedding follow; with small news the patch is its attribution."""
    tokens, site = engine.tokens(CORRUPT), f"resid_post.{engine.n_layers - 1}"
    reading = read(engine, tokens, [site])
    near = Reading(tokens, {s: v + 1e-3 * torch.ones_like(v) for s, v in reading.values.items()})
    found = attribute(engine, tokens, [site], EFFECT, near)[Site.parse(site)]
    sweep = patch(engine, tokens, near, [site], [-1], EFFECT)
    torch.testing.assert_close(found.sum(1), sweep.patched[0, 0] - sweep.base, rtol=1e-2, atol=1e-5)


def test_frozen_norms_keep_the_forward_pass_and_pass_back_a_linear_map(engine: Engine) -> None:
    """Values keep every bit; the gradient is that of the norm with its scale written as a constant."""
    norm = engine.body.parts.trunk.get_submodule(engine.body.sites.layout.norm)
    x = torch.randn(2, 3, engine.width, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    given, taken = x.clone().requires_grad_(), torch.randn_like(x)
    plain = norm(x)
    with frozen_norms(norm):
        out = norm(given)
    assert torch.equal(out, plain)
    gradient = torch.autograd.grad((out * taken).sum(), given)[0]
    bias = norm(torch.zeros_like(x))  # a LayerNorm's bias; nothing for an RMSNorm
    still = x - x.mean(-1, keepdim=True) if isinstance(norm, torch.nn.LayerNorm) else x
    by_hand = taken * (plain - bias) / still
    if isinstance(norm, torch.nn.LayerNorm):
        by_hand = by_hand - by_hand.mean(-1, keepdim=True)
    torch.testing.assert_close(gradient, by_hand, rtol=1e-4, atol=1e-6)
    assert not norm._forward_hooks  # pyright: ignore[reportPrivateUsage]


def test_with_frozen_norms_the_parts_add_up(engine: Engine) -> None:
    """The attributions of all that is written to the last stream sum to that of the stream."""
    tokens, last = engine.tokens(CORRUPT), f"resid_post.{engine.n_layers - 1}"
    effect: Effect = EFFECT
    parts = [
        "embed",
        *(f"{kind}.{layer}" for layer in range(engine.n_layers) for kind in ("attn_out", "mlp_out")),
    ]
    if "positions" in engine.body.sites.names():
        parts.append("positions")
    reading = read(engine, tokens, [*parts, last])
    direct = attribute(engine, tokens, [last], effect, freeze_norms=True)[Site.parse(last)]
    slope = direct_slope(engine, last)
    total = sum((reading[name] * slope).sum(-1) for name in parts)
    torch.testing.assert_close(torch.as_tensor(total)[2, 4], direct[2, 4], rtol=1e-4, atol=1e-5)


def direct_slope(engine: Engine, site: str) -> Tensor:
    """The gradient of the effect at the last stream under frozen norms, by plain autograd."""
    tokens = engine.tokens(CORRUPT)
    leaf = read(engine, tokens, [site])[site].clone().requires_grad_()
    norm = engine.body.parts.trunk.get_submodule(engine.body.sites.layout.norm)
    cap = engine.model.config.to_dict().get("final_logit_softcapping")
    with frozen_norms(norm):
        logits = engine.body.parts.head(norm(leaf))
    logits = torch.tanh(logits / cap) * cap if cap else logits
    ends = logits[torch.arange(len(tokens)), tokens.lengths - 1]
    return torch.autograd.grad(EFFECT(ends).sum(), leaf)[0]


def test_bad_requests_are_named() -> None:
    """No steps, no sites, unlike texts: one clear sentence each."""
    engine = tiny_engine("llama")
    tokens = engine.tokens(CORRUPT)
    source = read(engine, engine.tokens(CLEAN[:2]), ["z.1"])
    with pytest.raises(BadOption, match="at least 1"):
        integrated_gradients(engine, tokens, "z.1", EFFECT, source, 0)
    with pytest.raises(BadOption, match="as many texts"):
        attribute(engine, tokens, ["z.1"], EFFECT, source)
    with pytest.raises(BadOption, match="no site was asked for"):
        attribute(engine, tokens, [], EFFECT)
