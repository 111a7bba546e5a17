"""Plain transformers passes: what the work costs before any tool is used."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.engine.inputs import Inputs
from benchmarks.engine.participants.common import difference, grid, in_batches, sample
from benchmarks.work import Uses, Work


def cache(folder: Path) -> Uses:
    """One forward pass with all logits."""
    inputs = Inputs.read(folder)
    model = inputs.open_model()
    return {"": Work(lambda: model(inputs["ids"], use_cache=False).logits)}


cache_small = cache


def cache_logits(folder: Path) -> Uses:
    """The same, and what it gives is compared."""
    (work,) = cache(folder).values()
    return {"": Work(work.run, lambda logits: {"logits": logits})}


def patch_sweep(folder: Path) -> Uses:
    """One full forward pass for each patch, with all logits as a call gives them, or the last ones only."""
    inputs = Inputs.read(folder)
    model = inputs.open_model()
    blocks = model.transformer.h

    def entering() -> list[Tensor]:
        return model(inputs["clean"], use_cache=False, output_hidden_states=True).hidden_states[:-1]

    def patched(layer: int, position: int, source: list[Tensor], **options: Any) -> Tensor:
        def put(_: Any, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            new = args[0].clone()
            new[:, position] = source[layer][:, position]
            return (new, *args[1:])

        hook = blocks[layer].register_forward_pre_hook(put)
        try:
            return difference(model(inputs["corrupt"], use_cache=False, **options).logits[:, -1], inputs)
        finally:
            hook.remove()

    def sweep(**options: Any) -> list[Tensor]:
        source = entering()
        return [patched(layer, at, source, **options) for layer, at in grid(inputs)]

    def work(**options: Any) -> Work:
        return sample(lambda: sweep(**options), entering, inputs)

    return {"": work(), "last logits only": work(logits_to_keep=1)}


def attribution(folder: Path) -> Uses:
    """Two forward passes and one backward pass to the embedding."""
    inputs = Inputs.read(folder)
    model = inputs.open_model().requires_grad_(False)

    def passes(**options: Any) -> Tensor:
        model(inputs["clean"], use_cache=False, **options)
        with torch.enable_grad():
            embedded = model.transformer.wte(inputs["corrupt"]).detach().requires_grad_()
            logits = model(inputs_embeds=embedded, use_cache=False, **options).logits[:, -1]
            return torch.autograd.grad(difference(logits, inputs).sum(), embedded)[0]

    return {"": Work(passes), "last logits only": Work(lambda: passes(logits_to_keep=1))}


def stream(folder: Path) -> Uses:
    """A forward pass over each batch, and nothing is kept."""
    inputs = Inputs.read(folder)
    model = inputs.open_model()

    def run() -> None:
        for ids, _ in in_batches(inputs):
            model(ids, use_cache=False)

    return {"": Work(run)}
