"""Representation misdirection, whatever the place that a subject's states are sent to."""

from collections.abc import Callable

from torch import Tensor

from assay.access import WhiteHandle
from assay.core import Change, Setting
from assay.jobs.unlearn import UnlearnBrief
from assay.methods.unlearn._descent import LOOK, lessons
from assay.model.training.descent import Descent, Guard, Passes
from assay.techniques.unlearning.rmu import apart, writers

STEPS = 60
LR = 1e-2
DEPTHS = (0.5, 0.75)
"""Shares of the depth at which states are taken. The paper takes a quarter of thirty blocks; of four blocks
only one would be trained then."""
ALPHAS = (30.0,)
"""Weights of what must stay. It begins at nothing, and must come to hold what is at first a large pull."""
Place = Callable[[Passes, list[str], str], Tensor]
"""(what may be asked, texts, a site) -> where the site's values should be at their tokens."""


def misdirected(
    handle: WhiteHandle, brief: UnlearnBrief, setting: Setting, seed: int, place: Place
) -> Change:
    """Train the down-projections at and below a block until the guard says stop."""
    site = site_at(handle, setting["depth"])
    told = lessons(brief, seed)

    def loss(passes: Passes, step: int) -> Tensor:
        away, kept = told.forget.texts_at(step), told.retain.texts_at(step)
        moved = apart(passes.states(away, [site])[site], place(passes, away, site))
        before = passes.states(kept, [site], before=True)[site]
        return moved + setting["alpha"] * apart(passes.states(kept, [site])[site], before)

    block = int(site.rpartition(".")[2])
    how = Descent(STEPS, LR, writers(handle, block), seed=seed)
    found = handle.descend(loss, how, guard=Guard(brief.guard, brief.allowed, LOOK))
    return Change(deltas=(found.end.delta,))


def site_at(handle: WhiteHandle, depth: float) -> str:
    """The stream behind the block that ends at a share of the depth.

    >>> from types import SimpleNamespace
    >>> [site_at(SimpleNamespace(n_layers=8), depth) for depth in (0.0, 0.25, 1.0)]
    ['resid_post.0', 'resid_post.1', 'resid_post.7']
    """
    return f"resid_post.{max(1, min(handle.n_layers, round(depth * handle.n_layers))) - 1}"
