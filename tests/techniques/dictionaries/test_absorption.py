"""A planted hierarchy: nouns, and one noun whose latent has taken over."""

import pytest
import torch

from assay.core.errors import NotApplicable
from assay.techniques.dictionaries import Dictionary
from assay.techniques.dictionaries.measures.absorption import absorption
from assay.techniques.dictionaries.rules import Above

D, CHILDREN = 64, 40
UNITS = torch.linalg.qr(torch.randn(D, D, generator=torch.Generator().manual_seed(0))).Q
PARENT, KINDS = UNITS[0], UNITS[1 : 1 + CHILDREN]


def made(n: int, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Half the tokens are nouns; each noun is one of forty kinds and has the general direction too."""
    generator = torch.Generator().manual_seed(seed)
    is_noun = torch.rand(n, generator=generator) < 0.5
    kind = torch.randint(CHILDREN, (n,), generator=generator)
    other = torch.randn(n, D - 1 - CHILDREN, generator=generator) @ UNITS[1 + CHILDREN :]
    return is_noun[:, None] * (PARENT + KINDS[kind]) + 0.1 * other, is_noun, kind


def dictionary(absorbing: bool) -> Dictionary:
    """A latent for nouns and one for each kind; or the first kind's holds the noun, and the noun's is off."""
    decoder = torch.cat([PARENT[None], KINDS])
    encoder = decoder.clone()
    if absorbing:
        decoder[1] = (PARENT + KINDS[0]) / 2**0.5
        encoder[1] = KINDS[0] * 2**0.5
        encoder[0] = PARENT - 2 * KINDS[0]
    return Dictionary(encoder, decoder, torch.zeros(41), torch.zeros(D), Above(torch.full((41,), 0.4)))


def test_a_clean_hierarchy_absorbs_nothing() -> None:
    """The noun's latent is on at every noun."""
    (x, nouns, _), (new, truth, _) = made(2000, 1), made(2000, 2)
    found = absorption(dictionary(absorbing=False), (x, nouns), (new, truth), PARENT)
    assert found.main == (0,)
    assert found.absorbed.estimate == 0
    assert found.absorbed.n == int(truth.sum())


def test_what_was_taken_over_is_counted() -> None:
    """Just the nouns of the first kind, a fortieth of all: too few for its latent to pass for a main one."""
    (x, nouns, _), (new, truth, kind) = made(2000, 1), made(2000, 2)
    found = absorption(dictionary(absorbing=True), (x, nouns), (new, truth), PARENT)
    assert found.main == (0,)
    first = float((kind[truth] == 0).float().mean())
    assert first > 0.01
    assert found.absorbed.estimate == pytest.approx(first)


def test_a_concept_without_a_latent_cannot_be_absorbed() -> None:
    """Nor one that is nowhere."""
    x, nouns, _ = made(500, 1)
    silent = dictionary(absorbing=False)
    with pytest.raises(NotApplicable, match="at no token"):
        absorption(silent, (x, nouns), (x, torch.zeros_like(nouns)), PARENT)
