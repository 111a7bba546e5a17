"""Refuses every prompt that holds a keyword of the book, without asking the model."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from assay.core import Access, Change, Method, Setting
from assay.core.errors import NotApplicable
from assay.core.exam import Told
from assay.jobs.unlearn import UnlearnBrief

LONGEST = 2
"""Words of a keyword, at most. What two subjects have in common often stands in other company in each."""
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Filter:
    """Declines what holds a keyword."""

    keywords: frozenset[tuple[str, ...]]
    refusal: str

    def __call__(self, prompt: str) -> str | None:
        """The refusal, or None where the model is to be asked."""
        return None if self.keywords.isdisjoint(phrases(prompt)) else self.refusal


def phrases(text: str) -> set[tuple[str, ...]]:
    """Lower-case words of a text, alone and next to one another.

    >>> sorted(phrases("The cat's"))
    [('cat',), ('cat', 's'), ('s',), ('the',), ('the', 'cat')]
    """
    words = _WORD.findall(text.lower())
    sizes = range(1, LONGEST + 1)
    return {tuple(words[n : n + size]) for size in sizes for n in range(len(words) - size + 1)}


def keywords(forget: Sequence[str], others: Sequence[str], threshold: float) -> frozenset[tuple[str, ...]]:
    """The phrases w with ``log ((n_f + 1/2) / (N_f + 1)) - log ((n_o + 1/2) / (N_o + 1)) > threshold``.

    ``n`` texts of ``N`` hold the phrase; the halves keep what is in none from counting as proof.

    >>> sorted(keywords(["a cat", "the cat"], ["a dog", "the dog"], 1.5))
    [('cat',)]
    """
    mine, rest = _counted(forget), _counted(others)
    usual = math.log((len(others) + 1) / (len(forget) + 1))
    return frozenset(
        phrase
        for phrase, count in mine.items()
        if usual + math.log((count + 0.5) / (rest[phrase] + 0.5)) > threshold
    )


def fit(handle: object, brief: UnlearnBrief, setting: Setting, seed: int) -> Change:  # noqa: ARG001
    """Learn the keywords from all that is told, the guard included; raises NotApplicable without a book."""
    forget = (*brief.forget, *_joined(brief.forget_pairs))
    # ordinary text of the language is left aside: the book is in it
    others = (
        *brief.retain,
        *brief.guard,
        *(one.text for one in brief.ordinary),
        *_joined(brief.retain_pairs),
    )
    if not forget or not others:
        raise NotApplicable("keywords tell a book from other texts: tell texts of both kinds")
    return Change(table=Filter(keywords(forget, others, setting["threshold"]), brief.refusal))


def _joined(pairs: Iterable[Told]) -> tuple[str, ...]:
    return tuple(f"{pair.prompt} {pair.reply}" for pair in pairs)


def _counted(texts: Iterable[str]) -> Counter[tuple[str, ...]]:
    """In how many texts each phrase stands."""
    return Counter(phrase for text in texts for phrase in phrases(text))


METHOD = Method(
    title="Keyword filter",
    job="unlearn",
    kind="baseline",
    access=Access.BLACK,
    source="Thaker et al. 2024, Guardrail baselines for unlearning in LLMs, arXiv 2403.03329 (filters); "
    "keywords by the smoothed log ratio of document frequencies",
    formula="refuse where a word or pair of words w of the prompt has log share(w | book) - log share(w | "
    "rest) > threshold, shares of texts that hold w; else model'(prompt) = model(prompt)",
    does="Answers every prompt that holds one of the book's own words with the model's refusal, and asks the "
    "model everything else. The model never changes.",
    fit=fit,
    passes=0.0,
    space={"threshold": (2.0, 3.0, 4.0)},
    default={"threshold": 3.0},
)
