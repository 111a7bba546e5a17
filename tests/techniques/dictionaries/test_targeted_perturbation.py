"""Classes whose latents can be taken out one by one, and classes that share them."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from torch import Tensor

from assay.core.errors import BadOption, NotApplicable
from assay.techniques.dictionaries import Dictionary
from assay.techniques.dictionaries.measures.sparse_probing import Pooled, pooled
from assay.techniques.dictionaries.measures.targeted_perturbation import (
    FORMULAS,
    Perturbed,
    peers,
    targeted_perturbation,
)
from assay.techniques.dictionaries.placebos.random_frozen import random_frozen
from assay.techniques.dictionaries.rules import Above
from assay.techniques.probes.logistic import logistic

D, CLASSES, OTHERS = 64, 4, 56
UNITS = torch.linalg.qr(torch.randn(D, D, generator=torch.Generator().manual_seed(0))).Q
TURNED = torch.linalg.qr(torch.randn(D, D, generator=torch.Generator().manual_seed(9))).Q


def made(n: int, seed: int) -> tuple[Tensor, Tensor]:
    """One direction for each class, and others that are on at any class, often or seldom."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % CLASSES
    others = torch.rand(n, OTHERS, generator=generator) < torch.linspace(0.05, 0.6, OTHERS)
    codes = torch.cat([torch.nn.functional.one_hot(labels, CLASSES), others], dim=1)
    sizes = 2.5 + torch.rand(codes.shape, generator=generator)
    return (codes * sizes) @ UNITS[: CLASSES + OTHERS] + 0.05 * torch.randn(n, D, generator=generator), labels


def of(directions: Tensor, threshold: float = 1.0) -> Dictionary:
    """A latent for each direction, on above a threshold."""
    latents, width = directions.shape
    rule = Above(torch.full((latents,), threshold))
    return Dictionary(directions, directions, torch.zeros(latents), torch.zeros(width), rule)


def encoded(dictionary: Dictionary, rows: tuple[Tensor, Tensor]) -> tuple[Pooled, Tensor]:
    """Texts of one token."""
    return pooled(dictionary, list(rows[0][:, None])), rows[1]


FIT, HELD_OUT = made(400, 1), made(400, 2)


def balanced(right: np.ndarray, truth: np.ndarray) -> float:
    """Half the share of what is of the class and right, and half that of the rest."""
    return float(right[truth].mean() + right[~truth].mean()) / 2


def slow_tpp(drops: np.ndarray) -> tuple[float, float]:
    """Mean over classes, and over pairs of unlike ones, in plain loops."""
    classes = len(drops)
    own = [drops[i, i] for i in range(classes)]
    others = [drops[i, j] for i in range(classes) for j in range(classes) if i != j]
    return sum(own) / len(own), sum(others) / len(others)


@pytest.mark.parametrize("both_signs", [False, True])
def test_it_is_its_slow_twin(both_signs: bool) -> None:
    """Token by token with dense codes, the whole activation put together again and read by each probe."""
    dictionary = replace(
        random_frozen(FIT[0], 80, k=8, seed=3), decoder_bias=0.3 * torch.randn(D, generator=torch.Generator())
    )
    generator = torch.Generator().manual_seed(4)
    texts = [row + 0.5 * torch.randn(3, D, generator=generator) for row in (*FIT[0][:120], *HELD_OUT[0][:90])]
    labels = torch.cat([FIT[1][:120], HELD_OUT[1][:90]]).numpy()
    fit = pooled(dictionary, texts[:120]), torch.from_numpy(labels[:120])
    new = pooled(dictionary, texts[120:]), torch.from_numpy(labels[120:])
    found = targeted_perturbation(dictionary, fit, new, counts=(2, 6), both_signs=both_signs, draws=1)

    dense = [dictionary.code(text).dense().double() for text in texts]
    x = np.stack([text.double().mean(0).numpy() for text in texts])
    f = np.stack([code.mean(0).numpy() for code in dense])
    decoder = dictionary.decoder.double()
    probes = [logistic(x[:120], labels[:120] == i) for i in range(CLASSES)]
    for n in (2, 6):
        drops = np.zeros((CLASSES, CLASSES))
        for i in range(CLASSES):
            mine = labels[:120] == i
            tie = np.zeros(80)
            for latent in range(80):
                gap = f[:120][mine, latent].mean() - f[:120][~mine, latent].mean()
                product = float(probes[i].direction @ decoder[latent].numpy())
                tie[latent] = abs(gap * product) if both_signs else max(gap, 0) * product
            chosen = sorted(range(80), key=lambda latent: -tie[latent])[:n]
            assert list(found.latents[i][:n]) == chosen
            ablated = np.zeros((90, D))
            for row, (text, code) in enumerate(zip(texts[120:], dense[120:], strict=True)):
                error = text.double() - (code @ decoder + dictionary.decoder_bias)
                kept = code.clone()
                kept[:, chosen] = 0
                ablated[row] = (kept @ decoder + dictionary.decoder_bias + error).mean(0).numpy()
            for j in range(CLASSES):
                truth = labels[120:] == j
                before, after = probes[j].scores(x[120:]) > 0, probes[j].scores(ablated) > 0
                drops[i, j] = balanced(before == truth, truth) - balanced(after == truth, truth)
        own, others = slow_tpp(drops)
        assert found.by_count[n].own.estimate == pytest.approx(own)
        assert found.by_count[n].others.estimate == pytest.approx(others)
        assert found.by_count[n].tpp.estimate == pytest.approx(own - others)


def test_a_random_direction_moves_as_far() -> None:
    """In a plane the mean over draws is that over all angles, each text moved by what its latents are."""
    angles = torch.arange(3) * 2 * torch.pi / 3
    decoder = torch.cat([torch.stack([angles.cos(), angles.sin()], 1), torch.zeros(3, 2)])
    dictionary = of(decoder, threshold=0.1)
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(90) % 3
    x = (1 + torch.rand(90, 1, generator=generator)) * decoder[labels]
    rows = encoded(dictionary, (x, labels))
    found = targeted_perturbation(dictionary, rows, rows, counts=(1,), draws=500)
    assert found.latents == ((0,), (1,), (2,))
    probes = [logistic(x.numpy(), labels.numpy() == i) for i in range(3)]
    drops = np.zeros((3, 3))
    code = dictionary.code(x).dense().double().numpy()
    for i in range(3):
        for angle in np.linspace(0, 2 * np.pi, 360, endpoint=False):
            step = code[:, i, None] * np.array([np.cos(angle), np.sin(angle)])
            for j in range(3):
                truth = labels.numpy() == j
                before, after = (
                    probes[j].scores(x.numpy()) > 0,
                    probes[j].scores(x.double().numpy() - step) > 0,
                )
                drops[i, j] += (balanced(before == truth, truth) - balanced(after == truth, truth)) / 360
    own, others = slow_tpp(drops)
    assert found.by_count[1].same_norm.estimate == pytest.approx(own - others, abs=0.02)
    assert own - others > 0.05
    # latents that are never on are all that is left to draw from
    assert found.by_count[1].same_rate.estimate == 0


def test_latents_that_are_the_classes_blind_one_probe_each() -> None:
    """Half of the accuracy is lost and no other probe's; both placebos lose next to nothing."""
    dictionary = of(UNITS[: CLASSES + OTHERS])
    found = targeted_perturbation(
        dictionary, encoded(dictionary, FIT), encoded(dictionary, HELD_OUT), counts=(1, 2, 5)
    )
    assert found.clean.estimate > 0.99
    for i, some in enumerate(found.latents):
        assert some[0] == i
    for n, one in found.by_count.items():
        assert one.tpp.estimate > 0.45, n
        assert one.own.estimate > 0.45
        assert abs(one.others.estimate) < 0.02
        assert abs(one.same_rate.estimate) < 0.02
        assert abs(one.same_norm.estimate) < 0.02
        assert one.over_same_rate.low > 0.4
        assert one.over_same_norm.low > 0.4
        assert one.rates[0] == pytest.approx(one.rates[1], rel=0.2)


def test_a_random_latent_does_no_more_than_its_placebo() -> None:
    """A turned dictionary has no latent that a probe would miss; both placebos are as good as it is."""
    dictionary = of(TURNED)
    fit, new = encoded(dictionary, FIT), encoded(dictionary, HELD_OUT)
    one = targeted_perturbation(dictionary, fit, new, counts=(1,)).by_count[1]
    assert one.tpp.estimate < 0.01
    assert one.over_same_rate.estimate < 0.01
    assert one.over_same_norm.estimate < 0.01


def test_many_random_latents_need_a_random_dictionary_beside_them() -> None:
    """Ten that are chosen for a probe do beat ten that are not, yet fall far short of one true latent."""
    dictionary = of(TURNED)
    fit, new = encoded(dictionary, FIT), encoded(dictionary, HELD_OUT)
    one = targeted_perturbation(dictionary, fit, new, counts=(10,)).by_count[10]
    assert one.over_same_rate.low > 0
    assert one.over_same_norm.low > 0
    assert one.tpp.high < 0.3


def test_classes_that_share_their_latents_cannot_be_taken_out_alone() -> None:
    """Of three classes each has two latents, one in common with either of the others."""
    generator = torch.Generator().manual_seed(3)
    dictionary = of(UNITS[:20], threshold=0.5)

    def rows(entangled: bool) -> tuple[Pooled, Tensor]:
        labels = torch.arange(300) % 3
        own = torch.nn.functional.one_hot(labels, 3)
        codes = (1 - own if entangled else own) * (1.5 + torch.rand(300, 3, generator=generator))
        x = codes @ UNITS[:3] + 0.05 * torch.randn(300, D, generator=generator)
        return encoded(dictionary, (x, labels))

    apart = targeted_perturbation(dictionary, rows(False), rows(False), counts=(2,)).by_count[2]
    shared = targeted_perturbation(dictionary, rows(True), rows(True), counts=(2,)).by_count[2]
    assert apart.tpp.estimate > 0.45
    assert shared.own.estimate > 0.45
    assert shared.others.estimate > 0.2
    assert shared.tpp.high < 0.35


def test_signs_decide_whose_latents_are_tied() -> None:
    """With both, latents of other classes are taken out too, and the others' probes lose by it."""
    dictionary = of(UNITS[: CLASSES + OTHERS])
    fit, new = encoded(dictionary, FIT), encoded(dictionary, HELD_OUT)
    more = targeted_perturbation(dictionary, fit, new, counts=(4,)).by_count[4]
    both = targeted_perturbation(dictionary, fit, new, counts=(4,), both_signs=True)
    assert any(latent < CLASSES for latent in both.latents[0][1:])
    assert both.by_count[4].others.estimate > more.others.estimate + 0.1


def test_silent_latents_are_never_chosen() -> None:
    """A class has fewer latents than asked for where fewer are on at it; one that has none loses nothing."""
    silent = torch.cat([UNITS[:3], torch.zeros(20, D)])
    dictionary = of(silent)
    labels = torch.arange(200) % 4
    x = 3 * UNITS[labels]
    found = targeted_perturbation(dictionary, *[encoded(dictionary, (x, labels))] * 2, counts=(4,))
    assert found.latents == ((0,), (1,), (2,), ())
    assert found.by_count[4].own.estimate == pytest.approx(0.5 * 3 / 4)
    nothing = of(torch.zeros(20, D))
    idle = targeted_perturbation(nothing, *[encoded(nothing, (x, labels))] * 2, counts=(4,))
    assert idle.by_count[4].tpp.estimate == idle.by_count[4].same_norm.estimate == 0
    assert idle.by_count[4].rates == (0, 0)


def test_counts_do_not_change_each_other() -> None:
    """Nor does a second call change anything; more draws do."""
    dictionary = of(UNITS[: CLASSES + OTHERS])
    fit, new = encoded(dictionary, FIT), encoded(dictionary, HELD_OUT)
    alone = targeted_perturbation(dictionary, fit, new, counts=(5,))
    beside = targeted_perturbation(dictionary, fit, new, counts=(1, 5))
    assert alone.by_count[5] == beside.by_count[5]
    fewer = targeted_perturbation(dictionary, fit, new, counts=(5,), draws=2)
    assert fewer.by_count[5].rates[1] != alone.by_count[5].rates[1]
    assert fewer.by_count[5].tpp == alone.by_count[5].tpp


def test_peers_are_on_as_often_and_are_others() -> None:
    """Only others are drawn, none twice, near ones only, and in the long run each of these often."""
    rates = np.linspace(0, 1, 101)
    rng = np.random.default_rng(0)
    own = np.array([10, 11, 12, 60])
    others = np.setdiff1d(np.arange(101), own)
    drawn = np.stack([peers(own, others, rates, rng) for _ in range(1000)])
    assert all(len(set(row) | set(own)) == 8 for row in drawn.tolist())
    assert np.abs(rates[drawn] - rates[own]).max() < 0.1
    counts = np.bincount(drawn[:, 3], minlength=101)
    assert set(np.flatnonzero(counts)) == {*range(55, 60), *range(61, 66)}
    assert counts[counts > 0].min() > 50
    everything = peers(np.arange(50), np.arange(50, 100), rates, rng)
    assert sorted(everything.tolist()) == list(range(50, 100))
    same = np.stack([peers(np.array([0]), np.arange(1, 50), np.zeros(50), rng) for _ in range(1000)])
    assert np.bincount(same[:, 0], minlength=50)[1:].min() > 3


def test_every_number_has_its_formula() -> None:
    """The scores of the result."""
    assert {field.name for field in fields(Perturbed)} - {"rates"} <= set(FORMULAS)


def test_what_cannot_be_perturbed_is_told() -> None:
    """One clear sentence each."""
    dictionary = of(UNITS[:12])
    rows, labels = encoded(dictionary, (FIT[0][:40], FIT[1][:40]))
    good = rows, labels
    with pytest.raises(BadOption, match="from 1 to 2, so that 12 latents are enough for each of 4"):
        targeted_perturbation(dictionary, good, good, counts=(1, 3))
    with pytest.raises(BadOption, match=r"got \(\)"):
        targeted_perturbation(dictionary, good, good, counts=())
    with pytest.raises(BadOption, match="1 draw or more"):
        targeted_perturbation(dictionary, good, good, counts=(1,), draws=0)
    with pytest.raises(BadOption, match=r"40 texts but labels of shape \(3,\)"):
        targeted_perturbation(dictionary, good, (rows, labels[:3]), counts=(1,))
    with pytest.raises(BadOption, match=r"\(12, 64\) are not of this dictionary, which has \(13, 64\)"):
        targeted_perturbation(of(UNITS[:13]), good, good, counts=(1,))
    with pytest.raises(NotApplicable, match=r"only one of the two has \[3\]"):
        targeted_perturbation(dictionary, good, (rows, labels.clamp(max=2)), counts=(1,))
    with pytest.raises(NotApplicable, match="needs three classes or more"):
        targeted_perturbation(dictionary, (rows, labels % 2), (rows, labels % 2), counts=(1,))
