"""The embedded base: a small language model of the synthetic world, and how it is made and measured."""
