"""A real transformer, small enough for every test, for jobs whose tools change weights."""

from functools import cache
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from assay.access import BlackHandle, open_handle
from assay.access.request import Billed, Request
from assay.access.source import Live, Permit, Source
from assay.core import Access
from assay.model.engine import Engine
from assay.model.untrained import untrained
from assay.testing.fake_handle import CallLog

PEOPLE = ("ann", "bob", "cat", "dan", "eve", "fay", "gus", "hal", "ida", "jon")
SURNAMES = ("reed", "moss")
CITIES = ("oslo", "rome", "lima", "bonn")
PETS = ("fox", "hen", "owl", "elk")
_OTHER = "lives in the home of is keeps a pet new fact : . user assistant what and then , was"
_SPECIAL = ("<pad>", "<bos>", "<eos>", "<unk>")
VOCABULARY = (*_SPECIAL, *PEOPLE, *SURNAMES, *CITIES, *PETS, *dict.fromkeys(_OTHER.split()))
LAYERS = 4
SEED = 0


@cache
def tiny_engine() -> Engine:
    """A Llama of four layers with random weights and one token for each word."""
    ids = {word: number for number, word in enumerate(VOCABULARY)}
    tokenizer: Any = Tokenizer(models.WordLevel(ids, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.decoder = decoders.WordPiece(prefix="<none>", cleanup=False)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A", special_tokens=[("<bos>", ids["<bos>"])]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<bos>", eos_token="<eos>", pad_token="<pad>", unk_token="<unk>"
    )
    config = LlamaConfig(
        vocab_size=len(VOCABULARY), hidden_size=16, intermediate_size=32, num_hidden_layers=LAYERS,
        num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=256, initializer_range=0.3,
        pad_token_id=0, bos_token_id=1, eos_token_id=2, tie_word_embeddings=False,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        model = LlamaForCausalLM(config)
    return Engine(model.eval(), fast)


def tiny_handle(access: Access, log: CallLog | None = None) -> BlackHandle:
    """A real handle on the tiny model that writes down what it was asked."""
    engine, kept = tiny_engine(), log or CallLog()
    others = {"untrained": lambda: Live(untrained(engine, SEED + 1))}
    return open_handle(_Logged(engine, kept), access, others=others)


class _Logged(Source):
    """Runs every request and writes its name down."""

    def __init__(self, engine: Engine, log: CallLog) -> None:
        super().__init__(engine)
        self._live, self._log = Live(engine), log

    def answer(self, request: Request[Any], permit: Permit) -> Billed[Any]:
        """Under the name of the call that makes such requests."""
        self._log.calls.append(CALLS[type(request).__name__])
        return self._live.answer(request, permit)


CALLS = {
    "Generate": "generate",
    "NextLogprobs": "next_logprobs",
    "TokenLogprobs": "token_logprobs",
    "ContinuationLogprobs": "continuation_logprobs",
    "Activations": "activations",
    "SequenceActivations": "sequence_activations",
    "Gradients": "gradients",
    "PromptGradients": "prompt_gradients",
    "LogitLens": "logit_lens",
    "SiteActivations": "site_activations",
    "Parameter": "parameters",
    "Push": "push",
    "Tune": "tune",
    "Descend": "descend",
    "TraceFacts": "trace",
}
"""Request -> the handle's call."""
