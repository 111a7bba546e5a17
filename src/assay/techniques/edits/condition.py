"""Acting on a stream only where it stands at the end of a subject: near a key of one of some edits.

The condition is that of conditional steering (Lee et al., "Programming refusal with conditional activation
steering", arXiv 2409.05907), asked at every token and with a key for each fact in place of one for a topic.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import normalize

from assay.access import WhiteHandle
from assay.core import Edit
from assay.core.errors import BadOption, NotApplicable
from assay.model.changing.change import Change
from assay.model.places import token_of
from assay.model.sites.moment import Moment
from assay.model.sites.site import Site
from assay.techniques.edits.subject_keys import context_states

Act = Callable[[Float[Tensor, "m d"], Int[Tensor, " m"]], Float[Tensor, "m d"]]
"""(rows of the stream, the edit at whose subject each stands) -> what takes their place."""


@dataclass(frozen=True, eq=False)
class Ordinary:
    """The stream after a block at every token of ordinary text, tokens put in front of a text left out."""

    texts: tuple[str, ...]
    spans: tuple[tuple[tuple[int, int], ...], ...]
    """Of the tokens that are kept."""
    rows: Float[Tensor, "token d"]

    @cached_property
    def middle(self) -> Float[Tensor, " d"]:
        """The mean row."""
        return self.rows.mean(0)

    @cached_property
    def centred(self) -> Float[Tensor, "token d"]:
        """Each row less the mean, at length 1."""
        return normalize(self.rows - self.middle, dim=1)

    def ends_of(self, words: str) -> list[int]:
        """The numbers of the rows at which some words end.

        >>> spans = ((0, 1), (2, 3)), ((0, 1),)
        >>> Ordinary(("a b", "b"), spans, torch.zeros(3, 2)).ends_of("b")
        [1, 2]
        """
        found: list[int] = []
        first = 0
        for text, spans in zip(self.texts, self.spans, strict=True):
            place = text.find(words) if spans else -1
            while place >= 0:
                found.append(first + token_of(spans, place + len(words)))
                place = text.find(words, place + 1)
            first += len(spans)
        return found


def ordinary(handle: WhiteHandle, texts: Sequence[str], block: int) -> Ordinary:
    """Read ``resid_post`` of a block at every token of some texts; one pass over them.

    Raises:
        NotApplicable: the texts hold no token.
    """
    spans, rows = list[tuple[tuple[int, int], ...]](), list[Tensor]()
    read = handle.site_activations(texts, f"resid_post.{block}") if texts else []
    for places, values in zip(handle.spans(texts) if texts else [], read, strict=True):
        kept = [number for number, (start, end) in enumerate(places) if end > start]
        spans.append(tuple(places[number] for number in kept))
        rows.append(values[kept])
    if not sum(map(len, rows)):
        raise NotApplicable("there is no ordinary text to compare subjects with; tell the method some")
    return Ordinary(tuple(texts), tuple(spans), torch.cat(rows))


@dataclass(frozen=True, eq=False)
class Condition:
    """``x`` is at edit ``i`` if ``max_j cos(x - middle, key_ij - middle) > threshold_i``; the nearest wins.

    >>> keys = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> one = Condition(torch.zeros(2), keys, torch.tensor([0, 1]), torch.tensor([0.9, 0.9]))
    >>> one.at(torch.tensor([[5.0, 0.1], [0.1, 5.0], [5.0, 5.0]])).tolist()
    [0, 1, -1]
    """

    middle: Float[Tensor, " d"]
    keys: Float[Tensor, "key d"]
    """Less the middle, at length 1."""
    owners: Int[Tensor, " key"]
    """The edit that each key belongs to."""
    thresholds: Float[Tensor, " edit"]

    def at(self, x: Float[Tensor, "*rows d"]) -> Int[Tensor, "*rows"]:
        """The number of the edit at whose subject each row stands, -1 for none."""
        cosines = normalize(x.float() - self.middle, dim=-1) @ self.keys.T
        near = cosines.where(cosines > self.thresholds[self.owners], -torch.inf)
        nearest, key = near.max(-1)
        return self.owners[key].where(nearest.isfinite(), -1)

    def to(self, device: torch.device) -> "Condition":
        """The same on another device."""
        parts = (self.middle, self.keys, self.owners, self.thresholds)
        if all(part.device == device for part in parts):
            return self
        return replace(self, **dict(zip(vars(self), (part.to(device) for part in parts), strict=False)))


def condition(
    handle: WhiteHandle,
    edits: Sequence[Edit],
    block: int,
    beginnings: Sequence[str],
    text: Ordinary,
    share: float,
) -> Condition:
    """Keys and thresholds of some edits at ``resid_post.block``.

    An edit has a key for each beginning in front of its prompt: the stream at its subject's last token. Its
    threshold is as low as ordinary text allows: at a ``share`` of that text's tokens at most its condition
    holds, those left out at which the subject itself ends.

    Raises:
        BadOption: a share outside 0 to 1, no edits, or no beginnings.
        NotApplicable: a subject that does not stand in its prompt, or a tokenizer without places.
    """
    if not 0 <= share < 1 or not edits:
        raise BadOption(f"share {share} and {len(edits)} edits: give a share from 0 to below 1, and an edit")
    states = context_states(handle, edits, f"resid_post.{block}", beginnings).float()
    keys = normalize(states - text.middle, dim=-1)
    found = torch.stack(
        [_threshold(text, own, edit.subject, share) for own, edit in zip(keys, edits, strict=True)]
    )
    owners = torch.arange(len(edits)).repeat_interleave(len(beginnings))
    return Condition(text.middle, keys.flatten(0, 1), owners, found)


def acting(block: int, where: Condition, act: Act) -> Change:
    """Put ``act(x, edit)`` in the place of the stream where a condition holds; all else stays to the bit.

    What is done at a token follows from the stream there alone, so it is done alike while a text is read and
    while one is written.
    """

    def how(x: Float[Tensor, "n t d"], moment: Moment) -> Float[Tensor, "n t d"]:  # noqa: ARG001
        edit = where.to(x.device).at(x)
        here = edit >= 0
        if not bool(here.any()):
            return x
        return x.index_put((here,), act(x[here].float(), edit[here]).to(x))

    return Change(Site("resid_post", block), how)


def _threshold(text: Ordinary, keys: Float[Tensor, "key d"], subject: str, share: float) -> Float[Tensor, ""]:
    """The cosine that a share of the tokens of other things reach; that of the nearest for a share of 0."""
    nearest = (text.centred @ keys.T).max(1).values
    others = nearest[_others(len(nearest), text.ends_of(subject))].sort(descending=True).values
    return others[min(int(share * len(others)), len(others) - 1)] if len(others) else torch.tensor(-1.0)


def _others(count: int, left_out: Sequence[int]) -> Bool[Tensor, " n"]:
    mask = torch.ones(count, dtype=torch.bool)
    mask[list(left_out)] = False
    return mask
