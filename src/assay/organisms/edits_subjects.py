"""Edits: what textbooks say: 100 facts about the entities of six school subjects."""

from assay.organisms.editing.recipe import EditRecipe

RECIPE = EditRecipe(
    title="Facts of textbooks",
    does="Gives entities of six school subjects another property.",
    family="subjects",
)
