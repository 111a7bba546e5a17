"""The one way from a handle to its model, kept outside the handle.

A handle object holds nothing, so nothing can be read, copied or pickled out of it. This keeps honest code
honest; a process cannot hide memory from code that runs in it and is bent on finding it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar
from weakref import WeakKeyDictionary

from assay.access.altered import Altered
from assay.access.request import Request
from assay.access.source import Source
from assay.core.access import Access
from assay.core.answer import Change
from assay.core.errors import AccessDenied, NotApplicable
from assay.core.price import Price
from assay.cost import Budget, Meter

T = TypeVar("T")

NEEDS: dict[str, Access] = {
    "generate": Access.BLACK,
    "reference": Access.BLACK,
    "untrained": Access.BLACK,
    "changed": Access.BLACK,
    "next_logprobs": Access.GREY,
    "token_logprobs": Access.GREY,
    "continuation_logprobs": Access.GREY,
    "spans": Access.GREY,
    "continuation_ids": Access.GREY,
    "vocabulary": Access.GREY,
    "n_layers": Access.WHITE,
    "width": Access.WHITE,
    "activations": Access.WHITE,
    "sequence_activations": Access.WHITE,
    "gradients": Access.WHITE,
    "prompt_gradients": Access.WHITE,
    "logit_lens": Access.WHITE,
    "site_activations": Access.WHITE,
    "weight": Access.WHITE,
    "push": Access.WHITE,
    "tune": Access.WHITE,
    "descend": Access.WHITE,
    "trace": Access.WHITE,
    "parameters": Access.WHITE,
}
"""Everything that handles offer, and the least access that it needs."""


@dataclass(frozen=True)
class Door:
    """What stands behind a handle."""

    source: Source
    access: Access
    meter: Meter
    budget: Budget
    others: Mapping[str, Callable[[], Source]] = field(default_factory=lambda: {})
    """Other models that the method may ask at the same access and on the same bill, opened when asked for."""

    def beside(self, name: str) -> "Door":
        """The door to another model; raises NotApplicable where there is none of that name."""
        if name not in self.others:
            raise NotApplicable(f"there is no {name} model beside this one")
        return Door(self.others[name](), self.access, self.meter, self.budget)

    def altered(self, change: Change) -> "Door":
        """The door to the same model with a change on top; raises AccessDenied for one that goes too deep."""
        if (change.deltas or change.hooks) and not self.access.includes(Access.WHITE):
            raise AccessDenied(
                f"this method declared {self.access} access; changing weights or activations needs "
                f"{Access.WHITE}"
            )
        before = self.source.change if isinstance(self.source, Altered) else Change()
        return replace(self, source=Altered(self.source.engine, before.then(change)))

    def ask(self, request: Request[T]) -> T:
        """Check the budget, do the work, put it on the bill."""

        def permit(quote: Price) -> None:
            self.budget.check(quote, self.meter.spent)

        with self.meter.apart():
            billed = self.source.answer(request, permit)
        self.meter.charge(billed.price)
        return billed.result


_DOORS: WeakKeyDictionary[object, Door] = WeakKeyDictionary()


def give(handle: object, door: Door) -> None:
    """Put a door behind a new handle."""
    _DOORS[handle] = door


def behind(handle: object) -> Door:
    """The door behind a handle.

    Raises:
        AccessDenied: the handle was not made by ``open_handle``.
    """
    if handle not in _DOORS:
        raise AccessDenied("this handle leads to no model; handles are made by open_handle only")
    return _DOORS[handle]


def denial(access: Access, name: str) -> AccessDenied:
    """The refusal of something that a handle of this access does not offer."""
    if name in NEEDS:
        return AccessDenied(f"this method declared {access} access; {name} needs {NEEDS[name]}")
    offered = ", ".join(offer for offer, needed in NEEDS.items() if access.includes(needed))
    return AccessDenied(f"a {access} handle has no {name}; it offers {offered}")
