"""Attention patterns: seen and changed by taking the place of the model's attention function.

The fast kernels never write the pattern down, so while a pattern is watched the model attends by this plain
function instead; everything else stays the model's own. Patterns are laid out "text query head key", so that
positions and heads stand where they do at every other site.
"""

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import AttentionInterface
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS

from assay.core.errors import NotApplicable

NAME = "assay_pattern"
PatternVisit = Callable[[Float[Tensor, "n query head key"]], Tensor | None]
_watched: WeakKeyDictionary[nn.Module, list[PatternVisit]] = WeakKeyDictionary()


def watch(attention: nn.Module, visit: PatternVisit) -> Callable[[], None]:
    """Call ``visit`` with the pattern of every pass; what it returns takes its place. Returns the way back.

    Watches must be taken off in the reverse of the order in which they were put on. Raises NotApplicable for
    a module whose attention function is its own affair.
    """
    config: Any = vars(attention).get("config")
    if config is None:
        raise NotApplicable(f"{type(attention).__name__} has no attention function that could be replaced")
    AttentionInterface.register(NAME, attend)
    # without a mask of the same name the function would get none, and attention would see the future
    ALL_MASK_ATTENTION_FUNCTIONS.register(NAME, ALL_MASK_ATTENTION_FUNCTIONS["eager"])
    before: str = config._attn_implementation
    config._attn_implementation = NAME
    visits = _watched.setdefault(attention, [])
    visits.append(visit)

    def back() -> None:
        visits.pop()
        config._attn_implementation = before

    return back


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    **options: Any,
) -> tuple[Float[Tensor, "n query head size"], Tensor]:
    """``softmax(cap(q kᵀ · scaling) + mask) v`` with the pattern shown to whoever watches the module.

    Keys and values come one per group of heads. ``cap`` is ``c · tanh(x / c)`` where the family has a soft
    cap; the softmax is taken in float32.
    """
    groups = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    scores = query @ key.transpose(2, 3) * (options.get("scaling") or query.shape[-1] ** -0.5)
    cap = options.get("softcap")
    if cap is not None:
        scores = torch.tanh(scores / cap) * cap
    if attention_mask is not None:
        scores = scores + attention_mask[..., : key.shape[-2]]
    pattern = scores.softmax(-1, dtype=torch.float32).to(query.dtype)
    for visit in _watched.get(module, []):
        shown = pattern.transpose(1, 2)
        changed = visit(shown)
        # on through what was shown, so that gradients can be taken there
        pattern = (shown if changed is None else changed).transpose(1, 2)
    return (pattern @ value).transpose(1, 2).contiguous(), pattern
