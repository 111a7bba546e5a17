"""Fine-tunes one matrix on the new facts, with the loss of all tokens of the new value."""

from assay.access import WhiteHandle
from assay.baselines.edit._tuning import DEPTHS, STEPS, STOP, TOGETHER, Tuner, down_projection
from assay.core import Access, Editor, Method, Setting
from assay.jobs.edit import EditBrief
from assay.model.training.tuning import Tuning


def fit(handle: WhiteHandle, brief: EditBrief, setting: Setting, seed: int) -> Editor:  # noqa: ARG001
    """Find the matrix."""
    name = down_projection(handle, setting["depth"])
    return Tuner(Tuning(STEPS, setting["lr"], (name,), stop=STOP, batch=TOGETHER, seed=seed))


METHOD = Method(
    title="Fine-tuning of one matrix (FT-M)",
    job="edit",
    kind="baseline",
    access=Access.WHITE,
    source="The baseline FT of Meng et al. 2022, arXiv 2202.05262, with the loss of EasyEdit's FT-M "
    "(github.com/zjunlp/EasyEdit): cross-entropy of every token of the new value where it is predicted",
    formula="W^ = Adam on the down-projection W of one MLP: min over W of mean over facts of "
    "-1/T sum over t of log p(new_t | prompt, new_<t); at most 25 rounds, until the loss is < 0.01",
    does="Trains one matrix to say the new values, and nothing else.",
    fit=fit,
    space={"depth": DEPTHS, "lr": (1e-3, 3e-3)},
    default={"depth": 0.375, "lr": 3e-3},
)
