"""Training sparse dictionaries beside other libraries, on the same activations."""
