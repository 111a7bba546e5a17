"""Seeing what is inside."""
