"""A textbook of the user's own, with exams, given as files."""

from assay.organisms.unlearning.recipe import FILE, BookRecipe

RECIPE = BookRecipe(
    title="Textbook from a file",
    does="Knows what the textbook says and the exam asks; what it never knew is left out.",
    subject=FILE,
    quick=True,
)
