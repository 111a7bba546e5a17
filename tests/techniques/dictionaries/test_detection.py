"""Detection scores, against plain loops and against explanations whose worth is known."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from assay.core.errors import BadOption, NotApplicable
from assay.techniques.dictionaries.entries import Code, Entries
from assay.techniques.dictionaries.explanations.context_table import ContextTable, contexts_of
from assay.techniques.dictionaries.explanations.detection import (
    LEAST,
    Windows,
    balanced_accuracy,
    column,
    detection,
    examples,
    threshold,
)

TOKEN, CONTEXT, ALWAYS, RARE = range(4)


def made(texts: int, seed: int) -> tuple[list[list[int]], Code]:
    """Texts, and latents: on at token 7; at 7 after 3, with any strength; always; once."""
    rng = np.random.default_rng(seed)
    ids = [rng.integers(0, 12, rng.integers(4, 30)).tolist() for _ in range(texts)]
    dense = torch.zeros(sum(map(len, ids)), 4)
    contexts = contexts_of(ids, 2)
    dense[:, TOKEN] = (contexts[:, 1] == 7).float()
    strength = torch.tensor(rng.random(len(dense)) + 0.5, dtype=torch.float32)
    dense[:, CONTEXT] = strength * (contexts == torch.tensor([3, 7])).all(1)
    dense[:, ALWAYS] = 1
    dense[0, RARE] = 1
    return ids, Code(Entries.where(dense > 0), dense[dense > 0])


def scored(latent: int, length: int, negatives: str = "both") -> float:
    """Detection on new texts by what the last ``length`` tokens tell; length 0 tells nothing."""
    (ids, code), (new, truth) = made(2000, 0), made(2000, 1)
    table = ContextTable.fit(code, contexts_of(ids, max(length, 1)), least=1)
    parts: list[tuple[Tensor, Tensor]] = []
    for texts, values in ((ids, code), (new, truth)):
        windows = Windows.of(texts, size=4)
        drawn = examples(values, windows, latent, positives=200, negatives=400)
        told = column(table.predicted(contexts_of(texts, max(length, 1))), latent) * (length > 0)
        hard = torch.arange(len(drawn.on)) >= len(drawn.on) - drawn.hard
        keep = drawn.on | {"both": ~drawn.on, "hard": hard, "random": ~hard}[negatives]
        parts.append((windows.peaks(told)[drawn.windows][keep], drawn.on[keep]))
    return detection(*parts[1], cut=threshold(*parts[0])).estimate


def test_perfect_explanations_score_one_and_constants_one_half() -> None:
    """A look-up of the token for the token's latent, of two for the context's; nothing for either."""
    assert scored(TOKEN, length=1) == 1
    assert scored(CONTEXT, length=2) == 1
    assert scored(TOKEN, length=0) == scored(CONTEXT, length=0) == 0.5


def test_hard_negatives_tell_a_look_up_from_an_explanation() -> None:
    """The token alone passes against random text; against text with the token it is no better than chance."""
    assert scored(CONTEXT, length=1, negatives="random") > 0.85
    assert scored(CONTEXT, length=1, negatives="both") < 0.7
    assert scored(CONTEXT, length=1, negatives="hard") == 0.5
    assert scored(CONTEXT, length=2, negatives="hard") == 1


@pytest.mark.parametrize("skip", [0, 2])
def test_windows_are_pieces_of_the_texts(skip: int) -> None:
    """In plain Python, rows and tokens and peaks; what is left over at the end is left out."""
    ids, _ = made(40, 2)
    kept = [text[skip:] for text in ids]
    values = torch.rand(sum(map(len, kept)), generator=torch.Generator().manual_seed(0))
    windows = Windows.of(ids, size=5, skip=skip)
    wanted, peaks, row = [], [], 0
    for text in kept:
        for at in range(0, len(text), 5):
            if at + 5 <= len(text):
                wanted.append(text[at : at + 5])
                peaks.append(float(values[row + at : row + at + 5].max()))
        row += len(text)
    assert windows.tokens.tolist() == wanted
    assert windows.peaks(values).tolist() == peaks
    assert windows.count == row


def test_examples_are_what_they_are_said_to_be() -> None:
    """Positives from every part of the range; negatives off, the hard ones with the token; none twice."""
    ids, code = made(1500, 3)
    windows = Windows.of(ids, size=4)
    drawn = examples(code, windows, CONTEXT, positives=20, negatives=40)
    peaks = windows.peaks(column(code, CONTEXT))
    assert drawn.on.tolist() == [True] * 20 + [False] * 40
    assert len(drawn.windows.unique()) == 60
    assert ((peaks[drawn.windows] > 0) == drawn.on).all()
    assert drawn.hard == 20
    assert (windows.tokens[drawn.windows[-20:]] == 7).any(1).all()
    assert not (windows.tokens[drawn.windows[20:40]] == 7).any(1).all()
    ranked = peaks[peaks > 0].sort().values
    parts = np.array_split(ranked.numpy(), 20)
    for value, part in zip(peaks[drawn.windows[:20]].tolist(), parts, strict=True):
        assert part[0] <= value <= part[-1]


def test_the_seed_decides_what_is_drawn() -> None:
    """The same again for the same, others for another seed."""
    ids, code = made(500, 4)
    windows = Windows.of(ids, size=4)
    one, again, other = (examples(code, windows, TOKEN, 20, 20, seed=seed).windows for seed in (0, 0, -1))
    assert one.equal(again)
    assert not one.equal(other)


def test_missing_hard_windows_are_counted() -> None:
    """A latent on wherever its token is has none: random windows stand in, and the result says so."""
    ids, code = made(500, 5)
    drawn = examples(code, Windows.of(ids, size=4), TOKEN, positives=30, negatives=30)
    assert drawn.hard == 0
    assert len(drawn.windows) == 60


def test_what_cannot_be_scored_is_told() -> None:
    """Too rarely on, never off, texts that are too short, and one class alone: one clear sentence each."""
    ids, code = made(200, 6)
    windows = Windows.of(ids, size=4)
    with pytest.raises(NotApplicable, match=f"on in 1 windows .* {LEAST} of each"):
        examples(code, windows, RARE)
    with pytest.raises(NotApplicable, match="off in 0"):
        examples(code, windows, ALWAYS)
    with pytest.raises(NotApplicable, match="take smaller windows"):
        Windows.of([[1, 2, 3]], size=4)
    for on in (torch.ones(3, dtype=torch.bool), torch.zeros(3, dtype=torch.bool)):
        with pytest.raises(NotApplicable, match="where the latent is on and where it is off"):
            detection(torch.rand(3), on, 0.5)
        with pytest.raises(NotApplicable, match="where the latent is on and where it is off"):
            threshold(torch.rand(3), on)


def test_what_does_not_fit_is_told() -> None:
    """One clear sentence each."""
    ids, code = made(50, 7)
    windows = Windows.of(ids, size=4)
    for latent, positives, negatives in ((4, 5, 5), (-1, 5, 5), (0, 0, 5), (0, 5, 1)):
        with pytest.raises(BadOption, match="examples need a latent from 0 to 3"):
            examples(code, windows, latent, positives, negatives)
    with pytest.raises(BadOption, match="for texts of"):
        windows.peaks(torch.zeros(windows.count + 1))
    for size, skip in ((0, 0), (4, -1)):
        with pytest.raises(BadOption, match="windows have 1 token or more"):
            Windows.of(ids, size, skip)
    with pytest.raises(BadOption, match="give one for each"):
        detection(torch.rand(3), torch.tensor([True, False]), 0.5)


@pytest.mark.parametrize("seed", range(4))
def test_no_threshold_is_better_on_the_windows_it_was_chosen_on(seed: int) -> None:
    """All of them tried, with ties among the peaks."""
    rng = np.random.default_rng(seed)
    on = torch.tensor(rng.random(60) < 0.3)
    peaks = torch.tensor(rng.integers(0, 9, 60) / 8 + 0.3 * on.numpy(), dtype=torch.float32)
    found = detection(peaks, on, threshold(peaks, on)).estimate
    values = sorted(set(peaks.tolist()))
    cuts = [-1.0, *((a + b) / 2 for a, b in pairwise(values)), 9.0]
    said = [[peak > cut for peak in peaks.tolist()] for cut in cuts]
    rates = [
        [[v for v, o in zip(row, on.tolist(), strict=True) if o is which] for which in (True, False)]
        for row in said
    ]
    assert found == pytest.approx(max(np.mean(a) / 2 + (1 - np.mean(b)) / 2 for a, b in rates))


def test_thresholds_are_chosen_once() -> None:
    """Held-out windows with other peaks are judged by the value chosen before, however badly it fits."""
    on = torch.tensor([True, True, False, False])
    cut = threshold(torch.tensor([3.0, 4.0, 1.0, 2.0]), on)
    assert cut == 2.5
    assert detection(torch.tensor([0.3, 0.4, 0.1, 0.2]), on, cut).estimate == 0.5
    assert threshold(torch.tensor([1.0, 2.0, 3.0, 4.0]), on) == float("inf")


def test_the_interval_covers() -> None:
    """About 95 in 100 intervals hold the truth; that of a perfect score has width."""
    rng = np.random.default_rng(0)
    on = torch.arange(100) < 40
    held = 0
    for _ in range(2000):
        right = torch.tensor(rng.random(100) < np.where(on.numpy(), 0.9, 0.6))
        score = balanced_accuracy("x", on == right, on)
        held += score.low <= 0.75 <= score.high
    assert 0.93 < held / 2000 < 0.975
    perfect = balanced_accuracy("x", on, on)
    assert (perfect.estimate, perfect.high, perfect.n) == (1, 1, 100)
    assert 0.9 < perfect.low < 0.97
