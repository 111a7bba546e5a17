"""Opens a Hugging Face causal language model, or says in one sentence why it cannot be used."""

import importlib.util
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
from transformers.utils import logging

from assay.core.errors import BadOption, ModelError, NotAModel, NotCausal, PickleRefused, TokenizerMissing
from assay.model.engine import Engine
from assay.model.halving import out_of_memory

_PICKLES = {".bin", ".pt", ".pth", ".ckpt", ".pkl"}
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_TO_SAFETENSORS = (
    "a pickle can run any code when opened. Where you trust its source, convert it once: load it with "
    "AutoModelForCausalLM.from_pretrained(..., use_safetensors=False) and call save_pretrained(NEW_FOLDER)"
)


def load(
    path_or_hub_name: str | os.PathLike[str],
    *,
    device: str = "auto",
    dtype: torch.dtype | str | None = None,
    trust_remote_code: bool = False,
) -> Engine:
    """Open a causal language model and its tokenizer from a folder or from the Hugging Face hub.

    Weights are read from safetensors only. ``device`` is ``auto`` (GPU if there is one), ``cpu``, ``cuda``,
    ``cuda:1``, ``mps``, or ``sharded`` to spread the model over all GPUs (needs the package accelerate).
    ``dtype`` is a torch dtype or its name; None keeps that of the checkpoint.

    Raises:
        NotAModel: no model there, hub not reachable, or files damaged or not belonging together.
        NotCausal: a model of another kind.
        PickleRefused: weights only as a pickle.
        TokenizerMissing: no tokenizer beside the weights.
        ModelError: the model does not fit into memory.
        BadOption: a device or dtype that cannot be used, or a model that needs its own code to be trusted.
    """
    target, kind = _device(device), _dtype(dtype)
    name = _locate(path_or_hub_name)
    with _quiet():
        config = _config(name, trust_remote_code)
        _check_kind(name, config, trust_remote_code)
        tokenizer = _tokenizer(name, trust_remote_code)
        options: dict[str, Any] = {"config": config, "trust_remote_code": trust_remote_code}
        if kind is not None:
            options["dtype"] = kind
        if target is None:
            options["device_map"] = "auto"
        model = _model(name, options)
    if target is not None:
        try:
            model.to(target)  # pyright: ignore[reportArgumentType] - the stub of a decorated method
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            raise ModelError(f"{name} does not fit on {target}; try device=cpu or dtype=bfloat16") from error
    if any(weight.is_meta for weight in model.parameters()):
        raise ModelError(
            f"{name} does not fit into the memory of the devices here: parts of it would lie elsewhere, "
            "where they could not be read or changed; try dtype=bfloat16 or more devices"
        )
    engine = Engine(model, tokenizer)
    if not engine.is_causal():
        raise NotCausal(f"{name}: earlier tokens see later ones, so it is no causal language model; give one")
    return engine


def _locate(given: str | os.PathLike[str]) -> str:
    """Check a local folder before anything is opened; a hub name is passed on."""
    text = str(given)
    folder = Path(text).expanduser()
    if folder.is_dir() and text:
        _check_folder(folder)
        return str(folder)
    if folder.is_file():
        if folder.suffix in _PICKLES:
            raise PickleRefused(f"{folder} is refused: {_TO_SAFETENSORS}")
        raise NotAModel(f"{folder} is a file; give the folder that holds config.json and *.safetensors")
    if folder.is_absolute() or text.startswith((".", "~")) or text.count("/") > 1 or not text.strip():
        raise NotAModel(f"{text or 'the empty path'}: no such folder; give a model's folder or its hub name")
    return text


def _check_folder(folder: Path) -> None:
    suffixes = {file.suffix for file in folder.iterdir() if file.is_file()}
    has_weights, has_pickle = ".safetensors" in suffixes, bool(suffixes & _PICKLES)
    if has_pickle and not has_weights:
        raise PickleRefused(f"{folder} holds its weights only as a pickle: {_TO_SAFETENSORS}")
    if not (folder / "config.json").is_file():
        if (folder / "adapter_config.json").is_file():
            raise NotAModel(f"{folder} holds an adapter; merge it into its base model and save that")
        raise NotAModel(f"{folder} holds no model: config.json is missing; give the folder of a saved model")
    if not has_weights:
        raise NotAModel(
            f"{folder} has a config.json but no weights (*.safetensors); save or download it again"
        )


def _config(name: str, trust: bool) -> PreTrainedConfig:
    try:
        return AutoConfig.from_pretrained(name, trust_remote_code=trust)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        if "trust_remote_code" in str(error):
            raise BadOption(
                f"{name} brings its own Python code; read it, and if you trust it pass trust_remote_code"
            ) from error
        if Path(name).is_dir():
            raise NotAModel(f"{name}: config.json cannot be used ({_reason(error)})") from error
        raise NotAModel(
            f"'{name}' is no folder here and could not be had from the Hugging Face hub ({_reason(error)}); "
            "check the name and the connection"
        ) from error


def _check_kind(name: str, config: PreTrainedConfig, trust: bool) -> None:
    causal = set(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values())
    options: Mapping[str, Any] = config.to_dict()
    built = config.architectures or []
    known = bool(causal & set(built)) or (
        not built and config.model_type in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    )
    own_code = trust and "AutoModelForCausalLM" in (options.get("auto_map") or {})
    if options.get("is_encoder_decoder") or not (known or own_code):
        what = ", ".join(built) or config.model_type
        raise NotCausal(f"{name} is a {what}, not a causal language model; give e.g. a LlamaForCausalLM")


def _tokenizer(name: str, trust: bool) -> PreTrainedTokenizerBase:
    advice = "save the tokenizer (tokenizer.json, tokenizer_config.json) beside the weights"
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=trust)
    except Exception as error:  # the tokenizers library raises bare exceptions
        raise TokenizerMissing(f"{name}: no usable tokenizer ({_reason(error)}); {advice}") from error
    # Some families build an empty tokenizer where there are no files.
    if set(tokenizer.get_vocab()) <= set(tokenizer.all_special_tokens):
        raise TokenizerMissing(f"{name}: the tokenizer knows no words; {advice}")
    return tokenizer


def _model(name: str, options: dict[str, Any]) -> PreTrainedModel:
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            name, use_safetensors=True, output_loading_info=True, **options
        )
    except Exception as error:  # safetensors, transformers and remote code each raise their own
        if out_of_memory(error):
            raise ModelError(f"{name} does not fit into memory; try dtype=bfloat16") from error
        if isinstance(error, OSError) and "safetensors" in str(error) and not Path(name).is_dir():
            raise PickleRefused(f"{name} offers no safetensors weights: {_TO_SAFETENSORS}") from error
        raise NotAModel(
            f"{name}: the weights are damaged or do not fit config.json ({_reason(error)}); "
            "save or download them again"
        ) from error
    model, report = loaded
    absent = sorted(report["missing_keys"])
    if absent:
        raise NotAModel(
            f"{name}: the weights lack {len(absent)} parts that config.json names, e.g. {absent[0]}; they "
            "would be random. Save or download them again"
        )
    _check_depth(name, model, sorted(report["unexpected_keys"]))
    return model


def _check_depth(name: str, model: PreTrainedModel, unexpected: list[str]) -> None:
    """Refuse weights of blocks that the config leaves out: the model would silently be cut short."""
    roots = {key.split(".")[0] for key, _ in model.named_parameters()}
    numbered = [key for key in unexpected if any(part.isdigit() for part in key.split("."))]
    inside = [key for key in numbered if key.split(".")[0] in roots]
    if inside:
        raise NotAModel(
            f"{name}: the weights hold {len(inside)} parts that config.json leaves out, e.g. {inside[0]}; "
            "take the config.json that was saved with them"
        )


def _device(device: str) -> torch.device | None:
    """The device to move to, or None where the model is to be spread over several."""
    if device == "auto":
        kinds = (("cuda", torch.cuda.is_available()), ("mps", torch.backends.mps.is_available()))
        return torch.device(next((kind for kind, there in kinds if there), "cpu"))
    if device == "sharded":
        if importlib.util.find_spec("accelerate") is None:
            raise BadOption("device=sharded needs the package accelerate; install it or name one device")
        return None
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise BadOption(
            f"device '{device}' cannot be used here; choose auto, cpu, cuda, cuda:N, mps or sharded"
        ) from error
    return torch.device(device)


def _dtype(dtype: torch.dtype | str | None) -> torch.dtype | None:
    if isinstance(dtype, str):
        if dtype not in _DTYPES:
            raise BadOption(f"dtype '{dtype}' cannot be used; choose among {', '.join(_DTYPES)}")
        return _DTYPES[dtype]
    return dtype


@contextmanager
def _quiet() -> Generator[None]:
    """Keep progress bars and load reports off the screen; errors are told in our own words."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(". ") if lines else type(error).__name__
