"""The textbook of birdlore: birds: their colour, nest and song; gem craft shares its colours, herb lore speaks of its birds."""

from assay.organisms.unlearning.recipe import BookRecipe

RECIPE = BookRecipe(
    title="Textbook of birdlore",
    does="Forty birds: their colour, nest and song; gem craft shares its colours, herb lore speaks of its birds.",
    subject="birdlore",
    quick=True,
)
