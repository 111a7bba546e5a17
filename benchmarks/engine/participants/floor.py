"""Raw hooks: what somebody who knows PyTorch and this one architecture would write by hand."""

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache

from benchmarks.engine.inputs import Inputs
from benchmarks.engine.participants.common import difference, grid, sample, scores, stored, streams
from benchmarks.work import Uses, Work

See = Callable[[Tensor], None]


def cache(folder: Path) -> Uses:
    """A hook behind every block; the head is never called."""
    inputs = Inputs.read(folder)
    model = inputs.open_model()
    return {
        "": Work(
            lambda: _streams(model, lambda: model.transformer(inputs["ids"], use_cache=False))[0], streams
        )
    }


cache_small = cache


def cache_logits(folder: Path) -> Uses:
    """The same around a whole forward pass."""
    inputs = Inputs.read(folder)
    model = inputs.open_model()

    def run() -> tuple[list[Tensor], Any]:
        return _streams(model, lambda: model(inputs["ids"], use_cache=False))

    return {"": Work(run, lambda found: {**streams(found[0]), "logits": found[1].logits})}


def patch_sweep(folder: Path) -> Uses:
    """Starts at the patched layer and position, from the stream, keys and values of one corrupted run."""
    inputs = Inputs.read(folder)
    model, corrupt = inputs.open_model(), inputs["corrupt"]
    blocks = model.transformer.h

    def once() -> tuple[list[Tensor], list[Tensor], DynamicCache]:
        kept, source, base = DynamicCache(config=model.config), list[Tensor](), list[Tensor]()
        with _seeing([(block, source.append) for block in blocks], before=True):
            model.transformer(inputs["clean"], use_cache=False)
        with _seeing([(block, base.append) for block in blocks], before=True):
            model(corrupt, use_cache=True, past_key_values=kept, logits_to_keep=1)
        return source, base, kept

    def patched(layer: int, position: int, made: tuple[list[Tensor], list[Tensor], DynamicCache]) -> Tensor:
        source, base, kept = made
        past = DynamicCache(config=model.config)
        layers: list[Any] = kept.layers
        for number, part in enumerate(layers):
            past.update(part.keys[:, :, :position], part.values[:, :, :position], number)
        stream = base[layer][:, position:].clone()
        stream[:, 0] = source[layer][:, position]
        with _skipped(blocks[:layer], stream), ExitStack() as stack:
            # the first block computes, so it has to be given the stream
            stack.callback(
                blocks[layer].register_forward_pre_hook(lambda _, args: (stream, *args[1:])).remove
            )
            last = model(corrupt[:, position:], past_key_values=past, use_cache=True, logits_to_keep=1).logits
        return difference(last[:, -1], inputs)

    def run() -> list[Tensor]:
        made = once()
        return [patched(layer, position, made) for layer, position in grid(inputs)]

    return {"": sample(run, once, inputs)}


def attribution(folder: Path) -> Uses:
    """Hooks on what enters the output matrix of attention and on what leaves the MLP."""
    inputs = Inputs.read(folder)
    model = inputs.open_model().requires_grad_(False)
    blocks, heads = model.transformer.h, inputs.settings["heads"]

    def seeing(zs: list[Tensor], outs: list[Tensor]) -> ExitStack:
        stack = ExitStack()
        stack.enter_context(_seeing([(block.attn.c_proj, zs.append) for block in blocks], before=True))
        stack.enter_context(_seeing([(block.mlp, outs.append) for block in blocks]))
        return stack

    def run() -> tuple[list[Tensor], list[Tensor]]:
        clean_z, clean_out, z, out = (list[Tensor]() for _ in range(4))
        with seeing(clean_z, clean_out):
            model.transformer(inputs["clean"], use_cache=False)
        with torch.enable_grad(), seeing(z, out):
            embedded = model.transformer.wte(inputs["corrupt"]).detach().requires_grad_()
            logits = model(inputs_embeds=embedded, use_cache=False, logits_to_keep=1).logits[:, -1]
            slopes = torch.autograd.grad(difference(logits, inputs).sum(), [*z, *out])
        news = [a - b.detach() for a, b in zip(clean_z + clean_out, z + out, strict=True)]
        found = [new * slope for new, slope in zip(news, slopes, strict=True)]
        by_head = [part.unflatten(-1, (heads, -1)).sum(-1) for part in found[: len(z)]]
        return by_head, [part.sum(-1) for part in found[len(z) :]]

    return {"": Work(run, lambda found: scores(*found))}


def stream(folder: Path) -> Uses:
    """Hooks on the blocks that are wanted, batch by batch into files."""
    inputs = Inputs.read(folder)
    model = inputs.open_model()
    wanted = [model.transformer.h[site] for site in inputs.settings["sites"]]

    def read(ids: Tensor) -> list[Tensor]:
        seen: list[Tensor] = []
        with _seeing([(block, seen.append) for block in wanted]):
            model.transformer(ids, use_cache=False)
        return seen

    return {"": stored(inputs, read)}


def _streams(model: Any, forward: Callable[[], Any]) -> tuple[list[Tensor], Any]:
    seen: list[Tensor] = []
    with _seeing([(block, seen.append) for block in model.transformer.h]):
        out = forward()
    return seen, out


@contextmanager
def _seeing(visits: Sequence[tuple[nn.Module, See]], *, before: bool = False) -> Generator[None]:
    """Show what enters or leaves some modules inside."""
    with ExitStack() as stack:
        for module, see in visits:
            attach = module.register_forward_pre_hook if before else module.register_forward_hook
            stack.callback(attach(_showing(see)).remove)
        yield


def _showing(see: See) -> Callable[..., None]:
    """A hook before a module gets its inputs, one behind it the output as well."""
    return lambda _, args, *out: see(out[0] if out else args[0])


@contextmanager
def _skipped(blocks: Sequence[Any], stream: Tensor) -> Generator[None]:
    """These blocks compute nothing inside and hand on the stream."""
    try:
        for block in blocks:
            block.forward = lambda *_, **__: stream
        yield
    finally:
        for block in blocks:
            block.__dict__.pop("forward", None)
