"""Opening models: what works, and one clear sentence for everything that does not."""

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForCausalLM,
    BertConfig,
    BertModel,
    GPT2Config,
    LlamaForCausalLM,
    LlamaModel,
    T5Config,
)

from assay.core.errors import (
    AssayError,
    BadOption,
    ModelError,
    NotAModel,
    NotCausal,
    PickleRefused,
    TokenizerMissing,
)
from assay.model import load
from tests.model.tiny import FAMILIES, TEXTS, tiny_engine, tiny_model, word_tokenizer

module = import_module("assay.model.load")  # the package has a function of the same name
Damage = Callable[[Path], Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A good little Llama, saved with its tokenizer."""
    tiny_model("llama").save_pretrained(tmp_path)
    word_tokenizer().save_pretrained(tmp_path)
    return tmp_path


def edit_config(folder: Path, **changes: Any) -> None:
    """Change some options of a saved model's config."""
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def edit_weights(folder: Path, change: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    """Change a saved model's weights in place."""
    file = folder / "model.safetensors"
    weights = load_file(file)
    change(weights)
    save_file(weights, file, metadata={"format": "pt"})


def cut_in_half(file: Path) -> None:
    """Keep the first half of a file's bytes."""
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2])


def only_pickle(folder: Path, name: str) -> None:
    """Put a pickle where the safetensors were."""
    (folder / "model.safetensors").unlink()
    (folder / name).write_bytes(b"\x80\x04")


def test_a_saved_model_loads_as_it_was(folder: Path) -> None:
    """The engine on the loaded model gives the numbers of the engine on the saved one."""
    loaded = load(folder, device="cpu")
    torch.testing.assert_close(loaded.next_logprobs(TEXTS), tiny_engine("llama").next_logprobs(TEXTS))
    assert loaded.encode(TEXTS) == tiny_engine("llama").encode(TEXTS)
    assert not loaded.model.training


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_every_family_loads(family: str, tmp_path: Path) -> None:
    """Saved models of all families pass every check."""
    tiny_model(family).save_pretrained(tmp_path)
    word_tokenizer().save_pretrained(tmp_path)
    assert load(tmp_path, device="cpu").n_layers == 3


def test_dtype_is_kept_unless_asked(folder: Path) -> None:
    """A checkpoint's dtype is kept; another can be asked for by name or value."""
    tiny_model("llama").to(torch.bfloat16).save_pretrained(folder)
    assert load(folder, device="cpu").model.dtype == torch.bfloat16
    assert load(folder, device="cpu", dtype="float32").model.dtype == torch.float32
    assert load(folder, device="cpu", dtype=torch.float32).model.dtype == torch.float32


DAMAGES: dict[str, tuple[Damage, type[AssayError], str]] = {
    "no config": (lambda f: (f / "config.json").unlink(), NotAModel, "config.json is missing"),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), NotAModel, "no weights"),
    "pytorch_model.bin": (lambda f: only_pickle(f, "pytorch_model.bin"), PickleRefused, "save_pretrained"),
    "model.pt": (lambda f: only_pickle(f, "model.pt"), PickleRefused, "save_pretrained"),
    "last.ckpt": (lambda f: only_pickle(f, "last.ckpt"), PickleRefused, "save_pretrained"),
    "config is no json": (lambda f: (f / "config.json").write_text("{"), NotAModel, "cannot be used"),
    "config is a list": (lambda f: (f / "config.json").write_text("[]"), NotAModel, "cannot be used"),
    "unknown type": (lambda f: edit_config(f, model_type="zzz"), NotAModel, "zzz"),
    "own code": (
        lambda f: edit_config(f, model_type="zzz", auto_map={"AutoConfig": "own.Config"}),
        BadOption,
        "trust_remote_code",
    ),
    "half the weights": (lambda f: cut_in_half(f / "model.safetensors"), NotAModel, "damaged"),
    "not safetensors": (lambda f: (f / "model.safetensors").write_bytes(b"hello"), NotAModel, "damaged"),
    "a weight less": (
        lambda f: edit_weights(f, lambda w: w.pop("model.layers.1.self_attn.q_proj.weight")),
        NotAModel,
        "lack 1 parts.*layers.1.self_attn.q_proj",
    ),
    "no head": (lambda f: edit_weights(f, lambda w: w.pop("lm_head.weight")), NotAModel, "lm_head"),
    "other sizes": (lambda f: edit_config(f, intermediate_size=64), NotAModel, "do not fit"),
    "layers cut off": (lambda f: edit_config(f, num_hidden_layers=2), NotAModel, "leaves out.*layers.2"),
    "no tokenizer": (lambda f: [t.unlink() for t in f.glob("token*")], TokenizerMissing, "tokenizer.json"),
    "broken tokenizer": (
        lambda f: (f / "tokenizer.json").write_text('{"model": 3}'), TokenizerMissing, "tokenizer.json"
    ),
    "only an adapter": (
        lambda f: (f / "config.json").rename(f / "adapter_config.json"), NotAModel, "adapter"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(DAMAGES))
def test_damage_is_told_in_one_sentence(name: str, folder: Path) -> None:
    """Each kind of damage has its error, which names the folder and says what to do, on one line."""
    damage, kind, words = DAMAGES[name]
    damage(folder)
    with pytest.raises(kind, match=words) as caught:
        load(folder, device="cpu")
    assert type(caught.value) is kind
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


def save_bert(folder: Path) -> None:
    """An encoder, which has no causal head."""
    sizes: dict[str, Any] = {
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
    }
    BertModel(BertConfig(vocab_size=22, **sizes)).save_pretrained(folder)


def save_headless(folder: Path) -> None:
    """The trunk of a Llama, without its head."""
    LlamaModel(tiny_model("llama").config).save_pretrained(folder)


def save_t5(folder: Path) -> None:
    """The config of an encoder-decoder."""
    T5Config(
        vocab_size=22, d_model=16, num_layers=1, architectures=["T5ForConditionalGeneration"]
    ).save_pretrained(folder)
    save_file({"shared.weight": torch.zeros(22, 16)}, folder / "model.safetensors")


def save_two_way(folder: Path) -> None:
    """A Llama whose attention looks both ways."""
    tiny_model("llama").save_pretrained(folder)
    edit_config(folder, is_causal=False)


@pytest.mark.parametrize("save", [save_bert, save_headless, save_t5, save_two_way])
def test_models_of_other_kinds_are_refused(save: Damage, tmp_path: Path) -> None:
    """Encoders, encoder-decoders, trunks without head, and decoders that see the future are not causal."""
    word_tokenizer().save_pretrained(tmp_path)
    save(tmp_path)
    with pytest.raises(NotCausal):
        load(tmp_path, device="cpu")


def test_an_empty_tokenizer_counts_as_missing(tmp_path: Path) -> None:
    """Some families invent a tokenizer without words where there are no files."""
    tiny_model("gpt2").save_pretrained(tmp_path)
    GPT2Config(vocab_size=22).save_pretrained(tmp_path / "other")
    with pytest.raises(TokenizerMissing):
        load(tmp_path, device="cpu")


@pytest.mark.parametrize("path", ["./nowhere", "/nowhere/at/all", "a/b/c", "~/nowhere-at-all", ""])
def test_a_path_that_leads_nowhere_is_not_looked_up(path: str) -> None:
    """What looks like a path is never sent to the hub."""
    with pytest.raises(NotAModel, match="no such folder"):
        load(path)


def test_files_are_not_folders(folder: Path) -> None:
    """A weight file itself is refused with the right advice."""
    with pytest.raises(NotAModel, match="give the folder"):
        load(folder / "model.safetensors")
    (folder / "model.pt").write_bytes(b"")
    with pytest.raises(PickleRefused):
        load(folder / "model.pt")


def test_an_unreachable_hub_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Offline, a hub name gives one line that says to check the name and the connection."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(NotAModel, match=r"'nobody/nothing'.*check the name and the connection") as caught:
        load("nobody/nothing", device="cpu")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB."),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory: 72 bytes"
        ),
        MemoryError(),
    ],
)
def test_a_model_that_does_not_fit_is_not_called_damaged(
    error: Exception, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory that runs out while weights are read or moved is told as such, with what to do."""

    def fail(*_: Any, **__: Any) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(LlamaForCausalLM, "to", fail)
        with pytest.raises(ModelError, match=r"does not fit on cpu.*bfloat16") as caught:
            load(folder, device="cpu")
        assert type(caught.value) is ModelError
    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", fail)
    with pytest.raises(ModelError, match=r"does not fit into memory.*bfloat16") as caught:
        load(folder, device="cpu")
    assert type(caught.value) is ModelError


def test_weights_that_lie_nowhere_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model spread over too few devices keeps some weights away from what reads and changes them."""
    part = tiny_model("llama")
    part.model.layers[2].to("meta")
    monkeypatch.setattr(module, "_device", lambda _: None)
    monkeypatch.setattr(module, "_model", lambda *_: part)
    with pytest.raises(ModelError, match=r"does not fit into the memory of the devices.*more devices"):
        load(folder, device="sharded")


@pytest.mark.parametrize("options", [{"device": "abacus"}, {"device": "cuda:99"}, {"dtype": "float3"}])
def test_bad_options_are_noticed_before_anything_is_read(options: dict[str, str]) -> None:
    """Devices and dtypes are checked first."""
    with pytest.raises(BadOption, match=next(iter(options.values()))):
        load("./nowhere", **options)  # pyright: ignore[reportArgumentType]
