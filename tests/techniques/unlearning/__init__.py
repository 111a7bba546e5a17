"""Tests of the techniques of unlearning."""
