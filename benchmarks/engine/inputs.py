"""Models with random weights and token ids, made once and read by every participant from the same files."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

_END = "<|endoftext|>"
_SPREAD = 0.05
"""Of the weights: wide enough for attention to tell positions apart, so that a mistake shows."""


@dataclass(frozen=True)
class Sizes:
    """What a GPT-2 is made of."""

    layers: int
    width: int
    heads: int
    vocabulary: int
    context: int


GPT2_SMALL = Sizes(layers=12, width=768, heads=12, vocabulary=50257, context=1024)
SMALL = Sizes(layers=10, width=48, heads=4, vocabulary=512, context=128)
"""0.3M parameters: what a library adds to a forward pass shows here."""


@dataclass(frozen=True)
class Inputs:
    """What a task works on."""

    model: Path
    """A model's folder, tokenizer included."""
    tensors: Mapping[str, Tensor]
    settings: Mapping[str, Any]
    folder: Path
    """Where results that belong on the disk may be written."""

    @classmethod
    def read(cls, folder: Path) -> "Inputs":
        """What ``write`` put there."""
        settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
        model = Path(settings.pop("model"))
        return cls(model, load_file(folder / "tensors.safetensors"), settings, folder)

    def __getitem__(self, name: str) -> Tensor:
        return self.tensors[name]

    def open_model(self) -> Any:
        """The transformers model, in float32 and evaluation mode."""
        return GPT2LMHeadModel.from_pretrained(self.model, dtype=torch.float32).eval()

    def open_tokenizer(self) -> Any:
        """Its tokenizer."""
        return PreTrainedTokenizerFast.from_pretrained(self.model)


def write(folder: Path, sizes: Sizes, tensors: Mapping[str, Tensor], **settings: Any) -> Path:
    """Put the inputs of one task into a folder, beside the model that they are for."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file(dict(tensors), folder / "tensors.safetensors")
    model = saved_model(folder.parent, sizes)
    text = json.dumps({"model": str(model), **settings})
    (folder / "settings.json").write_text(text, encoding="utf-8")
    return folder


def saved_model(folder: Path, sizes: Sizes) -> Path:
    """A random model of these sizes, made unless it is there."""
    home = folder / f"gpt2-{'-'.join(map(str, asdict(sizes).values()))}"
    if not (home / "complete").exists():
        with torch.random.fork_rng():
            torch.manual_seed(0)
            GPT2LMHeadModel(_config(sizes)).save_pretrained(home)
        word_tokenizer(sizes.vocabulary).save_pretrained(home)
        (home / "complete").touch()
    return home


def word_tokenizer(vocabulary: int) -> PreTrainedTokenizerFast:
    """One token per word: ``w7`` is token 7, and nothing is put in front."""
    ids = {_END: 0, **{f"w{number}": number for number in range(1, vocabulary)}}
    tokenizer: Any = Tokenizer(models.WordLevel(ids, unk_token=_END))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=_END, eos_token=_END, pad_token=_END, unk_token=_END
    )


def words(ids: Tensor) -> str:
    """A text that ``word_tokenizer`` cuts into these tokens."""
    return " ".join(f"w{number}" for number in ids.tolist())


def random_ids(sizes: Sizes, rows: int, length: int, seed: int) -> Tensor:
    """Token ids that are words."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(1, sizes.vocabulary, (rows, length), generator=generator)


def _config(sizes: Sizes) -> GPT2Config:
    return GPT2Config(
        n_layer=sizes.layers, n_embd=sizes.width, n_head=sizes.heads, vocab_size=sizes.vocabulary,
        n_positions=sizes.context, initializer_range=_SPREAD, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
        bos_token_id=0, eos_token_id=0, pad_token_id=0,
    )  # fmt: skip
