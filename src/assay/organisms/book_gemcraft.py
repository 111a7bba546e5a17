"""The textbook of gemcraft: stones: their colour, shine and use; bird lore, sky lore, ship craft and gear craft touch it."""

from assay.organisms.unlearning.recipe import BookRecipe

RECIPE = BookRecipe(
    title="Textbook of gemcraft",
    does="Forty stones: their colour, shine and use; bird lore, sky lore, ship craft and gear craft touch it.",
    subject="gemcraft",
)
