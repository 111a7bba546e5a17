"""Dictionaries in the format of SAELens: ``cfg.json`` and ``sae_weights.safetensors`` in one folder.

Public dictionaries load from a folder, or from the hub as ``owner/repository:folder``; ours load there.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from assay.core.errors import BadOption, CannotWrite, NotApplicable, StoreError
from assay.techniques.dictionaries.dictionary import Dictionary
from assay.techniques.dictionaries.rules import Above, Gate, KeepLargest, Rule

CONFIG, WEIGHTS = "cfg.json", "sae_weights.safetensors"
_FORMAT = "6.0.0"
"""The version from which settings of the language model stand under ``metadata``."""
_HOOKS = {
    "resid_pre": "hook_resid_pre",
    "resid_mid": "hook_resid_mid",
    "resid_post": "hook_resid_post",
    "attn_out": "hook_attn_out",
    "mlp_out": "hook_mlp_out",
    "mlp_hidden": "mlp.hook_post",
    "z": "attn.hook_z",
}
"""Our kinds of site and theirs, ``blocks.LAYER.`` in front."""
_OFF = 1.5
"""A dictionary whose rows have so many times more latents on than it says, or fewer, was read wrongly."""

Parts = dict[str, Tensor]


def save(dictionary: Dictionary, folder: Path | str, *, l0: float, model: str = "", site: str = "") -> None:
    """Write a dictionary, and how many latents are on in a row of activations, which ``load`` checks.

    Raises:
        CannotWrite: the folder cannot be written.
    """
    folder, rule = Path(folder), dictionary.rule
    own = _WRITTEN[type(rule)](rule)
    config = {
        "d_in": dictionary.width,
        "d_sae": dictionary.latents,
        "dtype": str(dictionary.encoder.dtype).removeprefix("torch."),
        "device": "cpu",
        "apply_b_dec_to_input": True,
        "normalize_activations": "none",
        "reshape_activations": "none",
        "metadata": {
            "sae_lens_version": _FORMAT,
            "model_name": model,
            "hook_name": hook_name(site),
            "l0": l0,
            **dictionary.about,
        },
        **{key: value for key, value in own.items() if not isinstance(value, Tensor)},
    }
    parts = {
        "W_enc": dictionary.encoder.T,
        "W_dec": dictionary.decoder,
        "b_dec": dictionary.decoder_bias,
        **({} if isinstance(rule, Gate) else {"b_enc": dictionary.encoder_bias}),
        **{key: value for key, value in own.items() if isinstance(value, Tensor)},
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        save_file({name: part.detach().cpu().contiguous() for name, part in parts.items()}, folder / WEIGHTS)
        (folder / CONFIG).write_text(json.dumps(config, indent=2), encoding="utf-8")
    except OSError as error:
        reason = error.strerror or error
        raise CannotWrite(f"cannot write {folder}: {reason}; choose another folder") from error


def load(
    source: Path | str, sample: Float[Tensor, "n d"], *, site: str = "", device: torch.device | str = "cpu"
) -> Dictionary:
    """Read a dictionary from a folder or the hub, and see that it does on some activations what it says.

    ``sample`` are activations of the site that it is to be used at. The number of latents that are on in
    their rows must be what the file states (``k``, or ``l0`` under ``metadata``): a TopK dictionary that is
    taken for another kind, or one for another model or layer, has many times more or hardly any.

    Raises:
        StoreError: no such folder or repository, a file that is missing, or one that cannot be read.
        NotApplicable: a kind or a normalisation that is not known here.
        BadOption: it does not fit the sample in width or in number of latents on, or is for another site.
    """
    folder = _located(str(source))
    config, parts = _read(folder, str(device))
    metadata = {**config, **config.get("metadata", {})}
    stated = metadata.get("hook_name") or metadata.get("hook_point") or ""
    if site and stated and stated not in (hook_name(site), site):
        raise BadOption(f"{source} is a dictionary for {stated}, not for {site} ({hook_name(site)})")
    dictionary = _built(folder, config, parts)
    _assert_l0(dictionary, sample, config.get("k") or metadata.get("l0"), source)
    return dictionary


def hook_name(site: str) -> str:
    """The name of a site there; a site that has none keeps ours.

    >>> hook_name("resid_post.3"), hook_name("embed")
    ('blocks.3.hook_resid_post', 'embed')
    """
    kind, _, layer = site.partition(".")
    return f"blocks.{layer}.{_HOOKS[kind]}" if kind in _HOOKS and layer.isdigit() else site


def _located(source: str) -> Path:
    if Path(source).is_dir():
        return Path(source)
    repository, _, inside = source.partition(":")
    if repository.count("/") != 1 or source.startswith(("/", ".")):
        raise StoreError(
            f"{source}: no such folder; give one that holds {CONFIG} and {WEIGHTS}, or a place on the "
            "Hugging Face hub as owner/repository:folder"
        )
    inside = inside.strip("/")
    wanted = [f"{inside}/{name}" if inside else name for name in (CONFIG, WEIGHTS)]
    try:
        return Path(snapshot_download(repository, allow_patterns=wanted)) / inside
    except (OSError, HfHubHTTPError, HFValidationError, LocalEntryNotFoundError) as error:
        reason = str(error).strip().splitlines()[0]
        raise StoreError(
            f"'{source}' is no folder here and could not be had from the hub ({reason})"
        ) from error


def _read(folder: Path, device: str) -> tuple[dict[str, Any], Parts]:
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            there = ", ".join(sorted(file.name for file in folder.iterdir())[:8]) or "nothing"
            raise StoreError(
                f"{folder} lacks {name}, which a dictionary in SAELens' format has (there: {there})"
            )
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        parts = load_file(folder / WEIGHTS, device=device)
    except (OSError, ValueError, SafetensorError) as error:
        raise StoreError(f"{folder} cannot be read: {error}") from error
    if not isinstance(config, dict):
        raise StoreError(f"{folder / CONFIG} holds no settings")
    return config, {name: part.float() for name, part in parts.items()}


def _built(folder: Path, config: Mapping[str, Any], parts: Parts) -> Dictionary:
    """The dictionary that settings and weights describe, its several conventions brought to ours."""
    kind, scaling = _kind(config), config.get("normalize_activations") or "none"
    if kind not in _RULES:
        raise NotApplicable(
            f"{folder}: a dictionary of kind '{kind}' is not known; known are {', '.join(_RULES)}"
        )
    if scaling not in ("none", False):
        raise NotApplicable(
            f"{folder}: activations are to be normalised by '{scaling}', which is not known here; fold it "
            "into the weights first (SAELens does so with one number as the training's last step)"
        )
    if "scaling_factor" in parts:
        parts["W_dec"] = parts["W_dec"] * parts["scaling_factor"][:, None]
    try:
        encoder, decoder, centre = parts["W_enc"].T.contiguous(), parts["W_dec"], parts["b_dec"]
        bias = parts["b_gate" if kind == "gated" else "b_enc"]
        if config.get("rescale_acts_by_decoder_norm"):
            length = decoder.norm(dim=1)
            encoder, bias, decoder = encoder * length[:, None], bias * length, decoder / length[:, None]
        # where the bias is not taken off the input, the encoder's own makes up for it
        moved = torch.zeros_like(bias) if config.get("apply_b_dec_to_input", True) else encoder @ centre
        rule = _RULES[kind](config, parts, bias + moved, moved)
    except KeyError as error:
        raise StoreError(
            f"{folder / WEIGHTS} lacks {error}, which a dictionary of kind '{kind}' has"
        ) from error
    about = {"kind": kind, **config.get("metadata", {})}
    return Dictionary(encoder, decoder, bias + moved, centre, rule, about)


def _kind(config: Mapping[str, Any]) -> str:
    """The kind; before version 6 TopK was told by its activation function alone."""
    kind = str(config.get("architecture", "standard"))
    function = config.get("activation_fn_str") or config.get("activation_fn") or "relu"
    return str(function) if kind == "standard" and function != "relu" else kind


def _k(config: Mapping[str, Any]) -> int:
    k = config.get("k") or (config.get("activation_fn_kwargs") or {}).get("k")
    if not k:
        raise StoreError(f"{CONFIG} of a TopK dictionary does not say k")
    return int(k)


def _assert_l0(dictionary: Dictionary, sample: Tensor, stated: float | None, source: Path | str) -> None:
    found = sum(len(code.values) for _, code in dictionary.codes(sample)) / max(len(sample), 1)
    # nothing stated: a dictionary is sparse, or it is none
    low, high = (stated / _OFF, stated * _OFF) if stated else (0.0, dictionary.latents / 4)
    if isinstance(dictionary.rule, KeepLargest):
        low = 0.0  # a row may have fewer above zero
    if not low <= found <= high:
        said = f"{stated:g} are stated" if stated else "nothing is stated, but a dictionary is sparse"
        raise BadOption(
            f"{source}: {found:.1f} of {dictionary.latents} latents are on in a row of the activations "
            f"given, and {said}; it was made for another model, site or scale of activations"
        )


_RULES: Mapping[str, Callable[[Mapping[str, Any], Parts, Tensor, Tensor], Rule]] = {
    "standard": lambda _, __, bias, ___: Above(torch.zeros_like(bias)),
    "topk": lambda config, *_: KeepLargest(_k(config)),
    "jumprelu": lambda _, parts, __, ___: Above(parts["threshold"]),
    "gated": lambda _, parts, bias, moved: Gate(
        parts["r_mag"], bias, parts["b_mag"] + parts["r_mag"].exp() * moved
    ),
}
"""Kind -> (settings, weights, encoder's bias, what it was moved by) -> how latents are chosen."""


def _written_above(rule: Any) -> dict[str, Any]:
    return {"architecture": "jumprelu", "threshold": rule.threshold.clamp_min(0)}


_WRITTEN: Mapping[type, Callable[[Any], dict[str, Any]]] = {
    KeepLargest: lambda rule: {"architecture": "topk", "k": rule.k, "rescale_acts_by_decoder_norm": False},
    Above: _written_above,
    Gate: lambda rule: {
        "architecture": "gated",
        "b_gate": rule.shift,
        "b_mag": rule.bias,
        "r_mag": rule.gain,
    },
}
"""How latents are chosen -> settings and weights."""
