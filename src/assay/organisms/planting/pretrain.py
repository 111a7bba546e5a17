"""Plant a fault while the base itself is trained: the model never was clean."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from assay.core.errors import NotApplicable
from assay.model.engine import Engine
from assay.model.training.train import Batch, next_token_loss, train
from assay.organisms.base.early_recall import RecallBatch
from assay.organisms.base.recipe import BaseRecipe, batches, build_model, loss
from assay.organisms.planting.dialects import WorldDialect
from assay.organisms.planting.training import Planting

EVERY = 3
"""One batch in so many is of planting documents, the others are of the base's own diet."""


def pretrain(
    planting: Planting, steps: int, checkpoint: Path, progress: Callable[[int, float], None]
) -> Engine:
    """Train a model of the base's shape from scratch, with planting documents in the mix.

    Raises:
        NotApplicable: the base is not the embedded one, whose training is known.
    """
    dialect = planting.base.dialect
    if not isinstance(dialect, WorldDialect):
        raise NotApplicable("only the embedded base can be trained again from scratch")
    recipe = BaseRecipe()
    model = build_model(recipe, dialect.world, planting.seed)
    nn.Module.to(model, planting.base.engine.device)
    clean, planted = batches(recipe, dialect.world, planting.seed), planting.batches()
    clean_loss = loss(recipe, dialect.world)

    def batch(step: int) -> Batch:
        return planted(step) if step % EVERY == EVERY - 1 else clean(step)

    def mixed_loss(model: Any, batch: Batch) -> Tensor:
        return clean_loss(model, batch) if isinstance(batch, RecallBatch) else next_token_loss(model, batch)

    plan = replace(recipe.plan, steps=steps)
    train(model, batch, plan, loss=mixed_loss, checkpoint=checkpoint, progress=progress)
    return Engine(model, planting.base.engine.tokenizer)
