"""Measures of dictionaries: the formulas, and the values that they must take."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from assay.core.errors import BadOption, NotApplicable
from assay.techniques.dictionaries import Dictionary
from assay.techniques.dictionaries.measures.fidelity import fidelity
from assay.techniques.dictionaries.measures.loss_recovered import loss_recovered
from assay.techniques.dictionaries.placebos.identity import identity
from assay.techniques.dictionaries.placebos.pca import pca
from assay.techniques.dictionaries.placebos.random_frozen import random_frozen
from assay.techniques.dictionaries.placebos.shuffled_decoder import shuffled_decoder
from assay.techniques.dictionaries.rules import KeepLargest
from tests.model.tiny import TEXTS, tiny_engine
from tests.techniques.dictionaries.superposition import superposed


def texts(x: Tensor) -> list[Tensor]:
    """Rows as texts of unlike lengths."""
    return list(x.split([50, 30, 70, 10, len(x) - 160]))


def nothing(mean: Tensor) -> Dictionary:
    """A dictionary that has never anything on: it gives back the mean."""
    width = len(mean)
    zeros = torch.zeros(3, width)
    return Dictionary(zeros, zeros, torch.full((3,), -1.0), mean, KeepLargest(1))


@pytest.mark.parametrize("loud", [0.0, 30.0])
def test_the_mean_predictor_explains_nothing(loud: float) -> None:
    """Also where one dimension has a large mean, which a common formula scores .9."""
    x = torch.randn(300, 64, generator=torch.Generator().manual_seed(0))
    x[:, 7] += loud
    found = fidelity(nothing(x.mean(0)), texts(x))
    assert found.variance_explained.estimate == pytest.approx(0, abs=1e-6)
    assert found.l0.estimate == 0
    assert found.dead_latents.estimate == 1


def test_fidelity_is_its_formulas() -> None:
    """Over all tokens at once, whatever the texts and the parts that are encoded together."""
    x = superposed(400).x
    dictionary = random_frozen(x, 60, k=4)
    found = fidelity(dictionary, texts(x))
    back = dictionary.reconstructed(x)
    f = dictionary.code(x).dense()
    explained = 1 - (x - back).pow(2).sum() / (x - x.mean(0)).pow(2).sum()
    assert found.variance_explained.estimate == pytest.approx(float(explained), rel=1e-5)
    assert found.reconstruction_bias.estimate == pytest.approx(
        float(back.pow(2).sum() / (x * back).sum()), rel=1e-5
    )
    assert found.l0.estimate == pytest.approx(float((f > 0).sum()) / 400)
    assert found.dead_latents.estimate == pytest.approx(float((f.sum(0) == 0).float().mean()))
    assert (found.l0.n, found.l0.clusters, found.dead_latents.n) == (400, 5, 60)
    assert found.variance_explained.low < found.variance_explained.estimate < found.variance_explained.high


def test_placebos_are_what_they_say() -> None:
    """Identity loses nothing; components beat random rows; a shuffled decoder is worse than the mean."""
    data = superposed(2000)
    whole = fidelity(identity(24), texts(data.x))
    assert whole.variance_explained.estimate == pytest.approx(1)
    assert whole.reconstruction_bias.estimate == pytest.approx(1)
    assert whole.l0.estimate == pytest.approx(24, abs=0.01)
    true = Dictionary(
        data.features,
        data.features,
        torch.full((36,), -0.3),
        (data.x - data.codes @ data.features)[0],
        KeepLargest(4),
    )
    scores = {
        name: fidelity(one, texts(data.x)).variance_explained.estimate
        for name, one in {
            "true": true,
            "pca": pca(data.x, 4),
            "random": random_frozen(data.x, 36, 4),
            "shuffled": shuffled_decoder(true),
        }.items()
    }
    assert scores["true"] > scores["pca"] > scores["random"]
    assert scores["shuffled"] < 0
    moved = shuffled_decoder(true).decoder
    assert not any(torch.equal(one, other) for one, other in zip(moved, true.decoder, strict=True))
    assert torch.equal(moved.sort(0).values, true.decoder.sort(0).values)


def test_all_components_are_a_basis() -> None:
    """With every latent allowed, nothing is lost."""
    x = superposed(500).x
    torch.testing.assert_close(pca(x, 48).reconstructed(x), x, rtol=1e-3, atol=1e-4)


def test_a_perfect_dictionary_recovers_all_loss() -> None:
    """Identity recovers 1 and costs no nats; zeros and the mean recover 0 against themselves."""
    engine, site = tiny_engine("llama"), "resid_post.1"
    with torch.no_grad():
        rows = torch.cat([x[1:] for x in engine.sequence_activations(TEXTS, 2)])
    mean = rows.mean(0)
    perfect = loss_recovered(engine, identity(engine.width), site, TEXTS, mean)
    assert perfect.recovered_from_zero.estimate == pytest.approx(1, abs=1e-4)
    assert perfect.nats_lost.estimate == pytest.approx(0, abs=1e-5)
    by_mean = loss_recovered(engine, nothing(mean), site, TEXTS, mean)
    assert by_mean.recovered_from_mean.estimate == pytest.approx(0, abs=1e-5)
    by_zero = loss_recovered(engine, nothing(0 * mean), site, TEXTS, mean)
    assert by_zero.recovered_from_zero.estimate == pytest.approx(0, abs=1e-5)
    assert by_zero.nats_lost.n == sum(engine.lengths(TEXTS)) - len(TEXTS)


def test_loss_is_measured_by_hand() -> None:
    """One text at a time through the bare model with a hook, the beginning token left as it is."""
    engine = tiny_engine("llama")
    dictionary = random_frozen(
        torch.randn(50, engine.width, generator=torch.Generator().manual_seed(3)), 40, 5
    )
    found = loss_recovered(engine, dictionary, "resid_post.1", TEXTS, torch.zeros(engine.width))

    def loss(ids: list[int], put: bool) -> float:
        def hook(_: object, __: object, out: Tensor) -> Tensor:
            new = out.clone()
            new[0, 1:] = dictionary.reconstructed(out[0, 1:])
            return new

        handle = engine.body.parts.blocks[1].register_forward_hook(hook if put else lambda *_: None)
        with torch.no_grad():
            logp = engine.model(input_ids=torch.tensor([ids])).logits[0].log_softmax(-1)
        handle.remove()
        return -sum(float(logp[at - 1, ids[at]]) for at in range(1, len(ids)))

    ids = engine.encode(TEXTS)
    lost = sum(loss(row, True) - loss(row, False) for row in ids) / sum(len(row) - 1 for row in ids)
    assert found.nats_lost.estimate == pytest.approx(lost, rel=1e-4)


def test_what_cannot_be_measured_is_told() -> None:
    """One text alone has no interval; shapes that do not fit are named."""
    x = superposed(20).x
    with pytest.raises(NotApplicable, match="at least two texts"):
        fidelity(identity(24), [x])
    with pytest.raises(BadOption, match="do not fit a dictionary for rows of 24"):
        fidelity(identity(24), [x[:, :5], x[:, :5]])
    with pytest.raises(BadOption, match=r"encoder_bias has shape \(3,\), but a dictionary of 48 latents"):
        replace(identity(24), encoder_bias=torch.zeros(3))
    assert np.isfinite(fidelity(identity(24), [x[:10], x[10:]]).l0.estimate)
