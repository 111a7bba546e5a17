"""Whether taking a class's latents out of activations blinds that class's probe and no other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

from assay.core.errors import BadOption, NotApplicable
from assay.core.score import Score
from assay.core.seed import derive
from assay.techniques.dictionaries.dictionary import Dictionary
from assay.techniques.dictionaries.measures.sparse_probing import Pooled, redrawn, scored
from assay.techniques.probes.logistic import logistic

FORMULAS = {
    "accuracy": "(share of the class's held-out texts said yes + share of all others said no) / 2, so that a "
    "probe that has gone blind has one half whatever the classes' sizes",
    "tied": "max(mean with - mean without the class, 0) * (probe . decoder row), on fit texts; or its size "
    "without the max, if both signs are wanted",
    "ablated": "x' = x - sum over the chosen latents of code * decoder row; what the dictionary misses stays",
    "own": "mean over classes i of accuracy_i before - after class i's latents are taken out",
    "others": "mean over pairs i != j of accuracy_j before - after class i's latents are taken out",
    "tpp": "own - others; at most one half where ablation blinds, more only where it misleads",
    "same_rate": "tpp of as many latents drawn among those that are on in about as many fit texts, mean of draws",
    "same_norm": "tpp of x - |x - x'| u with a random unit direction u for each class, mean of draws",
    "over_same_rate": "tpp - same_rate, on the same redrawn texts",
    "over_same_norm": "tpp - same_norm, on the same redrawn texts",
}
_NEAR = 10
"""A placebo latent is drawn among so many that are on most nearly as often."""
_BOUNDS = (-2.0, 2.0)
"""Of a difference of two drops."""
Matrix = Float[np.ndarray, "n class"]


@dataclass(frozen=True)
class Perturbed:
    """With one number of latents for each class; ``FORMULAS`` says how each is computed."""

    tpp: Score
    own: Score
    others: Score
    same_rate: Score
    same_norm: Score
    over_same_rate: Score
    over_same_norm: Score


@dataclass(frozen=True)
class TargetedPerturbation:
    """The effect beside its placebos, by number of latents."""

    clean: Score
    """Mean accuracy of the probes on what nothing is taken out of: where it is low, little can be lost."""
    latents: tuple[tuple[int, ...], ...]
    """For each class its latents, the most tied first."""
    by_count: Mapping[int, Perturbed]


@dataclass(frozen=True, eq=False)
class _Probes:
    """One for each class, and what they say of held-out texts."""

    directions: Float[np.ndarray, "d class"]
    scores: Matrix
    truth: Matrix
    """1 where a text is of the class, 0 elsewhere."""

    def lost(self, change: Matrix) -> Matrix:
        """1 where a probe that was right is wrong once its scores have changed, -1 where it is the reverse."""
        return self._right(self.scores) - self._right(self.scores + change)

    def accuracy(self, right: Matrix, weights: Float[np.ndarray, "n c"]) -> Float[np.ndarray, "class c"]:
        """Balanced, by column of weights; NaN where a column lacks a class."""
        with np.errstate(invalid="ignore"):
            sides = [(right * side).T @ weights / (side.T @ weights) for side in (self.truth, 1 - self.truth)]
        return (sides[0] + sides[1]) / 2

    def right(self) -> Matrix:
        """1 where a probe is right with nothing taken out."""
        return self._right(self.scores)

    def _right(self, scores: Matrix) -> Matrix:
        return ((scores > 0) == (self.truth > 0)).astype(float)


def targeted_perturbation(
    dictionary: Dictionary,
    fit: tuple[Pooled, Int[Tensor, " n"]],
    held_out: tuple[Pooled, Int[Tensor, " m"]],
    counts: tuple[int, ...] = (2, 5, 10, 20),
    both_signs: bool = False,
    draws: int = 10,
    resamples: int = 1000,
) -> TargetedPerturbation:
    """Take the latents most tied to each class out of held-out texts and see which probes lose accuracy.

    SAEBench's TPP (Karvonen et al. 2025, arXiv 2503.09532), after SHIFT (Marks et al. 2024, arXiv
    2403.19647). Probes (logistic, one class against the rest) and latents come from ``fit`` alone. Like
    SAEBench's code, and unlike its SCR, only what a latent is on *more* at the class counts as a tie; with
    ``both_signs`` latents of the other classes, which the probe reads with a minus, are tied too. Latents
    without any tie are never chosen. SAEBench balances its texts; here accuracy is balanced instead.

    An effect means little without its placebos: any change of that size costs some accuracy, and so does
    taking out what is on that often. Intervals redraw held-out texts, not the placebos' draws.

    Cost: one logistic regression for each class. Scores are linear, so that a class's latents change those
    of all probes by ``code (decoder . probes)``; neither ablated activations nor dense codes are formed.

    Raises:
        BadOption: counts without as many latents again for the placebo, no draw, labels or rows that do not fit.
        NotApplicable: fewer than two classes, or a class that only one of the two sets of texts has.

    >>> import torch
    >>> from assay.techniques.dictionaries.measures.sparse_probing import pooled
    >>> from assay.techniques.dictionaries.rules import KeepLargest
    >>> eye, labels = torch.eye(8), torch.tensor([0, 1, 2] * 10)
    >>> one = Dictionary(eye, eye, torch.zeros(8), torch.zeros(8), KeepLargest(1))
    >>> fit, new = (pooled(one, list((size * eye[labels])[:, None])) for size in (1.0, 1.1))
    >>> found = targeted_perturbation(one, (fit, labels), (new, labels), counts=(1,))
    >>> found.by_count[1].tpp.estimate, found.latents
    (0.5, ((0,), (1,), (2,)))
    """
    few, new = fit[0], held_out[0]
    _check(dictionary, few, new, counts, draws)
    known, truth = _one_hot(fit, held_out)
    probes = _probed(few, known, new, truth)
    decoder = dictionary.decoder.detach().cpu().double().numpy()
    chosen = _tied(few, known, decoder @ probes.directions, both_signs, max(counts))
    taken = _Taken(new, decoder, probes)
    rng = np.random.default_rng(derive("targeted_perturbation"))
    weights = redrawn(len(new), resamples, "targeted_perturbation")
    clean = scored("accuracy", probes.accuracy(probes.right(), weights).mean(0), len(new), (0.0, 1.0))
    by_count = {n: _perturbed(taken, [some[:n] for some in chosen], few, (draws, rng), weights) for n in counts}
    return TargetedPerturbation(clean, tuple(tuple(int(f) for f in some) for some in chosen), by_count)


@dataclass(frozen=True, eq=False)
class _Taken:
    """What is lost when something is taken out of held-out texts."""

    texts: Pooled
    decoder: Float[np.ndarray, "latent d"]
    probes: _Probes

    def latents(self, latents: Int[np.ndarray, " k"]) -> Matrix:
        """Right answers lost without some latents."""
        return self.probes.lost(-self.texts.columns(latents) @ (self.decoder[latents] @ self.probes.directions))

    def direction(self, latents: Int[np.ndarray, " k"], unit: Float[np.ndarray, " d"]) -> Matrix:
        """The same with every text moved as far as without the latents, but along a direction."""
        far = np.linalg.norm(self.texts.columns(latents) @ self.decoder[latents], axis=1)
        return self.probes.lost(-np.outer(far, unit @ self.probes.directions))
