"""transformer-lens 4: a bridge around the transformers model, whose weights stay as they are."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformer_lens.model_bridge.sources._bridge_builder import build_bridge_from_module
from transformer_lens.tools.analysis.attribution_patching import cache_activation_and_gradient

from benchmarks.engine.inputs import Inputs
from benchmarks.engine.participants.common import difference, scores
from benchmarks.engine.participants.lens import cached, streamed, swept
from benchmarks.work import Uses, Work


def cache(folder: Path) -> Uses:
    """See ``cached``."""
    return cached(*_opened(folder))


cache_small = cache


def patch_sweep(folder: Path) -> Uses:
    """See ``swept``."""
    return swept(*_opened(folder))


def attribution(folder: Path) -> Uses:
    """``cache_activation_and_gradient`` on all prompts; its ``attribution_patch`` takes them one by one."""
    model, inputs = _opened(folder)
    layers = range(inputs.settings["layers"])
    names = [f"blocks.{layer}.attn.hook_z" for layer in layers] + [
        f"blocks.{layer}.hook_mlp_out" for layer in layers
    ]

    def metric(logits: Tensor) -> Tensor:
        return difference(logits[:, -1], inputs).sum()

    def run() -> list[Tensor]:
        clean = cache_activation_and_gradient(model, inputs["clean"], metric, names, compute_gradient=False)
        with torch.enable_grad():
            # gradients are seen at points that have another one below them
            corrupt = cache_activation_and_gradient(model, inputs["corrupt"], metric, ["hook_embed", *names])
        return [
            ((clean.activations[name] - corrupt.activations[name]) * corrupt.gradients[name]).sum(-1)
            for name in names
        ]

    return {"": Work(run, lambda found: scores(found[: len(layers)], found[len(layers) :]))}


def stream(folder: Path) -> Uses:
    """A loop around ``run_with_cache`` with ``stop_at_layer``."""
    return streamed(*_opened(folder))


def _opened(folder: Path) -> tuple[Any, Inputs]:
    inputs = Inputs.read(folder)
    model = inputs.open_model()
    bridge = build_bridge_from_module(
        model, type(model).__name__, hf_config=model.config, tokenizer=inputs.open_tokenizer()
    )
    return bridge.eval(), inputs
