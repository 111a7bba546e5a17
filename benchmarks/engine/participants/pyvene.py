"""pyvene: intervenable models around the unmodified transformers model."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from pathlib import Path
from typing import Any

import pyvene
from torch import Tensor

from benchmarks.engine.inputs import Inputs
from benchmarks.engine.participants.common import difference, grid, sample, stored, streams
from benchmarks.work import Uses, Work

UNABLE = {"attribution": "it collects and swaps activations but takes no gradients at them"}


def cache(folder: Path) -> Uses:
    """``CollectIntervention`` on every block's output, around the whole model and around its part below."""
    inputs = Inputs.read(folder)
    model, ids = inputs.open_model(), inputs["ids"]
    layers = list(range(inputs.settings["layers"]))

    def work(part: Any) -> Work:
        collector = _collector(part, layers, ids.shape[1])
        return Work(lambda: _collected(collector, ids, len(layers)), streams)

    # each holds hooks on its model from the start, so the two must not share one
    return {"": work(model), "around the base model": work(inputs.open_model().transformer)}


cache_small = cache


def patch_sweep(folder: Path) -> Uses:
    """``VanillaIntervention`` on a block's input, the clean values given so that no source is run again."""
    inputs = Inputs.read(folder)
    model = inputs.open_model()
    layers, length = list(range(inputs.settings["layers"])), inputs["clean"].shape[1]
    reader = _collector(inputs.open_model().transformer, layers, length, "block_input")
    patchers = {layer: _patcher(model, layer) for layer in inputs.settings["sample_layers"]}

    def source() -> list[Tensor]:
        return _collected(reader, inputs["clean"], len(layers))

    def patched(layer: int, position: int, clean: list[Tensor], **options: Any) -> Tensor:
        patcher = patchers[layer]
        _, out = patcher(
            base={"input_ids": inputs["corrupt"], **options},
            unit_locations={"base": position},
            source_representations={patcher.sorted_keys[0]: clean[layer][:, position : position + 1]},
            use_cache=False,
        )
        return difference(out.logits[:, -1], inputs)

    def sweep(**options: Any) -> list[Tensor]:
        clean = source()
        return [patched(layer, at, clean, **options) for layer, at in grid(inputs)]

    def work(**options: Any) -> Work:
        return sample(lambda: sweep(**options), source, inputs)

    return {"": work(), "logits_to_keep=1": work(logits_to_keep=1)}


def stream(folder: Path) -> Uses:
    """A loop around ``CollectIntervention`` below the head; a collector is for texts of one length."""
    inputs = Inputs.read(folder)
    sites = inputs.settings["sites"]
    collectors: dict[int, Any] = {}
    model = inputs.open_model()

    def read(ids: Tensor) -> list[Tensor]:
        length = ids.shape[1]
        if length not in collectors:
            collectors[length] = _collector(model.transformer, sites, length)
        return _collected(collectors[length], ids, len(sites))

    return {"around the base model": stored(inputs, read)}


def _collector(model: Any, layers: list[int], length: int, component: str = "block_output") -> Any:
    parts = [
        {
            "layer": layer,
            "component": component,
            "unit": "pos",
            # by default 1, and of more positions only that many come back
            "max_number_of_units": length,
            "intervention_type": pyvene.CollectIntervention,
        }
        for layer in layers
    ]
    return pyvene.IntervenableModel(pyvene.IntervenableConfig(parts), model=model)


def _collected(collector: Any, ids: Tensor, count: int) -> list[Tensor]:
    places = {"base": [[list(range(ids.shape[1]))] * len(ids)] * count}
    (_, seen), _ = collector(base={"input_ids": ids}, unit_locations=places, use_cache=False)
    return seen


def _patcher(model: Any, layer: int) -> Any:
    part = {
        "layer": layer,
        "component": "block_input",
        "unit": "pos",
        "max_number_of_units": 1,
        "intervention_type": pyvene.VanillaIntervention,
    }
    return pyvene.IntervenableModel(pyvene.IntervenableConfig([part]), model=model)
