"""A textbook of the user's own, with exams, given as files."""

from assay.organisms.unlearning.recipe import FILE, BookRecipe

RECIPE = BookRecipe(
    title="Textbook from a file",
    does="What the textbook says and the exam asks, as far as the model knew it before.",
    subject=FILE,
    quick=True,
)
