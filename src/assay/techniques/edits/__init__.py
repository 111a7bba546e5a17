"""Changes of a model's weights that make it say something else of a subject."""
