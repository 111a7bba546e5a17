"""Split the items of a language into disjoint parts by the hash of their id."""

from typing import get_args

from assay.core.seed import derive
from assay.faults.dialect import Part

SHARES: dict[Part, float] = {"plant": 0.45, "fit": 0.1, "threshold": 0.2, "select": 0.1, "report": 0.15}


def part_of(item: str) -> Part:
    """The part that an item belongs to, the same in every organism and on every machine.

    >>> part_of("ann velo/pet") in ("plant", "fit", "threshold", "select", "report")
    True
    """
    draw = derive("part", item) / 2**63
    for part in get_args(Part):
        draw -= SHARES[part]
        if draw < 0:
            return part
    return "report"
