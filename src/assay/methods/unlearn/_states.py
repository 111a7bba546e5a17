"""What the methods that act on the stream share: its states on the book, and on what must stay."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from assay.access import WhiteHandle
from assay.core import Told
from assay.core.errors import NotApplicable
from assay.jobs.unlearn import UnlearnBrief
from assay.techniques.dictionaries.at_layer import row_of, text_rows

WORDS = 15_000
"""Words of either kind that are read, whole texts from the first."""


@dataclass(frozen=True, eq=False)
class States:
    """The stream behind some blocks at every token, those left out that the tokenizer puts in front."""

    forget: Float[Tensor, "f d"]
    retain: Float[Tensor, "r d"]
    first: int
    """Tokens that the tokenizer puts in front of a text."""


def states(handle: WhiteHandle, brief: UnlearnBrief, layer: int) -> States:
    """Read documents and pairs, and ordinary texts among what must stay.

    Raises:
        NotApplicable: there is nothing to forget, or nothing that must stay.
    """
    ordinary = tuple(one.text for one in brief.ordinary)
    forget = some((*brief.forget, *joined(brief.forget_pairs)), WORDS)
    retain = some((*brief.retain, *ordinary, *joined(brief.retain_pairs)), WORDS)
    if not forget or not retain:
        raise NotApplicable("states on the book are set against others: tell texts of both kinds")
    first = row_of(handle.spans(forget[:1])[0])
    read = [torch.cat(text_rows(handle, texts, layer)) for texts in (forget, retain)]
    return States(read[0], read[1], first)


def joined(pairs: Sequence[Told]) -> tuple[str, ...]:
    """Prompts with their replies behind them."""
    return tuple(f"{pair.prompt} {pair.reply}".strip() for pair in pairs)


def some(texts: Sequence[str], words: int) -> list[str]:
    """Whole texts from the first until they hold so many words.

    >>> some(["a b", "c", "d"], 2), some(["a b", "c", "d"], 3)
    (['a b'], ['a b', 'c'])
    """
    before = np.cumsum([0, *(len(text.split()) for text in texts)])[:-1]
    return [text for text, count in zip(texts, before, strict=True) if text and count < words]


def asked(
    handle: WhiteHandle, brief: UnlearnBrief, layer: int
) -> tuple[Float[Tensor, "f d"], Float[Tensor, "r d"]]:
    """The stream behind some blocks at the last token of each prompt, of the book and of what must stay.

    Raises:
        NotApplicable: there are no pairs of one kind.
    """
    told = brief.forget_pairs, brief.retain_pairs
    prompts = [[pair.prompt for pair in pairs if pair.prompt] for pairs in told]
    if not all(prompts):
        raise NotApplicable("the book's prompts are set against others: tell pairs of both kinds")
    forget, retain = (handle.activations(texts, [layer])[:, 0] for texts in prompts)
    return forget, retain
