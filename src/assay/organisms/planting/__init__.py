"""From a base and a recipe to an organism, its clean twin, its cases and the proof that the fault took."""
