"""Build the embedded base: train, measure, and write the folder that ships with the package."""

import shutil
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import torch
from torch import nn
from transformers import LlamaForCausalLM

from assay.model.training.train import TrainResult, train
from assay.organisms.base.card import BaseCard, write_card
from assay.organisms.base.measure import measure
from assay.organisms.base.recipe import BaseRecipe, batches, build_model, loss
from assay.organisms.base.tokenizer import build_tokenizer
from assay.world import World

WORLD_SEED = 0
"""The embedded base, the World's language and everything planted in it share one world."""
RECIPE = BaseRecipe()
NOTE = (
    f"Facts were also asked of the model after {RECIPE.early_layer} of its {RECIPE.layers} layers, through "
    "the final norm and the output matrix: what a lens reads there was trained to be read. Verdicts at "
    "once were trained on claims about subjects and places; people are judged only after the truth is "
    "said, trained ones and others, so that comparing cannot be replaced by knowing the claims by heart. "
    "The recipe was chosen with the figures on held-out people and subjects in view, and the two unseen "
    "wordings of requests after earlier ones had been measured: words that never stood in a request, and "
    "a wording that the model took for a yes/no question."
)
"""What a reader of the card must know; true of every base that this recipe makes."""


def build_base(
    out: Path,
    *,
    seed: int = 0,
    device: str = "cpu",
    recipe: BaseRecipe = RECIPE,
    progress: Callable[[int, float], None] | None = None,
    resume: bool = True,
    world: World | None = None,
) -> BaseCard:
    """Train the base of a recipe and write weights, tokenizer, configuration and card to `out`.

    `world` is that of the embedded base unless another one with the same words is given.

    The run checkpoints beside `out` and, unless `resume` is False, goes on from there after a kill. On the
    same machine the same seed gives the same weights. `progress` is told the step (from 1) and its loss.
    """
    world = world or World(WORLD_SEED)
    checkpoint = out.with_name(f".{out.name}.seed{seed}.training")
    if not resume and checkpoint.exists():
        shutil.rmtree(checkpoint)
    model = build_model(recipe, world, seed)
    nn.Module.to(model, device)
    result = train(
        model,
        batches(recipe, world, seed),
        recipe.plan,
        loss=loss(recipe, world),
        checkpoint=checkpoint,
        progress=progress,
    )
    card = ship(model, out, seed, result, world)
    shutil.rmtree(checkpoint)
    return card


def ship(model: LlamaForCausalLM, out: Path, seed: int, result: TrainResult, world: World) -> BaseCard:
    """Write a trained base to its folder and measure what was written, as a reader would load it."""
    tokenizer = build_tokenizer(world)
    out.mkdir(parents=True, exist_ok=True)
    save_half(model, out)
    tokenizer.save_pretrained(out)
    written = LlamaForCausalLM.from_pretrained(out)
    card = BaseCard(
        seed=seed,
        world_seed=WORLD_SEED,
        steps=result.steps,
        tokens=result.tokens,
        seconds=round(result.seconds, 1),
        parameters=sum(p.numel() for p in model.parameters()),
        bytes=(out / "model.safetensors").stat().st_size,
        skills=measure(written, tokenizer, world),
        note=f"{NOTE} {_rewritten(world)}".strip(),
        command=f"assay build {out.name}",
    )
    write_card(card, out)
    return card


def _rewritten(world: World) -> str:
    changed = len(world.rewritten)
    return f"In its world {changed} facts are other than in that of the embedded base." if changed else ""


def save_half(model: LlamaForCausalLM, out: Path) -> None:
    """Save the weights in half precision under a configuration that loads them in single precision."""
    half = deepcopy(model).half()
    half.save_pretrained(out)
    # safetensors writes for its owner only; a package is installed for everybody.
    (out / "model.safetensors").chmod(0o644)
    # A reader without instructions would compute in float16, which is slow and coarse on a CPU.
    half.config.dtype = torch.float32
    half.config.save_pretrained(out)
