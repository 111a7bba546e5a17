"""Whether taking a class's latents out of activations blinds that class's probe and no other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
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
    "tied": "max(mean with - mean without the class, 0) * (probe . decoder row), on fit texts, the largest; "
    "with both signs |(mean with - mean without the class) * (probe . decoder row)|",
    "ablated": "x' = x - sum over the chosen latents of code * decoder row: what the dictionary misses stays",
    "own": "mean over classes i of accuracy_i before - after class i's latents are taken out",
    "others": "mean over pairs i != j of accuracy_j before - after class i's latents are taken out",
    "tpp": "own - others: one half where each probe is blinded alone, more only where it is misled",
    "same_rate": "tpp of as many latents, each drawn among those that are on in about as many fit texts and "
    "are chosen for no class; mean of draws",
    "same_norm": "tpp of x - |x - x'| u with a random unit direction u for each class; mean of draws",
    "over_same_rate": "tpp - same_rate, on the same redrawn texts",
    "over_same_norm": "tpp - same_norm, on the same redrawn texts",
}
_NEAR = 10
"""A placebo latent is drawn among so many whose rates are next to that of the one it stands for."""
_BOUNDS = (-2.0, 2.0)
"""Of the difference of two drops."""
Lost = Float[np.ndarray, "n class"]
Weights = Float[np.ndarray, "n columns"]


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
    rates: tuple[float, float]
    """Share of fit texts in which a chosen latent is on, and in which one of its placebo is."""


@dataclass(frozen=True)
class TargetedPerturbation:
    """The effect beside its placebos, by number of latents."""

    clean: Score
    """Mean accuracy of the probes with nothing taken out: where it is low, little can be lost."""
    latents: tuple[tuple[int, ...], ...]
    """For each class its latents, the most tied first."""
    by_count: Mapping[int, Perturbed]


def targeted_perturbation(
    dictionary: Dictionary,
    fit: tuple[Pooled, Int[Tensor, " n"]],
    held_out: tuple[Pooled, Int[Tensor, " m"]],
    counts: tuple[int, ...] = (2, 5, 10, 20),
    both_signs: bool = False,
    draws: int = 10,
) -> TargetedPerturbation:
    """Take the latents most tied to each class out of held-out texts and see which probes lose accuracy.

    SAEBench's TPP (Karvonen et al. 2025, arXiv 2503.09532), after SHIFT (Marks et al. 2024, arXiv
    2403.19647). Probes (logistic, a class against the rest) and latents come from ``fit`` alone; a label is
    the number of a text's class. As in SAEBench's code, a latent is tied to a class at which it is on
    *more*; ``both_signs`` takes sizes instead, as SAEBench's SCR does, and so lets in latents of the other
    classes, which a probe reads with a minus. What is not tied at all is never chosen. SAEBench draws as many
    texts of the rest as of the class; here accuracy is balanced instead.

    An effect means little without its placebos: any change as large costs some accuracy, and so may taking
    out what is on as often. Neither placebo is *chosen*, though, and of many random directions some lie near
    any probe: with several latents even a random dictionary beats both. Give the placebo dictionaries
    the same texts. Intervals redraw held-out texts; they leave the placebos' draws as they are.

    Cost: one logistic regression for each class. Probes are linear, so without some latents their scores
    change by ``code (decoder . probes)``; a dense matrix of all latents is never formed.

    Raises:
        BadOption: a count too large for each class and a placebo to have latents of their own, no draw, or
            texts, labels and dictionary that do not fit.
        NotApplicable: fewer than three classes (the probes of two are one probe, and what one loses the
            other does), or a class that only one of the two sets of texts has.

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
    known, truth = _classes(fit, held_out)
    _check(dictionary, few, new, counts, known.shape[1])
    if draws < 1:
        raise BadOption(f"the placebos need 1 draw or more; got {draws}")
    probes = [logistic(few.x, of) for of in known.T]
    directions = np.stack([probe.direction for probe in probes], axis=1)
    decoder = dictionary.decoder.detach().cpu().double().numpy()
    chosen = _tied(few, known, decoder @ directions, both_signs, max(counts))
    scores = np.stack([probe.scores(new.x) for probe in probes], axis=1)
    texts = _Texts(new, decoder, directions, scores, truth, redrawn(len(new), "targeted_perturbation"))
    rates = np.bincount(few.code.places.latents.numpy(), minlength=len(decoder)) / len(few)
    clean = texts.accuracy(((scores > 0) == truth).astype(float))
    return TargetedPerturbation(
        scored("accuracy", clean, len(new), (0.0, 1.0)),
        tuple(tuple(int(latent) for latent in some) for some in chosen),
        {n: _perturbed(texts, [some[:n] for some in chosen], rates, draws) for n in counts},
    )


@dataclass(frozen=True, eq=False)
class _Texts:
    """Held-out texts, and what probes lose when something is taken out of them."""

    pooled: Pooled
    decoder: Float[np.ndarray, "latent d"]
    directions: Float[np.ndarray, "d class"]
    scores: Float[np.ndarray, "n class"]
    truth: Bool[np.ndarray, "n class"]
    weights: Weights

    def without(self, latents: Int[np.ndarray, " k"]) -> Lost:
        """1 where a probe is right but wrong without some latents, -1 where it is the reverse."""
        return self._lost(self.pooled.columns(latents) @ (self.decoder[latents] @ self.directions))

    def moved(self, latents: Int[np.ndarray, " k"], unit: Float[np.ndarray, " d"]) -> Lost:
        """The same with each text moved as far as it is without the latents, but along a direction."""
        far = np.linalg.norm(self.pooled.columns(latents) @ self.decoder[latents], axis=1)
        return self._lost(np.outer(far, unit @ self.directions))

    def accuracy(self, right: Float[np.ndarray, "n class"]) -> Float[np.ndarray, " columns"]:
        """Balanced and averaged over classes, by column of weights; NaN where a column lacks a class."""
        whole = np.zeros(self.weights.shape[1])
        for side in (self.truth, ~self.truth):
            there = side.T @ self.weights
            hits = (right * side).T @ self.weights
            whole += np.divide(hits, there, out=np.full_like(hits, np.nan), where=there > 0).mean(0) / 2
        return whole

    def _lost(self, taken: Float[np.ndarray, "n class"]) -> Lost:
        before, after = (self.scores > 0) == self.truth, (self.scores - taken > 0) == self.truth
        return before.astype(float) - after


def _perturbed(
    texts: _Texts, chosen: Sequence[Int[np.ndarray, " k"]], rates: Float[np.ndarray, " latent"], draws: int
) -> Perturbed:
    rng = np.random.default_rng(derive("targeted_perturbation", max(map(len, chosen))))
    free = np.setdiff1d(np.arange(len(rates)), np.concatenate(chosen))
    alike = [[peers(some, free, rates, rng) for some in chosen] for _ in range(draws)]
    units = [[_unit(texts.decoder.shape[1], rng) for _ in chosen] for _ in range(draws)]
    own, others = map(texts.accuracy, _split([texts.without(some) for some in chosen]))
    # what is counted is linear in the right answers, so that draws are averaged before texts are redrawn
    by_rate = [np.subtract(*_split([texts.without(some) for some in one])) for one in alike]
    by_norm = [np.subtract(*_split(list(map(texts.moved, chosen, one)))) for one in units]
    same_rate, same_norm = (texts.accuracy(np.mean(x, axis=0)) for x in (by_rate, by_norm))
    tpp, n, drop = own - others, len(texts.pooled), (-1.0, 1.0)
    return Perturbed(
        scored("tpp", tpp, n, _BOUNDS),
        scored("own", own, n, drop),
        scored("others", others, n, drop, better="lower"),
        scored("same_rate", same_rate, n, _BOUNDS),
        scored("same_norm", same_norm, n, _BOUNDS),
        scored("over_same_rate", tpp - same_rate, n, _BOUNDS),
        scored("over_same_norm", tpp - same_norm, n, _BOUNDS),
        (_mean_rate(rates, chosen), _mean_rate(rates, [some for one in alike for some in one])),
    )


def _split(lost: Sequence[Lost]) -> tuple[Lost, Lost]:
    """What each probe loses with its own class's latents taken out, and on average with another's."""
    each = np.arange(len(lost))
    stacked = np.stack(lost, axis=1)
    own = stacked[:, each, each]
    return own, (stacked.sum(1) - own) / (len(lost) - 1)


def _tied(
    few: Pooled,
    known: Bool[np.ndarray, "n class"],
    along: Float[np.ndarray, "latent class"],
    both_signs: bool,
    most: int,
) -> list[Int[np.ndarray, " k"]]:
    """For each class the latents whose removal the probe should feel most."""
    found: list[Int[np.ndarray, " k"]] = []
    for of, products in zip(known.T, along.T, strict=True):
        gap = few.difference(of)
        tie = np.abs(gap * products) if both_signs else np.maximum(gap, 0) * products
        order = np.argsort(-tie, kind="stable")
        found.append(order[tie[order] != 0][:most])
    return found


def peers(
    latents: Int[np.ndarray, " k"],
    others: Int[np.ndarray, " o"],
    rates: Float[np.ndarray, " latent"],
    rng: np.random.Generator,
) -> Int[np.ndarray, " k"]:
    """One of the others for each latent, none twice, among the ten whose rates are next to its own.

    >>> rates = np.repeat([0.1, 0.9], 20)
    >>> bool((peers(np.array([3, 5]), np.arange(10, 40), rates, np.random.default_rng(0)) < 20).all())
    True
    """
    # shuffled first, so that of many with one rate all are as likely
    others = rng.permutation(others)
    others = others[np.argsort(rates[others], kind="stable")]
    found: list[int] = []
    for rate in rates[latents]:
        ends = np.searchsorted(rates[others], [rate, np.nextafter(rate, 2)])
        low = int(np.clip(int(ends.sum()) // 2 - _NEAR // 2, 0, max(0, len(others) - _NEAR)))
        at = int(rng.integers(low, min(low + _NEAR, len(others))))
        found.append(int(others[at]))
        others = np.delete(others, at)
    return np.array(found, dtype=np.int64)


def _unit(width: int, rng: np.random.Generator) -> Float[np.ndarray, " d"]:
    drawn = rng.normal(size=width)
    return drawn / np.linalg.norm(drawn)


def _mean_rate(rates: Float[np.ndarray, " latent"], latents: Sequence[Int[np.ndarray, " k"]]) -> float:
    all_of_them = np.concatenate(latents)
    return float(rates[all_of_them].mean()) if len(all_of_them) else 0.0


def _check(dictionary: Dictionary, few: Pooled, new: Pooled, counts: tuple[int, ...], classes: int) -> None:
    for rows in (few, new):
        if rows.shape != dictionary.decoder.shape:
            raise BadOption(
                f"texts encoded as (latents, neurons) {rows.shape} are not of this dictionary, which has "
                f"{tuple(dictionary.decoder.shape)}"
            )
    most = dictionary.latents // (classes + 1)
    if not counts or min(counts) < 1 or max(counts) > most:
        raise BadOption(
            f"each count must be from 1 to {most}, so that {dictionary.latents} latents are enough for "
            f"each of {classes} classes and a placebo; got {counts}"
        )


def _classes(
    fit: tuple[Pooled, Int[Tensor, " n"]], held_out: tuple[Pooled, Int[Tensor, " m"]]
) -> tuple[Bool[np.ndarray, "n class"], Bool[np.ndarray, "m class"]]:
    """Which text is of which class, classes in the order of their numbers."""
    numbers = [labels.cpu().numpy() for _, labels in (fit, held_out)]
    for (rows, _), labels in zip((fit, held_out), numbers, strict=True):
        if labels.shape != (len(rows),):
            raise BadOption(f"{len(rows)} texts but labels of shape {labels.shape}; give one for each")
    classes = np.unique(numbers[0])
    lonely = np.setxor1d(classes, numbers[1]).tolist()
    if lonely or len(classes) < 3:
        raise NotApplicable(
            f"needs three classes or more, each of them in fit and in held-out texts; fit texts have "
            f"{len(classes)}, and only one of the two has {lonely or 'none'}"
        )
    known, truth = (labels[:, None] == classes for labels in numbers)
    return known, truth
