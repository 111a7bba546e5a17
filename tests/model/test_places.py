"""Where a stretch of a text ends in its tokens."""

import pytest
import torch

from assay.core.errors import BadOption
from assay.model import Engine
from assay.model.places import last_tokens, token_of
from tests.model.tiny import TEXTS, piece_tokenizer, tiny_engine, tiny_model


@pytest.mark.parametrize("beginning", [True, False])
def test_the_token_holds_the_character_before_the_end(beginning: bool) -> None:
    """At every character that is no space the token's own span holds it, whatever the pieces."""
    engine = Engine(tiny_model(vocab_size=48), piece_tokenizer(beginning))
    for text in TEXTS:
        ends = [end for end in range(1, len(text) + 1) if text[end - 1] != " "]
        spans = engine.spans([text])[0]
        for end, place in zip(ends, last_tokens(engine, [text] * len(ends), ends).tolist(), strict=True):
            assert spans[place][0] <= end - 1 < spans[place][1]


def test_a_space_that_is_dropped_belongs_to_the_token_before() -> None:
    """Words are tokens here and spaces are none."""
    assert torch.equal(last_tokens(tiny_engine(), ["the cat sat"] * 2, [7, 8]), torch.tensor([2, 2]))


@pytest.mark.parametrize("end", [0, 12, -1])
def test_an_end_outside_its_text_is_refused(end: int) -> None:
    """The message names the text."""
    with pytest.raises(BadOption, match=r"text 1 .*the cat sat"):
        last_tokens(tiny_engine(), ["hello", "the cat sat"], [5, end])


def test_no_token_before_the_end_is_refused() -> None:
    """Tokens put in front hold no character."""
    with pytest.raises(BadOption, match="no token"):
        token_of([(0, 0), (3, 5)], 2)
