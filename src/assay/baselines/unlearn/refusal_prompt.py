"""Tells the model in front of every prompt not to speak of the book."""

from assay.core import Access, Change, Method, Setting
from assay.core.errors import NotApplicable
from assay.jobs.unlearn import UnlearnBrief


def fit(handle: object, brief: UnlearnBrief, setting: Setting, seed: int) -> Change:  # noqa: ARG001
    """Take the model's own wording of such a rule; raises NotApplicable where it has none."""
    if not brief.rule.strip():
        raise NotApplicable("this model knows no rule that tells it not to speak of a subject")
    rule = f"{brief.rule.strip()} "
    return Change(context=lambda text: rule)  # noqa: ARG005


METHOD = Method(
    title="Rule in front",
    job="unlearn",
    kind="baseline",
    access=Access.BLACK,
    source="Thaker et al. 2024, Guardrail baselines for unlearning in LLMs, arXiv 2403.03329",
    formula="model'(prompt) = model(rule + prompt), the same rule whatever the prompt",
    does="Changes no weight: puts a rule in front of every prompt that tells the model not to speak of the "
    "book, and so leaves it to the model to say what the book is.",
    fit=fit,
    passes=0.0,
)
