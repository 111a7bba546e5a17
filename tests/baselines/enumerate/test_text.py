"""Plain text as features: words, pairs and what came before, by counting."""

import numpy as np
import pytest

from assay.baselines.enumerate._text import OFTEN, text_features, things
from assay.core.errors import NotApplicable
from assay.core.registry import find
from assay.jobs.enumerate import EnumerateBrief

TEXTS = ["the cat sat", "the cat ran", "the dog sat", "cat", "a dog ran"]


def test_words_are_on_where_they_stand() -> None:
    """One feature for each word that stands often enough, the rarest first, 1 at its places."""
    found = text_features(TEXTS, since=False, most=10)
    assert found.places == {"cat": 0, "the": 1}
    [block] = found.activity(None, ["the dog and the cat"])
    assert block.tolist() == [[0, 1], [0, 0], [0, 0], [0, 1], [1, 0]]


def test_pairs_and_earlier_words_are_listed_if_asked() -> None:
    """Written out for a short text."""
    assert things("x y x", since=True) == [{"x"}, {"y", "x y", "after x"}, {"x", "y x", "after x", "after y"}]
    found = text_features(["x y x"] * OFTEN, since=True, most=10)
    assert set(found.places) == {"x", "y", "x y", "y x", "after x", "after y"}


def test_only_the_most_frequent_are_kept() -> None:
    """A searcher reads the rarest of them first."""
    found = text_features(["a a a b b b b c c c c c"], since=False, most=2)
    assert found.places == {"b": 0, "c": 1}


@pytest.mark.parametrize("key", ["words", "ngrams"])
def test_entries_read_the_text_and_never_the_model(key: str) -> None:
    """The handle is nothing at all; text without anything frequent is declined."""
    entry = find("baseline", key).load()
    answer = entry.fit(None, EnumerateBrief(tuple(TEXTS * OFTEN), ()), {}, 0)
    [block] = answer.activity(None, ["the cat"])
    assert block.shape == (2, answer.count)
    assert set(np.unique(block)) <= {0.0, 1.0}
    with pytest.raises(NotApplicable, match="nothing stands 3 times"):
        entry.fit(None, EnumerateBrief(("all words differ",), ()), {}, 0)
