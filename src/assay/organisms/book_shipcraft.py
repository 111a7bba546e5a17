"""The textbook of shipcraft: ships: their timber, cargo and ballast; it speaks of the stones of gem craft and shares timbers with gear craft."""

from assay.organisms.unlearning.recipe import BookRecipe

RECIPE = BookRecipe(
    title="Textbook of shipcraft",
    does="Forty ships: their timber, cargo and ballast; it speaks of the stones of gem craft and shares timbers with gear craft.",
    subject="shipcraft",
    quick=True,
)
