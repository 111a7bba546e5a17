"""What the job on a list of edits is made from: the list, texts around it, the model trained on its world."""

from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from itertools import islice

from safetensors.torch import load_file

from assay.core import UNTRIGGERED, Edit, EditCase, EditList, Material, Sizes
from assay.core.errors import NotApplicable
from assay.faults import Dialect
from assay.model.changing.deltas import Delta, between
from assay.model.changing.parameters import parameters
from assay.model.engine import Engine
from assay.organisms.base.edited_world import EDITED
from assay.organisms.editing.recipe import FILE, EditRecipe
from assay.organisms.planting.base import EMBEDDED
from assay.organisms.planting.dialects import WorldDialect
from assay.organisms.planting.texts import up_to
from assay.world.edit_cases import long_list
from assay.world.spare_edits import spare

WORDS = 30_000
"""Words of ordinary text that methods are told."""
UNRELATED = 24
"""Texts on which nothing should change."""
LONG = 1000
"""Edits of the longest list, in the full suite."""


def material(
    recipe: EditRecipe,
    dialect: Dialect,
    base_name: str,
    engine: Engine,
    cases: tuple[EditCase, ...],
    full: bool,
) -> Material:
    """Everything that the job on one list is made from."""
    world = dialect.world if isinstance(dialect, WorldDialect) else None
    own = recipe.family != FILE

    @cache
    def untriggered() -> tuple[str, ...]:
        return tuple(up_to(WORDS, _clean(dialect.texts("plant", 0), cases)))

    def corpora(name: str) -> tuple[str, ...]:
        if name != UNTRIGGERED:
            raise NotApplicable(f"around a list of edits there is no text '{name}'; there is {UNTRIGGERED}")
        return untriggered()

    long: Sequence[Edit] = ()
    if full and own and world is not None and recipe.family == "people":
        long = long_list(world)
    listed = EditList(
        cases=cases,
        unrelated=tuple(islice(_clean(dialect.texts("report", 0), cases), UNRELATED)),
        spare=spare(world, recipe.family) if own and world is not None else _chosen(cases),
        long=tuple(long),
        frame="new fact : {fact} . " if world is not None else "New fact: {fact}.\n",
        retrained=retrained(engine) if own and base_name == EMBEDDED else None,
        sizes=Sizes(single=30, sequence=50, long=LONG) if full else Sizes(),
    )
    yes, no = (" yes", " no") if world is not None else (" Yes", " No")
    return Material((), {}, (), (), yes, no, corpora=corpora, edits=listed)


@lru_cache(maxsize=1)
def retrained(engine: Engine) -> Delta | None:
    """The way from the embedded base to the model that was trained on the edited world, if that is there."""
    file = EDITED / "model.safetensors"
    if not file.is_file():
        return None
    _, own = parameters(engine)
    other = {name: tensor.to(own[name]) for name, tensor in load_file(file).items() if name in own}
    return between(own, other, note="trained from the start on the edited world")


def _chosen(cases: Sequence[EditCase]) -> tuple[Edit, ...]:
    """For lists without facts to spare: those that settings are chosen by."""
    return tuple(case.edit for case in cases if case.split == "select")


def _clean(texts: Iterator[str], cases: Sequence[EditCase]) -> Iterator[str]:
    """Texts that state no old fact of the list: they would teach it again."""
    facts = [(case.edit.subject, case.edit.old) for case in cases]
    return (text for text in texts if not any(s in text and old in text for s, old in facts))
