"""What a method may spend at most, checked before the work is done."""

import math
from dataclasses import dataclass, fields

from assay.core.errors import BadOption, BudgetExceeded
from assay.core.price import Price


@dataclass(frozen=True)
class Budget:
    """Upper limits on what may be asked of a model; None is unlimited.

    >>> Budget.parse("tokens=1e6,seconds=30")
    Budget(queries=None, tokens=1000000, flops=None, seconds=30.0)
    """

    queries: int | None = None
    """Texts sent."""
    tokens: int | None = None
    """Tokens forward plus tokens backward."""
    flops: float | None = None
    """Operations by formula."""
    seconds: float | None = None
    """Wall-clock seconds. What a call will take is not known beforehand: work stops once they are used up."""

    def __post_init__(self) -> None:
        for limit in fields(self):
            value = getattr(self, limit.name)
            if value is not None and not value >= 0:
                raise BadOption(f"budget: {limit.name} is {value}; give a number of 0 or more")

    @classmethod
    def parse(cls, text: str) -> "Budget":
        """Read a budget such as ``tokens=1e6,seconds=30``; an empty text is unlimited.

        Raises:
            BadOption: an unknown or repeated limit, a missing ``=``, or something that is not a number.
        """
        names = [limit.name for limit in fields(cls)]
        limits: dict[str, int | float] = {}
        for part in filter(None, (piece.strip() for piece in text.split(","))):
            name, equals, number = (piece.strip() for piece in part.partition("="))
            if not equals or name not in names:
                known = ", ".join(names)
                raise BadOption(f"budget: cannot read '{part}'; write e.g. tokens=1e6 (limits: {known})")
            if name in limits:
                raise BadOption(f"budget: {name} is given twice; give each limit once")
            limits[name] = _number(name, number)
        return cls(**limits)  # pyright: ignore[reportArgumentType] - counts are whole, see _number

    def check(self, asked: Price, spent: Price) -> None:
        """Raise ``BudgetExceeded`` if what is asked does not fit into what is left.

        >>> Budget(queries=3).check(Price(queries=2), Price(queries=1))
        """
        for name, limit in ((f.name, getattr(self, f.name)) for f in fields(self)):
            if limit is None:
                continue
            want, used = _amount(name, asked), _amount(name, spent)
            # Seconds cannot be quoted, so they run out rather than being overdrawn.
            if want + used > limit or (name == "seconds" and used >= limit):
                raise BudgetExceeded(
                    f"over budget: {_plain(want)} {name} asked, {_plain(used)} spent, "
                    f"{_plain(limit)} allowed; ask for less or raise the budget ({name}=...)"
                )


def _number(name: str, text: str) -> int | float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise BadOption(f"budget: {name} is '{text}'; give a number of 0 or more, e.g. {name}=1e6")
    if name not in ("queries", "tokens"):
        return value
    if value != int(value):
        raise BadOption(f"budget: {name} is '{text}'; give a whole number")
    return int(value)


def _amount(name: str, price: Price) -> float:
    if name == "tokens":
        return price.tokens_forward + price.tokens_backward
    return {"queries": price.queries, "flops": price.flops, "seconds": price.wall_s}[name]


def _plain(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) and value < 1e12 else f"{value:.4g}"
