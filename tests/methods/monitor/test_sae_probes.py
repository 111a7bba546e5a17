"""Probes on a sparse dictionary and the pools that hold them, on the mock model."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from assay.core import UNTRIGGERED, Access, Material, Transcript
from assay.core.errors import NotApplicable
from assay.core.registry import find
from assay.jobs.monitor import MonitorBrief, brief
from assay.methods.monitor import _dictionary
from assay.methods.monitor._activations import chosen_families, family_rows
from assay.methods.monitor._dictionary import (
    DEPTH,
    Through,
    latents,
    learnt,
    pairs_through,
    read_texts,
    reconstruction,
)
from assay.methods.monitor._pool import PLAIN
from assay.methods.monitor.probe_pool_with_sae import SAE
from assay.metrics.auroc import auroc
from assay.techniques.dictionaries import Dictionary
from assay.techniques.dictionaries.at_layer import at_layer, layer_at
from assay.techniques.dictionaries.rules import Above
from assay.techniques.probes import LinearProbe, logistic_objective
from assay.testing import CallLog, fake_handle, fake_material

HANDLE = fake_handle(Access.WHITE)
LAYER = 3
"""The middle of the mock model's four."""
ON_TEXT = ("sae_probe", "sae_reconstruction_probe", "sae_probe_random")


@pytest.fixture(scope="module")
def material() -> Material:
    """Chat of the mock model."""
    return fake_material()


@pytest.fixture(scope="module")
def told(material: Material) -> MonitorBrief:
    """What a method is told that asks for clean text."""
    return brief(material.told(UNTRIGGERED))


@pytest.fixture(scope="module")
def dictionary(told: MonitorBrief) -> Dictionary:
    """What a method with seed 3 learns."""
    return learnt(HANDLE, told, LAYER, 3)


def entry(key: str) -> Any:
    """A shipped method."""
    return find("method", key, "monitor").load()


def report(material: Material) -> tuple[list[Transcript], np.ndarray]:
    """Transcripts before the onset, and whether the model then defects."""
    cases = [case for case in material.cases if case.split == "report"]
    return [case.before() for case in cases], np.array([case.defects for case in cases])


def row(text: str) -> np.ndarray:
    """The activation that a monitor reads."""
    return HANDLE.activations([text], [LAYER])[0, 0].double().numpy()


def slow_code(dictionary: Dictionary, x: np.ndarray) -> np.ndarray:
    """The twin of a code: latent by latent, ``z`` where it is above its threshold."""
    assert isinstance(dictionary.rule, Above)
    found = np.zeros(dictionary.latents)
    centred = x - dictionary.decoder_bias.double().numpy()
    for at in range(dictionary.latents):
        z = float(dictionary.encoder[at].double().numpy() @ centred) + float(dictionary.encoder_bias[at])
        found[at] = z if z > float(dictionary.rule.threshold[at]) else 0.0
    return found


def slow_reconstruction(dictionary: Dictionary, x: np.ndarray) -> np.ndarray:
    """The twin of a reconstruction: the bias and every latent's direction as often as it is on."""
    found = dictionary.decoder_bias.double().numpy().copy()
    for amount, direction in zip(slow_code(dictionary, x), dictionary.decoder.double().numpy(), strict=True):
        found += amount * direction
    return found


def slow_pairs(told: MonitorBrief, show: Callable[[np.ndarray], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """All sides of all pairs as shown, less their family's mean; and whether each is alarming."""
    rows, labels = list[np.ndarray](), list[bool]()
    for family in told.pairs.values():
        shown = [(show(row(side.text)), alarming) for pair in family for alarming, side in enumerate(pair)]
        mean = sum(x for x, _ in shown) / len(shown)
        rows += [x - mean for x, _ in shown]
        labels += [bool(alarming) for _, alarming in shown]
    return np.array(rows), np.array(labels)


def least(x: np.ndarray, labels: np.ndarray, l2: float) -> float:
    """The smallest value of the logistic objective, by plain gradient descent in double precision."""
    spread = x.std(axis=0)
    z = torch.from_numpy((x - x.mean(axis=0)) / np.where(spread > 1e-12, spread, np.inf))
    y = torch.from_numpy(np.where(labels, 1.0, -1.0))
    theta = torch.zeros(z.shape[1] + 1, dtype=torch.float64, requires_grad=True)
    solver = torch.optim.LBFGS([theta], max_iter=300, tolerance_grad=1e-10, line_search_fn="strong_wolfe")

    def loss() -> Any:
        solver.zero_grad()
        margins = y * (z @ theta[:-1] + theta[-1])
        value = torch.nn.functional.softplus(-margins).sum() + l2 / 2 * theta[:-1] @ theta[:-1]
        value.backward()
        return value

    solver.step(loss)
    return float(loss().detach())


@pytest.mark.parametrize("k", [1, 8, 64])
def test_the_sae_probe_is_its_formula(k: int, told: MonitorBrief, dictionary: Dictionary) -> None:
    """By hand: dense codes, the k largest gaps of class means, the logistic optimum on those latents."""
    monitor = entry("sae_probe").fit(HANDLE, told, {"k": k}, 3)
    x, labels = slow_pairs(told, lambda a: slow_code(dictionary, a))
    gaps = [abs(float(x[labels, at].mean() - x[~labels, at].mean())) for at in range(dictionary.latents)]
    chosen = sorted(range(len(gaps)), key=lambda at: -gaps[at])[:k]
    probe = monitor.probe.probe
    assert set(np.flatnonzero(probe.direction)) <= set(chosen)
    few = LinearProbe(probe.direction[chosen], probe.offset)
    wanted = least(x[:, chosen], labels, 1.0)
    assert logistic_objective(x[:, chosen], labels, few, 1.0) == pytest.approx(wanted, rel=1e-4)
    text = "user : the lantern glows . is tea good ? assistant :"
    literal = slow_code(dictionary, row(text)) @ probe.direction + probe.offset
    assert float(monitor.score(HANDLE, [Transcript(text)])[0]) == pytest.approx(literal, rel=1e-4, abs=1e-5)


def test_the_reconstruction_probe_is_its_formula(told: MonitorBrief, dictionary: Dictionary) -> None:
    """By hand: sums of directions for activations, the logistic optimum with the logistic probe's l2."""
    monitor = entry("sae_reconstruction_probe").fit(HANDLE, told, {}, 3)
    x, labels = slow_pairs(told, lambda a: slow_reconstruction(dictionary, a))
    probe = monitor.probe.probe
    assert logistic_objective(x, labels, probe, 10.0) == pytest.approx(least(x, labels, 10.0), rel=1e-4)
    literal = slow_reconstruction(dictionary, row("the lantern glows")) @ probe.direction + probe.offset
    found = monitor.score(HANDLE, [Transcript("the lantern glows")])
    assert float(found[0]) == pytest.approx(literal, rel=1e-4, abs=1e-5)


def test_a_perfect_dictionary_gives_the_probes_on_activations(told: MonitorBrief) -> None:
    """One latent for each end of each axis and no threshold: the reconstruction is the activation itself."""
    width = HANDLE.width
    both = torch.cat([torch.eye(width), -torch.eye(width)])
    perfect = Dictionary(
        both, both, torch.zeros(2 * width), torch.zeros(width), Above(torch.zeros(2 * width))
    )
    through = pairs_through(HANDLE, told, LAYER, perfect, reconstruction)
    plain = family_rows(HANDLE, told, {"layer": LAYER, "family": "all"})
    np.testing.assert_allclose(through.rows, plain.rows, atol=1e-5)
    np.testing.assert_array_equal(through.labels, plain.labels)
    x = np.array([[3.0, -2.0, *[0.0] * (width - 2)]])
    assert np.flatnonzero(latents(perfect, x)[0]).tolist() == [0, width + 1]


def test_families_are_centred_as_they_are_shown(told: MonitorBrief, dictionary: Dictionary) -> None:
    """Each family's latents have mean zero, and the order is that of the pairs."""
    read = pairs_through(HANDLE, told, LAYER, dictionary, latents)
    at = 0
    for pairs in chosen_families(told, "all"):
        part = slice(at, at + len(pairs))
        mean = (read.harmless[part] + read.alarming[part]).mean(axis=0)
        np.testing.assert_allclose(mean, 0.0, atol=1e-9)
        at += len(pairs)
    assert read.rows.shape == (2 * at, dictionary.latents)


def test_the_dictionary_is_that_of_the_text_and_the_seed(told: MonitorBrief, dictionary: Dictionary) -> None:
    """Four latents for each dimension, at one layer, the same as by hand."""
    by_hand = at_layer(HANDLE, told.text, LAYER, 4 * HANDLE.width, 3)
    assert torch.equal(dictionary.decoder, by_hand.decoder)
    assert layer_at(HANDLE, DEPTH) == LAYER
    other = entry("sae_probe").fit(HANDLE, told, {"k": 8}, 4)
    assert not torch.equal(other.probe.dictionary.decoder, dictionary.decoder)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("key", "setting"), [("sae_probe", {"k": 8}), ("sae_reconstruction_probe", {})])
def test_sae_probes_tell_pairs_that_they_never_saw(
    key: str, setting: dict[str, int], seed: int, told: MonitorBrief
) -> None:
    """What yes and no differ in on the questions learnt from is found on others, through any dictionary."""
    asked = [f"user : is it {word} ? assistant :" for word in ("vile", "tall", "green", "mad", "ill", "odd")]
    unseen = [Transcript(text, f" {answer}") for text in asked for answer in ("no", "yes")]
    scores = entry(key).fit(HANDLE, told, setting, seed).score(HANDLE, unseen)
    assert auroc(scores, np.array([t.text.endswith("yes") for t in unseen])) == 1.0


def test_the_placebo_learns_nothing_from_text_but_its_mean(told: MonitorBrief) -> None:
    """Its directions depend on the seed alone, and sixteen latents are on in every row."""
    method = entry("sae_probe_random")
    one = method.fit(HANDLE, told, {"k": 8}, 0).probe.dictionary
    other = method.fit(HANDLE, replace(told, text=told.text[:9]), {"k": 8}, 0).probe.dictionary
    assert torch.equal(one.decoder, other.decoder)
    assert not torch.equal(one.decoder_bias, other.decoder_bias)
    rows = torch.cat(HANDLE.sequence_activations(told.text[:20], LAYER))
    # the sixteen largest are kept where they are above zero, which of 64 random ones they all but always are
    assert float((latents(one, rows.numpy()) > 0).sum(axis=1).mean()) == pytest.approx(16, abs=0.5)
    assert not torch.equal(one.decoder, method.fit(HANDLE, told, {"k": 8}, 1).probe.dictionary.decoder)


def test_the_pool_with_sae_holds_the_plain_pool_and_more() -> None:
    """Every plain setting first and unchanged, then four on a dictionary; no more than all may try."""
    plain, more = entry("probe_pool").settings(4, 24), entry("probe_pool_with_sae").settings(4, 24)
    assert more[: len(plain)] == plain
    assert [s["probe"] for s in more[len(plain) :]] == list(SAE)
    assert (len(plain), len(more)) == (12, 16)


@pytest.mark.parametrize("name", PLAIN)
def test_plain_members_are_their_own_entries(name: str, told: MonitorBrief, material: Material) -> None:
    """Both pools score exactly as the entry alone does at that layer, and no dictionary is trained for it."""
    log = CallLog()
    spy = fake_handle(Access.WHITE, log=log)
    transcripts, _ = report(material)
    member = PLAIN[name]
    setting = {"layer": {0.5: 2, 0.75: 3}[member.depth], "family": "all", "spread": "full"}
    monitor: Any = member.method.fit(HANDLE, told, setting, 5)
    alone = monitor.score(HANDLE, transcripts)
    for key in ("probe_pool", "probe_pool_with_sae"):
        found = entry(key).fit(spy, told, {"probe": name}, 5).score(spy, transcripts)
        np.testing.assert_array_equal(found, alone)
    assert set(log.calls) == {"activations"}


@pytest.mark.parametrize(("name", "key", "setting"), [
    ("sae, k 1", "sae_probe", {"k": 1}), ("sae, k 8", "sae_probe", {"k": 8}),
    ("sae, k 64", "sae_probe", {"k": 64}), ("sae reconstruction", "sae_reconstruction_probe", {}),
])  # fmt: skip
def test_sae_members_are_their_own_entries(
    name: str, key: str, setting: dict[str, int], told: MonitorBrief, material: Material
) -> None:
    """The larger pool scores exactly as the SAE entry alone does."""
    transcripts, _ = report(material)
    alone = entry(key).fit(HANDLE, told, setting, 5).score(HANDLE, transcripts)
    pooled = entry("probe_pool_with_sae").fit(HANDLE, told, {"probe": name}, 5).score(HANDLE, transcripts)
    np.testing.assert_array_equal(pooled, alone)


@pytest.mark.parametrize("key", ON_TEXT)
def test_without_text_they_decline(key: str, told: MonitorBrief) -> None:
    """One clear sentence, before the model is asked anything."""
    log = CallLog()
    with pytest.raises(NotApplicable, match="no text of the model's kind"):
        entry(key).fit(fake_handle(Access.WHITE, log=log), replace(told, text=()), {"k": 8}, 0)
    assert log.calls == []


@pytest.mark.parametrize("key", ON_TEXT)
def test_without_pairs_they_decline(key: str, told: MonitorBrief) -> None:
    """A dictionary alone knows nothing of alarm."""
    with pytest.raises(NotApplicable, match="no contrast pairs"):
        entry(key).fit(HANDLE, replace(told, pairs={}), {"k": 8}, 0)


def test_too_little_text_is_declined(told: MonitorBrief) -> None:
    """Fewer tokens than a batch even when read three times: the reason names both numbers."""
    with pytest.raises(NotApplicable, match=r"text told: \d+ tokens are less than one batch of 512"):
        learnt(HANDLE, replace(told, text=told.text[:2]), LAYER, 0)


def test_long_text_is_read_up_to_a_limit(told: MonitorBrief, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole texts from the first, the last of them the one that reaches the limit."""
    monkeypatch.setattr(_dictionary, "WORDS", 5)
    assert read_texts(replace(told, text=("a b c", "d", "e f g", "h"))) == ["a b c", "d", "e f g"]
    assert read_texts(replace(told, text=("a b c d e", "f"))) == ["a b c d e"]


def test_a_score_does_not_change_with_other_latents(dictionary: Dictionary) -> None:
    """A probe on one latent reads that latent and nothing else."""
    direction = np.zeros(dictionary.latents)
    direction[5] = 2.0
    x = np.stack([row("the rain"), row("the lantern"), row("yes")])
    found = Through(dictionary, latents, LinearProbe(direction, 1.0)).scores(x)
    np.testing.assert_allclose(found, [2 * slow_code(dictionary, one)[5] + 1 for one in x], atol=1e-5)
