"""Tests of patching."""
