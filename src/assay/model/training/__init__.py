"""Batches and the training loop."""
