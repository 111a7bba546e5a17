"""A layout for a family that nobody has described: guessed from names and shapes, then proved by running."""

from collections.abc import Iterator

from torch import nn

from assay.core.errors import NotApplicable
from assay.model.sites.families.layout import Layout, Spot, enters, leaves

_MATRICES = {"q": ("q_proj", "query", "q"), "k": ("k_proj", "key", "k"), "v": ("v_proj", "value", "v")}


def guess(model_type: str, trunk: nn.Module, block: nn.Module, width: int) -> Layout:
    """Attention and MLP by what they are called, their output matrices by shape.

    The output matrix of a half is its last one that writes `width` numbers, as many as the residual stream
    has. What cannot be told apart (queries, keys and values in one matrix) is left out.

    Raises:
        NotApplicable: no norm after the blocks, no attention, or no MLP; says what to write.
    """
    norm = _last_norm(trunk)
    attention = _child(block, "attention", "attn")
    mlp = _mlp(block, width)
    out = _matrices(block, attention, width)[-1:] if attention else []
    if not (norm and attention and mlp and out):
        raise NotApplicable(
            f"the blocks of '{model_type}' ({type(block).__name__}) have parts that were not recognised; "
            "add a file to assay/model/sites/families that says where its sites lie (llama.py is an example)"
        )
    sites = {
        "attn_in": enters(attention),
        **_queries(block, attention),
        "z": enters(out[0]),
        "attn_out": leaves(attention),
        **mlp,
    }
    return Layout(sites, norm, families=(model_type,))


def _last_norm(trunk: nn.Module) -> str | None:
    """The last norm that lies in no numbered block."""
    outside = {
        path: part
        for path, part in trunk.named_modules()
        if not any(name.isdecimal() for name in path.split("."))
    }
    norms = [path for path, part in outside.items() if "norm" in f"{path} {type(part).__name__}".lower()]
    return norms[-1] if norms else None


def _child(parent: nn.Module, *words: str) -> str | None:
    """The last child, not a norm, whose name or class holds one of the words."""
    called = {name: f"{name} {type(part).__name__}".lower() for name, part in parent.named_children()}
    fits = [name for name, text in called.items() if any(w in text for w in words) and "norm" not in text]
    return fits[-1] if fits else None


def _mlp(block: nn.Module, width: int) -> dict[str, Spot]:
    name = _child(block, "mlp", "feed_forward", "feedforward", "ffn")
    if not name:
        return {}
    # fused experts have three axes and no modules of their own; the matrix beside them is their router's
    fused = any(weight.ndim > 2 for weight in block.get_submodule(name).parameters())
    down = [] if fused else _matrices(block, name, width)[-1:]
    hidden = {"mlp_hidden": enters(down[0])} if down else {}
    return {"mlp_in": enters(name), **hidden, "mlp_out": leaves(name)}


def _matrices(block: nn.Module, path: str, width: int | None = None) -> list[str]:
    """Paths of the matrices below a part of a block, those of one width only if that is given."""
    return [
        f"{path}.{name}".strip(".")
        for name, weight in _weights(block.get_submodule(path))
        if width is None or width in weight
    ]


def _weights(module: nn.Module) -> Iterator[tuple[str, tuple[int, ...]]]:
    for name, part in module.named_modules():
        weight = dict(part.named_parameters(recurse=False)).get("weight")
        if weight is not None and weight.ndim == 2:
            yield name, tuple(weight.shape)


def _queries(block: nn.Module, attention: str) -> dict[str, Spot]:
    named = {path.rpartition(".")[2]: path for path in _matrices(block, attention)}
    found = {
        kind: next((named[name] for name in names if name in named), None)
        for kind, names in _MATRICES.items()
    }
    return {kind: leaves(path) for kind, path in found.items() if path} if all(found.values()) else {}
