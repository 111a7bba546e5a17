"""The questions on the World's edits are ones that the embedded base can answer before any edit."""

import pytest
import torch

from assay.core.edit import Probe
from assay.model.engine import Engine
from assay.model.load import load
from assay.organisms.planting.base import embedded_weights
from assay.world import World
from assay.world.edit_cases import edit_cases
from assay.world.rewrites import FAMILIES, Family

HOLDS = ("neighbourhood", "namesake", "same_subject", "override")


@pytest.fixture(scope="module")
def base() -> Engine:
    """The embedded base."""
    return load(str(embedded_weights()), device="cpu", dtype=torch.float32)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_base_knows_what_is_edited_and_what_is_around_it(base: Engine, family: Family) -> None:
    """It says the old answer about each edit and the right one about all else, at least 19 times in 20."""
    cases = edit_cases(World(0), family)[::4]
    probes: list[Probe] = [p for case in cases for p in case.probes if p.kind != "reversal"]
    replies = base.generate([probe.prompt for probe in probes], max_tokens=1)
    by_kind: dict[str, list[bool]] = {}
    for probe, reply in zip(probes, replies, strict=True):
        known = probe.right if probe.kind in HOLDS else probe.wrong
        by_kind.setdefault(probe.kind, []).append(reply.strip() == known)
    low = {kind: sum(hits) / len(hits) for kind, hits in by_kind.items() if sum(hits) < 0.95 * len(hits)}
    # two-hop text is never told of some people, and what is not told is sometimes not inferred
    assert low.pop("portability", 1.0) >= 0.8
    assert not low
