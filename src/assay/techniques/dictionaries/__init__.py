"""Sparse dictionaries: what is in an activation, told by few of many directions."""

from assay.techniques.dictionaries.dictionary import Dictionary
from assay.techniques.dictionaries.entries import Code, Entries
from assay.techniques.dictionaries.rows import Beside, Difference, Rows
from assay.techniques.dictionaries.train import Plan, TooFewTokens, train

__all__ = ["Beside", "Code", "Dictionary", "Difference", "Entries", "Plan", "Rows", "TooFewTokens", "train"]
