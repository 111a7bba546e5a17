"""Tests of entries of the job ``enumerate``."""
