"""Plain rivals for the job ``enumerate``."""
