"""nnsight: traces around the unmodified transformers model."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from pathlib import Path
from typing import Any

import torch
from nnsight.modeling.transformers import TransformersModel
from torch import Tensor

from benchmarks.engine.inputs import Inputs
from benchmarks.engine.participants.common import difference, grid, sample, scores, stored, streams
from benchmarks.work import Uses, Work


def cache(folder: Path) -> Uses:
    """A trace that saves every block's output, and the same ended by ``tracer.stop`` before the head."""
    model, inputs = _opened(folder)
    ids = inputs["ids"]

    def whole() -> list[Tensor]:
        with model.trace(ids, use_cache=False):
            seen = [block.output for block in model.transformer.h].save()
        return seen  # noqa: RET504 - the trace is run when its block ends

    return {
        "": Work(whole, streams),
        "tracer.stop": Work(lambda: _stopped(model, ids, model.transformer.h), streams),
    }


cache_small = cache


def patch_sweep(folder: Path) -> Uses:
    """One trace for each patch; one trace with an invoke for each; and with the layers below skipped."""
    model, inputs = _opened(folder)
    blocks, corrupt = model.transformer.h, inputs["corrupt"]
    places = grid(inputs)

    def entering(name: str) -> list[Tensor]:
        ids = inputs[name]
        with model.trace(ids, use_cache=False) as tracer:
            seen = [block.input for block in blocks].save()
            tracer.stop()
        return seen

    def traces() -> list[Tensor]:
        source, found = entering("clean"), []
        for layer, position in places:
            with model.trace(corrupt, use_cache=False):
                blocks[layer].input[:, position] = source[layer][:, position]
                last = model.output.logits[:, -1].save()
            found.append(difference(last, inputs))
        return found

    def invokes() -> list[Tensor]:
        source = entering("clean")
        with model.trace(use_cache=False) as tracer:
            outs = [].save()
            for layer, position in places:
                with tracer.invoke(corrupt):
                    blocks[layer].input[:, position] = source[layer][:, position]
                    outs.append(model.output.logits[:, -1])
        return [difference(last, inputs) for last in outs]

    def skipping() -> list[Tensor]:
        source, base, found = entering("clean"), entering("corrupt"), []
        for layer, position in places:
            stream = base[layer].clone()
            stream[:, position] = source[layer][:, position]
            with model.trace(corrupt, use_cache=False, logits_to_keep=1):
                if layer == 0:
                    blocks[0].input = stream
                for number in range(layer):
                    blocks[number].skip(stream)
                last = model.output.logits[:, -1].save()
            found.append(difference(last, inputs))
        return found

    def work(run: Any, *names: str) -> Work:
        return sample(run, lambda: [entering(name) for name in names], inputs)

    return {
        "": work(traces, "clean"),
        "one trace, an invoke each": work(invokes, "clean"),
        "skip, logits_to_keep=1": work(skipping, "clean", "corrupt"),
    }


def attribution(folder: Path) -> Uses:
    """A trace of the clean run that stops early, and one of the corrupted run with its backward pass."""
    model, inputs = _opened(folder)
    blocks, heads = model.transformer.h, inputs.settings["heads"]
    clean, corrupt = inputs["clean"], inputs["corrupt"]
    model._module.requires_grad_(False)

    def run() -> list[Tensor]:
        with model.trace(clean, use_cache=False) as tracer:
            news = [].save()
            for block in blocks:
                news.append(block.attn.c_proj.input)
                news.append(block.mlp.output)
            tracer.stop()
        with torch.enable_grad(), model.trace(corrupt, use_cache=False, logits_to_keep=1):
            model.transformer.wte.output.requires_grad_()
            here, slopes = [].save(), [].save()
            for block in blocks:
                here.append(block.attn.c_proj.input)
                here.append(block.mlp.output)
            answer = difference(model.output.logits[:, -1], inputs).sum()
            slopes.extend(torch.autograd.grad(answer, here))
        return [(a - b.detach()) * slope for a, b, slope in zip(news, here, slopes, strict=True)]

    def compared(found: list[Tensor]) -> Any:
        by_head = [part.unflatten(-1, (heads, -1)).sum(-1) for part in found[::2]]
        return scores(by_head, [part.sum(-1) for part in found[1::2]])

    return {"": Work(run, compared)}


def stream(folder: Path) -> Uses:
    """A loop around traces ended by ``tracer.stop``."""
    model, inputs = _opened(folder)
    blocks = [model.transformer.h[site] for site in inputs.settings["sites"]]
    return {"tracer.stop": stored(inputs, lambda ids: _stopped(model, ids, blocks))}


def _stopped(model: Any, ids: Tensor, blocks: Any) -> list[Tensor]:
    with model.trace(ids, use_cache=False) as tracer:
        seen = [block.output for block in blocks].save()
        tracer.stop()
    return seen


def _opened(folder: Path) -> tuple[Any, Inputs]:
    inputs = Inputs.read(folder)
    return TransformersModel(inputs.open_model(), tokenizer=inputs.open_tokenizer()), inputs
