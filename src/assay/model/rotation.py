"""Rotary positions whose angles depend on how long the text is: each text gets those that it gets alone."""

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, cast

import torch
from jaxtyping import Int
from torch import Tensor, nn

from assay.model.sites.moment import Moment

_BY_LENGTH = ("longrope", "dynamic")
"""LongRoPE (arXiv 2402.13753) changes its angles once a text is longer than the first context, dynamic NTK
scaling with every token from there on."""


class Rotations:
    """The rotary modules of a model whose angles depend on length; most models have none.

    Left alone, such a module takes the longest text of a pass for all of them, so that a text's numbers hang
    on its company, and with dynamic scaling on what ran before.
    """

    def __init__(self, modules: Iterable[nn.Module]) -> None:
        self._modules = [module for module in modules if _kinds(module) & set(_BY_LENGTH)]

    def __bool__(self) -> bool:
        return bool(self._modules)

    @contextmanager
    def by_text(self, moment: Moment) -> Generator[None]:
        """Inside, every text of the pass is turned by the angles of its own length."""
        if not self._modules:
            yield
            return
        lengths = (moment.positions.amax(-1) + 1).clamp_min(1)
        with ExitStack() as stack:
            for module in self._modules:
                stack.enter_context(forwarding([module], _apart(module, lengths)))
            yield

    def changed(self, before: Int[Tensor, " n"], after: Int[Tensor, " n"]) -> bool:
        """Whether a text that grew from one length to another is now turned by other angles from its start.

        Only LongRoPE's models compute such a text anew; with dynamic scaling they keep what they have.
        """
        turns = [turn for module in self._modules for turn in _turns(module)]
        return any(bool(((before <= turn) & (after > turn)).any()) for turn in turns)


@contextmanager
def forwarding(modules: Sequence[nn.Module], forward: Callable[..., Any]) -> Generator[None]:
    """Modules compute something else inside."""
    # a sharded model has a forward of its own here; others have theirs in the class
    before = [vars(module).get("forward") for module in modules]
    try:
        for module in modules:
            module.forward = forward
        yield
    finally:
        for module, old in zip(modules, before, strict=True):
            if old is None:
                del module.forward
            else:
                module.forward = old


def _apart(module: Any, lengths: Int[Tensor, " n"]) -> Callable[..., Any]:
    """The module's forward, for texts of one kind at a time."""
    inner: Callable[..., Any] = module.forward
    kinds = _like(module, lengths)

    def forward(x: Tensor, position_ids: Int[Tensor, "b t"], *args: Any, **kwargs: Any) -> Any:
        # padding, which nobody reads, would count as length
        ends = lengths.to(position_ids.device)[:, None] - 1
        places = torch.minimum(position_ids.expand(len(ends), -1), ends)
        found: list[tuple[Tensor, Any]] = []
        for kind in range(int(kinds.max()) + 1):
            rows = (kinds == kind).nonzero()[:, 0].to(places.device)
            # a short text makes dynamic scaling forget the long ones before
            inner(x, torch.zeros_like(places[:1, :1]), *args, **kwargs)
            found.append((rows, inner(x, places[rows], *args, **kwargs)))
        return _joined(found)

    return forward


def _like(module: nn.Module, lengths: Int[Tensor, " n"]) -> Int[Tensor, " n"]:
    """Numbers that are the same for texts that are turned by the same angles."""
    turns = [lengths > turn for turn in _turns(module)]
    if "dynamic" in _kinds(module):
        turns.append(lengths.clamp_min(cast(int, module.original_max_seq_len)))
    return torch.stack([turn.long() for turn in turns], -1).unique(dim=0, return_inverse=True)[1]


def _joined(found: list[tuple[Tensor, Any]]) -> Any:
    """What several calls gave, each for some rows, in the form in which they gave it."""
    if isinstance(found[0][1], tuple):
        parts = range(len(found[0][1]))
        return tuple(_joined([(rows, out[part]) for rows, out in found]) for part in parts)
    order = torch.cat([rows for rows, _ in found]).argsort()
    return torch.cat([out for _, out in found])[order]


def _kinds(module: nn.Module) -> set[str]:
    """How positions are turned; some models turn those of local layers in another way."""
    kind: Any = getattr(module, "rope_type", None)
    return set(kind.values()) if isinstance(kind, dict) else {kind}


def _turns(module: Any) -> list[int]:
    """The lengths beyond which LongRoPE takes other angles."""
    given = module.config.rope_parameters
    each = [given] if "rope_type" in given else given.values()
    return [some["original_max_position_embeddings"] for some in each if some["rope_type"] == "longrope"]
