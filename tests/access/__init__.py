"""Tests of handles."""
