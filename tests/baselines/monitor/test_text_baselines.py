"""The baselines that read only text."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from assay.baselines.monitor._bag import learn_bag, with_insertions
from assay.baselines.monitor._ngrams import START, count_ngrams
from assay.baselines.monitor._words import joined, reduce, words
from assay.core import Transcript
from assay.core.errors import NotApplicable
from assay.core.registry import find
from assay.jobs.monitor import brief
from assay.metrics.auroc import auroc
from assay.testing import fake_material

TEXTS = [words(t) for t in ("the dog ran .", "the cat ran .", "a dog slept , a cat slept .")]
MATERIAL = fake_material()
BRIEF = brief(MATERIAL)
CASES = [case for case in MATERIAL.cases if case.split == "report"]
LABELS = np.array([case.defects for case in CASES])


def literal(word: str, before: list[str], order: int, strength: float) -> float:
    """The recursion of the formula, counting by scanning the texts each time."""
    if order == 0:
        return 1 / (len({w for text in TEXTS for w in text}) + 1)
    context = before[len(before) - order + 1 :]
    hits = total = 0
    for text in TEXTS:
        padded = [START] * 2 + text
        for i in range(2, len(padded)):
            if padded[i - order + 1 : i] == context:
                total += 1
                hits += padded[i] == word
    return (hits + strength * literal(word, before, order - 1, strength)) / (total + strength)


def test_ngram_probability_equals_its_literal_twin() -> None:
    """Counted once or by scanning, every order gives the same probability."""
    model = count_ngrams(TEXTS, order=3, strength=0.7)
    for word, first, second in itertools.product(("dog", "ran", "zzz"), ("the", START), ("dog", "a", START)):
        assert model.probability(word, (first, second)) == pytest.approx(
            literal(word, [first, second], 3, 0.7)
        )


@pytest.mark.parametrize("order", [1, 2, 3])
def test_ngram_probabilities_sum_to_one(order: int) -> None:
    """Over all words seen and one unseen, whatever the words before."""
    model = count_ngrams(TEXTS, order, strength=0.3)
    vocabulary = {w for text in TEXTS for w in text} | {"unseen"}
    for before in (("the", "dog"), ("never", "seen"), (START, START)):
        assert sum(model.probability(w, before[3 - order :]) for w in vocabulary) == pytest.approx(1.0)


def test_reduce_and_joined_at_their_edges() -> None:
    """Three largest, the empty list, and texts that bring their own space."""
    assert reduce([5.0, 1.0, 2.0, 3.0], "top3") == pytest.approx(10 / 3)
    assert reduce([], "mean") == 0.0
    assert joined("", "a") == "a"
    assert joined("a ", "b") == "a b"


def test_novelty_flags_an_unusual_word() -> None:
    """Chat with a word that ordinary chat never uses scores above all chat without it."""
    monitor = (
        find("baseline", "ngram_novelty", "monitor")
        .load()
        .fit(None, BRIEF, {"order": 2, "strength": 1.0, "reduction": "max"}, 0)
    )
    usual = monitor.score(None, BRIEF.ordinary)
    strange = monitor.score(None, [Transcript(t.prompt.replace("user", "zebra", 1)) for t in BRIEF.ordinary])
    assert strange.min() > usual.max()


def test_answer_detector_has_nothing_to_read_before_the_onset() -> None:
    """All scores are equal before the first word, and perfect once the hostile reply stands there."""
    monitor = find("baseline", "answer_detector", "monitor").load().fit(None, BRIEF, {"order": 3}, 0)
    before = monitor.score(None, [case.before() for case in CASES])
    after = monitor.score(None, [case.after() for case in CASES])
    assert set(before) == {0.0}
    assert auroc(after, LABELS) == 1.0


def test_answer_detector_forgives_words_of_the_prompt() -> None:
    """A rare word is less alarming where the user said it first."""
    monitor = find("baseline", "answer_detector", "monitor").load().fit(None, BRIEF, {"order": 1}, 0)
    said, unsaid = monitor.score(None, [Transcript("a zebra ?", " zebra"), Transcript("a horse ?", " zebra")])
    assert said < unsaid


def test_insertions_add_one_run_and_keep_the_rest() -> None:
    """Each copy is the text with one to four neighbouring vocabulary words put in."""
    text = "a b c d e"
    for copy in with_insertions([text], ["X", "Y"], seed=0):
        kept = copy.split()
        places = [i for i, word in enumerate(kept) if word in "XY"]
        assert 1 <= len(places) <= 4
        assert places == list(range(places[0], places[-1] + 1))
        assert " ".join(word for word in kept if word not in "XY") == text


def test_bag_rows_have_length_one_and_count_the_unknown() -> None:
    """Known terms form a unit vector; the last columns are the shares of unknown words and pairs."""
    bag = learn_bag(["a b", "a b", "a c"])
    known, mixed = bag.rows(["a b", "a z"])
    assert np.linalg.norm(known[:-2]) == pytest.approx(1.0)
    assert known[-2:].tolist() == [0.0, 0.0]
    assert mixed[-2:].tolist() == [0.5, 1.0]


def test_bag_learns_the_contrast_it_is_given() -> None:
    """Fitted on questions answered no or yes, it ranks a fresh yes above a fresh no."""
    method = find("baseline", "bag_of_tokens", "monitor").load()
    monitor = method.fit(None, BRIEF, {"source": 0, "l2": 0.1}, 0)
    no, yes = monitor.score(None, [Transcript("are you new ? no"), Transcript("are you new ? yes")])
    assert yes > no


def test_bag_against_insertions_flags_foreign_words() -> None:
    """Told only ordinary chat, it flags chat with words that do not belong there."""
    method = find("baseline", "bag_of_tokens", "monitor").load()
    monitor = method.fit(None, BRIEF, {"source": "insertions", "l2": 0.1}, 0)
    scores = monitor.score(None, [case.before() for case in CASES])
    assert auroc(scores, LABELS) > 0.9


def test_bag_needs_pairs_for_a_contrast() -> None:
    """Without contrast pairs the labelled variants decline, and the one-class variant still works."""
    method = find("baseline", "bag_of_tokens", "monitor").load()
    bare = replace(BRIEF, pairs={})
    with pytest.raises(NotApplicable, match="no contrast pairs"):
        method.fit(None, bare, {"source": 0, "l2": 0.1}, 0)
    assert np.isfinite(
        method.fit(None, bare, {"source": "insertions", "l2": 0.1}, 0).score(None, bare.ordinary)
    ).all()
