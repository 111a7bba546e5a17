"""Saved edits: what was put on comes off to the bit, and a folder is whole whatever happens to it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from assay.core import Change, Edit
from assay.core.errors import BadOption, CannotWrite
from assay.model.changing.applying import applied
from assay.model.changing.deltas import Delta, low_rank, sparse
from assay.model.changing.parameters import base_hash
from assay.techniques.edits import ledger as ledger_module
from assay.techniques.edits.chain import chained, merged
from assay.techniques.edits.ledger import Ledger, Made
from assay.techniques.edits.sizes import sizes, total
from tests.model.tiny import tiny_model

UP, DOWN = "model.layers.0.mlp.up_proj.weight", "model.layers.1.mlp.down_proj.weight"  # (48, 32) and (32, 48)


def random(*shape: int, seed: int = 0) -> Tensor:
    """Normal numbers, the same for the same seed."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def change(seed: int) -> Change:
    """Two deltas, as a method may make them: factors on two matrices, then a few values of one of them."""
    factors = {
        UP: (random(48, 2, seed=seed), random(2, 32, seed=seed + 100)),
        DOWN: (random(32, 1, seed=seed + 200), random(1, 48, seed=seed + 300)),
    }
    values = {UP: ((48, 32), torch.tensor([5, 900]), random(2, seed=seed + 400))}
    return Change(deltas=(low_rank(factors, base="", note="two"), sparse(values, base="")))


def fact(subject: str, new: str, **more: str) -> Edit:
    """A fact with a document, which is not to be stored."""
    return Edit(
        f"the {subject} sat on", subject, "mat", new, documents=(f"the {subject} sat on mat",), **more
    )


def made(*facts: Edit) -> Made:
    """How a tested edit came about."""
    return Made("stub", {"rank": 2, "layers": (1, 2)}, facts or (fact("cat", "dog"),), note="a note")


def stacked(folder: Path, model: nn.Module, seeds: Sequence[int] = (1, 2, 3)) -> Ledger:
    """A ledger with some entries."""
    ledger = Ledger.create(folder, "tiny", model)
    for seed in seeds:
        ledger = ledger.stack(model, change(seed), made(fact("cat", f"n{seed}")))
    return ledger


def weights(model: nn.Module) -> dict[str, Tensor]:
    """A copy of all parameters."""
    return {name: tensor.detach().clone() for name, tensor in model.named_parameters()}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """Whether all parameters are equal to the bit."""
    return all(torch.equal(one[n].view(torch.int32), other[n].view(torch.int32)) for n in one)


def by_hand(before: dict[str, Tensor], seeds: Sequence[int]) -> dict[str, Tensor]:
    """The parameters after the changes of some seeds: every summand added in float32, one after the other."""
    found = {name: weight.clone() for name, weight in before.items()}
    for seed in seeds:
        for delta in change(seed).deltas:
            for name, parts in delta.changes.items():
                for part in parts:
                    if part.form == "low_rank":
                        found[name] = found[name] + part.tensors[0] @ part.tensors[1]
                    else:
                        found[name].view(-1)[part.tensors[0]] += part.tensors[1]
    return found


def test_what_is_stacked_is_what_was_made(tmp_path: Path) -> None:
    """Read again, the deltas add up to the changes to the bit, on the weights that each belongs to."""
    model = tiny_model()
    before = weights(model)
    stacked(tmp_path / "new" / "edits", model)
    assert same(weights(model), before)
    ledger = Ledger.open(tmp_path / "new" / "edits")
    with applied(model, *ledger.deltas()):  # refuses a delta that does not belong to what it meets
        assert same(weights(model), by_hand(before, (1, 2, 3)))
    assert same(weights(model), before)
    assert [entry.number for entry in ledger.entries] == [1, 2, 3]


def test_an_entry_tells_how_it_came_about(tmp_path: Path) -> None:
    """Method, setting, facts without documents, note and time come back as they were given."""
    model = tiny_model()
    one = made(fact("cat", "dog", relation="seat"), fact("dog", "cat"))
    Ledger.create(tmp_path, "tiny", model).stack(model, change(1), one)
    [entry] = Ledger.open(tmp_path).entries
    assert (entry.method, entry.note, entry.time) == ("stub", "a note", one.time)
    assert entry.setting == {"rank": 2, "layers": [1, 2]}
    assert entry.facts == tuple(replace(edit, documents=()) for edit in one.facts)
    assert (entry.file, entry.base) == ("0001.safetensors", base_hash(model))


@pytest.mark.parametrize("gone", [(1,), (2,), (3,), (1, 3), (2, 1)])
def test_what_stays_is_bound_to_what_is_before_it(tmp_path: Path, gone: tuple[int, ...]) -> None:
    """Taking entries out leaves a valid chain that adds exactly what the others added."""
    model = tiny_model()
    before = weights(model)
    removed = stacked(tmp_path, model).remove(model, gone)
    ledger = Ledger.open(tmp_path)
    assert ledger == removed.ledger
    stay = [n for n in (1, 2, 3) if n not in gone]
    assert [entry.number for entry in ledger.entries] == stay
    with applied(model, *ledger.deltas()):
        assert same(weights(model), by_hand(before, stay))
    assert sorted(entry.number for entry in removed.entries) == sorted(gone)
    leaning = {entry.number: entry.made_on for entry in removed.leaning}
    assert leaning == {n: tuple(sorted(g for g in gone if g < n)) for n in stay if n > min(gone)}
    held = {path.name for path in tmp_path.iterdir()}
    assert held == {"ledger.json", *(entry.file for entry in ledger.entries)}


def test_all_can_be_taken_out_and_others_put_on(tmp_path: Path) -> None:
    """Without entries the model is the base to the bit; no number is given twice, what leant is told on."""
    model = tiny_model()
    before = weights(model)
    ledger = stacked(tmp_path, model).remove(model, [2]).ledger.stack(model, change(4), made())
    assert [(entry.number, entry.made_on) for entry in ledger.entries] == [(1, ()), (3, (2,)), (4, ())]
    with applied(model, *ledger.deltas()):
        assert same(weights(model), by_hand(before, (1, 3, 4)))
    left = ledger.remove(model, [4, 3, 1]).ledger
    assert left.deltas() == ()
    with applied(model, *left.deltas()):
        assert same(weights(model), before)
    assert left.stack(model, change(5), made()).entries[0].number == 5


def test_a_kill_between_delta_and_list_leaves_the_folder_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether an entry is stacked or taken out: the old list counts, and the next change sweeps up."""
    model = tiny_model()
    ledger = stacked(tmp_path, model)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    for attempt in (
        lambda: ledger.stack(model, change(4), made()),
        lambda: ledger.remove(model, [1]),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(ledger_module, "write_book", killed)
            with pytest.raises(KeyboardInterrupt):
                attempt()
        assert Ledger.open(tmp_path) == ledger
        with applied(model, *Ledger.open(tmp_path).deltas()):
            pass
    (tmp_path / "0007.safetensors.partial").write_bytes(b"half")
    assert len(list(tmp_path.iterdir())) > 5
    Ledger.open(tmp_path).stack(model, change(4), made())
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"000{n}.safetensors" for n in (1, 2, 3, 4)] + [
        "ledger.json"
    ]


def test_a_fact_with_another_value_is_named(tmp_path: Path) -> None:
    """The newest wins, and both values are told; the same value, or another fact, is no matter."""
    model = tiny_model()
    ledger = stacked(tmp_path, model, seeds=(1, 2))
    assert ledger.repeated([fact("dog", "rug"), fact("cat", "n2")]) == ()
    [sentence] = ledger.repeated([fact("cat", "rug")])
    assert "'cat/the cat sat on' is 'n2' by entry 2 and becomes 'rug'; the newest edit wins" in sentence
    number, edit = ledger.facts[fact("cat", "").fact]
    assert (number, edit.new) == (2, "n2")


@pytest.mark.parametrize(
    ("what", "part"),
    [
        (Change(context=lambda _: "new : "), "a context in front of every text, and only changes of weights"),
        (Change(table=lambda _: None, hooks=(1,)), "activations while the model runs and a table in front"),
        (Change(), "changes nothing, so there is nothing to save"),
    ],
)
def test_only_changes_of_weights_are_stored(tmp_path: Path, what: Change, part: str) -> None:
    """Anything else is refused with its reason, and the folder stays as it was."""
    model = tiny_model()
    ledger = stacked(tmp_path, model, seeds=(1,))
    with pytest.raises(BadOption, match=part):
        ledger.stack(model, what, made())
    assert Ledger.open(tmp_path) == ledger


def test_another_model_is_refused(tmp_path: Path) -> None:
    """Its weights hash otherwise, which is said; neither stacking nor taking out happens."""
    ledger, other = stacked(tmp_path, tiny_model()), tiny_model(seed=1)
    for attempt in (
        lambda: ledger.stack(other, change(1), made()),
        lambda: ledger.remove(other, [1]),
        lambda: ledger.check(other),
    ):
        with pytest.raises(
            BadOption, match=f"belong to 'tiny' with the weights .* and this model's are {base_hash(other)}"
        ):
            attempt()
    assert Ledger.open(tmp_path) == ledger


def no_list(folder: Path) -> None:
    """The ledger is gone."""
    (folder / "ledger.json").unlink()


def older(folder: Path) -> None:
    """The ledger is of another schema."""
    told = json.loads((folder / "ledger.json").read_text())
    (folder / "ledger.json").write_text(json.dumps({**told, "schema": 0}))


def cut(folder: Path) -> None:
    """The ledger ends in the middle."""
    text = (folder / "ledger.json").read_text()
    (folder / "ledger.json").write_text(text[: len(text) // 2])


def another(folder: Path) -> None:
    """The ledger is some other file."""
    (folder / "ledger.json").write_text('{"schema": 1, "name": "x"}')


def no_delta(folder: Path) -> None:
    """A delta is gone."""
    (folder / "0002.safetensors").unlink()


def damaged(folder: Path) -> None:
    """A delta has a byte turned."""
    content = bytearray((folder / "0002.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / "0002.safetensors").write_bytes(bytes(content))


def swapped(folder: Path) -> None:
    """A delta has been replaced by another good one."""
    (folder / "0002.safetensors").write_bytes((folder / "0001.safetensors").read_bytes())


@pytest.mark.parametrize(
    ("spoil", "part"),
    [
        (no_list, "there is no ledger.json, so no edits are stored there"),
        (older, "has schema 0, here it is 1"),
        (cut, "ledger.json cannot be read"),
        (another, "is no ledger of edits .*unknown fields"),
        (no_delta, "0002.safetensors is missing, which entry 2 needs"),
        (damaged, "0002.safetensors: no delta can be read there .*changed since it was saved"),
        (swapped, "0002.safetensors belongs on other weights than entry 2 does"),
    ],
)
def test_a_spoilt_folder_is_named(tmp_path: Path, spoil: Callable[[Path], None], part: str) -> None:
    """What is wrong and where is said in one sentence."""
    stacked(tmp_path, tiny_model())
    spoil(tmp_path)
    with pytest.raises(BadOption, match=part) as caught:
        Ledger.open(tmp_path).deltas()
    assert str(tmp_path) in str(caught.value)


def test_a_folder_that_holds_something_is_not_begun_anew(tmp_path: Path) -> None:
    """Neither a ledger nor deltas without one are written over or swept out."""
    model = tiny_model()
    stacked(tmp_path / "one", model)
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "0001.safetensors").write_bytes(b"somebody's")
    for name in ("one", "two"):
        with pytest.raises(BadOption, match="holds edits already"):
            Ledger.create(tmp_path / name, "tiny", model)
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWrite, match="choose another place"):
        Ledger.create(tmp_path / "file" / "edits", "tiny", model)


def test_two_who_write_do_not_lose_an_entry(tmp_path: Path) -> None:
    """Who opened the folder before the other wrote is told to open it again."""
    model = tiny_model()
    mine = stacked(tmp_path, model, seeds=(1,))
    theirs = Ledger.open(tmp_path).stack(model, change(2), made())
    with pytest.raises(BadOption, match="has been changed since it was read"):
        mine.stack(model, change(3), made())
    assert Ledger.open(tmp_path) == theirs
    with pytest.raises(BadOption, match="has no entry 7; it has 1, 2"):
        theirs.remove(model, [7])


def test_the_size_of_a_change_is_that_of_its_sum() -> None:
    """Norms are those of the dense change, whatever parts it has; rank is told where all parts have one."""
    model = tiny_model()
    delta = merged(model, change(1).deltas)
    dense = {n: w - weights(model)[n] for n, w in by_hand(weights(model), (1,)).items()}
    up, down = sizes(delta, model)
    assert [(one.parameter, one.extent) for one in (up, down)] == [
        (UP, "1,536 of 1,536 values"),
        (DOWN, "rank 1"),
    ]
    for one in (up, down):
        assert one.norm == pytest.approx(float(dense[one.parameter].norm()), rel=1e-5)
        assert one.relative == pytest.approx(one.norm / float(weights(model)[one.parameter].norm()), rel=1e-6)
    assert total((up, down)) == pytest.approx((up.norm**2 + down.norm**2) ** 0.5)
    assert [one.relative for one in sizes(delta)] == [None, None]
    few = sparse({UP: ((48, 32), torch.tensor([5, 900, 5]), torch.tensor([1.0, 2.0, 1.0]))}, base="")
    assert [(one.extent, one.norm) for one in sizes(few)] == [("2 of 1,536 values", pytest.approx(8**0.5))]
    with pytest.raises(BadOption, match="lacks nothing"):
        sizes(Delta("", {"nothing": delta.changes[UP]}), model)


def test_tied_weights_are_merged_under_one_name() -> None:
    """Two deltas that call a tied weight by its two names become one change of it, in their order."""
    model = tiny_model("gpt2")
    names = ("transformer.wte.weight", "lm_head.weight")
    shape = model.get_parameter(names[0]).shape
    one, two = (
        low_rank({name: (random(shape[0], 1, seed=n), random(1, shape[1], seed=n + 9))}, base="")
        for n, name in enumerate(names)
    )
    before = weights(model)
    both = merged(model, [one, two])
    [delta] = chained(model, [both]).deltas
    assert len(delta.changes) == 1
    with applied(model, delta):
        together = weights(model)
    with applied(model, one, any_base=True), applied(model, two, any_base=True):
        assert same(together, weights(model))
    assert same(weights(model), before)
    with pytest.raises(BadOption, match="lacks nothing"):
        merged(model, [Delta("", {"nothing": one.changes[names[0]]})])
    with pytest.raises(BadOption, match="no change of weights"):
        merged(model, [])
