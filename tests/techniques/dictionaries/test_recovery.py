"""Known concepts and the latents that are held against them."""

import pytest
import torch

from assay.core.errors import BadOption
from assay.techniques.dictionaries import Dictionary
from assay.techniques.dictionaries.measures.recovery import closest, recovery
from assay.techniques.dictionaries.placebos.random_frozen import random_frozen
from assay.techniques.dictionaries.rules import Above
from tests.techniques.dictionaries.superposition import superposed

DATA = superposed(3000, d=40, true=20, on=4.0)
TRUE = DATA.codes > 0
ORACLE = Dictionary(
    torch.linalg.pinv(DATA.features).T,
    DATA.features,
    torch.zeros(20),
    (DATA.x - DATA.codes @ DATA.features)[0],
    Above(torch.full((20,), 0.1)),
)


def test_the_true_dictionary_finds_everything() -> None:
    """Each concept has its own latent with F1 of 1 and cosine 1; random directions find none."""
    found = recovery(ORACLE, [(DATA.x, TRUE)])
    assert found.latents.tolist() == list(range(20))
    assert float(found.f1.min()) == pytest.approx(1)
    assert found.found.estimate == 1
    cosines, numbers = closest(ORACLE, DATA.features)
    assert float(cosines.min()) == pytest.approx(1, abs=1e-5)
    assert numbers.tolist() == list(range(20))
    chance = recovery(random_frozen(DATA.x, 60, k=4), [(DATA.x, TRUE)])
    assert chance.found.estimate == 0
    assert chance.missing([f"concept {n}" for n in range(20)]) == [f"concept {n}" for n in range(20)]


def test_f1_is_counted_latent_by_latent() -> None:
    """A loop over latents and concepts, whatever the parts that the rows come in."""
    dictionary = random_frozen(DATA.x, 30, k=4, seed=3)
    on = dictionary.code(DATA.x).dense() > 0
    f1 = torch.zeros(30, 20)
    for latent in range(30):
        for concept in range(20):
            hits = int((on[:, latent] & TRUE[:, concept]).sum())
            f1[latent, concept] = 2 * hits / int(on[:, latent].sum() + TRUE[:, concept].sum())
    found = recovery(dictionary, zip(DATA.x.split(700), TRUE.split(700), strict=True))
    torch.testing.assert_close(found.f1, f1.max(0).values)
    assert torch.equal(f1[found.latents, torch.arange(20)], f1.max(0).values)


def test_labels_that_do_not_fit_are_told() -> None:
    """One clear sentence each."""
    with pytest.raises(BadOption, match="3000 rows of activations but 5 of labels"):
        recovery(ORACLE, [(DATA.x, TRUE[:5])])
    with pytest.raises(BadOption, match="no activations"):
        recovery(ORACLE, [])
