"""Tensor mathematics that knows no job."""
