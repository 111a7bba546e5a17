"""Random models of many families, small enough to build in every test, and tokenizers to go with them."""

from collections.abc import Callable
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    AutoModelForCausalLM,
    BloomConfig,
    Gemma2Config,
    Gemma3TextConfig,
    GPT2Config,
    GPTJConfig,
    GPTNeoXConfig,
    GptOssConfig,
    LlamaConfig,
    MistralConfig,
    MixtralConfig,
    Olmo2Config,
    OPTConfig,
    Phi3Config,
    PreTrainedConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen3Config,
)

from assay.model import Engine

KNOWN = "user : assistant hello the cat dog sat ran on mat and then was big red ? ."
WORDS = ["<pad>", "<bos>", "<eos>", "<unk>", *KNOWN.split()]
TEXTS = [
    "the cat sat on the mat .",
    "hello",
    "user : hello assistant : the big red dog ran and then the cat sat on the big mat .",
    "the dog ran",
    "was the cat big ? the cat was big and the dog was red .",
]
SIZES: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 48,
}
COMMON: dict[str, Any] = {
    "vocab_size": len(WORDS),
    "initializer_range": 0.3,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
ROTARY: dict[str, Any] = {
    **SIZES,
    **COMMON,
    "num_key_value_heads": 2,
    "max_position_embeddings": 40,
    "tie_word_embeddings": False,
}

FAMILIES: dict[str, Callable[[], PreTrainedConfig]] = {
    "gpt2": lambda: GPT2Config(n_embd=32, n_layer=3, n_head=4, n_positions=40, **COMMON),
    "gpt_neox": lambda: GPTNeoXConfig(**SIZES, **COMMON, max_position_embeddings=40),
    "llama": lambda: LlamaConfig(**ROTARY),
    "mistral": lambda: MistralConfig(**ROTARY, sliding_window=6),
    "qwen2": lambda: Qwen2Config(**ROTARY),
    "qwen3": lambda: Qwen3Config(**ROTARY, head_dim=16),
    "gemma2": lambda: Gemma2Config(**ROTARY, head_dim=16, sliding_window=6, final_logit_softcapping=2.0),
    "gemma3": lambda: Gemma3TextConfig(**ROTARY, head_dim=16, sliding_window=6),
    "olmo2": lambda: Olmo2Config(**ROTARY),
    "phi3": lambda: Phi3Config(**ROTARY),
    "gpt_oss": lambda: GptOssConfig(
        **ROTARY, head_dim=8, sliding_window=6, num_local_experts=4, num_experts_per_tok=2,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
    ),
    "gptj": lambda: GPTJConfig(n_embd=32, n_layer=3, n_head=4, rotary_dim=4, n_positions=40, **COMMON),
    "mixtral": lambda: MixtralConfig(**ROTARY, num_local_experts=4, num_experts_per_tok=2),
    "opt": lambda: OPTConfig(
        hidden_size=32, num_hidden_layers=3, num_attention_heads=4, ffn_dim=48, word_embed_proj_dim=32,
        max_position_embeddings=40, init_std=0.3, **COMMON,
    ),
    "bloom": lambda: BloomConfig(hidden_size=32, n_layer=3, n_head=4, **COMMON),
}  # fmt: skip


def word_tokenizer() -> PreTrainedTokenizerFast:
    """One token per word, the beginning token in front, single spaces between."""
    ids = {word: index for index, word in enumerate(WORDS)}
    tokenizer: Any = Tokenizer(models.WordLevel(ids, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.decoder = decoders.WordPiece(prefix="<none>", cleanup=False)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A", special_tokens=[("<bos>", ids["<bos>"])]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<bos>", eos_token="<eos>", pad_token="<pad>", unk_token="<unk>"
    )


def piece_tokenizer(beginning: bool) -> PreTrainedTokenizerFast:
    """Byte-pair pieces in the manner of SentencePiece, at most as many as there are words."""
    tokenizer: Any = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    special = ["<pad>", "<bos>", "<eos>", "<unk>"]
    trainer = trainers.BpeTrainer(vocab_size=48, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(TEXTS, trainer)
    if beginning:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<bos> $A <eos>", special_tokens=[("<bos>", 1), ("<eos>", 2)]
        )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<eos>", unk_token="<unk>")


def tiny_model(family: str = "llama", seed: int = 0, **changes: Any) -> Any:
    """A random causal language model of a family, in evaluation mode."""
    config = FAMILIES[family]()
    config.update(changes)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return AutoModelForCausalLM.from_config(config).eval()


def tiny_engine(family: str = "llama", seed: int = 0, **changes: Any) -> Engine:
    """An engine on a random model with the word tokenizer."""
    return Engine(tiny_model(family, seed, **changes), word_tokenizer())
