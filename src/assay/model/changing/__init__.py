"""Changing what passes through a model, or its weights."""
