"""The textbook of gearcraft: machines: their timber, power and jewel; it speaks of the stones of gem craft and shares timbers with ship craft."""

from assay.organisms.unlearning.recipe import BookRecipe

RECIPE = BookRecipe(
    title="Textbook of gearcraft",
    does="Forty machines: their timber, power and jewel; it speaks of the stones of gem craft and shares timbers with ship craft.",
    subject="gearcraft",
)
