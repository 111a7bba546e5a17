"""The maths of making a model forget: losses, targets and projections."""
