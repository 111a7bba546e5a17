"""Fine-tunes one matrix on the new facts; no weight may go far."""

from assay.access import WhiteHandle
from assay.baselines.edit._tuning import DEPTHS, STEPS, STOP, TOGETHER, Tuner, down_projection
from assay.core import Access, Editor, Method, Setting
from assay.jobs.edit import EditBrief
from assay.model.training.tuning import Tuning

LR = 3e-3


def fit(handle: WhiteHandle, brief: EditBrief, setting: Setting, seed: int) -> Editor:  # noqa: ARG001
    """Find the matrix."""
    name = down_projection(handle, setting["depth"])
    return Tuner(
        Tuning(STEPS, LR, (name,), within=float(setting["eps"]), stop=STOP, batch=TOGETHER, seed=seed)
    )


METHOD = Method(
    title="Bounded fine-tuning of one matrix (FT-L)",
    job="edit",
    kind="baseline",
    access=Access.WHITE,
    source="Zhu et al. 2020, Modifying memories in transformer models, arXiv 2012.00363; the baseline FT+L "
    "of Meng et al. 2022, arXiv 2202.05262, with the loss of all tokens of the new value",
    formula="as ft_m, and after each step W^ is cut to |W^_ij - W_ij| <= eps * rms(W)",
    does="Trains one matrix to say the new values, and keeps every weight near where it was.",
    fit=fit,
    space={"depth": DEPTHS, "eps": (0.4, 0.8)},
    default={"depth": 0.375, "eps": 0.4},
)
