"""Static HTML from stored results."""
