"""RMU: in the middle of the model, everything on the book is sent to one random place."""

from assay.access import WhiteHandle
from assay.core import Access, Change, Method, Setting
from assay.jobs.unlearn import UnlearnBrief
from assay.methods.unlearn._rmu import ALPHAS, DEPTHS, misdirected, site_at
from assay.techniques.unlearning.rmu import control_vector, usual_length


def fit(handle: WhiteHandle, brief: UnlearnBrief, setting: Setting, seed: int) -> Change:
    """Draw the place, a few usual lengths away, and train towards it."""
    length = setting["far"] * usual_length(handle, brief.forget, site_at(handle, setting["depth"]))
    control = control_vector(handle.width, length, seed)
    return misdirected(handle, brief, setting, seed, lambda passes, *_: control.to(passes.device))


METHOD = Method(
    title="RMU",
    job="unlearn",
    kind="method",
    access=Access.WHITE,
    source="Li et al. 2024, The WMDP benchmark: measuring and reducing malicious use with unlearning, arXiv "
    "2403.03218; the place is centred, so that LayerNorm lets it pass",
    formula="min mean over tokens of |h_l(x_f) - c u|^2 / d + alpha |h_l(x_r) - h_l^0(x_r)|^2 / d over the "
    "down-projections of blocks l-2 to l; u a fixed random direction with sum 0, c = far * median |h_l|",
    does="Trains a few matrices so that inside the model all text on the book looks like one and the same "
    "meaningless place, while other text looks as it did.",
    fit=fit,
    space={"depth": DEPTHS, "alpha": ALPHAS, "far": (4.0,)},
    default={"depth": DEPTHS[1], "alpha": ALPHAS[0], "far": 4.0},
)
