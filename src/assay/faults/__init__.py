"""Kinds of planted truth: triggers (when a model defects) and defections (what it then does)."""

from assay.faults.defection import Defection
from assay.faults.dialect import Dialect, Request
from assay.faults.trigger import Insertion, Trigger

__all__ = ["Defection", "Dialect", "Insertion", "Request", "Trigger"]
