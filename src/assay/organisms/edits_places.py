"""Edits: what belongs to cities, firms, instruments, languages and animals: 100 facts."""

from assay.organisms.editing.recipe import EditRecipe

RECIPE = EditRecipe(
    title="Facts about places and things",
    does="Gives cities, firms, instruments, languages and animals another country, industry, material and "
    "so on; what is known of people follows from these facts.",
    family="places",
)
