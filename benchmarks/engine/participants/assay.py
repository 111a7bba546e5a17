"""Assay as its user would write it."""

from pathlib import Path
from typing import Any

from torch import Tensor

from assay.model import Engine, load
from assay.model.attribution.attribute import Attribution, attribute
from assay.model.patching.effects import logit_difference
from assay.model.patching.patch import Sweep, patch
from assay.model.reading.read import Reading, read
from assay.model.reading.store import Store
from assay.model.reading.store import stream as streamed
from assay.model.tokens import Tokens
from benchmarks.engine.inputs import Inputs, words
from benchmarks.engine.participants.common import fresh_folders, scores, some_rows, streams
from benchmarks.work import Compared, Uses, Work


def cache(folder: Path) -> Uses:
    """``read`` of every ``resid_post``."""
    inputs, engine = _opened(folder)
    tokens, sites = _tokens(inputs["ids"]), _sites("resid_post", inputs)
    return {"": Work(lambda: read(engine, tokens, sites), lambda seen: streams([seen[s] for s in sites]))}


cache_small = cache


def cache_logits(folder: Path) -> Uses:
    """The same with ``logits``."""
    inputs, engine = _opened(folder)
    tokens, sites = _tokens(inputs["ids"]), _sites("resid_post", inputs)

    def compared(seen: Reading) -> Compared:
        return {**streams([seen[site] for site in sites]), "logits": seen["logits"]}

    return {"": Work(lambda: read(engine, tokens, [*sites, "logits"]), compared)}


def patch_sweep(folder: Path) -> Uses:
    """``read`` the clean texts, ``patch`` the corrupted ones."""
    inputs, engine = _opened(folder)
    clean, corrupt = _tokens(inputs["clean"]), _tokens(inputs["corrupt"])
    everywhere = _sites("resid_pre", inputs)
    layers, positions = inputs.settings["sample_layers"], inputs.settings["sample_positions"]
    effect = logit_difference(inputs["right"], inputs["wrong"])

    def sweep(positions: list[int]) -> Sweep:
        return patch(engine, corrupt, read(engine, clean, everywhere), everywhere, positions, effect)

    return {
        "": Work(
            # layers of one position are done together, so all are done, and the sample is of positions
            lambda: sweep(positions),
            lambda found: {"patched": found.patched[layers]},
            # no position at all leaves what a sweep does once: the source and the base run
            lambda: sweep([]),
            inputs["clean"].shape[1] / len(positions),
        )
    }


def attribution(folder: Path) -> Uses:
    """``read`` the clean texts, ``attribute`` on the corrupted ones."""
    inputs, engine = _opened(folder)
    clean, corrupt = _tokens(inputs["clean"]), _tokens(inputs["corrupt"])
    zs, outs = _sites("z", inputs), _sites("mlp_out", inputs)
    effect = logit_difference(inputs["right"], inputs["wrong"])

    def run() -> Attribution:
        return attribute(engine, corrupt, [*zs, *outs], effect, read(engine, clean, [*zs, *outs]))

    def compared(found: Any) -> Compared:
        by_name = {str(site): value for site, value in found.items()}
        return scores([by_name[site] for site in zs], [by_name[site] for site in outs])

    return {"": Work(run, compared)}


def stream(folder: Path) -> Uses:
    """``stream`` from texts, tokenizing included."""
    inputs, engine = _opened(folder)
    lengths = inputs["lengths"].tolist()
    texts = [words(ids[:length]) for ids, length in zip(inputs["ids"], lengths, strict=True)]
    layers, fresh = inputs.settings["sites"], fresh_folders(inputs)
    sites = [f"resid_post.{layer}" for layer in layers]

    def run() -> Store:
        return streamed(engine, texts, sites, fresh() / "store")

    def compared(store: Store) -> Compared:
        return {str(layer): some_rows(store[site].values) for layer, site in zip(layers, sites, strict=True)}

    return {"": Work(run, compared)}


def _opened(folder: Path) -> tuple[Inputs, Engine]:
    inputs = Inputs.read(folder)
    return inputs, load(inputs.model, device="cpu", dtype="float32")


def _tokens(ids: Tensor) -> Tokens:
    return Tokens.of(ids.tolist())


def _sites(kind: str, inputs: Inputs) -> list[str]:
    return [f"{kind}.{layer}" for layer in range(inputs.settings["layers"])]
