import pytest

from assay.world import World


@pytest.fixture(scope="session")
def world() -> World:
    """The world of seed 0."""
    return World(0)
