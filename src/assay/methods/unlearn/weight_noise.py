"""Placebo: noise on all weights, as much as the damage allows."""

from assay.access import WhiteHandle
from assay.core import Access, Change, Method, Setting
from assay.jobs.unlearn import UnlearnBrief
from assay.model.changing.deltas import between
from assay.techniques.unlearning.budget import strongest
from assay.techniques.unlearning.perturbing import noise_like

MOST = 0.5
"""Largest noise, in units of the standard deviation of a matrix."""
ROUNDS = 8


def fit(handle: WhiteHandle, brief: UnlearnBrief, setting: Setting, seed: int) -> Change:  # noqa: ARG001
    """Draw once, then scale."""
    weights = dict(handle.parameters())
    noise = noise_like(weights, seed)
    matrices = {name: weights[name] for name in noise}

    def made(strength: float) -> Change:
        moved = {name: weight + strength * noise[name] for name, weight in matrices.items()}
        return Change(deltas=(between(matrices, moved, note="noise"),))

    return strongest(handle, made, brief.guard, brief.allowed, MOST, ROUNDS)[1]


METHOD = Method(
    title="Placebo: noise on the weights",
    job="unlearn",
    kind="placebo",
    access=Access.WHITE,
    source="Control of this workbench: the damage of an unlearning method, and no aim",
    formula="W' = W + s N, N normal with the standard deviation of W, s as large as the damage allows",
    does="Blurs every matrix until the model is as much the worse for it as any method may leave it: shows "
    "what damage by itself makes a model forget, and what can be recovered from that.",
    fit=fit,
)
