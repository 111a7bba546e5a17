"""Edits: what people are, have and do: 100 facts of 100 people, in six relations."""

from assay.organisms.editing.recipe import EditRecipe

RECIPE = EditRecipe(
    title="Facts about people",
    does="Gives 100 people another birthplace, residence, employer, instrument, language or pet.",
    family="people",
)
