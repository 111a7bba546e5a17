"""What a reader is shown of each feature: where it is on most, how often, and what it seems to stand for."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from assay.core.errors import NotApplicable
from assay.metrics.feature_match import Entries
from assay.techniques.dictionaries.entries import Code
from assay.techniques.dictionaries.entries import Entries as Places
from assay.techniques.dictionaries.explanations.context_table import ContextTable, contexts_of, pearson
from assay.techniques.dictionaries.explanations.decision_tree import LAST, DecisionTree
from assay.techniques.dictionaries.explanations.detection import Windows, detection, examples, threshold

CONTEXTS, AROUND, BINS = 6, 8, 16
"""Texts shown of each feature, words around the one where it is on most, and bars of its histogram."""
NGRAM = 3
"""Words of the longest context that is looked up."""
WINDOW = 8
"""Words of the windows that an explanation must tell apart."""


@dataclass(frozen=True, eq=False)
class Corpus:
    """Some texts word by word, with the activity of features at each word."""

    texts: tuple[tuple[str, ...], ...]
    activity: Entries
    names: dict[str, int]
    """Number of each word."""

    @cached_property
    def ids(self) -> list[list[int]]:
        """The numbers of the words; a word without one has the next that is free."""
        return [[self.names.get(word, len(self.names)) for word in text] for text in self.texts]

    @cached_property
    def contexts(self) -> Int[Tensor, "n length"]:
        """The last words up to each."""
        return contexts_of(self.ids, LAST)

    @cached_property
    def positions(self) -> Int[Tensor, " n"]:
        """The place of each word in its text."""
        return torch.tensor([place for text in self.texts for place in range(len(text))], dtype=torch.long)

    @cached_property
    def windows(self) -> Windows:
        """Windows of these texts."""
        return Windows.of(self.ids, WINDOW)

    def values(self, feature: int) -> Float[Tensor, " n"]:
        """A feature at every word."""
        rows, values = self.activity.at(feature)
        found = torch.zeros(self.activity.rows)
        found[torch.from_numpy(rows)] = torch.from_numpy(values).float()
        return found


Side = tuple[Sequence[str], Entries]
"""Texts, and the activity of features at their words."""


def sheets(explained: Side, judged: Side, features: Sequence[int]) -> list[dict[str, Any]]:
    """One sheet for each feature, as plain data.

    ``explanation`` is a decision tree over the last words, made from the first texts. On the others it is
    scored by detection (balanced accuracy, with interval and the number of windows) and by Pearson's r,
    beside the r of looking the last word up, which an explanation must beat, and that of the last three
    words with back-off. Contexts and histogram are of the others, too.
    """
    fit, held = _corpora(explained, judged)
    chosen = list(features)
    floor, ngram = (_looked_up(fit, held, chosen, words) for words in (1, NGRAM))
    found: list[dict[str, Any]] = []
    for place, feature in enumerate(chosen):
        values = held.values(feature)
        on = values[values > 0]
        counts, edges = np.histogram(on.numpy(), bins=BINS) if len(on) else (np.zeros(0), np.zeros(0))
        found.append(
            {
                "rate": len(on) / max(len(values), 1),
                "mean": float(on.mean()) if len(on) else 0.0,
                "most": float(on.max()) if len(on) else 0.0,
                "histogram": counts.tolist(),
                "edges": [float(edge) for edge in edges],
                "contexts": _contexts(held, values),
                "lookup": floor[place],
                "ngram": ngram[place],
                **_explained(fit, held, feature),
            }
        )
    return found


def _corpora(explained: Side, judged: Side) -> tuple[Corpus, Corpus]:
    """Both sides with one numbering of words, that of the texts to explain from."""
    texts = [tuple(tuple(text.split()) for text in side[0]) for side in (explained, judged)]
    names = {word: number for number, word in enumerate(dict.fromkeys(w for text in texts[0] for w in text))}
    return Corpus(texts[0], explained[1], names), Corpus(texts[1], judged[1], names)


def _looked_up(fit: Corpus, held: Corpus, features: Sequence[int], words: int) -> list[float]:
    """Pearson's r of the mean activation after the same last words."""
    table = ContextTable.fit(_code(fit, features), fit.contexts[:, -words:])
    return pearson(table.predicted(held.contexts[:, -words:]), _code(held, features)).tolist()


def _code(corpus: Corpus, features: Sequence[int]) -> Code:
    """Some features at all words, word by word."""
    parts = [corpus.activity.at(feature) for feature in features]
    rows = np.concatenate([rows for rows, _ in parts] or [np.zeros(0, dtype=np.int64)])
    numbers = np.repeat(np.arange(len(parts)), [len(rows) for rows, _ in parts])
    values = np.concatenate([values for _, values in parts] or [np.zeros(0)])
    order = np.lexsort((numbers, rows))
    row, number, value = (torch.from_numpy(x[order]) for x in (rows, numbers, values))
    return Code(Places.of(row, number, corpus.activity.rows, len(parts)), value.float())


def _contexts(corpus: Corpus, values: Float[Tensor, " n"]) -> list[dict[str, Any]]:
    """The words around those where a feature is on most, one place from each text."""
    starts = np.cumsum([0, *map(len, corpus.texts)])
    shown: list[dict[str, Any]] = []
    used: set[int] = set()
    for at in values.topk(min(40 * CONTEXTS, len(values))).indices.tolist():
        text = int(np.searchsorted(starts, at, "right")) - 1
        if values[at] <= 0 or len(shown) == CONTEXTS:
            break
        if text in used:
            continue
        used.add(text)
        place = at - int(starts[text])
        low, high = max(0, place - AROUND), min(len(corpus.texts[text]), place + AROUND // 2 + 1)
        around = values[int(starts[text]) + low : int(starts[text]) + high]
        shown.append({"words": list(corpus.texts[text][low:high]), "values": [float(v) for v in around]})
    return shown


def _explained(fit: Corpus, held: Corpus, feature: int) -> dict[str, Any]:
    tree = DecisionTree.fit(fit.values(feature), fit.contexts, fit.positions)
    names = list(fit.names)
    told = held.values(feature)
    predicted = tree.predicted(held.contexts, held.positions)
    said = {
        "explanation": tree.words(lambda number: names[number] if number < len(names) else "a new word"),
        "pearson": _correlation(predicted, told),
    }
    try:
        score = _detected(fit, held, feature, tree)
    except NotApplicable as reason:
        return {**said, "detection": None, "unscored": str(reason)}
    return {**said, "detection": [score.estimate, score.low, score.high, score.n]}


def _detected(fit: Corpus, held: Corpus, feature: int, tree: DecisionTree) -> Any:
    """Detection on held-out windows, with the threshold of the windows that the tree was made from."""
    own = examples(_code(fit, [feature]), fit.windows, 0)
    cut = threshold(_peaks(fit, tree)[own.windows], own.on)
    new = examples(_code(held, [feature]), held.windows, 0)
    return detection(_peaks(held, tree)[new.windows], new.on, cut)


def _peaks(corpus: Corpus, tree: DecisionTree) -> Float[Tensor, " windows"]:
    return corpus.windows.peaks(tree.predicted(corpus.contexts, corpus.positions))


def _correlation(one: Float[Tensor, " n"], other: Float[Tensor, " n"]) -> float:
    """Pearson's r over all words; 0 where either is constant."""
    pair: Bool[np.ndarray, " 2"] = np.array([float(one.std()) > 0, float(other.std()) > 0])
    return float(torch.corrcoef(torch.stack([one, other]))[0, 1]) if pair.all() else 0.0
