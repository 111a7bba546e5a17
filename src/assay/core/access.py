"""How much of a model a method may touch."""

from enum import StrEnum


class Access(StrEnum):
    """Black: text in, text out. Grey: also log-probabilities. White: also activations, gradients, weights.

    >>> Access.WHITE.includes(Access.GREY), Access.BLACK.includes(Access.GREY)
    (True, False)
    """

    BLACK = "black"
    GREY = "grey"
    WHITE = "white"

    def includes(self, other: "Access") -> bool:
        """Tell whether this level allows everything that ``other`` allows."""
        order = list(Access)
        return order.index(self) >= order.index(other)
