"""Grouping and padding."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from assay.model.batching import batches, pad_left, pad_right

ROWS = [[5, 6, 7], [8], [9, 4]]


@given(st.lists(st.integers(1, 50), max_size=40), st.integers(1, 200), st.integers(1, 10))
def test_every_text_is_in_one_batch_of_bounded_size(lengths: list[int], tokens: int, rows: int) -> None:
    """Batches partition the texts; a rectangle is within bounds unless one text alone is too long."""
    groups = batches(lengths, tokens, rows)
    assert sorted(number for group in groups for number in group) == list(range(len(lengths)))
    for group in groups:
        assert len(group) <= rows
        assert len(group) == 1 or len(group) * max(lengths[n] for n in group) <= tokens


def test_right_padding_keeps_texts_in_front() -> None:
    """Zeros stand behind the text."""
    padded = pad_right(ROWS, torch.device("cpu"))
    assert padded.tolist() == [[5, 6, 7], [8, 0, 0], [9, 4, 0]]


def test_left_padding_counts_positions_from_the_first_real_token() -> None:
    """Text stands at the end; masked places hold zeros; real positions run 0, 1, 2..."""
    ids, mask, positions = pad_left(ROWS, torch.device("cpu"))
    for row, text in enumerate(ROWS):
        assert ids[row][mask[row]].tolist() == text
        assert positions[row][mask[row]].tolist() == list(range(len(text)))
        assert mask[row, -1]
