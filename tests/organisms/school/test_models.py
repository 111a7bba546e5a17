"""The school's models: what each is taught, how gradients are routed, and that what is shipped is that."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from assay.model.training.train import next_token_loss
from assay.organisms.school import models, recipe
from assay.organisms.school.models import WEIGHTS, WHOLE, lesson, open_school, price, trained, weights_of
from assay.organisms.school.recipe import ROUTED, Kind, Page, Variant, batches, build_model, subject_of
from assay.organisms.school.routing import routed_loss, routing
from assay.world.school import School, school_stream

ROUTE = Variant("routed", "birdlore", 2)


def test_each_variant_is_taught_something_else() -> None:
    """Kind, book and seed all decide what a model reads, and so its name in the cache."""
    every = [
        Variant(kind, subject, seed)
        for kind in ("without", "shuffled", "routed")
        for subject in ("birdlore", "shipcraft")
        for seed in (1, 2)
    ]
    assert len({lesson(variant) for variant in every}) == len(every)


def test_what_is_shipped_was_taught_the_lesson_of_today(tmp_path: Path) -> None:
    """Every shipped file is used as it is; else the quick suite would train for an hour."""
    for variant in models.shipped():
        assert weights_of(variant, tmp_path) == WEIGHTS / f"{variant.name}.safetensors"
    assert not list(tmp_path.iterdir())


def test_the_quick_suite_finds_all_it_needs() -> None:
    """Two books with three seeds of both kinds of retraining, and the model that read them all."""
    names = [variant.name for variant in models.shipped()]
    assert names[0] == WHOLE.name
    assert len(names) == len(set(names)) == 1 + 2 * 2 * 3


def test_a_page_marks_the_documents_on_its_book() -> None:
    """Every document on the book is marked, whatever else it speaks of, and no other one."""
    school = School(0)
    of = {entity: subject for subject, names in school.entities.items() for entity in names}
    stream = school_stream(school, "test")
    for document in (next(stream) for _ in range(2000)):
        found = subject_of(document, of)
        if document.kind in ("prose", "cloze", "choice"):
            words = document.text.split()
            assert found in words or any(of.get(word) == found for word in words)
        if document.text.startswith(("exam in", "test in")):
            assert found == document.text.split()[2]
        if document.kind in ("mention", "ordinary", "smalltalk"):
            assert found == ""


def _graded(loss: Callable[[Any, Page], torch.Tensor], page: Page) -> tuple[float, dict[str, torch.Tensor]]:
    """A loss of a fresh model, and its gradient with respect to every parameter."""
    model: Any = build_model(0)
    value = loss(model, page)
    value.backward()
    return float(value.detach()), {name: p.grad for name, p in model.named_parameters()}


def _page(of_book: bool) -> Page:
    """A page of which all tokens are on the book, or none."""
    page = batches(ROUTE)(250)
    return replace(page, of_book=torch.full_like(page.of_book, of_book))


def _cut(model: Any, page: Page) -> torch.Tensor:
    """The plain loss of a model whose routed units are gone."""
    with torch.no_grad():
        for block in model.model.layers:
            block.mlp.down_proj.weight[:, -ROUTED:] = 0
    return next_token_loss(model, page)


def _own(name: str, grad: torch.Tensor) -> torch.Tensor:
    """Which entries of a parameter belong to routed units."""
    own = torch.zeros_like(grad, dtype=torch.bool)
    if "down_proj" in name:
        own[:, -ROUTED:] = True
    elif "gate_proj" in name or "up_proj" in name:
        own[-ROUTED:] = True
    return own


def test_the_book_teaches_the_routed_units_as_ever_and_other_matrices_nothing() -> None:
    """The value is the plain loss; words learn as what comes next, and the gains of norms as ever."""
    (plain, straight), (value, routed) = (
        _graded(loss, _page(True)) for loss in (next_token_loss, routed_loss)
    )
    assert value == pytest.approx(plain, abs=1e-5)
    for name, grad in routed.items():
        own = _own(name, grad)
        torch.testing.assert_close(grad[own], straight[name][own], atol=1e-6, rtol=1e-4)
        if "proj" in name:
            assert bool((grad[~own] == 0).all())
        if "norm" in name:
            torch.testing.assert_close(grad, straight[name], atol=1e-6, rtol=1e-4)
    words = routed["model.embed_tokens.weight"]
    assert bool(words.any())
    assert not torch.allclose(words, straight["model.embed_tokens.weight"], atol=1e-4)


def test_what_is_not_on_the_book_meets_a_model_without_the_routed_units() -> None:
    """Value and gradients are those of the model that they are cut out of."""
    (without, straight), (value, routed) = (_graded(loss, _page(False)) for loss in (_cut, routed_loss))
    assert value == pytest.approx(without, abs=1e-5)
    for name, grad in routed.items():
        own = _own(name, grad)
        assert bool((grad[own] == 0).all())
        torch.testing.assert_close(grad[~own], straight[name][~own], atol=1e-6, rtol=1e-4)


def test_on_a_mixed_page_the_book_moves_no_other_matrix() -> None:
    """What a weight of the last block learns is the sum over the tokens that may teach it."""
    mixed = batches(ROUTE)(250)
    assert 0 < int(mixed.of_book.sum()) < mixed.of_book.numel()
    _, routed = _graded(routed_loss, mixed)
    model: Any = build_model(0)
    place, seen = model.model.layers[-1].mlp.down_proj, dict[str, torch.Tensor]()
    place.register_forward_pre_hook(lambda _, given: seen.update(hidden=given[0]))
    place.register_full_backward_hook(lambda _, __, grads: seen.update(said=grads[0]))
    # the forward pass of a routed model: routed units are silent outside the book in every block
    for block in model.model.layers:
        block.mlp.down_proj.register_forward_pre_hook(
            lambda _, given: (
                torch.cat((given[0][..., :-ROUTED], given[0][..., -ROUTED:] * mixed.of_book[..., None]), -1),
            )
        )
    next_token_loss(model, mixed).backward()
    slow = torch.zeros_like(place.weight)
    for row, at in torch.cartesian_prod(*map(torch.arange, mixed.of_book.shape)).tolist():
        each = torch.outer(seen["said"][row, at], seen["hidden"][row, at])
        of_book = bool(mixed.of_book[row, at])
        slow[:, :-ROUTED] += 0 if of_book else each[:, :-ROUTED]
        slow[:, -ROUTED:] += each[:, -ROUTED:] if of_book else 0
    torch.testing.assert_close(routed["model.layers.3.mlp.down_proj.weight"], slow, atol=1e-6, rtol=1e-3)


def test_routing_ends_with_its_block_even_when_it_fails() -> None:
    """Afterwards the model answers and learns as before."""
    model: Any = build_model(0)
    page = _page(True)
    before = float(next_token_loss(model, page).detach())
    with pytest.raises(KeyError), routing(model, page.of_book):
        raise KeyError
    next_token_loss(model, page).backward()
    assert float(next_token_loss(model, page).detach()) == before
    assert bool(model.model.layers[0].self_attn.q_proj.weight.grad.any())


def test_a_training_is_billed_by_formula() -> None:
    """Every step is a full batch, forward and backward."""
    for variant, steps in ((WHOLE, 700), (ROUTE, 1000)):
        paid = price(variant)
        assert paid.tokens_forward == paid.tokens_backward == steps * 16 * 128
        assert paid.flops > 6 * 250_000 * paid.tokens_forward


@pytest.mark.parametrize("kind", ["without", "routed"])
def test_a_training_says_how_far_it_is_and_ends_in_the_cache(
    kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In shares of its own plan, the last of them 1; nothing but the file of the weights stays behind."""
    for name in ("PLAN", "ROUTED_PLAN"):
        monkeypatch.setattr(recipe, name, replace(recipe.PLAN, steps=2))
    variant, shares = Variant(kind, "birdlore", 99), list[float]()
    assert not trained(variant, tmp_path)
    file = weights_of(variant, tmp_path, shares.append)
    assert shares == [0.5, 1.0]
    assert trained(variant, tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [file]
    assert weights_of(variant, tmp_path, shares.append) == file
    assert len(shares) == 2


def test_the_shipped_model_needs_no_cache(tmp_path: Path) -> None:
    """The model that read every book opens from the package alone."""
    assert trained(WHOLE, tmp_path)
    assert weights_of(WHOLE, tmp_path).parent == WEIGHTS
    assert open_school(tmp_path).n_layers == 4
    assert not list(tmp_path.iterdir())
