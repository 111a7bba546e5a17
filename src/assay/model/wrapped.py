"""Models whose modules are not what they seem: compiled code, or adapters beside the weights."""

from torch import nn

from assay.core.errors import ModelError


def refuse_wrapped(model: nn.Module) -> None:
    """Raise ``ModelError`` for a model in which hooks would not run or weights are not all there is.

    Code compiled by ``torch.compile`` never sees a hook that is set later, and says nothing: edits would do
    nothing. An adapter (peft) stands beside the matrix that it changes, so that edits of weights and the
    shares of heads would leave it out.

    >>> refuse_wrapped(nn.Linear(2, 2))
    """
    for module in model.modules():
        if _is_compiled(module):
            raise ModelError(
                f"{type(model).__name__} is compiled ({_place(model, module)}), and compiled code never sees "
                "what is read or changed there; give the model as it was before torch.compile"
            )
        if type(module).__module__.split(".")[0] == "peft":
            raise ModelError(
                f"{type(model).__name__} has an adapter ({type(module).__name__}) beside its weights; call "
                "merge_and_unload() on the adapted model and give what it returns"
            )


def _is_compiled(module: nn.Module) -> bool:
    """By torch.compile(module), module.compile(), or module.forward = torch.compile(module.forward)."""
    in_place = module._compiled_call_impl is not None  # pyright: ignore[reportPrivateUsage]
    forward = vars(vars(module).get("forward", _is_compiled))  # almost no module has one of its own
    return in_place or type(module).__name__ == "OptimizedModule" or "_torchdynamo_orig_callable" in forward


def _place(model: nn.Module, part: nn.Module) -> str:
    path = next(name for name, module in model.named_modules() if module is part)
    return path or "all of it"
