"""Reading and replacing the residual stream and the logits, through hooks that never outlive the call."""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from transformers import PreTrainedModel

from assay.core.errors import NotApplicable
from assay.model.anatomy import Anatomy

Visit = Callable[[Tensor], Tensor | None]
"""Sees the residual stream, "n t d"; what it returns takes its place."""


class _LastLayerReached(Exception):
    """Ends a forward pass early; always caught here."""


@contextmanager
def visiting(blocks: tuple[nn.Module, ...], visits: Mapping[int, Visit]) -> Generator[None]:
    """Call ``visits[layer]`` with the residual stream after that block; layer 0 enters the first block.

    Raises:
        NotApplicable: a block that does not hand on one tensor of shape "n t d".
    """
    hooks = [_attach(blocks, layer, visit) for layer, visit in visits.items()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def residuals(anatomy: Anatomy, ids: Int[Tensor, "n t"], visits: Mapping[int, Visit]) -> None:
    """Run the trunk on right-padded texts, without unembedding, and stop after the last layer visited."""
    last = max(visits)

    def visit_and_stop(residual: Tensor) -> None:
        visits[last](residual)
        raise _LastLayerReached

    with visiting(anatomy.blocks, {**visits, last: visit_and_stop}):
        try:
            anatomy.trunk(input_ids=ids, use_cache=False)
        except _LastLayerReached:
            return
    raise NotApplicable(f"{type(anatomy.trunk).__name__}: the pass ended before layer {last} was reached")


def logits_at(
    model: PreTrainedModel,
    head: nn.Module,
    ids: Int[Tensor, "n t"],
    rows: Int[Tensor, " k"],
    positions: Int[Tensor, " k"],
) -> Float[Tensor, "k vocabulary"]:
    """Logits of a pass over right-padded texts at chosen positions only, in float32.

    Positions are picked where the unembedding takes its input, so scaling and soft caps of the family apply.
    """

    def pick(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        hidden = inputs[0]
        return (hidden[rows.to(hidden.device), positions.to(hidden.device)][None], *inputs[1:])

    hook = head.register_forward_pre_hook(pick)
    try:
        return model(input_ids=ids, use_cache=False).logits[0].float()
    finally:
        hook.remove()


@contextmanager
def last_logits_only(head: nn.Module) -> Generator[None]:
    """Unembed nothing but the last position of each row inside; logits keep the shape "n 1 vocabulary"."""
    hook = head.register_forward_pre_hook(lambda _, inputs: (inputs[0][:, -1:], *inputs[1:]))
    try:
        yield
    finally:
        hook.remove()


@contextmanager
def frozen(model: nn.Module) -> Generator[None]:
    """Take no gradients of weights inside; flags are put back afterwards."""
    flags = [(weight, weight.requires_grad) for weight in model.parameters()]
    try:
        for weight, _ in flags:
            weight.requires_grad_(False)
        yield
    finally:
        for weight, flag in flags:
            weight.requires_grad_(flag)


def _attach(blocks: tuple[nn.Module, ...], layer: int, visit: Visit) -> torch.utils.hooks.RemovableHandle:
    if layer:
        return blocks[layer - 1].register_forward_hook(lambda block, _, output: _after(block, output, visit))
    return blocks[0].register_forward_pre_hook(
        lambda block, args, kwargs: _before(block, args, kwargs, visit), with_kwargs=True
    )


def _after(block: nn.Module, output: Any, visit: Visit) -> Any:
    is_tuple = isinstance(output, tuple)  # older and remote code; current blocks return the tensor itself
    changed = visit(_residual(block, output[0] if is_tuple else output))
    if changed is None:
        return None
    return (changed, *output[1:]) if is_tuple else changed


def _before(block: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], visit: Visit) -> Any:
    changed = visit(_residual(block, args[0] if args else kwargs.get("hidden_states")))
    if changed is None:
        return None
    return ((changed, *args[1:]), kwargs) if args else (args, {**kwargs, "hidden_states": changed})


def _residual(block: nn.Module, value: Any) -> Tensor:
    if not isinstance(value, Tensor) or value.ndim != 3:
        raise NotApplicable(
            f"{type(block).__name__} does not hand on one residual stream of shape (texts, tokens, width); "
            "models of this family cannot be read yet"
        )
    return value
