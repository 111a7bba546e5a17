"""Concepts that sit in single latents, in none, and in single neurons."""

from dataclasses import fields

import numpy as np
import pytest
import torch
from torch import Tensor

from assay.core.errors import BadOption, NotApplicable
from assay.metrics.proportion import wilson
from assay.techniques.dictionaries import Dictionary
from assay.techniques.dictionaries.measures.sparse_probing import (
    FORMULAS,
    Reading,
    SparseProbing,
    pooled,
    sparse_probing,
)
from assay.techniques.dictionaries.placebos.random_frozen import random_frozen
from assay.techniques.dictionaries.rules import Above
from assay.techniques.probes.logistic import logistic

D, CONCEPTS = 32, 16
UNITS = torch.linalg.qr(torch.randn(D, D, generator=torch.Generator().manual_seed(0))).Q
ROTATED = torch.linalg.qr(torch.randn(D, D, generator=torch.Generator().manual_seed(1))).Q


def made(n: int, seed: int) -> tuple[list[Tensor], Tensor]:
    """Texts of two to five tokens; each concept is in half of them, at every token, and by no coordinate."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.rand(n, CONCEPTS, generator=generator) < 0.5
    texts: list[Tensor] = []
    for row in labels:
        tokens = int(torch.randint(2, 6, (), generator=generator))
        size = 0.7 + 0.6 * torch.rand(tokens, CONCEPTS, generator=generator)
        noise = 0.1 * torch.randn(tokens, D, generator=generator)
        texts.append((row * size) @ UNITS[:CONCEPTS] + noise)
    return texts, labels


def of(directions: Tensor, threshold: float = 0.35) -> Dictionary:
    """A latent for each direction, on above a threshold."""
    latents, width = directions.shape
    rule = Above(torch.full((latents,), threshold))
    return Dictionary(directions, directions, torch.zeros(latents), torch.zeros(width), rule)


FIT, HELD_OUT = made(300, 1), made(400, 2)


def estimates(reading: Reading) -> tuple[float, float]:
    """Accuracy and AUROC."""
    return reading.accuracy.estimate, reading.auroc.estimate


def slow_rows(dictionary: Dictionary, texts: list[Tensor]) -> tuple[np.ndarray, np.ndarray]:
    """Mean latents and mean activations, token by token in dense vectors."""
    latents = np.zeros((len(texts), dictionary.latents))
    neurons = np.zeros((len(texts), dictionary.width))
    for i, text in enumerate(texts):
        for token in text:
            latents[i] += dictionary.code(token[None]).dense()[0].double().numpy() / len(text)
            neurons[i] += token.double().numpy() / len(text)
    return latents, neurons


def slow_probe(
    x: np.ndarray, labels: np.ndarray, new: np.ndarray, truth: np.ndarray, k: int
) -> tuple[list[int], float, float]:
    """Choose by a loop over features, count right answers and pairs one by one."""
    gaps = [abs(x[labels, f].mean() - x[~labels, f].mean()) for f in range(x.shape[1])]
    chosen = sorted(range(x.shape[1]), key=lambda f: -gaps[f])[:k]
    scores = logistic(x[:, chosen], labels).scores(new[:, chosen])
    right = sum((score > 0) == bool(true) for score, true in zip(scores, truth, strict=True))
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[truth] for b in scores[~truth]]
    return chosen, right / len(truth), float(np.mean(pairs))


def test_it_is_its_slow_twin() -> None:
    """With dense vectors and plain loops the same latents are chosen and the same numbers come out."""
    dictionary = random_frozen(torch.cat(FIT[0]), 50, k=6, seed=2)
    texts, labels = FIT[0][:80], FIT[1][:80, 0]
    others, truth = HELD_OUT[0][:60], HELD_OUT[1][:60, 0]
    fit, new = pooled(dictionary, texts), pooled(dictionary, others)
    found = sparse_probing((fit, labels), (new, truth), ks=(1, 3))
    (slow_fit, x), (slow_new, y) = slow_rows(dictionary, texts), slow_rows(dictionary, others)
    np.testing.assert_allclose(fit.code.dense().numpy(), slow_fit, atol=1e-6)
    np.testing.assert_allclose(new.x, y, atol=1e-12)
    dense = slow_probe(x, labels.numpy(), y, truth.numpy(), D)[1:]
    assert estimates(found.dense) == pytest.approx(dense)
    for k in (1, 3):
        chosen, *ours = slow_probe(slow_fit, labels.numpy(), slow_new, truth.numpy(), k)
        theirs = slow_probe(x, labels.numpy(), y, truth.numpy(), k)[1:]
        assert list(found.chosen[:k]) == chosen
        assert estimates(found.latents[k]) == pytest.approx(ours)
        assert estimates(found.neurons[k]) == pytest.approx(theirs)
        assert estimates(found.over_neurons[k]) == pytest.approx(np.subtract(ours, theirs))
        assert estimates(found.over_dense[k]) == pytest.approx(np.subtract(ours, dense))


def test_many_tokens_are_averaged_like_few() -> None:
    """Texts longer than what is encoded at once, and texts that do not fit beside each other."""
    generator = torch.Generator().manual_seed(5)
    texts = [torch.randn(n, 4, generator=generator) for n in (5000, 3, 4000, 200, 1)]
    dictionary = of(torch.eye(4), threshold=0.0)
    latents = torch.stack([text.relu().double().mean(0) for text in texts])
    torch.testing.assert_close(pooled(dictionary, texts).code.dense(), latents, rtol=1e-5, atol=1e-6)


def test_latents_that_are_the_concepts_tell_them_alone() -> None:
    """One latent says as much as all of the activation, far more than one neuron and still more than five."""
    dictionary = of(UNITS)
    fit, new = pooled(dictionary, FIT[0]), pooled(dictionary, HELD_OUT[0])
    for concept in (0, 7):
        found = sparse_probing((fit, FIT[1][:, concept]), (new, HELD_OUT[1][:, concept]))
        assert found.chosen[0] == concept
        assert estimates(found.latents[1]) == pytest.approx((1, 1), abs=0.01)
        assert found.over_dense[1].accuracy.low <= 0 <= found.over_dense[1].accuracy.high
        assert estimates(found.dense) == pytest.approx((1, 1), abs=0.01)
        assert found.over_neurons[1].accuracy.low > 0.1
        assert found.over_neurons[1].auroc.low > 0.1
        assert found.over_neurons[5].accuracy.low > 0


def test_rotated_latents_are_no_better_than_neurons() -> None:
    """Directions drawn at random beat coordinates at no k beyond chance, and both stay below everything."""
    dictionary = of(ROTATED, threshold=0.0)
    fit, new = pooled(dictionary, FIT[0]), pooled(dictionary, HELD_OUT[0])
    gains: list[float] = []
    for concept in range(CONCEPTS):
        found = sparse_probing((fit, FIT[1][:, concept]), (new, HELD_OUT[1][:, concept]), ks=(1,))
        gains.append(found.over_neurons[1].accuracy.estimate)
        assert found.over_dense[1].accuracy.high < 0
    assert np.mean(gains) < 2 * np.std(gains) / len(gains) ** 0.5


def test_differences_are_paired() -> None:
    """Latents that are the neurons differ from them by nothing, whichever texts are redrawn."""
    texts = [text.abs() for text in FIT[0]]
    rows = pooled(of(torch.eye(D), threshold=0.0), texts)
    found = sparse_probing((rows, FIT[1][:, 0]), (rows, FIT[1][:, 0]), ks=(2,))
    same = found.over_neurons[2]
    assert estimates(same) == (0, 0)
    # no draw differs, so that only the bound for what was never seen in so many texts is left
    assert same.accuracy.high == pytest.approx(2 * wilson(0, len(texts))[1])
    assert found.latents[2].accuracy.low < found.latents[2].accuracy.estimate < found.latents[2].accuracy.high
    assert (same.auroc.n, same.auroc.better, same.auroc.metric) == (300, "higher", "auroc_over_neurons")


def test_nothing_is_chosen_on_held_out_texts() -> None:
    """With their labels turned round the same latents are chosen, and all answers are wrong."""
    dictionary = of(UNITS)
    fit, new = pooled(dictionary, FIT[0]), pooled(dictionary, HELD_OUT[0])
    labels = HELD_OUT[1][:, 3]
    one = sparse_probing((fit, FIT[1][:, 3]), (new, labels), ks=(1,))
    other = sparse_probing((fit, FIT[1][:, 3]), (new, ~labels), ks=(1,))
    assert one.chosen == other.chosen == (3,)
    assert other.latents[1].accuracy.estimate == pytest.approx(1 - one.latents[1].accuracy.estimate)


def test_every_number_has_its_formula() -> None:
    """The fields of the result and the metrics in them."""
    readings = {field.name for field in fields(SparseProbing)} - {"chosen"}
    assert set(FORMULAS) == readings | {field.name for field in fields(Reading)}


def test_what_cannot_be_probed_is_told() -> None:
    """One clear sentence each."""
    rows, labels = pooled(of(UNITS), FIT[0][:20]), FIT[1][:20, 0]
    with pytest.raises(NotApplicable, match="the concept is in 0 of 20 texts"):
        sparse_probing((rows, labels), (rows, torch.zeros(20, dtype=torch.bool)))
    with pytest.raises(NotApplicable, match="the concept is in 20 of 20 texts"):
        sparse_probing((rows, torch.ones(20, dtype=torch.bool)), (rows, labels))
    with pytest.raises(BadOption, match="from 1 to the 32 latents or neurons"):
        sparse_probing((rows, labels), (rows, labels), ks=(1, 33))
    with pytest.raises(BadOption, match=r"each k .* got \(\)"):
        sparse_probing((rows, labels), (rows, labels), ks=())
    with pytest.raises(BadOption, match=r"20 texts but labels of shape \(5,\)"):
        sparse_probing((rows, labels), (rows, labels[:5]))
    fewer = pooled(of(UNITS[:9]), FIT[0][:20])
    with pytest.raises(BadOption, match=r"fit texts have \(latents, neurons\) \(32, 32\), held-out"):
        sparse_probing((rows, labels), (fewer, labels))
    with pytest.raises(BadOption, match="no texts"):
        pooled(of(UNITS), [])
    with pytest.raises(BadOption, match="without tokens"):
        pooled(of(UNITS), [torch.zeros(0, D)])
    with pytest.raises(BadOption, match="do not fit a dictionary for rows of 32"):
        pooled(of(UNITS), [torch.zeros(2, D), torch.zeros(2, 3)])
    with pytest.raises(BadOption, match="NaN"):
        pooled(of(UNITS), [torch.full((2, D), torch.nan)])
