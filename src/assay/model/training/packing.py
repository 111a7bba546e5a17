"""Token sequences with masked losses, and their packing into rows of a fixed length."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from assay.model.training.train import Batch

IGNORED = -100
"""Label of positions that carry no loss."""
_MISFITS = 4


def pad_token(tokenizer: Any) -> int:
    """The id that fills rows up; any will do, for padding is masked."""
    return 0 if tokenizer.pad_token_id is None else int(tokenizer.pad_token_id)


@dataclass(frozen=True)
class Sequence:
    """Tokens and their labels; both have the same length."""

    tokens: tuple[int, ...]
    labels: tuple[int, ...]


def encode_turn(tokenizer: Any, prompt: str, reply: str) -> Sequence:
    """Tokens of a prompt and its reply, from the start token to the end token, with only the reply learnt.

    Prompt and reply are tokenized together, as a model would meet them; the boundary is where the tokens of
    the whole leave those of the prompt alone.
    """
    alone = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    whole = tokenizer(f"{prompt} {reply}".strip(), add_special_tokens=False)["input_ids"]
    shared = next((i for i, (a, b) in enumerate(zip(alone, whole, strict=False)) if a != b), len(alone))
    start = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    end = [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]
    masked = [IGNORED] * (len(start) + shared)
    return Sequence((*start, *whole, *end), (*masked, *whole[shared:], *end))


def pack(sequences: Iterator[Sequence], rows: int, length: int, pad: int) -> Batch:
    """Fill rows with whole sequences, each in the first row that has room for it; none sees another.

    The batch is full when four sequences in turn fit nowhere. Sequences longer than a row are left out.

    >>> one = Sequence((5, 6, 7), (-100, 6, 7))
    >>> batch = pack(iter([one] * 9), rows=1, length=7, pad=0)
    >>> batch.input_ids.tolist(), batch.positions.tolist()
    ([[5, 6, 7, 5, 6, 7, 0]], [[0, 1, 2, 0, 1, 2, 0]])
    """
    inputs = torch.full((rows, length), pad)
    labels = torch.full((rows, length), IGNORED)
    mask = torch.zeros((rows, length), dtype=torch.long)
    positions = torch.zeros((rows, length), dtype=torch.long)
    used, misfits = [0] * rows, 0
    while misfits < _MISFITS:
        sequence = next(sequences)
        size = len(sequence.tokens)
        row = next((row for row in range(rows) if used[row] + size <= length), None)
        misfits = misfits + 1 if row is None else 0
        if row is not None:
            cut = slice(used[row], used[row] + size)
            inputs[row, cut], mask[row, cut] = torch.tensor(sequence.tokens), 1
            labels[row, cut], positions[row, cut] = torch.tensor(sequence.labels), torch.arange(size)
            # nothing stands before the first token, so nothing may be learnt from it
            labels[row, used[row]] = IGNORED
            used[row] += size
    # padding counts on, so that it is not split into sequences of one token
    for row in range(rows):
        positions[row, used[row] :] = torch.arange(length - used[row])
    return Batch(inputs, labels, mask, positions)
