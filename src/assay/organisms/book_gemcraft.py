"""The textbook of gemcraft: stones with their colour, shine and use.

Bird lore, sky lore, ship craft and gear craft touch it.
"""

from assay.organisms.unlearning.recipe import BookRecipe

RECIPE = BookRecipe(
    title="Textbook of gemcraft",
    does="Knows forty stones with their colour, shine and use. "
    "Bird lore, sky lore, ship craft and gear craft touch it.",
    subject="gemcraft",
)
