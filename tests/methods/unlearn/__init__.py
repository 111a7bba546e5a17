"""Tests of entries of the job ``unlearn``."""
