"""Models that turn positions by a text's length: every text gets the numbers that it gets alone."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from assay.model import Engine
from assay.model.attribution.attribute import attribute
from assay.model.generate import Sampling
from assay.model.patching.effects import probability
from assay.model.patching.patch import patch
from assay.model.reading.read import read
from assay.model.tokens import Tokens
from tests.model.tiny import WORDS, tiny_engine

TURN = 8
LONGROPE = {
    "rope_type": "longrope",
    "rope_theta": 1e4,
    "short_factor": [1.0] * 4,
    "long_factor": [1.0, 3.0, 5.0, 9.0],
    "original_max_position_embeddings": TURN,
    "factor": 5.0,
}
DYNAMIC = {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 3.0}
MODELS: dict[str, dict[str, Any]] = {
    "longrope": {"family": "phi3", "rope_parameters": LONGROPE, "original_max_position_embeddings": TURN},
    "dynamic": {"family": "llama", "rope_parameters": DYNAMIC, "max_position_embeddings": TURN},
}
IDS = [[1, *[4 + (3 * n + k) % (len(WORDS) - 4) for k in range(n)]] for n in (3, 7, 8, 14, 20, 5)]
"""Texts on both sides of the turn."""
PROMPTS = ["the cat sat", "the big red dog ran and then the cat", "hello", "the dog was"]


def build(kind: str) -> Engine:
    """A model of its own, which remembers nothing."""
    given = dict(MODELS[kind])
    return tiny_engine(given.pop("family"), **given)


def alone(kind: str, ids: list[int]) -> Any:
    """What the plain model makes of one text."""
    engine = build(kind)
    with torch.no_grad():
        return engine.model(input_ids=torch.tensor([ids]), use_cache=False, output_hidden_states=True)


@pytest.fixture(params=MODELS)
def kind(request: pytest.FixtureRequest) -> str:
    """How positions are turned."""
    return request.param


def test_company_changes_nothing(kind: str) -> None:
    """Streams and logits of long and short texts together are those of each in a model of its own."""
    tokens = Tokens.of(IDS)
    seen = read(build(kind), tokens, ["resid_pre.2", "logits"])
    for row, ids in enumerate(IDS):
        wanted = alone(kind, ids)
        torch.testing.assert_close(seen["logits"][row, : len(ids)], wanted.logits[0], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(
            seen["resid_pre.2"][row, : len(ids)], wanted.hidden_states[2][0], rtol=1e-4, atol=1e-5
        )


def test_what_ran_before_changes_nothing(kind: str) -> None:
    """A text of nine tokens after one of twenty is what it is in a fresh model, to the bit."""
    used, fresh = build(kind), build(kind)
    nine = Tokens.of([IDS[2]])
    read(used, Tokens.of([IDS[4]]), ["logits"])
    assert torch.equal(read(used, nine, ["logits"])["logits"], read(fresh, nine, ["logits"])["logits"])


def each_alone(work: Callable[[Tokens, Tokens, Tensor], Tensor]) -> Tensor:
    """Pairs of texts one at a time, put together again along the last axis."""
    return torch.cat([work(*pair(IDS[n : n + 1])) for n in range(len(IDS))], -1)


def pair(texts: list[list[int]]) -> tuple[Tokens, Tokens, Tensor]:
    """A base and a source of the same lengths, and the token that is asked for."""
    base, source = Tokens.of(texts), Tokens.of([[1, *reversed(ids[1:])] for ids in texts])
    return base, source, torch.full((len(texts),), 9)


def test_patches_and_attributions_do_not_hang_on_company(kind: str) -> None:
    """Resumed passes and gradients too take each text by its own length."""

    def patched(base: Tokens, source: Tokens, token: Tensor) -> Tensor:
        engine, sites = build(kind), ["resid_pre.1", "z.2"]
        return patch(
            engine, base, read(engine, source, sites), sites, [1, -2, -1], probability(token)
        ).patched

    def attributed(base: Tokens, source: Tokens, token: Tensor) -> Tensor:
        engine, sites = build(kind), ["resid_pre.1"]
        found = attribute(engine, base, sites, probability(token), read(engine, source, sites))
        return torch.stack([values.sum(-1) for values in found.values()])

    for work in (patched, attributed):
        together, apart = work(*pair(IDS)), each_alone(work)
        assert float(apart.abs().max()) > 1e-3
        torch.testing.assert_close(together, apart, rtol=1e-4, atol=1e-5)


def test_scores_do_not_hang_on_company() -> None:
    """Continuations that cross the turn are scored as whole texts, not from a beginning turned otherwise."""
    together = build("longrope")
    prompts = [prompt for prompt in PROMPTS for _ in range(2)]
    more = [" ran and sat on the mat", " ran"] * len(PROMPTS)
    found, counts = together.continuation_logprobs(prompts, more)
    assert {len(together.encode([a + b])[0]) > TURN for a, b in zip(prompts, more, strict=True)} == {
        True,
        False,
    }
    for n, (prompt, rest) in enumerate(zip(prompts, more, strict=True)):
        ids = together.encode([prompt + rest])[0]
        logp = alone("longrope", ids).logits[0].log_softmax(-1)
        places = range(len(ids) - int(counts[n]), len(ids))
        assert float(found[n]) == pytest.approx(sum(float(logp[at - 1, ids[at]]) for at in places), abs=1e-4)


def test_replies_that_cross_the_turn_are_those_of_the_library() -> None:
    """What was kept of a text holds no longer once it is turned otherwise, so it is computed anew."""
    engine = build("longrope")
    replies = engine.replies(PROMPTS, Sampling(12))
    crossing = 0
    for prompt, reply in zip(PROMPTS, replies, strict=True):
        ids = torch.tensor(engine.encode([prompt]))
        model: Any = build("longrope").model
        out = model.generate(ids, max_new_tokens=12, do_sample=False)[0, ids.shape[1] :].tolist()
        assert reply.n_tokens == len(out)
        written = [token for token in out if token != 2]
        assert reply.text.split() == [WORDS[token] for token in written]
        crossing += ids.shape[1] <= TURN < ids.shape[1] + len(out)
    assert crossing >= 2
