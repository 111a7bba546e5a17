"""Seeing and replacing what passes through a module, through hooks that never outlive their scope."""

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from transformers.utils.generic import ModelOutput

from assay.core.errors import NotApplicable
from assay.model.sites.attention import watch
from assay.model.sites.sitemap import Point

Visit = Callable[[Tensor], Tensor | None]
"""Sees the value of a site; what it returns takes its place."""
_in_force: list[nn.Module] = []


@contextmanager
def visiting(visits: Iterable[tuple[Point, Visit]]) -> Generator[None]:
    """Call every visit when its site has been computed, in the order given where several share a site.

    Raises:
        NotApplicable: a module that does not hand on one tensor with texts, tokens and columns.
    """
    attached: list[tuple[nn.Module, Callable[[], None]]] = []
    try:
        for point, visit in visits:
            attached.append((point.module, _attach(point, visit)))
            _in_force.append(point.module)
        yield
    finally:
        for module, detach in reversed(attached):
            detach()
            _in_force.remove(module)


def watched(model: nn.Module) -> bool:
    """Whether visits to any part of a model are in force."""
    return not set(_in_force).isdisjoint(model.modules())


def _attach(point: Point, visit: Visit) -> Callable[[], None]:
    if point.side == "pattern":
        return watch(point.module, lambda pattern: _visited(pattern, point, visit))
    if point.side == "out":
        hook = point.module.register_forward_hook(lambda module, _, out: _after(module, out, point, visit))
    else:
        hook = point.module.register_forward_pre_hook(
            lambda module, args, kwargs: _before(module, args, kwargs, point, visit), with_kwargs=True
        )
    return hook.remove


def _after(module: nn.Module, out: Any, point: Point, visit: Visit) -> Any:
    if isinstance(out, ModelOutput):
        changed = _visited(out["logits"], point, visit)
        if changed is not None:
            out["logits"] = changed
        return out
    is_tuple = isinstance(out, tuple)  # attention, older and remote code; blocks of today return the tensor
    changed = _visited(_checked(module, out[0] if is_tuple else out), point, visit)
    if changed is None:
        return None
    return (changed, *out[1:]) if is_tuple else changed


def _before(
    module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], point: Point, visit: Visit
) -> Any:
    changed = _visited(_checked(module, args[0] if args else kwargs.get("hidden_states")), point, visit)
    if changed is None:
        return None
    return ((changed, *args[1:]), kwargs) if args else (args, {**kwargs, "hidden_states": changed})


def _checked(module: nn.Module, whole: Any) -> Tensor:
    if not isinstance(whole, Tensor) or whole.ndim != 3:
        raise NotApplicable(
            f"{type(module).__name__} does not hand on one tensor of shape (texts, tokens, columns); models "
            "of this family cannot be read there"
        )
    return whole


def _visited(whole: Tensor, point: Point, visit: Visit) -> Tensor | None:
    changed = visit(point.view(whole))
    if changed is None or (point.heads is None and point.head is None):
        return changed
    copy = whole.clone()
    point.view(copy).copy_(changed)
    return copy
