"""Recipes of organisms, one file each."""
