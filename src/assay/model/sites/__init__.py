"""Where things are inside a model, under the same names in every family."""
