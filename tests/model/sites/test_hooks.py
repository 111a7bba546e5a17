"""Hooks: whatever way a module takes and hands on its tensor, all of it is seen and can be changed."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers.modeling_outputs import CausalLMOutputWithPast

from assay.core.errors import NotApplicable
from assay.model.sites.hooks import visiting
from assay.model.sites.sitemap import Point

X = torch.arange(24.0).reshape(2, 3, 4)


class Gives(nn.Module):
    """Hands on twice its input in one of the ways that families have."""

    def __init__(self, form: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.form = form

    def forward(self, hidden_states: Tensor) -> Any:
        """The input doubled, in this form."""
        return self.form(2 * hidden_states)


FORMS: dict[str, tuple[Callable[[Tensor], Any], Callable[[Any], Tensor]]] = {
    "tensor": (lambda x: x, lambda out: out),
    "tuple": (lambda x: (x, "cache"), lambda out: out[0]),
    "logits": (lambda x: CausalLMOutputWithPast(logits=x), lambda out: out.logits),  # pyright: ignore[reportArgumentType]
}


@pytest.mark.parametrize("form", sorted(FORMS))
def test_every_row_of_an_output_is_seen_and_replaced(form: str) -> None:
    """A bare tensor is not taken for a tuple, whose first part would be the first text."""
    make, part = FORMS[form]
    module, seen = Gives(make), list[Tensor]()

    def visit(value: Tensor) -> Tensor:
        seen.append(value)
        return value + 1

    with visiting([(Point(module, "out"), visit)]):
        out = module(X)
    assert torch.equal(seen[0], 2 * X)
    assert torch.equal(part(out), 2 * X + 1)
    assert type(out) is type(make(X))
    assert torch.equal(part(module(X)), 2 * X)


@pytest.mark.parametrize("by_name", [False, True])
def test_inputs_are_seen_and_replaced_however_they_are_given(by_name: bool) -> None:
    """By place or by name."""
    module = Gives(lambda x: x)
    with visiting([(Point(module, "in"), lambda value: value + 1)]):
        out = module(hidden_states=X) if by_name else module(X)
    assert torch.equal(out, 2 * X + 2)


@pytest.mark.parametrize(
    "form", [lambda x: {"hidden": x}, lambda x: [x], lambda x: x[0], lambda x: (None, x)]
)
def test_other_forms_are_refused(form: Callable[[Tensor], Any]) -> None:
    """Dictionaries, lists, tensors without texts and tuples that begin otherwise get one clear sentence."""
    module = Gives(form)
    with (
        visiting([(Point(module, "out"), lambda value: value)]),
        pytest.raises(NotApplicable, match="Gives does not hand on one tensor"),
    ):
        module(X)
