"""Whether an explanation tells the windows of text where a latent is on from those where it is not."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from assay.core.errors import BadOption, NotApplicable
from assay.core.score import Score
from assay.core.seed import derive
from assay.metrics.proportion import wilson
from assay.techniques.dictionaries.entries import Code

LEAST = 8
"""Windows of either sort below which nothing is scored."""
_SHARE, _MOST = 0.5, 10
"""A latent's frequent tokens: the fewest that make up half of its activations, and never more than ten."""


@dataclass(frozen=True, eq=False)
class Windows:
    """Pieces of text of one length, that do not overlap.

    >>> Windows.of([[5, 6, 7, 8, 9], [5]], size=2, skip=1).tokens.tolist()
    [[6, 7], [8, 9]]
    """

    rows: Int[Tensor, "window size"]
    """Which of all tokens stand in each, counted through all texts without what is skipped."""
    tokens: Int[Tensor, "window size"]
    count: int
    """Number of all tokens."""

    @classmethod
    def of(cls, texts: list[list[int]], size: int = 16, skip: int = 0) -> "Windows":
        """Cut texts without the first ``skip`` tokens of each; what is left over at an end is left out.

        Raises BadOption for a size below 1, and NotApplicable where no text is long enough.
        """
        if size < 1 or skip < 0:
            raise BadOption(f"windows have 1 token or more and skip 0 or more; got {size} and {skip}")
        kept = [text[skip:] for text in texts]
        starts = np.cumsum([0, *map(len, kept)])
        cuts = [(text, at) for text, one in enumerate(kept) for at in range(0, len(one) - size + 1, size)]
        if not cuts:
            raise NotApplicable(f"no text has {size} tokens after the first {skip}; take smaller windows")
        rows = torch.tensor([int(starts[text]) + at for text, at in cuts])[:, None] + torch.arange(size)
        return cls(rows, torch.tensor([kept[text][at : at + size] for text, at in cuts]), int(starts[-1]))

    def peaks(self, values: Float[Tensor, " n"]) -> Float[Tensor, " window"]:
        """The highest value in each window; raises BadOption for values of other texts."""
        if values.shape != (self.count,):
            raise BadOption(f"values of shape {tuple(values.shape)} for texts of {self.count} tokens")
        return values[self.rows.to(values.device)].amax(1)


@dataclass(frozen=True, eq=False)
class Examples:
    """Windows to tell apart, by number: where the latent is on, random ones where it is off, hard ones."""

    windows: Int[Tensor, " m"]
    on: Bool[Tensor, " m"]
    hard: int
    """The last so many: the latent is off, although one of its frequent tokens is there."""


def examples(
    code: Code, windows: Windows, latent: int, positives: int = 50, negatives: int = 50, seed: int = 0
) -> Examples:
    """Draw windows of a latent as delphi does (Paulo et al. 2024, arXiv 2410.13928), half the negatives hard.

    Positives: one from each of as many quantiles of the peak, so that weak activations count like strong
    ones. Negatives: half at random, half with a token that the latent is often on at, for against random
    text the token alone makes an explanation look perfect. Where there are fewer windows of a sort than asked
    for, all are taken; random ones then stand in for hard ones, and ``hard`` says how many these are. The
    same seed draws the same.

    Raises:
        BadOption: no such latent, a code of other texts, or fewer than two negatives asked for.
        NotApplicable: on, or off, in fewer than ``LEAST`` windows.
    """
    if not 0 <= latent < code.places.width or positives < 1 or negatives < 2:
        raise BadOption(
            f"examples need a latent from 0 to {code.places.width - 1}, a positive and two negatives; got "
            f"latent {latent}, {positives} and {negatives}"
        )
    values = column(code, latent)
    peaks = windows.peaks(values).numpy()
    on, off = np.flatnonzero(peaks > 0), np.flatnonzero(peaks <= 0)
    if min(len(on), len(off)) < LEAST:
        raise NotApplicable(
            f"this feature is on in {len(on)} windows and off in {len(off)}; {LEAST} of each are needed"
        )
    rng = np.random.default_rng(derive("detection", seed, latent))
    ranked = on[np.argsort(peaks[on], kind="stable")]
    chosen = [rng.choice(part) for part in np.array_split(ranked, min(positives, len(ranked)))]
    tempting = off[_with_frequent(windows, values)[off]]
    hard = rng.permutation(tempting)[: negatives // 2]
    plain = rng.permutation(np.setdiff1d(off, hard))[: negatives - len(hard)]
    numbers = torch.tensor(np.concatenate([chosen, plain, hard]), dtype=torch.long)
    return Examples(numbers, torch.arange(len(numbers)) < len(chosen), len(hard))


def threshold(peaks: Float[Tensor, " m"], on: Bool[Tensor, " m"]) -> float:
    """The value that balanced accuracy is highest for if windows with more than it are said to be on.

    Midway between two peaks that occur; of equals the highest; infinity where nothing helps. Choose it on
    windows of the texts that the explanation was made from. Raises as ``balanced_accuracy`` does.
    """
    _check(peaks, on)
    values, which = peaks.double().cpu().unique(return_inverse=True)
    mine = on.cpu().double()
    hits = torch.bincount(which, mine / mine.sum(), minlength=len(values))
    false = torch.bincount(which, (1 - mine) / (1 - mine).sum(), minlength=len(values))
    # what lies above each value, the highest first: nothing, then the highest, ...
    gains = (hits - false).flip(0).cumsum(0)[:-1]
    if not len(gains) or float(gains.max()) < 1e-9:
        return math.inf
    above = len(values) - 1 - int(gains.argmax())
    return float((values[above - 1] + values[above]) / 2)


def detection(peaks: Float[Tensor, " m"], on: Bool[Tensor, " m"], cut: float) -> Score:
    """Balanced accuracy of "on where the prediction's peak is above ``cut``", on windows held out.

    >>> peaks, on = torch.tensor([2.0, 3.0, 0.0, 1.0]), torch.tensor([True, True, False, False])
    >>> detection(peaks, on, threshold(peaks, on)).estimate
    1.0
    """
    return balanced_accuracy("detection", (peaks.double() > cut).cpu(), on)


def balanced_accuracy(metric: str, said: Bool[Tensor, " m"], on: Bool[Tensor, " m"]) -> Score:
    """``(share of positives said on + share of negatives said off) / 2``; a constant has one half.

    The interval puts Wilson's two together as Newcombe (1998, Stat. Med. 17:873, method 10) does:
    ``low = estimate - sqrt((p - l_p)^2 + (q - l_q)^2) / 2``, and likewise above; windows count as
    independent. Raises BadOption where the two do not fit, and NotApplicable where a class is missing.
    """
    _check(said, on)
    on = on.cpu()
    shares: list[float] = []
    below, above = 0.0, 0.0
    for right in (said[on], ~said[~on]):
        hits, n = int(right.sum()), len(right)
        low, high = wilson(hits, n)
        shares.append(hits / n)
        below, above = math.hypot(below, hits / n - low), math.hypot(above, high - hits / n)
    found = sum(shares) / 2
    return Score(
        metric, found, max(0.0, found - below / 2), min(1.0, found + above / 2), len(on), "share", "higher"
    )


def column(code: Code, latent: int) -> Float[Tensor, " n"]:
    """The values of one latent at all tokens."""
    order, turned = code.places.turned
    mine = slice(int(turned.starts[latent]), int(turned.starts[latent + 1]))
    values = code.values.new_zeros(len(code.places.starts) - 1)
    values[turned.latents[mine]] = code.values[order[mine]]
    return values.detach().cpu()


def _check(told: Tensor, on: Bool[Tensor, " m"]) -> None:
    if told.shape != on.shape:
        raise BadOption(f"{len(told)} predictions or verdicts for {len(on)} windows; give one for each")
    positives = int(on.sum())
    if not 0 < positives < len(on):
        raise NotApplicable(
            f"needs windows where the latent is on and where it is off; got {positives} and "
            f"{len(on) - positives}"
        )


def _with_frequent(windows: Windows, values: Float[Tensor, " n"]) -> Bool[np.ndarray, " window"]:
    """Which windows hold a token that the latent is often on at."""
    counts = torch.bincount(windows.tokens[values[windows.rows] > 0])
    order = counts.argsort(descending=True, stable=True)
    running = counts[order].cumsum(0)
    enough = int((running < _SHARE * running[-1]).sum()) + 1
    return torch.isin(windows.tokens, order[: min(enough, _MOST)]).any(1).numpy()
