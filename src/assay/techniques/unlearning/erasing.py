"""Erasing from a stream, as it passes, what tells one kind of text from another."""

from jaxtyping import Float
from torch import Tensor

from assay.model.changing.change import Change
from assay.model.sites.moment import Moment
from assay.model.sites.site import Site
from assay.techniques.leace import Eraser


def erasing(layer: int, eraser: Eraser, strength: float, first: int = 0) -> Change:
    """``x' = x + s (erased(x) - x)`` behind ``layer`` blocks; strength 1 is the eraser as it was fitted.

    The first ``first`` tokens of each text, which the tokenizer puts there, stay as they are to the bit.
    """

    def how(x: Float[Tensor, "n t d"], moment: Moment) -> Float[Tensor, "n t d"]:  # noqa: ARG001
        rows = x.flatten(0, 1).float()
        return (rows + strength * (eraser.erased(rows) - rows)).view(x.shape).to(x)

    return Change(Site.stream(layer), how, slice(first, None))
