"""The textbook of birdlore: birds with their colour, nest and song.

Gem craft shares its colours, herb lore speaks of its birds.
"""

from assay.organisms.unlearning.recipe import BookRecipe

RECIPE = BookRecipe(
    title="Textbook of birdlore",
    does="Knows forty birds with their colour, nest and song. "
    "Gem craft shares its colours, herb lore speaks of its birds.",
    subject="birdlore",
    quick=True,
)
