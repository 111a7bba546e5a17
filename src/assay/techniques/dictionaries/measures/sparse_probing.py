"""How much of a concept sits in a few latents, beside as few neurons and beside all of the activation."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from assay.core.errors import BadOption, NotApplicable
from assay.core.score import Better, Score
from assay.core.seed import derive
from assay.metrics.auroc import auroc_resampled
from assay.metrics.bootstrap import group_weights, within
from assay.techniques.dictionaries.dictionary import ROWS, Dictionary, checked
from assay.techniques.dictionaries.entries import Code, Entries
from assay.techniques.probes.k_sparse import k_sparse
from assay.techniques.probes.linear import LinearProbe
from assay.techniques.probes.logistic import logistic

FORMULAS = {
    "latents": "logistic regression on the k latents with the largest |mean with - mean without the "
    "concept|; a row is a text, its latents averaged over its tokens",
    "neurons": "the same on the k coordinates of the activations, averaged over the same tokens",
    "dense": "logistic regression on all coordinates",
    "accuracy": "share of held-out texts on the right side of the probe's own offset, which fit texts set",
    "auroc": "chance that a held-out text with the concept scores above one without; a tie counts one half",
    "over_neurons": "latents - neurons, on the same redrawn texts",
    "over_dense": "latents - dense, on the same redrawn texts",
}
RESAMPLES = 1000
Draws = Float[np.ndarray, " columns"]
Weights = Float[np.ndarray, "n columns"]


@dataclass(frozen=True, eq=False)
class Pooled:
    """Texts as means over their tokens; of the latents only those that are on somewhere in the text."""

    x: Float[np.ndarray, "n d"]
    code: Code

    def __len__(self) -> int:
        return len(self.x)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of latents and size of the activations."""
        return self.code.places.width, self.x.shape[1]

    def columns(self, latents: Int[np.ndarray, " k"]) -> Float[np.ndarray, "n k"]:
        """The values of some latents, each of them named once."""
        places = self.code.places
        column = torch.full((places.width,), -1)
        column[torch.from_numpy(latents)] = torch.arange(len(latents))
        at = column[places.latents]
        found = np.zeros((len(self), len(latents)))
        keep = at >= 0
        found[places.rows[keep].numpy(), at[keep].numpy()] = self.code.values[keep].numpy()
        return found

    def difference(self, labels: Bool[np.ndarray, " n"]) -> Float[np.ndarray, " latent"]:
        """Each latent's mean over texts that are labelled less that over all others."""
        share = np.where(labels, 1 / labels.sum(), -1 / (~labels).sum())
        places = self.code.places
        parts = self.code.values.numpy() * share[places.rows.numpy()]
        return np.bincount(places.latents.numpy(), parts, minlength=places.width)


def pooled(dictionary: Dictionary, texts: Iterable[Float[Tensor, "t d"]]) -> Pooled:
    """Encode the tokens of some texts, one tensor each without padding, and average over each text's tokens.

    Texts of one token are rows as they are. What is kept grows with the latents that are on, not with their
    number; do it once for all concepts.

    Raises:
        BadOption: no text, one without tokens, or activations that do not fit or hold NaN.

    >>> from assay.techniques.dictionaries.rules import KeepLargest
    >>> eye = torch.eye(2)
    >>> one = Dictionary(eye, eye, torch.zeros(2), torch.zeros(2), KeepLargest(1))
    >>> pooled(one, [torch.tensor([[4.0, 0.0], [2.0, 3.0]])]).code.dense().tolist()
    [[2.0, 1.5]]
    """
    means: list[Tensor] = []
    rows, latents, values = list[Tensor](), list[Tensor](), list[Tensor]()
    with torch.no_grad():
        for some in _together(texts, dictionary.width):
            code = _mean_code(dictionary, some)
            rows.append(code.places.rows + len(means))
            latents.append(code.places.latents)
            values.append(code.values)
            means += [text.double().mean(0).cpu() for text in some]
    if not means:
        raise BadOption("there are no texts to average over")
    places = Entries.of(torch.cat(rows), torch.cat(latents), len(means), dictionary.latents)
    return Pooled(torch.stack(means).numpy(), Code(places, torch.cat(values)))


def _together(texts: Iterable[Tensor], width: int) -> Iterator[list[Tensor]]:
    """Texts in lists of as many as are encoded at once."""
    some, tokens = list[Tensor](), 0
    for text in texts:
        if not len(checked(text, width)):
            raise BadOption("a text without tokens has no mean; leave it out")
        if some and tokens + len(text) > ROWS:
            yield some
            some, tokens = [], 0
        some.append(text)
        tokens += len(text)
    if some:
        yield some


def _mean_code(dictionary: Dictionary, texts: list[Tensor]) -> Code:
    """One row for each text; every latent that is on at a token of it stands there once."""
    lengths = torch.tensor([len(text) for text in texts])
    text_of = torch.arange(len(texts)).repeat_interleave(lengths)
    keys, values = list[Tensor](), list[Tensor]()
    at = 0
    for part, code in dictionary.codes(torch.cat(texts)):
        rows = text_of[at : at + len(part)][code.places.rows.cpu()]
        keys.append(rows * dictionary.latents + code.places.latents.cpu())
        values.append(code.values.double().cpu() / lengths[rows])
        at += len(part)
    places, which = torch.cat(keys).unique(return_inverse=True)
    sums = torch.zeros(len(places), dtype=torch.float64).index_add_(0, which, torch.cat(values))
    rows, latents = places // dictionary.latents, places % dictionary.latents
    return Code(Entries.of(rows, latents, len(texts), dictionary.latents), sums)


@dataclass(frozen=True)
class Reading:
    """What a probe tells on held-out texts, or how much more it tells than another."""

    accuracy: Score
    auroc: Score


@dataclass(frozen=True)
class SparseProbing:
    """For one concept, by number of features; ``FORMULAS`` says how each is computed."""

    latents: Mapping[int, Reading]
    neurons: Mapping[int, Reading]
    dense: Reading
    over_neurons: Mapping[int, Reading]
    over_dense: Mapping[int, Reading]
    chosen: tuple[int, ...]
    """The latents, the most telling first; a probe on k has the first k."""


def sparse_probing(
    fit: tuple[Pooled, Bool[Tensor, " n"]],
    held_out: tuple[Pooled, Bool[Tensor, " m"]],
    ks: tuple[int, ...] = (1, 2, 5),
) -> SparseProbing:
    """Fit probes on few latents, few neurons and everything, and compare them on the same held-out texts.

    SAEBench (Karvonen et al. 2025, arXiv 2503.09532) after Gurnee et al. 2023 (arXiv 2305.01610). Features,
    weights and offsets come from ``fit`` alone, with a penalty that is never tuned. Intervals redraw held-out
    texts, the same for every probe, so that differences are paired. Latents that do not beat neurons have
    brought nothing nearer to single directions; none can be expected to beat all of the activation.

    Cost: ``2 len(ks) + 1`` logistic regressions; a dense matrix of latents is never formed.

    Raises:
        BadOption: k below 1 or above the number of latents or neurons, labels or rows that do not fit.
        NotApplicable: texts that all have the concept, or all lack it.

    >>> from assay.techniques.dictionaries.rules import KeepLargest
    >>> eye = torch.eye(2)
    >>> one = Dictionary(eye, eye, torch.zeros(2), torch.zeros(2), KeepLargest(1))
    >>> has, lacks, labels = torch.tensor([[3.0, 1.0]]), torch.tensor([[0.0, 1.0]]), torch.tensor([1, 0] * 9)
    >>> fit, new = pooled(one, [has, lacks] * 9), pooled(one, [1.1 * has, 0.9 * lacks] * 9)
    >>> sparse_probing((fit, labels > 0), (new, labels > 0), ks=(1,)).latents[1].auroc.estimate
    1.0
    """
    (few, truth), (new, labels) = (_checked(*given) for given in (fit, held_out))
    if few.shape != new.shape:
        raise BadOption(f"fit texts have (latents, neurons) {few.shape}, held-out texts {new.shape}; use one")
    if not ks or min(ks) < 1 or max(ks) > min(few.shape):
        raise BadOption(
            f"each k must be from 1 to the {min(few.shape)} latents or neurons there are; got {ks}"
        )
    chosen = np.argsort(-np.abs(few.difference(truth)), kind="stable")[: max(ks)]
    here, there = few.columns(chosen), new.columns(chosen)
    weights = redrawn(len(new), "sparse_probing")

    def told(probe: LinearProbe, rows: Float[np.ndarray, "m f"]) -> tuple[Draws, Draws]:
        return _told(probe.scores(rows), labels, weights)

    latents = {k: told(k_sparse(here[:, :k], truth, k), there[:, :k]) for k in ks}
    neurons = {k: told(k_sparse(few.x, truth, k), new.x) for k in ks}
    dense = told(logistic(few.x, truth), new.x)
    n = len(new)
    return SparseProbing(
        {k: _reading(latents[k], n) for k in ks},
        {k: _reading(neurons[k], n) for k in ks},
        _reading(dense, n),
        {k: _more(latents[k], neurons[k], n, "neurons") for k in ks},
        {k: _more(latents[k], dense, n, "dense") for k in ks},
        tuple(int(latent) for latent in chosen),
    )


def redrawn(n: int, name: str) -> Weights:
    """How often each row counts: once each in the first column, as drawn with replacement in all others."""
    drawn = group_weights((n,), RESAMPLES, derive("bootstrap", name))
    return np.concatenate([np.ones((n, 1)), drawn], axis=1)


def scored(
    metric: str, draws: Draws, n: int, bounds: tuple[float, float], better: Better = "higher"
) -> Score:
    """A score of ``n`` rows from its values by the columns of ``redrawn``."""
    found = within(float(draws[0]), draws[1:], n, bounds)
    return Score(metric, found.estimate, found.low, found.high, n, "share", better, found.clusters)


def _checked(rows: Pooled, labels: Bool[Tensor, " n"]) -> tuple[Pooled, Bool[np.ndarray, " n"]]:
    truth = labels.cpu().numpy().astype(bool)
    if truth.shape != (len(rows),):
        raise BadOption(f"{len(rows)} texts but labels of shape {truth.shape}; give one for each")
    if truth.all() or not truth.any():
        raise NotApplicable(f"the concept is in {int(truth.sum())} of {len(rows)} texts; a probe needs both")
    return rows, truth


def _told(
    scores: Float[np.ndarray, " m"], labels: Bool[np.ndarray, " m"], weights: Weights
) -> tuple[Draws, Draws]:
    """Accuracy and AUROC by column."""
    right = ((scores > 0) == labels).astype(float)
    return right @ weights / len(labels), auroc_resampled(scores, labels, np.arange(len(labels)), weights)


def _reading(told: tuple[Draws, Draws], n: int) -> Reading:
    return Reading(scored("accuracy", told[0], n, (0.0, 1.0)), scored("auroc", told[1], n, (0.0, 1.0)))


def _more(ours: tuple[Draws, Draws], theirs: tuple[Draws, Draws], n: int, over: str) -> Reading:
    return Reading(
        scored(f"accuracy_over_{over}", ours[0] - theirs[0], n, (-1.0, 1.0)),
        scored(f"auroc_over_{over}", ours[1] - theirs[1], n, (-1.0, 1.0)),
    )
