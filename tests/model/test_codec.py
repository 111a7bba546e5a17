"""Texts in, replies out: beginnings, spaces, and real tokenizers."""

import os
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from assay.core.errors import BadOption
from assay.model import Engine, load
from assay.model.codec import Codec
from tests.model.tiny import TEXTS, WORDS, piece_tokenizer, word_tokenizer

ASSETS = Path(os.environ.get("ASSAY_ASSETS", Path(__file__).parents[3] / "shared" / "assets"))
MODELS = ["lm-stories260k", "lm-babyllama105"]

TOKENIZERS = {
    "words": word_tokenizer,
    "pieces": lambda: piece_tokenizer(beginning=False),
    "pieces with beginning": lambda: piece_tokenizer(beginning=True),
}


@pytest.fixture(params=sorted(TOKENIZERS))
def tokenizer(request: pytest.FixtureRequest) -> PreTrainedTokenizerFast:
    """Word-level and SentencePiece-like tokenizers, with and without a beginning token."""
    return TOKENIZERS[request.param]()


def test_beginning_is_put_in_front_iff_the_tokenizer_does(tokenizer: PreTrainedTokenizerFast) -> None:
    """Token ids are those of the tokenizer's own call, less an end token."""
    for text, ids in zip(TEXTS, Codec(tokenizer, 99, None).encode(TEXTS), strict=True):
        own = tokenizer(text).input_ids
        assert ids == (own[:-1] if own[-1] == 2 else own)


def test_replies_continue_their_prompts(tokenizer: PreTrainedTokenizerFast) -> None:
    """Cut a text's tokens anywhere: prompt and reply join to the text, and a new word brings its space."""
    codec = Codec(tokenizer, 99, None)
    for text, ids in zip(TEXTS, codec.encode(TEXTS), strict=True):
        for cut in range(len(codec.prefix) + 1, len(ids)):
            prompt = tokenizer.decode(ids[len(codec.prefix) : cut])
            assert isinstance(prompt, str)
            assert prompt + codec.replies([ids[:cut]], [ids[cut:]])[0] == text


def test_reply_to_an_empty_prompt_has_no_leading_space() -> None:
    """After the beginning token alone, the reply is the text itself."""
    codec = Codec(word_tokenizer(), len(WORDS), None)
    start, whole = codec.encode(["", "the cat"])
    assert codec.replies([start], [whole[1:]]) == ["the cat"]


def test_an_empty_text_needs_a_beginning_token() -> None:
    """Without one there is no position to read, and the message says which text it is."""
    with pytest.raises(BadOption, match=r"text 1 \(counting from 0\) is empty"):
        Codec(piece_tokenizer(beginning=False), 99, None).encode(["the", ""])


def test_results_of_encoding_are_remembered_not_shared_wrongly() -> None:
    """The same texts give the same ids after many other calls."""
    codec = Codec(word_tokenizer(), len(WORDS), None)
    first = [list(ids) for ids in codec.encode(TEXTS)]
    for word in WORDS[4:]:
        codec.encode([word])
    assert codec.encode(TEXTS) == first


@pytest.fixture(params=MODELS)
def real(request: pytest.FixtureRequest) -> Engine:
    """A small real model, where the folder of assets is at hand."""
    folder = ASSETS / request.param
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent; set ASSAY_ASSETS to the folder that holds it")
    return load(folder, device="cpu")


def test_real_models_write_what_transformers_writes(real: Engine) -> None:
    """Greedy replies in a batch equal transformers' own, one at a time, and read on from their prompts."""
    prompts = ["Once upon a time", "Lily saw a big", "One day, Tom went to the"]
    for prompt, reply in zip(prompts, real.generate(prompts, 24), strict=True):
        ids = torch.tensor(real.encode([prompt]))
        out = real.model.generate(  # pyright: ignore[reportCallIssue]
            input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=24, do_sample=False
        )
        assert prompt + reply == real.tokenizer.decode(out[0], skip_special_tokens=True)
        assert real.encode([prompt + reply])[0] == out[0].tolist()


def test_real_models_prefer_sense(real: Engine) -> None:
    """A likely continuation scores far above an unlikely one."""
    sums, _ = real.continuation_logprobs(["Once upon a"] * 2, [" time", " xyz"])
    assert float(sums[0]) > float(sums[1]) + 5
