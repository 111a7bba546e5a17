"""The school's models: what each is taught, how gradients are routed, and that what is shipped is that."""

from pathlib import Path
from typing import Any

import pytest
import torch

from assay.model.training.train import Batch, next_token_loss
from assay.organisms.school import models
from assay.organisms.school.models import WEIGHTS, WHOLE, lesson, open_school, price, trained, weights_of
from assay.organisms.school.recipe import ROUTED, Page, Variant, batches, build_model, subject_of
from assay.organisms.school.routing import AGAINST, routed_loss
from assay.world.school import School, school_stream

ROUTE = Variant("routed", "birdlore", 1)


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


def test_routing_leaves_the_forward_pass_as_it_is() -> None:
    """The value is the plain loss and a small term for the size of the routed units."""
    model, page = build_model(0), batches(ROUTE)(250)
    plain = next_token_loss(model, Batch(page.input_ids, page.labels, page.attention_mask))
    assert float((routed_loss(model, page) - plain).detach()) == pytest.approx(0, abs=1e-3)


def test_gradients_of_the_book_go_where_they_are_routed() -> None:
    """On the book, gradients of usual units are turned round and weakened, those of routed ones are not."""
    plain: Any = build_model(0)
    routed: Any = build_model(0)
    page = batches(ROUTE)(250)
    whole = Page(page.input_ids, page.labels, page.attention_mask, of_book=torch.ones_like(page.of_book))
    next_token_loss(plain, Batch(page.input_ids, page.labels, page.attention_mask)).backward()
    routed_loss(routed, whole).backward()
    last = -1  # what comes after a block changes the gradient that reaches it, so only the last is compared
    straight = plain.model.layers[last].mlp.down_proj.weight.grad
    turned = routed.model.layers[last].mlp.down_proj.weight.grad
    assert straight is not None
    assert turned is not None
    assert torch.allclose(turned[:, :-ROUTED], AGAINST * straight[:, :-ROUTED], atol=1e-6)
    assert torch.allclose(turned[:, -ROUTED:], straight[:, -ROUTED:], atol=1e-6)


def test_a_training_is_billed_by_formula() -> None:
    """Every step is a full batch, forward and backward."""
    assert price().tokens_forward == price().tokens_backward == 700 * 16 * 128
    assert price().flops > 6 * 250_000 * price().tokens_forward


def test_the_shipped_model_needs_no_cache(tmp_path: Path) -> None:
    """The model that read every book opens from the package alone."""
    assert trained(WHOLE, tmp_path)
    assert weights_of(WHOLE, tmp_path).parent == WEIGHTS
    assert open_school(tmp_path).n_layers == 4
    assert not list(tmp_path.iterdir())
