"""Assay: which interpretability tool does which job better than the plain alternative."""
