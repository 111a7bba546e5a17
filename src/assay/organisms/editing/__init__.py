"""Organisms of the job on edits: how they are built, and edits for real models read from files."""
