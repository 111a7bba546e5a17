"""Placebo: RMU that sends what it reads to where it is already."""

from assay.access import WhiteHandle
from assay.core import Access, Change, Method, Setting
from assay.jobs.unlearn import UnlearnBrief
from assay.methods.unlearn._rmu import ALPHAS, DEPTHS, misdirected


def fit(handle: WhiteHandle, brief: UnlearnBrief, setting: Setting, seed: int) -> Change:
    """Train as RMU does, towards the states of the model as it was."""
    return misdirected(
        handle,
        brief,
        setting,
        seed,
        lambda passes, texts, site: passes.states(texts, [site], before=True)[site],
    )


METHOD = Method(
    title="Placebo: RMU to the present place",
    job="unlearn",
    kind="placebo",
    access=Access.WHITE,
    source="Control of this workbench: RMU's training with the book's own states in the place of the target",
    formula="min mean over tokens of |h_l(x_f) - h_l^0(x_f)|^2 / d + alpha |h_l(x_r) - h_l^0(x_r)|^2 / d",
    does="Trains the same matrices as RMU for as long, to leave the book where it is: shows what sending it "
    "elsewhere adds.",
    fit=fit,
    space={"depth": DEPTHS[1:], "alpha": ALPHAS[:1]},
    default={"depth": DEPTHS[1], "alpha": ALPHAS[0]},
    placebo_for=("rmu",),
)
