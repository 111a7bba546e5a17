"""The audit: a model with its edits on is asked for every fact that it is said to have stored."""

import math
from pathlib import Path

import pytest
import torch

from assay.access import open_handle
from assay.core import Access, Change, Edit
from assay.core.errors import BadOption, CannotWrite
from assay.model.changing.applying import applied
from assay.model.changing.parameters import base_hash
from assay.model.engine import Engine
from assay.model.load import load
from assay.model.training.tuning import Lesson, Tuning, tune
from assay.techniques.edits.audit import ask, audit
from assay.techniques.edits.ledger import Ledger, Made
from assay.techniques.edits.ledger_file import read_book, write_book
from assay.techniques.edits.replies import begins, says
from assay.techniques.edits.written import check_written, find_ledger, write_model
from tests.model.tiny import tiny_engine

CAT = Edit("the cat sat on", "cat", "mat", "red")
DOG = Edit("the dog ran", "dog", "mat", "big")
CAT_AGAIN = Edit("the cat sat on", "cat", "mat", "hello")


def learnt(engine: Engine, ledger: Ledger, *edits: Edit) -> Change:
    """A change after which the model with all entries says the new values."""
    lessons = [Lesson(edit.prompt, f" {edit.new}") for edit in edits]
    with applied(engine, *ledger.deltas()):
        return Change(deltas=(tune(engine, lessons, Tuning(steps=60, lr=1e-2)).delta,))


def stacked(folder: Path, engine: Engine, *steps: tuple[Edit, ...]) -> Ledger:
    """One entry for each step."""
    ledger = Ledger.create(folder, "tiny", engine)
    for edits in steps:
        ledger = ledger.stack(engine, learnt(engine, ledger, *edits), Made("stub", {}, edits))
    return ledger


def test_every_fact_gets_its_verdict(tmp_path: Path) -> None:
    """Said is stored; what a later entry makes otherwise is overwritten by it; anything else is lost."""
    engine = tiny_engine()
    ledger = stacked(tmp_path, engine, (CAT, DOG), (CAT_AGAIN, DOG))
    never = Edit("the big dog sat on", "dog", "mat", "user")
    stub = learnt(engine, ledger, CAT_AGAIN, DOG)
    ledger = ledger.stack(engine, stub, Made("stub", {}, (never,)))
    found = audit(open_handle(engine, Access.WHITE), ledger)
    assert [(one.entry, one.edit.new, one.verdict, one.overwritten_by) for one in found] == [
        (1, "red", "overwritten", 2),
        (1, "big", "stored", None),
        (2, "hello", "stored", None),
        (2, "big", "stored", None),
        (3, "user", "lost", None),
    ]
    assert found[0].said.startswith("hello")


def test_probabilities_are_those_of_the_edited_model(tmp_path: Path) -> None:
    """Asked token by token with the weights put on by hand; the model is as it was afterwards."""
    engine = tiny_engine()
    long = Edit("the cat sat on", "cat", "mat", "red big dog")
    ledger = stacked(tmp_path, engine, (long, DOG))
    before = base_hash(engine)
    found = audit(open_handle(engine, Access.WHITE), ledger)
    assert base_hash(engine) == before
    with applied(engine, *ledger.deltas()):
        for one in found:
            for answer, probability in ((one.edit.new, one.p_new), (one.edit.old, one.p_old)):
                ids = engine.encode([f"{one.edit.prompt} {answer}"])[0]
                start = len(engine.encode([one.edit.prompt])[0])
                with torch.no_grad():
                    logits = engine.model(torch.tensor([ids])).logits[0].log_softmax(-1)
                logs = [float(logits[at - 1, ids[at]]) for at in range(start, len(ids))]
                assert probability == pytest.approx(math.exp(sum(logs) / len(logs)), rel=1e-4)
            assert one.said == engine.generate([one.edit.prompt], max_tokens=3)[0].strip()


def test_an_empty_ledger_has_nothing_to_ask(tmp_path: Path) -> None:
    """No facts, no questions."""
    engine = tiny_engine()
    assert audit(open_handle(engine, Access.WHITE), Ledger.create(tmp_path, "tiny", engine)) == ()


def test_a_reply_counts_up_to_the_end_of_a_word() -> None:
    """A longer word with the same beginning is another answer."""
    assert begins(" new york city", "new york")
    assert not begins("new yorker", "new york")
    assert not begins("", "rome")
    engine = tiny_engine()
    handle = open_handle(engine, Access.GREY)
    said = engine.generate(["the cat"], max_tokens=1)[0].split()[0]
    other = "dog" if said != "dog" else "cat"
    assert says(handle, ["the cat", "the cat"], [said, other]) == [True, False]


def test_a_written_model_holds_its_edits(tmp_path: Path) -> None:
    """It opens as any model, has the edited weights to the bit, and its ledger is found and fits."""
    engine = tiny_engine()
    ledger = stacked(tmp_path / "edits", engine, (CAT,), (DOG,))
    before = base_hash(engine)
    inside = write_model(ledger, engine, tmp_path / "out")
    assert base_hash(engine) == before
    edited = load(tmp_path / "out", device="cpu")
    with applied(engine, *ledger.deltas()):
        assert base_hash(edited) == base_hash(engine) == inside.book.written
    found = find_ledger(tmp_path / "out")
    assert found.entries == ledger.entries
    assert find_ledger(tmp_path / "edits") == ledger
    check_written(found, edited)
    assert [one.verdict for one in ask(open_handle(edited, Access.GREY), found.entries)] == [
        "stored",
        "stored",
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["edits", "out"]


def test_a_written_model_that_was_changed_is_noticed(tmp_path: Path) -> None:
    """Weights that are not those that were written, or a ledger that was changed since, are refused."""
    engine = tiny_engine()
    ledger = write_model(stacked(tmp_path / "edits", engine, (CAT,)), engine, tmp_path / "out")
    with pytest.raises(BadOption, match="does not describe the model that it lies in"):
        check_written(ledger, engine)
    check_written(ledger, load(tmp_path / "out", device="cpu"))
    left = ledger.remove(engine, [1]).ledger
    with pytest.raises(BadOption, match="the weights written were others"):
        check_written(left, load(tmp_path / "out", device="cpu"))


def test_a_model_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written over, nothing is left of what failed, and another base is refused."""
    engine = tiny_engine()
    ledger = stacked(tmp_path / "edits", engine, (CAT,))
    with pytest.raises(BadOption, match="is there already and is not empty"):
        write_model(ledger, engine, tmp_path / "edits")
    with pytest.raises(BadOption, match="and this model's are"):
        write_model(ledger, tiny_engine(seed=1), tmp_path / "out")
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWrite, match="choose another place"):
        write_model(ledger, engine, tmp_path / "file" / "out")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(engine.tokenizer), "save_pretrained", full)
    with pytest.raises(CannotWrite, match="No space left"):
        write_model(ledger, engine, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["edits", "file"]


def test_a_book_is_read_as_it_was_written(tmp_path: Path) -> None:
    """All fields come back; a folder that is none cannot be written."""
    engine = tiny_engine()
    book = stacked(tmp_path / "edits", engine, (CAT,)).book
    assert read_book(tmp_path / "edits") == book
    with pytest.raises(CannotWrite, match="cannot be written"):
        write_book(tmp_path / "nowhere", book)
