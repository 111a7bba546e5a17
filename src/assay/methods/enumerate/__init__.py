"""Methods and placebos for the job ``enumerate``."""
