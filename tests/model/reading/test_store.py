"""Stored activations: what is on the disk is what the model computed, whatever happened on the way there."""

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from assay.core.errors import BadOption, CannotWrite, ContextExceeded, OldSchema, StoreError
from assay.model import Engine
from assay.model.changing.change import add
from assay.model.changing.change import changed as changing
from assay.model.reading.read import read
from assay.model.reading.store import Activations, Store, stream
from tests.model.tiny import TEXTS, piece_tokenizer, tiny_engine, tiny_model, word_tokenizer

SITES = ["resid_pre.0", "z.1", "mlp_hidden.1", "resid_post.2", "k.0.1"]
STREAM = ["resid_pre.1", "resid_post.2"]
MANY = [text for n in range(40) for text in (TEXTS[n % 5], TEXTS[n % 3])]
"""80 texts in an order that does not repeat every few."""


@pytest.fixture
def engine() -> Engine:
    """A random model whose passes are so small that a corpus takes several parts."""
    engine = tiny_engine()
    engine.batch_tokens = 2
    return engine


def literal(engine: Engine, texts: list[str], site: str, skip: int = 1) -> torch.Tensor:
    """The slow twin: each text alone, its rows one after the other, the beginning token left out."""
    return torch.cat([read(engine, engine.tokens([text]), [site])[site][0, skip:] for text in texts])


def everything(rows: Activations) -> torch.Tensor:
    """All rows in the order of the file."""
    return rows.rows(range(len(rows)))


def content(folder: Path) -> dict[str, bytes]:
    """Every file of a store."""
    return {file.name: file.read_bytes() for file in folder.iterdir()}


class Killed(Exception):
    """Stands for whatever ended a run."""


def killer(after: int) -> Callable[[int, int], None]:
    """A progress callback that ends the run when so many parts are stored."""
    left = [None] * after

    def progress(done: int, of: int) -> None:
        left.pop()
        if not left:
            raise Killed

    return progress


@pytest.mark.parametrize("family", ["gpt2", "gpt_neox", "llama", "gemma2", "phi3"])
@pytest.mark.parametrize("batch_tokens", [2, 24])
def test_rows_are_what_is_read(family: str, batch_tokens: int, tmp_path: Path) -> None:
    """In several families each stored row is that of the text read alone, in ragged batches too."""
    engine = tiny_engine(family)
    engine.batch_tokens = batch_tokens
    store = stream(engine, TEXTS, SITES, tmp_path / "store")
    assert len(store) == sum(engine.lengths(TEXTS)) - len(TEXTS)
    for site in SITES:
        expected = literal(engine, TEXTS, site)
        assert len(store[site]) == len(expected) == len(store)
        torch.testing.assert_close(everything(store[site]), expected, rtol=1e-4, atol=1e-5)


def test_texts_alone_are_stored_to_the_bit(engine: Engine, tmp_path: Path) -> None:
    """Where every text goes alone, the disk holds what the model computed, to be read in any order."""
    store = stream(engine, TEXTS, SITES, tmp_path)
    for site in SITES:
        expected = literal(engine, TEXTS, site)
        assert torch.equal(everything(store[site]), expected)
        assert torch.equal(store[site].rows([5, 0, 5]), expected[[5, 0, 5]])


def test_tokens_put_in_front_have_no_rows_unless_asked_for(engine: Engine, tmp_path: Path) -> None:
    """The beginning token is left out by default, and its rows stand where they belong if it is wanted."""
    without = stream(engine, TEXTS, ["embed"], tmp_path / "without")
    beginning = literal(engine, ["cat"], "embed", skip=0)[0]
    assert not (everything(without["embed"]) == beginning).all(-1).any()
    whole = stream(engine, TEXTS, ["embed"], tmp_path / "with", with_prefix=True)
    assert torch.equal(everything(whole["embed"]), literal(engine, TEXTS, "embed", skip=0))


def test_nothing_is_left_out_where_nothing_is_put_in_front(tmp_path: Path) -> None:
    """A tokenizer without a beginning token keeps every token, whatever is said about the prefix."""
    engine = Engine(tiny_model(vocab_size=48, max_position_embeddings=60), piece_tokenizer(beginning=False))
    store = stream(engine, TEXTS, STREAM, tmp_path)
    assert len(store) == sum(engine.lengths(TEXTS))
    assert len(stream(engine, TEXTS, STREAM, tmp_path, with_prefix=True)) == len(store)


def test_changes_reach_the_rows_of_their_texts(engine: Engine, tmp_path: Path) -> None:
    """One vector per text arrives at that text, in whatever part and batch it is read."""
    engine.batch_tokens = 24  # parts of 1536 rows
    plain = stream(engine, MANY * 8, ["resid_post.0"], tmp_path / "plain")
    vectors = torch.randn(8 * len(MANY), 32, generator=torch.Generator().manual_seed(0))
    with changing(engine, add("resid_post.0", vectors, at=slice(-1, None))):
        changed = stream(engine, MANY * 8, ["resid_post.0"], tmp_path / "changed")
    assert len(plain) > 5000
    difference = everything(changed["resid_post.0"]) - everything(plain["resid_post.0"])
    texts = plain.places(range(len(plain)))[:, 0]
    last = torch.cat([texts[1:] != texts[:-1], torch.tensor([True])])
    torch.testing.assert_close(difference, vectors[texts] * last[:, None], rtol=1e-4, atol=1e-4)


def test_bfloat16_rounds_and_takes_half_the_bytes(engine: Engine, tmp_path: Path) -> None:
    """Each number is the nearest bfloat16, in two bytes."""
    store = stream(engine, MANY, SITES, tmp_path, dtype="bfloat16")
    for site in SITES:
        expected = literal(engine, MANY, site).to(torch.bfloat16)
        assert torch.equal(everything(store[site]), expected)
        assert (tmp_path / f"{site}.bin").stat().st_size == 2 * expected.numel()


@pytest.mark.parametrize("after", [1, 3])
def test_a_run_killed_between_parts_ends_the_same(engine: Engine, after: int, tmp_path: Path) -> None:
    """What was stored is not computed again, and every file is that of an undisturbed run."""
    undisturbed: list[int] = []
    stream(engine, MANY, SITES, tmp_path / "whole", progress=lambda done, of: undisturbed.append(done))
    with pytest.raises(Killed):
        stream(engine, MANY, SITES, tmp_path / "killed", progress=killer(after))
    rest: list[int] = []
    engine.batch_tokens = 512  # the run goes on with the batches that it began with
    stream(engine, MANY, SITES, tmp_path / "killed", progress=lambda done, of: rest.append(done))
    assert len(undisturbed) > after + 1
    assert rest == undisturbed[after:]
    assert content(tmp_path / "killed") == content(tmp_path / "whole")


def test_a_run_killed_inside_a_part_ends_the_same(engine: Engine, tmp_path: Path) -> None:
    """A part that was half written when the run ended is written anew."""
    stream(engine, MANY, SITES, tmp_path / "whole")
    passes: list[int] = []

    def die(*_: Any) -> None:
        passes.append(1)
        if len(passes) == 30:
            raise Killed

    hook = engine.body.parts.blocks[0].register_forward_hook(die)
    with pytest.raises(Killed):
        stream(engine, MANY, SITES, tmp_path / "killed")
    hook.remove()
    stream(engine, MANY, SITES, tmp_path / "killed")
    assert content(tmp_path / "killed") == content(tmp_path / "whole")


def test_a_run_killed_before_its_first_record_starts_anew(engine: Engine, tmp_path: Path) -> None:
    """Files without a description, of whatever size, are written over."""
    stream(engine, MANY, STREAM, tmp_path / "whole")
    (tmp_path / "killed").mkdir()
    (tmp_path / "killed" / "resid_pre.1.bin").write_bytes(b"x" * 10**6)
    stream(engine, MANY, STREAM, tmp_path / "killed")
    assert content(tmp_path / "killed") == content(tmp_path / "whole")


def test_progress_tells_texts_that_are_on_the_disk(engine: Engine, tmp_path: Path) -> None:
    """Numbers rise to that of all texts, and the manifest already says so when the callback hears it."""
    heard: list[tuple[int, int, int]] = []

    def progress(done: int, of: int) -> None:
        heard.append((done, of, json.loads((tmp_path / "store.json").read_text())["done"]))

    stream(engine, MANY, STREAM, tmp_path, progress=progress)
    assert [done for done, _, _ in heard] == sorted({done for done, _, _ in heard})
    assert heard[-1] == (len(MANY), len(MANY), len(MANY))
    assert all(done == recorded for done, _, recorded in heard)


def test_a_finished_store_runs_no_pass_again(engine: Engine, tmp_path: Path) -> None:
    """The same call on a finished folder opens it; the order of the sites does not matter."""
    before = content(stream(engine, TEXTS, STREAM, tmp_path).folder)
    again = stream(engine, TEXTS, STREAM[::-1], tmp_path, progress=killer(1))
    assert content(again.folder) == before


def test_a_half_written_store_is_not_opened(engine: Engine, tmp_path: Path) -> None:
    """It says how far it came and how to finish it."""
    with pytest.raises(Killed):
        stream(engine, MANY, STREAM, tmp_path, progress=killer(1))
    with pytest.raises(StoreError, match=r"is half-written \(\d+ of 80 texts\); call stream again as before"):
        Store.open(tmp_path)


@pytest.mark.parametrize("finished", [True, False])
def test_a_store_of_something_else_is_refused(engine: Engine, finished: bool, tmp_path: Path) -> None:
    """Another model, texts, sites, dtype or choice of tokens is named, finished or not; nothing changes."""
    if finished:
        stream(engine, MANY, STREAM, tmp_path)
    else:
        with pytest.raises(Killed):
            stream(engine, MANY, STREAM, tmp_path, progress=killer(1))
    before = content(tmp_path)
    edited = tiny_engine()
    with torch.no_grad():
        edited.model.lm_head.weight[3, 4] += 1e-3  # a single number, in a part that no stored site sees
    bent = tiny_engine(rms_norm_eps=1e-3)  # the same weights
    joined = [f"{MANY[0]} {MANY[1]}", "", *MANY[2:]]  # the same tokens, cut elsewhere
    cases: list[tuple[str, Engine, list[str], list[str], dict[str, Any]]] = [
        ("model", edited, MANY, STREAM, {}),
        ("model", bent, MANY, STREAM, {}),
        ("texts", engine, [*MANY[:-1], MANY[-1].replace("cat", "dog")], STREAM, {}),
        ("texts", engine, joined, STREAM, {}),
        ("sites", engine, MANY, STREAM[:1], {}),
        ("dtype", engine, MANY, STREAM, {"dtype": "bfloat16"}),
        ("texts, prefix", engine, MANY, STREAM, {"with_prefix": True}),
        ("model, texts", edited, TEXTS, STREAM, {}),
    ]
    for what, other, texts, sites, options in cases:
        with pytest.raises(BadOption, match=rf"was made with other {what}; use another folder"):
            stream(other, texts, sites, tmp_path, **options)
    assert content(tmp_path) == before


def test_a_model_is_known_again_after_saving_and_loading(engine: Engine, tmp_path: Path) -> None:
    """A run may be finished by another process, which has the model from elsewhere."""
    with pytest.raises(Killed):
        stream(engine, MANY, STREAM, tmp_path / "store", progress=killer(1))
    engine.model.save_pretrained(tmp_path / "model")
    loaded = Engine(AutoModelForCausalLM.from_pretrained(tmp_path / "model"), word_tokenizer())
    store = stream(loaded, MANY, STREAM, tmp_path / "store")
    assert torch.equal(everything(store[STREAM[0]]), literal(engine, MANY, STREAM[0]))


def test_damage_is_named(engine: Engine, tmp_path: Path) -> None:
    """A lost, cut or unreadable file, and one of another version, each get one sentence."""
    with pytest.raises(StoreError, match=r"none holds no whole store .*; make one with stream"):
        Store.open(tmp_path / "none")
    stream(engine, TEXTS, STREAM, tmp_path / "good")

    def damaged(name: str, change: Callable[[Path], object]) -> Path:
        folder = tmp_path / "bad"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(tmp_path / "good", folder)
        change(folder / name)
        return folder

    def of_another_version(file: Path) -> None:
        file.write_text(file.read_text().replace('"schema":1', '"schema":7'))

    cases: list[tuple[str, Callable[[Path], object], type[StoreError], str]] = [
        ("resid_pre.1.bin", Path.unlink, StoreError, "no whole store .*resid_pre.1.bin"),
        (
            "resid_pre.1.bin",
            lambda file: os.truncate(file, 100),
            StoreError,
            "resid_pre.1.bin has lost a part",
        ),
        ("starts.bin", lambda file: os.truncate(file, 8), StoreError, "starts.bin has lost a part"),
        ("store.json", lambda file: file.write_text("{"), StoreError, "no whole store"),
        ("store.json", lambda file: file.write_text("[]"), StoreError, "no whole store"),
        ("store.json", of_another_version, OldSchema, "schema 7, not 1"),
    ]
    for name, change, kind, words in cases:
        with pytest.raises(kind, match=words):
            Store.open(damaged(name, change))
        with pytest.raises(kind, match=words):
            stream(engine, TEXTS, STREAM, damaged(name, change))


def test_a_folder_that_cannot_be_written_is_named(engine: Engine, tmp_path: Path) -> None:
    """One sentence for a folder that is a file."""
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWrite, match=r"cannot write .*file: .*; make room or choose another folder"):
        stream(engine, TEXTS, STREAM, tmp_path / "file")


def test_a_disk_without_room_is_found_out_before_the_first_pass(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The room for all rows is taken first; if it is not there, what was taken is given back."""
    asked: list[int] = []

    def full(descriptor: int, offset: int, size: int) -> None:
        asked.append(size)
        if len(asked) == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("assay.model.reading.store.sys.platform", "linux")
    monkeypatch.setattr("assay.model.reading.store.os.posix_fallocate", full, raising=False)
    with pytest.raises(CannotWrite, match="No space left on device; make room"):
        stream(engine, TEXTS, STREAM, tmp_path, progress=killer(1))
    assert not list(tmp_path.iterdir())
    rows = sum(engine.lengths(TEXTS)) - len(TEXTS)
    assert asked == [8 * (len(TEXTS) + 1), 4 * 32 * rows, 4 * 32 * rows]


def test_a_disk_that_fails_while_writing_is_named(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fails when a part is brought to the disk is told in a sentence, and the run can go on later."""

    def fail(_: Any) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as broken:
        broken.setattr(np.memmap, "flush", fail)
        with pytest.raises(CannotWrite, match=r"Input/output error; make room"):
            stream(engine, TEXTS, STREAM, tmp_path)
    assert len(stream(engine, TEXTS, STREAM, tmp_path)["resid_pre.1"]) > 0


def test_what_cannot_be_stored_is_named(engine: Engine, tmp_path: Path) -> None:
    """Wrong sites, dtypes and texts get one sentence each, and no folder is made."""
    cases: list[tuple[str, Any, list[str], dict[str, Any]]] = [
        ("names no site", TEXTS, ["residual.1"], {}),
        ("L from 0 to 2", TEXTS, ["mlp_out.7"], {}),
        ("at least one site", TEXTS, [], {}),
        ("no pattern", TEXTS, ["pattern.0"], {}),
        ("dtype 'float16'", TEXTS, STREAM, {"dtype": "float16"}),
        ("no token to store", ["", ""], STREAM, {}),
        ("no tokens: give at least one text", [], STREAM, {}),
        ("got one string", "the cat", STREAM, {}),
    ]
    for words, texts, sites, options in cases:
        with pytest.raises(BadOption, match=words):
            stream(engine, texts, sites, tmp_path / "store", **options)
    with pytest.raises(ContextExceeded, match=r"texts\[256:512\]: text 4 .*41 tokens"):
        stream(engine, ["cat"] * 260 + ["cat " * 40], STREAM, tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_texts_without_rows_leave_no_gap(tmp_path: Path) -> None:
    """Empty texts in front of, between and behind texts longer than a part have no rows but their number."""
    engine = tiny_engine(max_position_embeddings=200)
    engine.batch_tokens = 1  # parts of 64 rows
    texts = ["", "", *["cat " * 150, "", "dog sat"] * 3, "cat " * 150, "", ""]
    store = stream(engine, texts, STREAM, tmp_path)
    assert torch.equal(everything(store[STREAM[1]]), literal(engine, [t for t in texts if t], STREAM[1]))
    counts = torch.bincount(store.places(range(len(store)))[:, 0], minlength=len(texts))
    assert counts.tolist() == [0, 0, *[150, 0, 2] * 3, 150, 0, 0]


@pytest.mark.parametrize("with_prefix", [False, True])
def test_rows_lead_back_to_texts_and_tokens(engine: Engine, with_prefix: bool, tmp_path: Path) -> None:
    """A row's place names the token whose embedding it holds, counted as the engine counts."""
    store = stream(engine, MANY, ["embed"], tmp_path, with_prefix=with_prefix)
    ids = engine.encode(MANY)
    rows = torch.randperm(len(store), generator=torch.Generator().manual_seed(0))
    tokens = [ids[text][position] for text, position in store.places(rows).tolist()]
    assert torch.equal(store["embed"].rows(rows), engine.body.parts.embedding[tokens])
    in_order = store.places(range(len(store))).tolist()
    assert in_order == sorted(in_order)
    assert len({tuple(place) for place in in_order}) == len(store)


def test_shuffled_gives_every_row_once_in_an_order_of_the_seed(engine: Engine, tmp_path: Path) -> None:
    """One epoch holds the rows of the file, no more and no less; a seed gives the same batches again."""
    engine.batch_tokens = 512
    rows = stream(engine, MANY, STREAM, tmp_path)["resid_post.2"]
    first, again, other = ([*rows.shuffled(64, seed)] for seed in (3, 3, 4))
    assert [len(batch) for batch in first] == [64] * (len(rows) // 64) + [len(rows) % 64]
    assert all(map(torch.equal, first, again))
    assert not all(map(torch.equal, first, other))
    assert sorted(torch.cat(first).tolist()) == sorted(everything(rows).tolist())
    numbered = Activations(np.arange(1000, dtype=np.float32)[:, None])
    drawn = torch.cat([*numbered.shuffled(64, 0)])[:, 0]
    assert sorted(drawn.tolist()) == list(range(1000))
    assert float((drawn[:64] > 500).float().mean()) > 0.25  # a batch comes from everywhere


def test_wrong_rows_batches_and_sites_are_named(engine: Engine, tmp_path: Path) -> None:
    """Reading what is not there gets one sentence."""
    store = stream(engine, TEXTS, STREAM, tmp_path)
    for wrong in (-1, len(store)):
        with pytest.raises(
            BadOption, match=rf"row {wrong} is not stored; rows are numbered 0 to {len(store) - 1}"
        ):
            store[STREAM[0]].rows([0, wrong])
        with pytest.raises(BadOption, match=rf"row {wrong} is not stored"):
            store.places([wrong])
    with pytest.raises(BadOption, match="batches of 0 rows"):
        store[STREAM[0]].shuffled(0, seed=0)
    with pytest.raises(BadOption, match=r"embed is not in .*; stored are resid_post.2, resid_pre.1"):
        store["embed"]
    assert store[STREAM[0]].rows([]).shape == (0, 32)
