"""Words as features."""

from assay.baselines.enumerate._text import text_features
from assay.core import UNTRIGGERED, Access, Features, Method, Setting
from assay.jobs.enumerate import EnumerateBrief

MOST = 5000


def fit(handle: object, brief: EnumerateBrief, setting: Setting, seed: int) -> Features:  # noqa: ARG001
    """List what stands in the texts; the model is never asked."""
    return text_features(brief.text, since=False, most=MOST)


METHOD = Method(
    title="Words",
    job="enumerate",
    kind="baseline",
    access=Access.BLACK,
    source="None needed: the index of a book",
    formula="feature w = 1 at word w; rarest first",
    does="Lists the words of the texts: what anybody can look up without touching the model.",
    fit=fit,
    passes=0.0,
    text=UNTRIGGERED,
)
