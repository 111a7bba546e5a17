"""Stored runs, and the table that is made of them. No torch."""
