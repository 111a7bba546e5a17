"""What work costs: formulas for operations, a stopwatch, a meter, budgets."""

from assay.cost.budget import Budget
from assay.cost.flops import Shape
from assay.cost.meter import Meter, Stage
from assay.cost.stopwatch import Stopwatch

__all__ = ["Budget", "Meter", "Shape", "Stage", "Stopwatch"]
