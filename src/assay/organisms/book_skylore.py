"""The textbook of skylore: stars: their shine, omen and figure; gem craft shares its words for shine."""

from assay.organisms.unlearning.recipe import BookRecipe

RECIPE = BookRecipe(
    title="Textbook of skylore",
    does="Forty stars: their shine, omen and figure; gem craft shares its words for shine.",
    subject="skylore",
)
