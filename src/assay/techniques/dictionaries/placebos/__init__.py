"""Dictionaries without insight, which a trained one has to beat.

Two more need no file: a dictionary trained on a model with random weights, and one of other activations.
"""
