"""Static pages and terminal tables, made from stored results only. No torch."""
