"""Sheets of features: contexts, histogram and rate by counting, explanations scored on texts held out."""

import json

import numpy as np
import pytest

from assay.metrics.feature_match import Entries
from assay.techniques.dictionaries.explanations.sheets import AROUND, BINS, CONTEXTS, sheets

WORDS = ("the", "cat", "sat", "on", "a", "mat", "dog")
RNG = np.random.default_rng(0)


def texts(seed: int, count: int = 60) -> list[str]:
    """Random words."""
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, int(rng.integers(3, 25)))) for _ in range(count)]


def activity(side: list[str], noise: int) -> np.ndarray:
    """Feature 0: "sat" after "cat". 1: noise. 2: never on. 3: "mat", louder the later."""
    rng, rows = np.random.default_rng(noise), list[list[float]]()
    for text in side:
        words = text.split()
        for n, word in enumerate(words):
            follows = n > 0 and words[n - 1] == "cat"
            rows.append(
                [
                    2.0 * (word == "sat" and follows),
                    rng.random() * (rng.random() < 0.2),
                    0.0,
                    (word == "mat") * (1 + n),
                ]
            )
    return np.array(rows)


def made() -> tuple[list[dict[str, object]], list[str], np.ndarray]:
    """Sheets of all four features, with the texts and values that they are of."""
    fit, held = texts(1), texts(2)
    values = activity(held, 4)
    found = sheets((fit, Entries.of([activity(fit, 3)], 4)), (held, Entries.of([values], 4)), [0, 1, 2, 3])
    return found, held, values


def test_counts_are_those_of_the_texts_held_out() -> None:
    """Rate, mean, most and histogram, each written out."""
    found, _, values = made()
    for feature, sheet in enumerate(found):
        on = values[:, feature][values[:, feature] > 0]
        assert sheet["rate"] == pytest.approx(len(on) / len(values))
        assert sheet["mean"] == pytest.approx(on.mean() if len(on) else 0.0)
        assert sheet["most"] == pytest.approx(on.max() if len(on) else 0.0)
        counts = sheet["histogram"]
        assert isinstance(counts, list)
        assert sum(counts) == len(on)
        assert len(counts) == (BINS if len(on) else 0)
    assert json.dumps(found)


def test_contexts_are_the_strongest_places_one_from_each_text() -> None:
    """Words and values belong together, the first holds the highest value of all."""
    found, held, values = made()
    for feature in (1, 3):
        shown = found[feature]["contexts"]
        assert isinstance(shown, list)
        assert 0 < len(shown) <= CONTEXTS
        assert max(shown[0]["values"]) == pytest.approx(values[:, feature].max())
        for context in shown:
            assert len(context["words"]) == len(context["values"]) <= AROUND + AROUND // 2 + 1
            assert any(" ".join(context["words"]) in text for text in held)
    assert found[2]["contexts"] == []


def test_an_explanation_that_needs_context_beats_looking_the_word_up() -> None:
    """That sat follows cat is found, and tells windows apart; the word alone does not."""
    sheet = made()[0][0]
    said = str(sheet["explanation"])
    assert "`sat`" in said
    assert "`cat`" in said
    assert sheet["pearson"] == pytest.approx(1.0)
    assert float(str(sheet["lookup"])) < 0.8
    detection = sheet["detection"]
    assert isinstance(detection, list)
    assert detection[0] == 1.0
    assert detection[1] <= detection[0] <= detection[2]


def test_noise_is_not_explained() -> None:
    """On held-out text its explanation has no correlation with it."""
    assert abs(float(str(made()[0][1]["pearson"]))) < 0.2


def test_what_is_never_on_says_why_it_has_no_score() -> None:
    """No detection, and the reason in words."""
    sheet = made()[0][2]
    assert sheet["detection"] is None
    assert "is on in 0 windows" in str(sheet["unscored"])


def test_new_words_are_words_too() -> None:
    """A held-out text of words that the explanations never saw is looked at like any other."""
    held = ["never seen before this sat"]
    values = Entries.of([np.eye(5, 1)], 1)
    [sheet] = sheets((texts(1), Entries.of([activity(texts(1), 3)[:, :1]], 1)), (held, values), [0])
    assert sheet["contexts"][0]["words"][0] == "never"
