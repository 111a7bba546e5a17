"""Floors and ceilings written once for all jobs."""
