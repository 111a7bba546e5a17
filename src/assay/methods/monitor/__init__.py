"""Methods for the job monitor."""
