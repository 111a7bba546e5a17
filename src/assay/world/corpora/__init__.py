"""One file per kind of text; each samples documents from the ground truth and a generator."""
