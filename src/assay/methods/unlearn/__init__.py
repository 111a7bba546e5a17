"""Methods for the job unlearn."""
