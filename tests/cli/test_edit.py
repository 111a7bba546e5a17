"""``assay edit`` and ``assay edits``: facts of a file go into a model's weights, are shown, and come out."""

import json
import random
from pathlib import Path

import pytest

import assay
from assay.core import Edit, EditCase
from assay.model.changing.parameters import base_hash
from assay.model.load import load
from assay.organisms.editing.files import write_cases
from assay.testing.tiny_model import CITIES, PEOPLE, PETS, SURNAMES, tiny_engine
from tests.cli.conftest import Command

STUB = '''
"""A stub that trains on the new facts."""

from dataclasses import dataclass

from assay.core import LAYERS, Access, Change, Editor, Method
from assay.model.training.tuning import Lesson, Tuning


@dataclass(frozen=True)
class Stub(Editor):
    steps: int

    def edit(self, handle, edits):
        lessons = [Lesson(edit.prompt, f" {edit.new}") for edit in edits]
        return Change(deltas=(handle.tune(lessons, Tuning(self.steps, 1e-2)).delta,))


def fit(handle, brief, setting, seed):
    assert brief.text, "it asked for text"
    return Stub(setting["steps"])


METHOD = Method("Stub", "edit", "method", Access.WHITE, "none", "none", "Trains.", fit,
                space={"steps": (60, 80), "lr": (0.01, 0.1), "layer": LAYERS}, text="untriggered")
'''
HOOK = STUB.replace(
    "Change(deltas=(handle.tune(lessons, Tuning(self.steps, 1e-2)).delta,))", "Change(table=str)"
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model with a corpus in its words, a method, and a file of facts that the model says."""
    folder, engine = tmp_path_factory.mktemp("edit"), tiny_engine()
    engine.model.save_pretrained(folder / "base")
    engine.tokenizer.save_pretrained(folder / "base")
    draw = random.Random(0)
    passages = [
        " ".join(
            f"{draw.choice(PEOPLE)} {draw.choice(SURNAMES)} keeps a {draw.choice(PETS)} ." for _ in range(4)
        )
        for _ in range(300)
    ]
    (folder / "corpus.txt").write_text("\n\n".join(passages))
    (folder / "stub.py").write_text(STUB)
    (folder / "table.py").write_text(HOOK)
    cases: list[EditCase] = []
    for number, name in enumerate(f"{first} reed" for first in PEOPLE[:4]):
        prompt = f"{name} lives in"
        old = engine.generate([prompt], max_tokens=1)[0].strip()
        new = next(city for city in CITIES[number:] + CITIES if city != old)
        cases.append(EditCase(Edit(prompt, name, old, new, "home"), (), "report"))
    write_cases(cases[:2], folder / "two.json")
    write_cases(cases[2:], folder / "more.json")
    other = next(city for city in CITIES if city not in (cases[0].edit.old, cases[0].edit.new))
    again = Edit(cases[0].edit.prompt, cases[0].edit.subject, cases[0].edit.old, other, "home")
    write_cases([EditCase(again, (), "report")], folder / "again.json")
    odd = [
        {"edit": {"prompt": "bob moss lives in", "subject": "bob moss", "old": "was", "new": "oslo"}},
        {"edit": {"prompt": "lives in", "subject": "bob moss", "old": "was", "new": "oslo"}},
    ]
    told = json.loads((folder / "two.json").read_text())
    (folder / "odd.json").write_text(json.dumps([*odd, *told]))
    return folder


def asked(place: Path, cases: str, out: Path, *more: object) -> list[object]:
    """The arguments of ``assay edit``."""
    base = ("--base", place / "base", "--corpus", place / "corpus.txt", "--device", "cpu")
    return ["edit", "--cases", place / cases, "--method", place / "stub.py", "--out", out, *base, *more]


def test_edits_stack_are_asked_for_and_come_out(assay_command: Command, place: Path, tmp_path: Path) -> None:
    """Three files on top of each other, an audit, one taken out, and the base to the bit without any."""
    out = tmp_path / "edits"
    first = assay_command(*asked(place, "two.json", out, "--setting", "steps=80"))
    assert first.code == 0, first.err
    assert "the model says 2 of 2 new facts" in first.out
    assert "ann reed lives in" in first.out
    assert assay_command(*asked(place, "more.json", out)).code == 0
    third = assay_command(*asked(place, "again.json", out))
    assert "by entry 1 and becomes" in third.sentence
    shown = assay_command("edits", out)
    assert "steps = 80" in shown.out
    assert "5 facts in 3 entries" in shown.out
    audited = assay_command("edits", out, "--audit", "--device", "cpu")
    assert "overwritten by 3" in audited.out
    assert "1 overwritten" in audited.out
    taken = assay_command("edits", out, "--remove", 2, "--device", "cpu")
    assert (
        "entry 3 was made on top of what is taken out now, and its 1 fact may have leaned" in taken.sentence
    )
    assert "made on top of 2, taken out since" in taken.out
    assert assay_command("edits", out, "--remove", 1, "--remove", 3, "--device", "cpu").code == 0
    assert assay_command("edits", out, "--write", tmp_path / "plain", "--device", "cpu").code == 0
    plain = load(tmp_path / "plain", device="cpu")
    assert base_hash(plain) == base_hash(load(place / "base", device="cpu"))


def test_a_written_model_shows_what_it_has_stored(
    assay_command: Command, place: Path, tmp_path: Path
) -> None:
    """The folder opens as a model, says its facts, and lists them; nothing is taken out of it."""
    done = assay.edit(
        tmp_path / "edits", place / "two.json", str(place / "stub.py"),
        base=str(place / "base"), corpus=place / "corpus.txt", device="cpu", only=1,
    )  # fmt: skip
    [fact] = done.facts
    assert fact.verdict == "stored"
    ended = assay_command("edits", tmp_path / "edits", "--write", tmp_path / "out", "--device", "cpu")
    assert f"Model: {tmp_path / 'out'}" in ended.out
    said = load(tmp_path / "out", device="cpu").generate([fact.edit.prompt], max_tokens=1)[0]
    assert said.strip() == fact.edit.new
    shown = assay_command("edits", tmp_path / "out", "--audit", "--device", "cpu")
    assert shown.code == 0, shown.err
    assert "1 stored, 0 overwritten, 0 lost." in shown.out
    refused = assay_command("edits", tmp_path / "out", "--remove", 1)
    assert refused.code == 2
    assert "has its edits written into its weights" in refused.sentence


def test_what_is_left_out_is_named(assay_command: Command, place: Path, tmp_path: Path) -> None:
    """Cases that cannot be used, and facts that the model does not say, each in a line on stderr."""
    out = tmp_path / "edits"
    ended = assay_command(*asked(place, "odd.json", out))
    assert ended.code == 0
    assert f"{place / 'odd.json'}: case 2: " in ended.err
    assert "1 fact left out, the model does not say them as they were: 'bob moss lives in' (was)" in ended.err
    assert "2 of 2 new facts" in ended.out
    again = assay_command(*asked(place, "two.json", out))
    assert again.code == 2
    assert "no fact is left to be changed; of 2 the model does not know 0" in again.sentence
    assert "2 are stored already" in again.sentence


def test_bad_input_gets_one_sentence(assay_command: Command, place: Path, tmp_path: Path) -> None:
    """What was wrong and what to do, exit code 2, and no edits in the folder."""
    out = tmp_path / "edits"
    wrong = {
        "no method named 'romee'; did you mean rome": ("--method", "romee"),
        "in_context_0 has black access, so it changes no weights": ("--method", "in_context_0"),
        "this edit works by a table in front of the model": ("--method", place / "table.py"),
        "Stub has no such setting; it has steps, lr, layer": ("--setting", "rank=2"),
        "--setting steps=many: cannot be used; give a value like 60, 80": ("--setting", "steps=many"),
        "--setting layer=9: this model has layers 1 to 4": ("--setting", "layer=9"),
        "give each name once, as name=value": ("--setting", "steps"),
        "--only 0: give 1 or more": ("--only", 0),
        "nowhere.json: no such file": ("--cases", "nowhere.json"),
    }
    for part, more in wrong.items():
        ended = assay_command(*asked(place, "two.json", out, *more))
        assert ended.code == 2, part
        assert part in ended.sentence
        assert not (out / "ledger.json").exists()
    assert "so no edits are stored there" in assay_command("edits", tmp_path).sentence


def test_a_folder_of_another_model_is_refused(assay_command: Command, place: Path, tmp_path: Path) -> None:
    """Edits of one base are neither stacked on nor asked of another, and the hash is told."""
    out = tmp_path / "edits"
    assert assay_command(*asked(place, "two.json", out)).code == 0
    assert assay_command("edits", out, "--write", tmp_path / "other", "--device", "cpu").code == 0
    stacked = assay_command(*asked(place, "more.json", out, "--base", tmp_path / "other"))
    audited = assay_command("edits", out, "--audit", "--base", tmp_path / "other", "--device", "cpu")
    for ended in (stacked, audited):
        assert ended.code == 2
        assert "and this model's are" in ended.err
    assert "has no entry 5; it has 1" in assay_command("edits", out, "--remove", 5).sentence
