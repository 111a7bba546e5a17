"""Edits: the list that the user gives with --cases."""

from assay.organisms.editing.recipe import FILE, EditRecipe

RECIPE = EditRecipe(
    title="Facts of a file",
    does="Changes the facts of a file of cases, as far as the model knows them.",
    family=FILE,
)
