"""What books cost before anything is spent: models to be trained, methods to be fitted, exams to be sat."""

from dataclasses import replace
from functools import cache

from assay.core import Access, Method, Price
from assay.core.exam import ROLES
from assay.core.registry import find
from assay.cost.flops import Shape
from assay.model.anatomy import anatomy
from assay.organisms.planting.build import cache_folder
from assay.organisms.school.models import oracles, price, trained
from assay.organisms.school.recipe import build_model
from assay.organisms.unlearning.material import school_book
from assay.organisms.unlearning.recipe import FILE, BookRecipe
from assay.runner.books import recoveries, variants
from assay.runner.options import Options

PER_SECOND = 5e9
"""Operations a second of one core on so small a model, assumed; short texts keep no core busy."""
QUESTION = 26
"""Tokens of a question with what is written after it, assumed."""
TRIES = {False: 6, True: 20}
"""Tries of a recovery in the coarse grid and in the whole one, assumed."""
STEPS = 100
"""Steps of 32 texts that a method trains with one setting, assumed."""


@cache
def shape() -> Shape:
    """Sizes of the school's models."""
    return anatomy(build_model(0)).shape


def building(key: str, options: Options) -> Price:
    """What is still to be trained for a book, and what its proof asks."""
    recipe: BookRecipe = find("organism", key).load()
    if recipe.subject == FILE:
        return Price()
    missing = [v for v in variants(recipe.subject, options) if not trained(v, cache_folder())]
    training = sum(map(price, missing), Price())
    flops = training.flops + len(oracles(recipe.subject)) * _judging(shape(), full=options.suite == "full")
    return replace(training, flops=flops, wall_s=flops / PER_SECOND)


def estimate(method: Method, settings: int, shape: Shape, options: Options, *, tuning: bool) -> Price:
    """What one run on a book costs: a training for each setting, and the exams after it."""
    texts = 32 * STEPS if method.access == Access.WHITE and method.passes else 0
    training = 3 * texts * shape.forward([QUESTION], None, QUESTION)
    # settings are chosen after one recovery, on a quarter of the questions
    judging = _judging(shape, full=options.suite == "full") / (4 if tuning else 1)
    flops, tokens = settings * (training + judging), settings * texts * QUESTION
    return Price(
        queries=settings * texts,
        tokens_forward=tokens,
        tokens_backward=tokens,
        flops=flops,
        wall_s=flops / PER_SECOND,
    )


@cache
def _judging(shape: Shape, *, full: bool) -> float:
    """Operations of all exams once for each recovery, and of the book's own at every try of it."""
    book = school_book("birdlore")
    own, every, ways = len(book.asked("self", "twin")), len(book.asked(*ROLES)), len(recoveries(full=full))
    sittings = every * (1 + ways) + own * TRIES[full] * ways
    return 2 * sittings * shape.forward([QUESTION], None, 2)
