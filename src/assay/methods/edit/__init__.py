"""Methods and placebos for the job ``edit``."""
