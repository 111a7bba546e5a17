"""The white-box engine against transformer-lens, nnsight and pyvene, with raw hooks as the floor."""
