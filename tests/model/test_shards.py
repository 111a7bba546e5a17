"""Models spread over devices: the same numbers wherever the blocks lie."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from assay.model import Engine
from assay.model.attribution.attribute import attribute
from assay.model.changing.change import add, changed
from assay.model.patching.effects import logit_difference
from assay.model.patching.patch import patch
from assay.model.patching.paths import patch_paths
from assay.model.reading.read import read
from tests.model.tiny import TEXTS, tiny_engine, tiny_model, word_tokenizer

SAME = ["the cat sat", "the dog ran", "user : hello", "hello big mat"]
EFFECT = logit_difference(torch.tensor([5, 6, 7, 8]), torch.tensor([9, 9, 9, 9]))
SITES = ["resid_pre.0", "resid_pre.2", "z.1", "mlp_out.2", "attn_out.0"]


def sources(engine: Engine) -> tuple[Any, Any]:
    """Base texts, and what another run has at all sites."""
    return engine.tokens(SAME), read(engine, engine.tokens(SAME[::-1]), ["embed", *SITES])


def steered(engine: Engine) -> list[str]:
    """Replies under a change whose vector lies on the CPU."""
    with changed(engine, add("resid_post.1", torch.ones(32), at=-1)):
        return engine.generate(TEXTS, 8, temperature=1.0, seed=1)


CALLS: dict[str, Callable[[Engine], Any]] = {
    "generate": lambda e: e.generate(TEXTS, 12),
    "generate, changed": steered,
    "next_logprobs": lambda e: e.next_logprobs(TEXTS),
    "token_logprobs": lambda e: e.token_logprobs(TEXTS),
    "forks": lambda e: e.continuation_logprobs(
        [t for t in TEXTS for _ in range(3)], [" .", " ran", " ?"] * 5
    ),
    "activations": lambda e: e.activations(TEXTS, [0, 1, 2, 3]),
    "gradients": lambda e: e.gradients(TEXTS, 1),
    "read": lambda e: list(read(e, e.tokens(TEXTS), ["pattern.1", *SITES, "logits"]).values.values()),
    "patch": lambda e: patch(e, *sources(e), SITES, [0, -1], EFFECT).patched,
    "paths": lambda e: (
        patch_paths(
            e, *sources(e), ["embed", "z.1", "mlp_out.2"], ["q.2", "mlp_in.2", "logits"], EFFECT
        ).patched
    ),
    "attribute": lambda e: list(attribute(e, sources(e)[0], SITES, EFFECT, sources(e)[1]).values()),
}


def spread(devices: list[str]) -> Engine:
    """A random Llama whose blocks lie on the devices in turn, with accelerate's wrappers around all parts."""
    accelerate = pytest.importorskip("accelerate", reason="needs the package accelerate")
    model = tiny_model()
    places = {"model.embed_tokens": 0, "model.rotary_emb": 0, "model.norm": -1, "lm_head": -1}
    places |= {f"model.layers.{layer}": layer % len(devices) for layer in range(3)}
    where = {name: devices[place] for name, place in places.items()}
    skip = model._skip_keys_device_placement
    dispatched = accelerate.dispatch_model(model, where, force_hooks=True, skip_keys=skip)
    return Engine(dispatched, word_tokenizer())


def near(found: Any) -> Any:
    """Results on the CPU."""
    if isinstance(found, torch.Tensor):
        return found.cpu()
    return type(found)(near(one) for one in found) if isinstance(found, list | tuple) else found


@pytest.mark.parametrize("name", sorted(CALLS))
def test_forwards_of_accelerate_change_nothing(name: str) -> None:
    """With the wrappers of a sharded model, here all on one device, every call gives the same."""
    _same(CALLS[name](spread(["cpu", "cpu"])), CALLS[name](tiny_engine()))


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
@pytest.mark.parametrize("name", sorted(CALLS))
def test_shards_on_two_devices_change_nothing(name: str) -> None:
    """Blocks on two GPUs in turn, the unembedding away from the embedding: the numbers of one CPU."""
    _same(CALLS[name](spread(["cuda:0", "cuda:1"])), CALLS[name](tiny_engine()))


def _same(found: Any, wanted: Any) -> None:
    if isinstance(wanted, list) and isinstance(wanted[0], str):
        assert found == wanted
    else:
        torch.testing.assert_close(near(found), near(wanted), rtol=1e-4, atol=1e-4)
