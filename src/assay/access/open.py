"""Opens a handle: the runner's side of the door."""

from collections.abc import Callable, Mapping
from typing import Literal, overload

from assay.access.black import BlackHandle
from assay.access.door import Door, give
from assay.access.grey import GreyHandle
from assay.access.source import Live, Source
from assay.access.white import WhiteHandle
from assay.core.access import Access
from assay.cost import Budget, Meter
from assay.model.engine import Engine

Others = Mapping[str, Callable[[], Source]]
_HANDLES = {Access.BLACK: BlackHandle, Access.GREY: GreyHandle, Access.WHITE: WhiteHandle}


@overload
def open_handle(
    model: Engine | Source,
    access: Literal[Access.WHITE],
    meter: Meter | None = None,
    budget: Budget | None = None,
    others: Others | None = None,
) -> WhiteHandle: ...
@overload
def open_handle(
    model: Engine | Source,
    access: Literal[Access.GREY],
    meter: Meter | None = None,
    budget: Budget | None = None,
    others: Others | None = None,
) -> GreyHandle: ...
@overload
def open_handle(
    model: Engine | Source,
    access: Access,
    meter: Meter | None = None,
    budget: Budget | None = None,
    others: Others | None = None,
) -> BlackHandle: ...
def open_handle(
    model: Engine | Source,
    access: Access,
    meter: Meter | None = None,
    budget: Budget | None = None,
    others: Others | None = None,
) -> BlackHandle:
    """Open a handle on an engine, or on a ``Replay`` of one.

    The budget bounds everything that the meter has been charged with, in both stages; without one nothing is
    bounded. Give a second handle with the same meter and no budget for work that should not count.
    ``others`` are the models behind ``handle.reference`` and ``handle.untrained``, opened when asked for.
    """
    source = Live(model) if isinstance(model, Engine) else model
    handle = _HANDLES[access]()
    meter = meter or Meter(source.engine.device)
    give(handle, Door(source, access, meter, budget or Budget(), others or {}))
    return handle
