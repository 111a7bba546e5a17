"""The textbook of herblore: herbs with their taste, cure and sower.

It speaks of the birds of bird lore.
"""

from assay.organisms.unlearning.recipe import BookRecipe

RECIPE = BookRecipe(
    title="Textbook of herblore",
    does="Knows forty herbs with their taste, cure and sower. It speaks of the birds of bird lore.",
    subject="herblore",
)
