"""Output tokens of latents, against one product at a time."""

import pytest
import torch
from torch import Tensor

from assay.core.errors import BadOption
from assay.techniques.dictionaries.explanations import output_tokens as module
from assay.techniques.dictionaries.explanations.output_tokens import effect_sizes, output_tokens

LATENTS, VOCABULARY, D = 7, 23, 5


def made(seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """A decoder, an unembedding whose rows share a mean, and a norm's weight."""
    generator = torch.Generator().manual_seed(seed)
    unembedding = torch.randn(VOCABULARY, D, generator=generator) + 3
    return torch.randn(LATENTS, D, generator=generator), unembedding, torch.rand(D, generator=generator) + 0.5


def literal(decoder: Tensor, unembedding: Tensor, gain: Tensor | None, centred: bool) -> list[list[float]]:
    """``W_U (gain * d)``, less its mean over tokens, by loops in double precision."""
    effects: list[list[float]] = []
    for row in decoder.double().tolist():
        mean = sum(row) / D if centred else 0.0
        scale = [1.0] * D if gain is None else gain.double().tolist()
        d = [(value - mean) * weight for value, weight in zip(row, scale, strict=True)]
        logits = [sum(a * b for a, b in zip(d, w, strict=True)) for w in unembedding.double().tolist()]
        effects.append([logit - sum(logits) / VOCABULARY for logit in logits])
    return effects


@pytest.mark.parametrize("entries", [1, 3 * VOCABULARY, 1 << 24])
@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("with_gain", [False, True])
def test_effects_are_those_of_the_plain_product(
    entries: int, centred: bool, with_gain: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many latents are taken at once: the same tokens, the same effects, the same sizes."""
    monkeypatch.setattr(module, "_ENTRIES", entries)
    decoder, unembedding, gain = made()
    weight = gain if with_gain else None
    found = output_tokens(decoder, unembedding, weight, top=4, centred=centred)
    sizes = effect_sizes(decoder, unembedding, weight, centred)
    for latent, effects in enumerate(literal(decoder, unembedding, weight, centred)):
        order = sorted(range(VOCABULARY), key=lambda token: effects[token])
        assert found.raised[latent].tolist() == order[::-1][:4]
        assert found.lowered[latent].tolist() == order[:4]
        assert found.raised_by[latent].tolist() == pytest.approx(
            [effects[t] for t in order[::-1][:4]], abs=1e-4
        )
        assert found.lowered_by[latent].tolist() == pytest.approx([effects[t] for t in order[:4]], abs=1e-4)
        spread = (sum(effect**2 for effect in effects) / VOCABULARY) ** 0.5
        assert float(sizes[latent]) == pytest.approx(spread, rel=1e-5)


def test_a_latent_that_writes_a_token_promotes_it() -> None:
    """A direction along a token's own row raises just that token, and its opposite lowers it."""
    unembedding = torch.eye(6)
    found = output_tokens(torch.stack([unembedding[2], -unembedding[4]]), unembedding, top=1)
    assert found.raised[0].item() == 2
    assert found.lowered[1].item() == 4
    assert found.raised_by[0].item() == pytest.approx(5 / 6)


def test_what_the_softmax_ignores_is_ignored() -> None:
    """The same vector added to every token's row changes no effect and no size."""
    decoder, unembedding, gain = made()
    moved = unembedding + torch.randn(D, generator=torch.Generator().manual_seed(9))
    one, two = (output_tokens(decoder, rows, gain, top=3) for rows in (unembedding, moved))
    assert one.raised.equal(two.raised)
    torch.testing.assert_close(one.raised_by, two.raised_by, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(effect_sizes(decoder, unembedding, gain), effect_sizes(decoder, moved, gain))


@pytest.mark.parametrize("centred", [False, True])
def test_effects_are_the_slope_of_a_real_norm(centred: bool) -> None:
    """The change of centred logits along a direction across the input, up to the norm's length."""
    decoder, unembedding, gain = (part.double() for part in made(1))
    x = torch.randn(D, generator=torch.Generator().manual_seed(2)).double()
    seen = x - x.mean() if centred else x
    decoder = decoder - (decoder @ seen)[:, None] * seen / (seen @ seen)
    norm = torch.nn.LayerNorm(D, eps=0, bias=False) if centred else torch.nn.RMSNorm(D, eps=0)
    norm.double().weight.data.copy_(gain)
    step = 1e-5
    for latent, row in enumerate(decoder):
        change = unembedding @ (norm(x + step * row) - norm(x - step * row)) / (2 * step)
        scaled = change * seen.square().mean().sqrt()
        found = output_tokens(decoder, unembedding, gain, top=1, centred=centred)
        exact = (scaled - scaled.mean()).max().item()
        assert found.raised_by[latent].item() == pytest.approx(exact, abs=1e-4)


def test_what_does_not_fit_is_told() -> None:
    """One clear sentence each."""
    decoder, unembedding, gain = made()
    for top in (0, VOCABULARY + 1):
        with pytest.raises(BadOption, match="from 1 to the 23 tokens"):
            output_tokens(decoder, unembedding, top=top)
    with pytest.raises(BadOption, match="rows of the model's width"):
        output_tokens(decoder[:, 1:], unembedding)
    with pytest.raises(BadOption, match="norm's weight has shape"):
        effect_sizes(decoder, unembedding, gain[1:])
    with pytest.raises(BadOption, match="no latent, or no token"):
        effect_sizes(decoder[:0], unembedding)
