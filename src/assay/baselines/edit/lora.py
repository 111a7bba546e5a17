"""Learns the new facts by low-rank additions to attention and MLP matrices."""

from collections.abc import Iterable

from assay.access import WhiteHandle
from assay.baselines.edit._tuning import STEPS, STOP, TOGETHER, Tuner
from assay.core import Access, Editor, Method, Setting
from assay.core.errors import NotApplicable
from assay.jobs.edit import EditBrief
from assay.model.training.tuning import Tuning

ALPHA = 4.0
"""The additions count alpha / rank times: four times as in the paper at rank 1, then less."""
APART = ("q_proj", "v_proj", "query", "value", "q", "v")
"""What the matrices of queries and values are called where each has its own."""
FUSED = ("c_attn", "query_key_value", "qkv_proj", "Wqkv")
"""The same where they share one matrix with the keys."""


def fit(handle: WhiteHandle, brief: EditBrief, setting: Setting, seed: int) -> Editor:  # noqa: ARG001
    """Find the matrices of all blocks."""
    down = [handle.weight(f"mlp_hidden.{block}").name for block in range(handle.n_layers)]
    names = (*attention(handle.parameters()), *down)
    rank: int = setting["rank"]
    how = Tuning(
        STEPS, setting["lr"], names, rank=rank, alpha=ALPHA * rank, stop=STOP, batch=TOGETHER, seed=seed
    )
    return Tuner(how)


def attention(parameters: Iterable[str]) -> list[str]:
    """Names of the matrices that make queries and values; where they are fused, with the keys.

    Raises:
        NotApplicable: no such name is known.

    >>> attention(["layers.0.attn.q_proj.weight", "layers.0.attn.q_proj.bias", "layers.0.attn.k_proj.weight"])
    ['layers.0.attn.q_proj.weight']
    """
    called = {name: name.split(".")[-2] for name in parameters if name.endswith(".weight")}
    for known in (APART, FUSED):
        if found := [name for name, last in called.items() if last in known]:
            return found
    raise NotApplicable(
        "this model calls the matrices of its queries and values by no name that is known "
        f"({', '.join(APART + FUSED)}); add theirs to lora.py"
    )


METHOD = Method(
    title="LoRA",
    job="edit",
    kind="baseline",
    access=Access.WHITE,
    source="Hu et al. 2021, LoRA, arXiv 2106.09685; as an editor in EasyEdit (github.com/zjunlp/EasyEdit). "
    "There on queries and values only; here on down-projections too, so that place is no handicap",
    formula="W^ = W + 4 B A for the matrices of queries, values and down-projections of all blocks, B = 0 at "
    "first, rank r; Adam as in ft_m",
    does="Trains small additions to many matrices to say the new values.",
    fit=fit,
    space={"rank": (4,), "lr": (5e-4, 1e-3, 2e-3)},
    default={"rank": 4, "lr": 1e-3},
)
