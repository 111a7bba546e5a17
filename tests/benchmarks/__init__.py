"""Tests of the benchmark harness; no peer is needed."""
