"""Where in its tokens a stretch of a text ends."""

from collections.abc import Sequence

import torch
from jaxtyping import Int
from torch import Tensor

from assay.core.errors import BadOption
from assay.model.engine import Engine


def token_of(spans: Sequence[tuple[int, int]], end: int) -> int:
    """The token that holds the last of a text's first ``end`` characters.

    ``spans`` are those of ``Engine.spans``. Where several tokens share that character, as the bytes of one
    sign do, it is the last of them; where none holds it, as with a space that a tokenizer drops, the last
    token before. Tokens put in front of the text hold no character.

    Raises:
        BadOption: no token begins before that end.

    >>> token_of([(0, 0), (0, 3), (3, 7), (7, 9)], 5)
    2
    """
    places = [place for place, (first, last) in enumerate(spans) if first < min(end, last)]
    if not places:
        raise BadOption(f"no token lies before character {end}; give the number of characters up to an end")
    return places[-1]


def last_tokens(engine: Engine, texts: Sequence[str], ends: Sequence[int]) -> Int[Tensor, " n"]:
    """For each text the token that holds the last of its first ``ends`` characters, counted from 0.

    Raises:
        BadOption: an end that lies outside its text; names the text.
        NotApplicable: the tokenizer does not say where its tokens stand.
    """
    check_ends(texts, ends)
    pairs = zip(engine.spans(texts), ends, strict=True)
    return torch.tensor([token_of(spans, end) for spans, end in pairs], dtype=torch.long)


def check_ends(texts: Sequence[str], ends: Sequence[int]) -> None:
    """Raise ``BadOption`` unless there is one end for each text, and it lies inside."""
    if len(texts) != len(ends):
        raise BadOption(f"{len(texts)} texts but {len(ends)} ends; give one for each")
    for number, (text, end) in enumerate(zip(texts, ends, strict=True)):
        if not 1 <= end <= len(text):
            raise BadOption(
                f"end {end} lies outside text {number} (counting from 0), {text!r}, which has {len(text)} "
                "characters; give the number of characters up to and including the last one meant"
            )
