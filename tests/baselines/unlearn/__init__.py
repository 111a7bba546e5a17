"""Tests of baselines of the job ``unlearn``."""
