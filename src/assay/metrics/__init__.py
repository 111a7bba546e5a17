"""Measurements, one file each. Numpy only: no torch, no files."""
