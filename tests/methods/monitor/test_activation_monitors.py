"""The monitors that read activations, on the mock model with its planted direction."""

from dataclasses import replace

import numpy as np
import pytest

from assay.core import Access, Material, Transcript
from assay.core.errors import NotApplicable
from assay.core.registry import entries, find
from assay.jobs.monitor import MonitorBrief, MonitorTruth, brief, truth
from assay.methods.monitor._activations import chosen_families, family_rows, last_token
from assay.metrics.auroc import auroc
from assay.testing import FakeWhiteHandle, fake_handle, fake_material

HANDLE = fake_handle(Access.WHITE)
LAYER = 4


@pytest.fixture(scope="module")
def material() -> Material:
    """Chat of the mock model."""
    return fake_material()


@pytest.fixture(scope="module")
def told(material: Material) -> MonitorBrief:
    """What every method is told."""
    return brief(material)


@pytest.fixture(scope="module")
def known(told: MonitorBrief, material: Material) -> MonitorTruth:
    """The same with the truth."""
    return truth(told, material)


def report(material: Material) -> tuple[list[Transcript], np.ndarray]:
    """Transcripts before the onset, and whether the model then defects."""
    cases = [case for case in material.cases if case.split == "report"]
    return [case.before() for case in cases], np.array([case.defects for case in cases])


SUPERVISED = (
    "mean_difference_one_pair",
    "mean_difference_pairs",
    "logistic_probe",
    "lda_probe",
    "pca_reading",
)


@pytest.mark.parametrize("key", [*SUPERVISED, "mahalanobis"])
def test_methods_find_the_planted_direction(key: str, told: MonitorBrief, material: Material) -> None:
    """A model whose alarmed state lies along the yes/no direction is caught by every real method."""
    method = find("method", key, "monitor").load()
    setting = method.default_setting(4) | {"layer": LAYER}
    transcripts, labels = report(material)
    scores = method.fit(HANDLE, told, setting, 0).score(HANDLE, transcripts)
    assert auroc(scores, labels) > 0.95


def test_top_pc_reads_the_axis_of_ordinary_chat(told: MonitorBrief, material: Material) -> None:
    """Low reverses high, and either is the distance from the usual."""
    method = find("method", "top_pc", "monitor").load()
    transcripts, _ = report(material)
    high, low, either = (
        method.fit(HANDLE, told, {"layer": 2, "side": side}, 0).score(HANDLE, transcripts)
        for side in ("high", "low", "either")
    )
    np.testing.assert_allclose(high, -low)
    np.testing.assert_allclose(np.abs(high), either)
    usual = method.fit(HANDLE, told, {"layer": 2, "side": "high"}, 0).score(HANDLE, told.ordinary)
    assert usual.mean() == pytest.approx(0.0, abs=1e-9)
    assert usual.std() == pytest.approx(1.0)


def test_one_pair_is_its_formula(told: MonitorBrief, material: Material) -> None:
    """Scores differ as (h(yes) - h(no)) . h does."""
    method = find("method", "mean_difference_one_pair", "monitor").load()
    transcripts, _ = report(material)
    scores = method.fit(HANDLE, told, {"layer": 3}, 0).score(HANDLE, transcripts)
    low, high = (HANDLE.activations([t.text], [3])[0, 0].double() for t in told.one_pair)
    rows = HANDLE.activations([t.text for t in transcripts], [3])[:, 0].double()
    literal = (rows @ (high - low)).numpy()
    np.testing.assert_allclose(scores - scores[0], literal - literal[0], atol=1e-9)


def test_families_are_chosen_and_centred(told: MonitorBrief) -> None:
    """Numbers count round, "all" takes every family, and each family's mean is taken out."""
    assert chosen_families(told, 0) == chosen_families(told, 2)
    assert len(chosen_families(told, "all")) == 2
    rows = family_rows(HANDLE, told, {"layer": 2, "family": "all"})
    sizes = [len(pairs) for pairs in told.pairs.values()]
    assert len(rows.rows) == 2 * sum(sizes)
    first = np.concatenate([rows.harmless[: sizes[0]], rows.alarming[: sizes[0]]])
    np.testing.assert_allclose(first.mean(0), 0.0, atol=1e-9)
    assert rows.labels.sum() == sum(sizes)


def test_without_pairs_the_probes_decline(told: MonitorBrief) -> None:
    """A brief without contrast pairs is refused with the reason."""
    with pytest.raises(NotApplicable, match="no contrast pairs"):
        family_rows(HANDLE, replace(told, pairs={}), {"layer": 1, "family": 0})


def test_rows_are_the_last_token_of_the_layer() -> None:
    """What is read is the residual stream after the named block at the end of prompt plus reply."""
    found = last_token(HANDLE, [Transcript("a b", " c"), Transcript("d")], 2)
    literal = [HANDLE.sequence_activations([text], 2)[0][-1].numpy() for text in ("a b c", "d")]
    np.testing.assert_allclose(found, literal)


def test_shuffled_labels_hold_no_information(told: MonitorBrief) -> None:
    """Over many seeds the shuffled direction points with the true one as often as against it."""
    method = find("method", "shuffled_labels", "monitor").load()
    real = find("method", "mean_difference_pairs", "monitor").load()
    setting = {"layer": LAYER, "family": 0}
    true = real.fit(HANDLE, told, setting, 0).probe.direction
    along = [method.fit(HANDLE, told, setting, seed).probe.direction @ true for seed in range(60)]
    assert abs(np.mean(np.sign(along))) < 0.4
    assert len(set(along)) > 10


def test_best_random_direction_beats_the_median(known: MonitorTruth) -> None:
    """On the cases that both were chosen on, the best direction is at least as good as the median one."""
    transcripts, labels = [t for t, _ in known.labelled], np.array([d for _, d in known.labelled])
    best, median = (
        auroc(
            find("method", key, "monitor")
            .load()
            .fit(HANDLE, known, {"layer": 3}, 0)
            .score(HANDLE, transcripts),
            labels,
        )
        for key in ("random_direction_best", "random_direction_median")
    )
    assert best > median
    assert best > 0.8


def test_unrelated_pairs_learn_from_nothing_else(told: MonitorBrief, material: Material) -> None:
    """The placebo's scores do not change when the dangerous pairs do."""
    method = find("method", "unrelated_pairs", "monitor").load()
    transcripts, _ = report(material)
    swapped = replace(told, pairs={}, one_pair=told.unrelated[0])
    plain, other = (
        method.fit(HANDLE, b, {"layer": 2}, 0).score(HANDLE, transcripts) for b in (told, swapped)
    )
    np.testing.assert_array_equal(plain, other)


def test_every_probe_has_a_placebo() -> None:
    """Each supervised probe is named by a placebo, and placebos name only methods that exist."""
    loaded = {entry.key: entry.load() for entry in entries("method", "monitor")}
    named = {key for method in loaded.values() for key in method.placebo_for}
    assert named <= set(loaded)
    assert set(SUPERVISED) <= named


def test_monitors_read_only_the_chosen_layer(told: MonitorBrief) -> None:
    """Fitting and scoring ask for one layer, so that the price is that of one layer."""
    asked: list[int] = []

    class Spy(FakeWhiteHandle):
        def activations(self, texts, layers):  # type: ignore[no-untyped-def]
            asked.extend(layers)
            return super().activations(texts, layers)

    spy = Spy()
    method = find("method", "lda_probe", "monitor").load()
    method.fit(spy, told, {"layer": 3, "family": "all"}, 0).score(spy, told.ordinary)
    assert set(asked) == {3}
