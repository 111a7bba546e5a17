"""The price of work: what was asked of a model, and what the machine spent on it."""

from dataclasses import asdict, dataclass, fields


@dataclass(frozen=True)
class Price:
    """Everything that one stage of a run cost. Sums with ``+``; memory takes the maximum.

    >>> (Price(queries=2, peak_bytes=5) + Price(queries=1, peak_bytes=3)).peak_bytes
    5
    """

    queries: int = 0
    """Texts sent to the model."""
    tokens_forward: int = 0
    """Tokens that went through a forward pass, padding excluded."""
    tokens_backward: int = 0
    """Tokens that gradients were taken through."""
    flops: float = 0.0
    """Floating-point operations by formula (see ``assay.cost.flops``), not measured."""
    wall_s: float = 0.0
    """Wall-clock seconds."""
    cpu_s: float = 0.0
    """CPU seconds of this process, all threads."""
    gpu_s: float = 0.0
    """Seconds measured by CUDA events; 0 without a GPU."""
    peak_bytes: int = 0
    """Largest memory seen above the level at the start, in bytes."""

    def __add__(self, other: "Price") -> "Price":
        summed = {f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)}
        summed["peak_bytes"] = max(self.peak_bytes, other.peak_bytes)
        return Price(**summed)

    def scaled(self, share: float) -> "Price":
        """Return the pro-rata part of a price: seconds and operations scale, counts and memory do not."""
        values = asdict(self)
        for name in ("flops", "wall_s", "cpu_s", "gpu_s"):
            values[name] *= share
        return Price(**values)
