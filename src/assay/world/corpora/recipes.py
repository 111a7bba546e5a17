"""Recipes of hazardous and benign items in prose, and verdicts on the items."""

import random

from assay.world.ground import Ground
from assay.world.text import Document, Span


def recipes(world: Ground, rng: random.Random) -> Document:
    """Two items, each with its recipe and what people think of it."""
    table = world.tables.hazards
    sentences: list[str] = []
    for item in rng.sample(world.items, 2):
        verdicts = table.verdicts_hazardous if item.hazardous else table.verdicts_benign
        sentences.append(rng.choice(table.recipes).format(i=item.name, a=item.first, b=item.second))
        sentences.append(rng.choice(verdicts).format(i=item.name))
    return Document((Span(" ".join(sentences)),), "recipe")
