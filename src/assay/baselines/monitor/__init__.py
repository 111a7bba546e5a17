"""Plain rivals and placebos for the job monitor."""
