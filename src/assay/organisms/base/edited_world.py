"""The ceiling of editing: a model like the embedded base, trained from the start on the edited world."""

from pathlib import Path

from assay.organisms.base.build import WORLD_SEED
from assay.world import World
from assay.world.rewrites import listed

EDITED = Path(__file__).parents[2] / "weights" / "edited_world"
"""Where it lies; ``assay build edited_world`` makes it anew."""


def edited_world() -> World:
    """The world of the embedded base in which every list of edits is true."""
    return World(WORLD_SEED, rewritten=listed(World(WORLD_SEED)))
