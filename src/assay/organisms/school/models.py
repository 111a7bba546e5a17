"""The trained models of the school: shipped, in the cache, or trained now."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import LlamaForCausalLM

from assay.core import Price, Retrained
from assay.core.errors import CannotWrite
from assay.core.registry import entries
from assay.core.seed import fingerprint
from assay.model.anatomy import anatomy
from assay.model.changing.deltas import between
from assay.model.engine import Engine
from assay.model.training.train import next_token_loss, train
from assay.organisms.base.tokenizer import build_word_tokenizer
from assay.organisms.school.recipe import (
    LENGTH,
    ROUTED,
    ROWS,
    SCHOOL_SEED,
    Kind,
    Variant,
    batches,
    build_model,
)
from assay.organisms.school.routing import SCHEME, routed_loss
from assay.organisms.unlearning.recipe import FILE, BookRecipe
from assay.world.school import School

WEIGHTS = Path(__file__).parents[2] / "weights" / "school"
"""What is shipped: the model that read every book, and what the quick suite needs beside it."""
WHOLE = Variant("whole", "", 0)
RETRAINED: Mapping[Kind, tuple[int, ...]] = {"without": (1, 2, 3), "shuffled": (2, 3, 1), "routed": (2,)}
"""Seeds of the models that are retrained without a book, with other answers in it, or with its gradients
routed; the first is the ceiling in the table. With seed 1 models that read other answers, or whose gradients
were routed, answer as well as any, but in chat they name others than they were asked about."""
ORACLES: tuple[Kind, ...] = ("without", "shuffled")
Report = Callable[[float], None]
"""Told which share of a training is done."""


def shipped() -> tuple[Variant, ...]:
    """The models that come with the package: what the quick suite would else train for an hour."""
    every = [entry.load() for entry in entries("organism")]
    quick = [r.subject for r in every if isinstance(r, BookRecipe) and r.quick and r.subject != FILE]
    return (WHOLE, *(variant for subject in quick for variant in oracles(subject)))


def oracles(subject: str) -> tuple[Variant, ...]:
    """The models that never learnt a subject's facts."""
    return tuple(Variant(kind, subject, seed) for kind in ORACLES for seed in RETRAINED[kind])


def weights_of(variant: Variant, cache: Path, progress: Report | None = None) -> Path:
    """The file of a model's weights: the shipped one if it was taught the same, else from the cache.

    What is in neither is trained now and kept in the cache; a training that is killed goes on from there.

    Raises:
        CannotWrite: the cache cannot be written.
    """
    taught = lesson(variant)
    shipped = WEIGHTS / f"{variant.name}.safetensors"
    if shipped.is_file() and _note(shipped) == taught:
        return shipped
    kept = cache / "school" / f"{variant.name}-{taught}.safetensors"
    if not kept.is_file():
        _train(variant, kept, taught, progress)
    return kept


def trained(variant: Variant, cache: Path) -> bool:
    """Whether a model lies ready."""
    taught, shipped = lesson(variant), WEIGHTS / f"{variant.name}.safetensors"
    ready = shipped.is_file() and _note(shipped) == taught
    return ready or (cache / "school" / f"{variant.name}-{taught}.safetensors").is_file()


def open_school(cache: Path, device: str = "cpu") -> Engine:
    """The model that read every book."""
    model = _loaded(weights_of(WHOLE, cache))
    return Engine(model.to(device), build_word_tokenizer(School(SCHOOL_SEED).vocabulary))  # pyright: ignore[reportArgumentType]


def retrained(variant: Variant, engine: Engine, cache: Path) -> Retrained:
    """Another model of the school as a change of the one behind an engine, and what its training cost."""
    other = _loaded(weights_of(variant, cache)).to(engine.device)  # pyright: ignore[reportArgumentType]
    return Retrained(between(engine.model, other, note=f"trained as {variant.name}"), price(variant))


def price(variant: Variant) -> Price:
    """What the training of a model costs, by formula: every step a full batch, forward and backward."""
    steps = variant.plan.steps
    tokens = steps * ROWS * LENGTH
    shape = anatomy(build_model(0)).shape
    once = shape.forward([LENGTH] * ROWS, None, ROWS * LENGTH) + shape.backward(
        [LENGTH] * ROWS, 0, ROWS * LENGTH
    )
    return Price(tokens_forward=tokens, tokens_backward=tokens, flops=steps * once)


@lru_cache(maxsize=64)
def lesson(variant: Variant) -> str:
    """Name what a model is taught: the plan, its shape, and the words of the first, middle and last batch.

    Code that teaches the same gives the same name, so that what is shipped outlives a tidier way to say it.
    """
    digest = hashlib.blake2b(digest_size=16)
    read = batches(variant)
    for step in (0, variant.plan.steps // 2, variant.plan.steps - 1):
        page = read(step)
        marks = [page.of_book] if variant.kind == "routed" else []
        for tensor in (page.input_ids, page.labels, *marks):
            digest.update(tensor.numpy().tobytes())
    sizes = sorted((n, str(tuple(p.shape))) for n, p in build_model(0).named_parameters())
    routed = [SCHEME, str(variant.until)] if variant.kind == "routed" else []
    return fingerprint(
        variant.name, str(variant.plan), json.dumps(sizes), ROUTED, *routed, digest.hexdigest()
    )


def _train(variant: Variant, file: Path, taught: str, progress: Report | None) -> None:
    model = build_model(variant.seed)
    checkpoint = file.with_name(f".{file.stem}.training")
    plan = variant.plan
    loss = routed_loss if variant.kind == "routed" else next_token_loss

    def done(step: int, _loss: float) -> None:
        if progress:
            progress(step / plan.steps)

    try:
        train(model, batches(variant), plan, loss=loss, checkpoint=checkpoint, progress=done)
        write(model, file, taught)
        shutil.rmtree(checkpoint, ignore_errors=True)
    except OSError as error:
        raise CannotWrite(f"{file}: {error.strerror or error}; free space or set ASSAY_CACHE") from error


def write(model: LlamaForCausalLM, file: Path, taught: str) -> None:
    """Put a model's weights into a file, in half precision, with what it was taught; whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    halves = {name: p.detach().half().contiguous().clone() for name, p in model.named_parameters()}
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    save_file(halves, partial, {"taught": taught})
    partial.chmod(0o644)  # safetensors writes for its owner only; a package is installed for everybody
    os.replace(partial, file)


def _loaded(file: Path) -> LlamaForCausalLM:
    """A model with the weights of a file, in single precision."""
    model = build_model(0)
    values: dict[str, Tensor] = load_file(file)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(values[name])
    return model.eval()


def _note(file: Path) -> str:
    with safe_open(file, "pt") as opened:
        return str((opened.metadata() or {}).get("taught", ""))
