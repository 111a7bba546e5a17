"""Handles: the only door to a model that a method gets; they enforce access and meter every call."""

from assay.access.black import BlackHandle
from assay.access.grey import GreyHandle
from assay.access.open import open_handle
from assay.access.replay import Replay
from assay.access.white import WhiteHandle

__all__ = ["BlackHandle", "GreyHandle", "Replay", "WhiteHandle", "open_handle"]
