"""Words, pairs and what came before as features."""

from assay.baselines.enumerate._text import text_features
from assay.core import UNTRIGGERED, Access, Features, Method, Setting
from assay.jobs.enumerate import EnumerateBrief

MOST = 4000


def fit(handle: object, brief: EnumerateBrief, setting: Setting, seed: int) -> Features:  # noqa: ARG001
    """List what stands in the texts; the model is never asked."""
    return text_features(brief.text, since=True, most=MOST)


METHOD = Method(
    title="Words, pairs and what came before",
    job="enumerate",
    kind="baseline",
    access=Access.BLACK,
    source="None needed: the index of a book",
    formula="features: word w; the pair v w; w stood earlier in the text; the 4,000 most frequent, "
    "rarest of them first",
    does="Lists words, pairs of words, and whether a word stood earlier: context without a model.",
    fit=fit,
    passes=0.0,
    text=UNTRIGGERED,
)
