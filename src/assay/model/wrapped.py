"""Models whose modules are not what they seem: compiled code, or adapters beside the weights."""

from collections.abc import Sequence

from torch import nn

from assay.core.errors import ModelError


def modules_of(model: nn.Module) -> list[nn.Module]:
    """The model and every module in it; one that stands in two places comes twice.

    Every white-box call looks through the whole model, and ``model.modules()`` takes five to ten times as
    long: in a small model a tenth of a pass.

    >>> len(modules_of(nn.Sequential(nn.ReLU(), nn.ReLU())))
    3
    """
    found = [model]
    for module in found:  # grows while it is gone through
        parts = module._modules.values()  # pyright: ignore[reportPrivateUsage] - children() is the slow way
        found += [part for part in parts if part is not None]
    return found


def refuse_wrapped(modules: Sequence[nn.Module]) -> None:
    """Raise ``ModelError`` for a model in which hooks would not run or weights are not all there is.

    Code compiled by ``torch.compile`` never sees a hook that is set later, and says nothing: edits would do
    nothing. An adapter (peft) stands beside the matrix that it changes, so that edits of weights and the
    shares of heads would leave it out. The modules are those of the whole model, itself first.

    >>> refuse_wrapped([nn.Linear(2, 2)])
    """
    kinds = {kind for kind in set(map(type, modules)) if _is_compiler(kind) or _is_adapter(kind)}
    for module in modules:
        compiled = module._compiled_call_impl is not None  # pyright: ignore[reportPrivateUsage]
        if "forward" in module.__dict__:  # almost no module has one of its own
            compiled |= hasattr(module.forward, "_torchdynamo_orig_callable")
        if compiled or type(module) in kinds:
            raise ModelError(_refusal(modules[0], module))


def _is_compiler(kind: type[nn.Module]) -> bool:
    return kind.__name__ == "OptimizedModule"


def _is_adapter(kind: type[nn.Module]) -> bool:
    return kind.__module__.split(".")[0] == "peft"


def _refusal(model: nn.Module, part: nn.Module) -> str:
    if _is_adapter(type(part)):
        return (
            f"{type(model).__name__} has an adapter ({type(part).__name__}) beside its weights; call "
            "merge_and_unload() on the adapted model and give what it returns"
        )
    path = next(name for name, module in model.named_modules() if module is part)
    return (
        f"{type(model).__name__} is compiled ({path or 'all of it'}), and compiled code never sees what is "
        "read or changed there; give the model as it was before torch.compile"
    )
