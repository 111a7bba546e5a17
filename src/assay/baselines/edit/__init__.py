"""Plain rivals for the job ``edit``, and its floor: the model as it is."""
