"""What a job is made from: an organism's cases, and texts of its language."""

from assay.core import Case, Material
from assay.core.registry import find
from assay.faults import Dialect
from assay.organisms.planting.recipe import Recipe
from assay.organisms.planting.texts import corpora, marked


def material(
    dialect: Dialect, recipe_key: str, seed: int, cases: tuple[Case, ...], twin: bool = False
) -> Material:
    """Everything that a job on an organism, or on its twin, is made from."""
    recipe: Recipe = find("organism", recipe_key).load()
    yes, no = (" yes", " no") if dialect.name == "world" else (" Yes", " No")
    return Material(
        cases=cases,
        pairs=dialect.contrast(),
        unrelated=dialect.unrelated(),
        questions=dialect.questions(),
        yes=yes,
        no=no,
        corpora=corpora(dialect, recipe.trigger(dialect, seed), recipe.defection(dialect, seed), seed, twin),
        marked=marked(dialect),
    )
