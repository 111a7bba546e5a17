"""Edited models as folders that any program can load, with the ledger of their edits inside."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

from assay.core.errors import BadOption, CannotWrite
from assay.model.changing.applying import applied
from assay.model.changing.parameters import base_hash
from assay.model.engine import Engine
from assay.techniques.edits.ledger import Ledger
from assay.techniques.edits.ledger_file import NAME, write_book

INSIDE = "assay_edits"
"""The folder of the ledger within that of the model."""


def write_model(ledger: Ledger, engine: Engine, out: Path) -> Ledger:
    """Write a model with all edits on as a Hugging Face folder, whole or not at all.

    The engine, which must hold the unedited model, is as it was afterwards. The folder holds safetensors, the
    tokenizer, and a copy of the ledger that knows the hash of the weights beside it.

    Raises:
        BadOption: the model is not the ledger's base, a delta is damaged, or the folder is not empty.
        CannotWrite: the folder cannot be written.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadOption(f"{out} is there already and is not empty; choose another folder")
    ledger.check(engine)
    deltas = ledger.deltas()
    partial = out.with_name(f".{out.name}.{os.getpid()}.partial")
    try:
        inside = partial / INSIDE
        inside.mkdir(parents=True)
        with applied(engine, *deltas, any_base=True):
            engine.model.save_pretrained(partial)
            written = base_hash(engine)
        engine.tokenizer.save_pretrained(partial)
        for entry in ledger.entries:
            shutil.copyfile(ledger.folder / entry.file, inside / entry.file)
        write_book(inside, replace(ledger.book, written=written))
        partial.replace(out)
    except OSError as error:
        raise CannotWrite(
            f"{out} cannot be written ({error.strerror or error}); choose another place"
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Ledger.open(out / INSIDE)


def find_ledger(folder: Path) -> Ledger:
    """The ledger in a folder of edits, or inside that of an edited model; raises what ``open`` raises."""
    within = folder / INSIDE
    return Ledger.open(within if not (folder / NAME).exists() and (within / NAME).exists() else folder)


def check_written(ledger: Ledger, engine: Engine) -> None:
    """Raise ``BadOption`` unless an edited model has the weights that were written with the ledger inside."""
    if (found := base_hash(engine)) != ledger.book.written:
        raise BadOption(
            f"{ledger.folder} does not describe the model that it lies in: the weights written were "
            f"{ledger.book.written or 'others'}, and these are {found}. One of the two was changed since; "
            "write the model again with 'assay edits --write'"
        )
