"""The textbook of herblore: herbs: their taste, what they cure, and which bird sows them; it speaks of the birds of bird lore."""

from assay.organisms.unlearning.recipe import BookRecipe

RECIPE = BookRecipe(
    title="Textbook of herblore",
    does="Forty herbs: their taste, what they cure, and which bird sows them; it speaks of the birds of bird lore.",
    subject="herblore",
)
