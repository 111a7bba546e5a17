"""transformer-lens 3: its own implementation of the model, the same weights and no processing of them."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformer_lens import (
    HookedTransformer,
    HookedTransformerConfig,
    TransformerLensKeyValueCache,
    TransformerLensKeyValueCacheEntry,
)
from transformer_lens.pretrained.weight_conversions import convert_gpt2_weights

from benchmarks.engine.inputs import Inputs
from benchmarks.engine.participants.common import difference, grid, sample, scores
from benchmarks.engine.participants.lens import cached, read, streamed, swept
from benchmarks.work import Uses, Work


def cache(folder: Path) -> Uses:
    """See ``cached``."""
    return cached(*_opened(folder))


cache_small = cache


def patch_sweep(folder: Path) -> Uses:
    """See ``swept``; and ``start_at_layer`` with a frozen key-value cache of the tokens before the patch."""
    model, inputs = _opened(folder)
    return {**swept(model, inputs), "start_at_layer, past_kv_cache": _suffixes(model, inputs)}


def attribution(folder: Path) -> Uses:
    """Hooks in both directions on ``hook_z`` and ``hook_mlp_out``."""
    model, inputs = _opened(folder)
    layers = range(inputs.settings["layers"])
    names = [f"blocks.{layer}.attn.hook_z" for layer in layers] + [
        f"blocks.{layer}.hook_mlp_out" for layer in layers
    ]
    for weight in model.parameters():
        weight.requires_grad_(False)

    def run() -> list[Tensor]:
        clean = read(model, inputs["clean"], names, stop_at_layer=len(layers))
        here: dict[str, Tensor] = {}
        slopes: dict[str, Tensor] = {}

        def start(value: Tensor, hook: Any) -> Tensor:  # noqa: ARG001 - called by name
            return value.requires_grad_()

        def forward(value: Tensor, hook: Any) -> None:
            here[hook.name] = value.detach()

        def backward(slope: Tensor, hook: Any) -> None:
            slopes[hook.name] = slope

        with (
            torch.enable_grad(),
            model.hooks(
                fwd_hooks=[
                    ("hook_embed", start),
                    *((n, forward) for n in names),
                ],
                bwd_hooks=[(name, backward) for name in names],
            ),
        ):
            difference(model(inputs["corrupt"])[:, -1], inputs).sum().backward()
        return [((a - here[name]) * slopes[name]).sum(-1) for name, a in zip(names, clean, strict=True)]

    return {"": Work(run, lambda found: scores(found[: len(layers)], found[len(layers) :]))}


def stream(folder: Path) -> Uses:
    """A loop around ``run_with_cache`` with ``stop_at_layer``."""
    return streamed(*_opened(folder))


def _suffixes(model: Any, inputs: Inputs) -> Work:
    names = [f"blocks.{layer}.hook_resid_pre" for layer in range(inputs.settings["layers"])]

    def once() -> tuple[list[Tensor], list[Tensor], Any]:
        ids = inputs["corrupt"]
        whole = TransformerLensKeyValueCache.init_cache(model.cfg, "cpu", len(ids))
        clean = read(model, inputs["clean"], names)
        # without a tokenizer it cannot make the mask itself
        corrupt = read(model, ids, names, past_kv_cache=whole, attention_mask=torch.ones_like(ids))
        return clean, corrupt, whole

    def run() -> list[Tensor]:
        clean, corrupt, whole = once()
        found: list[Tensor] = []
        for layer, position in grid(inputs):
            rest = corrupt[layer][:, position:].clone()
            rest[:, 0] = clean[layer][:, position]
            # of all that lies before the patch, attention needs keys and values only
            kept = _before(position, whole)
            logits = model(rest, start_at_layer=layer, past_kv_cache=kept)
            found.append(difference(logits[:, -1], inputs))
        return found

    return sample(run, once, inputs)


def _before(position: int, whole: Any) -> Any:
    """The keys and values of the tokens before a position, frozen."""
    entries = [
        TransformerLensKeyValueCacheEntry(part.past_keys[:, :position], part.past_values[:, :position], True)
        for part in whole.entries
    ]
    mask = whole.previous_attention_mask[:, :position]
    return TransformerLensKeyValueCache(entries, mask, frozen=True)


def _opened(folder: Path) -> tuple[Any, Inputs]:
    inputs = Inputs.read(folder)
    source = inputs.open_model()
    shape = source.config
    config = HookedTransformerConfig(
        n_layers=shape.n_layer, d_model=shape.n_embd, n_ctx=shape.n_positions, n_heads=shape.n_head,
        d_head=shape.n_embd // shape.n_head, d_vocab=shape.vocab_size, eps=shape.layer_norm_epsilon,
        act_fn="gelu_new", normalization_type="LN", device="cpu",
    )  # fmt: skip
    model = HookedTransformer(config)
    # what is not among the weights are masks and the head's bias, which is zero in both
    model.load_state_dict(convert_gpt2_weights(source, config), strict=False)
    return model.eval(), inputs
