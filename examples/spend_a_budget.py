"""Handles: what a method may touch is enforced, everything that it asks is metered, and a budget stops it."""

from assay.access import open_handle
from assay.core import Access
from assay.core.errors import AccessDenied, BudgetExceeded
from assay.cost import Budget, Meter
from assay.model.load import load
from assay.organisms.planting.base import embedded_weights

engine = load(embedded_weights(), device="cpu")
meter = Meter(engine.device)
handle = open_handle(engine, Access.BLACK, meter, Budget.parse("queries=3"))

with meter.stage("use"):
    print(handle.generate(["user : hello assistant :"] * 2, max_tokens=8)[0])
    try:
        handle.activations(["text"], [1])  # pyright: ignore[reportAttributeAccessIssue]
    except AccessDenied as error:
        print("denied:", error)
    try:
        handle.generate(["user : hello assistant :"] * 2, max_tokens=8)
    except BudgetExceeded as error:
        print("stopped:", error)

print(f"paid: {meter.use.queries} queries, {meter.use.tokens_forward} tokens, {meter.use.flops:.2g} FLOP")
