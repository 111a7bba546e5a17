"""Every entry, and every door, on real handles over a tiny random transformer."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from assay.access import open_handle
from assay.access.source import Live, Source
from assay.core import Access
from assay.core.registry import Entry, entries, find
from assay.jobs.monitor import brief
from assay.model import Engine
from assay.testing import check_access, failures, fake_material

MATERIAL = fake_material()
BRIEF = brief(MATERIAL)
TRANSCRIPTS = [c.before() for c in MATERIAL.cases if c.split == "report"][:6] + [
    c.after() for c in MATERIAL.cases if c.split == "report"
][:6]


@pytest.fixture(scope="module")
def engine() -> Engine:
    """The model that entries work on."""
    return random_llama(0)


@pytest.fixture(scope="module")
def others() -> dict[str, Callable[[], Source]]:
    """An earlier model and one never trained: here three draws of the same make."""
    earlier, fresh = Live(random_llama(1)), Live(random_llama(2))
    return {"reference": lambda: earlier, "untrained": lambda: fresh}


def random_llama(seed: int) -> Engine:
    """A random two-layer Llama whose tokens are the words of the mock chat."""
    texts = [case.prompt + case.reply for case in MATERIAL.cases]
    texts += [t.text for pairs in (*BRIEF.pairs.values(), BRIEF.unrelated) for pair in pairs for t in pair]
    words = ["<unk>", "<eos>", *sorted({word for text in texts for word in text.split()})]
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()  # type: ignore[assignment]
    config = LlamaConfig(
        vocab_size=len(words), hidden_size=16, intermediate_size=16, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=96, eos_token_id=1, bos_token_id=None,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config).eval()
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<eos>", unk_token="<unk>")
    return Engine(model, wrapped)


CHANGING = ("edit", "unlearn")
"""Jobs whose answers are changed models; their contract tries them on a real model anyway."""
WATCHING = [entry for entry in (*entries("method"), *entries("baseline")) if entry.job not in CHANGING]


@pytest.mark.parametrize("entry", WATCHING, ids=lambda entry: entry.key)
def test_entries_run_on_a_real_model(
    entry: Entry, engine: Engine, others: dict[str, Callable[[], Source]]
) -> None:
    """Fit and score through a real handle of the declared level: finite, and alone as together."""
    method = entry.load()
    job = find("job", "monitor" if method.job == "any" else method.job).load()
    handle = open_handle(engine, method.access, others=others)
    material = MATERIAL.told(method.text)
    told = job.brief(material)
    told = job.truth(told, material) if method.sees_truth else told
    answer = method.fit(handle, told, method.default_setting(2), 3)
    together = job.says(answer, handle, TRANSCRIPTS)
    if method.kind != "floor":
        alone = np.concatenate([job.says(answer, handle, [t]) for t in TRANSCRIPTS])
        np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-4 * np.abs(together).max())


@pytest.mark.parametrize("access", [Access.BLACK, Access.GREY])
def test_real_handles_keep_their_doors_shut(access: Access, engine: Engine) -> None:
    """No name, attribute, copy or pickle of a real handle leads to what its level forbids."""
    assert failures(check_access(open_handle(engine, access), access)) == []
