"""What both generations of transformer-lens are asked in the same words."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from typing import Any

import pandas as pd
from torch import Tensor
from transformer_lens import patching

from benchmarks.engine.inputs import Inputs
from benchmarks.engine.participants.common import difference, grid, sample, stored, streams
from benchmarks.work import Uses, Work


def cached(model: Any, inputs: Inputs) -> Uses:
    """``run_with_cache``, and the same with ``stop_at_layer`` behind the last block: without the head."""
    names = [f"blocks.{layer}.hook_resid_post" for layer in range(inputs.settings["layers"])]

    def work(**options: Any) -> Work:
        return Work(lambda: read(model, inputs["ids"], names, **options), streams)

    return {"": work(), "stop_at_layer": work(stop_at_layer=len(names))}


def read(model: Any, ids: Tensor, names: list[str], **options: Any) -> list[Tensor]:
    """The values of some hook points."""
    _, cache = model.run_with_cache(
        ids, names_filter=set(names).__contains__, return_cache_object=False, **options
    )
    return [cache[name] for name in names]


def swept(model: Any, inputs: Inputs) -> Uses:
    """``patching.get_act_patch_resid_pre``, and by hand with ``start_at_layer`` from the corrupted stream."""
    patching.tqdm = lambda items, **_: items
    places = grid(inputs)
    frame = pd.DataFrame(places, columns=["layer", "pos"])
    names = [f"blocks.{layer}.hook_resid_pre" for layer in range(inputs.settings["layers"])]
    is_wanted = set(names).__contains__

    def source() -> Any:
        return model.run_with_cache(inputs["clean"], names_filter=is_wanted)[1]

    def documented() -> list[Tensor]:
        found: list[Tensor] = []

        def metric(logits: Tensor) -> Tensor:
            found.append(difference(logits[:, -1], inputs))
            return found[-1].mean()

        options: dict[str, Any] = {"index_axis_names": None, "index_df": frame}
        patching.get_act_patch_resid_pre(model, inputs["corrupt"], source(), metric, **options)
        return found

    def both() -> tuple[list[Tensor], list[Tensor]]:
        clean, corrupt = (read(model, inputs[name], names) for name in ("clean", "corrupt"))
        return clean, corrupt

    def started() -> list[Tensor]:
        clean, corrupt = both()
        found: list[Tensor] = []
        for layer, position in places:
            stream = corrupt[layer].clone()
            stream[:, position] = clean[layer][:, position]
            found.append(difference(model(stream, start_at_layer=layer)[:, -1], inputs))
        return found

    return {
        "": sample(documented, source, inputs),
        "start_at_layer": sample(started, both, inputs),
    }


def streamed(model: Any, inputs: Inputs) -> Uses:
    """The stream after some blocks, batch by batch to the disk, each pass ending at the last of them."""
    names = [f"blocks.{site}.hook_resid_post" for site in inputs.settings["sites"]]
    end = inputs.settings["sites"][-1] + 1
    return {"stop_at_layer": stored(inputs, lambda ids: read(model, ids, names, stop_at_layer=end))}
