"""Attacks on a model's inputs and on its stream, for every job that has to withstand them."""
