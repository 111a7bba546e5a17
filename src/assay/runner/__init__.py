"""Plan and execute runs."""
