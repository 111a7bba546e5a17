"""Tests of entries of the job ``edit``."""
