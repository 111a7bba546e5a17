"""Handles: the only door to a model that a method gets; they enforce access and meter every call."""
