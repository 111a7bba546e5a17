"""What the tests of edits share: tiny models with an ordinary text, facts, and changes written out."""

import torch
from jaxtyping import Float
from torch import Tensor

from assay.access import WhiteHandle, open_handle
from assay.core import Access, Edit
from assay.model.changing.deltas import Delta, summed
from assay.model.changing.push import Pushing
from assay.techniques.edits.second_moment import SecondMoment, second_moment
from assay.techniques.edits.values import Aim
from tests.model.tiny import TEXTS, tiny_engine

CAT = Edit("the cat sat on the", "cat", "mat", "dog")
DOG = Edit("the big dog ran and the", "dog", "cat", "mat")
RED = Edit("then the red was", "red", "big", "cat")
ORDINARY = [f"{one} {two}" for one in TEXTS for two in TEXTS if one != two] * 2
AIM = Aim(Pushing(steps=4), ("", "the dog ran . ", "hello and then "))
BARE = Aim(Pushing(steps=4))


def tiny_handle(family: str = "llama") -> WhiteHandle:
    """White access to a random model."""
    return open_handle(tiny_engine(family), Access.WHITE)


def moment_of(handle: WhiteHandle, block: int) -> SecondMoment:
    """The second moment of the ordinary text, as many tokens of it as there are."""
    return second_moment(handle, ORDINARY, block)


def written_out(delta: Delta, handle: WhiteHandle, block: int) -> Float[Tensor, "out m"]:
    """The change of a block's down-projection as one matrix."""
    site = handle.weight(f"mlp_hidden.{block}")
    before = handle.parameters()[site.name].double()
    change = summed(torch.zeros_like(before), delta.changes[site.name])
    return change.T if site.transposed else change


def at(handle: WhiteHandle, site: str, text: str, word: int) -> Float[Tensor, " d"]:
    """A site at a word of a text, behind the beginning token, in float64."""
    return handle.site_activations([text], site)[0][word + 1].double()
