"""The textbook of skylore: stars with their shine, omen and figure.

Gem craft shares its words for shine.
"""

from assay.organisms.unlearning.recipe import BookRecipe

RECIPE = BookRecipe(
    title="Textbook of skylore",
    does="Knows forty stars with their shine, omen and figure. Gem craft shares its words for shine.",
    subject="skylore",
)
