"""Sites of every family: what is read is what the model computed, and the parts add up."""

from typing import Any

import pytest
import torch

from assay.core.errors import BadOption, NotApplicable
from assay.model import Engine
from assay.model.reading.read import read
from assay.model.sites.site import HEADS, STREAM, Site
from tests.model.tiny import FAMILIES, TEXTS, tiny_engine

DESCRIBED = ("gpt2", "gpt_neox", "llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3", "olmo2", "phi3")
GUESSED = ("gpt_oss", "gptj", "mixtral")
REFUSED = ("opt", "bloom")  # one has no MLP of its own, the other adds the stream inside its halves


@pytest.fixture(params=DESCRIBED, scope="module")
def engine(request: pytest.FixtureRequest) -> Engine:
    """A random model of each family that is laid out by name."""
    return tiny_engine(request.param)


def plain(engine: Engine, text: str) -> Any:
    """The literal twin: one text, no padding, nothing skipped."""
    with torch.no_grad():
        ids = torch.tensor(engine.encode([text]))
        return engine.model(input_ids=ids, use_cache=False, output_hidden_states=True)


def test_captured_logits_are_those_of_the_plain_forward_to_the_bit(engine: Engine) -> None:
    """Reading every site changes no bit of the logits."""
    text = TEXTS[2]
    everything = [name for name in engine.body.sites.names() if not name.startswith("pattern")]
    assert torch.equal(read(engine, engine.tokens([text]), everything)["logits"], plain(engine, text).logits)


def test_stream_equals_hidden_states(engine: Engine) -> None:
    """What enters each block is a hidden state of transformers, to the bit."""
    states = plain(engine, TEXTS[2]).hidden_states
    for layer in range(engine.n_layers):
        reading = read(engine, engine.tokens(TEXTS[2:3]), [f"resid_pre.{layer}"])
        assert torch.equal(reading[f"resid_pre.{layer}"], states[layer])


def test_parts_sum_to_the_stream_and_the_logits(engine: Engine) -> None:
    """All that is written, summed, is the last stream; norm and unembedding make logits of it."""
    tokens = engine.tokens(TEXTS[2:3])
    sites = engine.body.sites
    writers = [f"{kind}.{layer}" for layer in range(engine.n_layers) for kind in ("attn_out", "mlp_out")]
    start = ["embed", "positions"] if "positions" in sites.names() else ["embed"]
    last = f"resid_post.{engine.n_layers - 1}"
    reading = read(engine, tokens, [*start, *writers, last])
    total = sum(reading[name] for name in (*start, *writers))
    torch.testing.assert_close(total, reading[last], rtol=1e-4, atol=1e-4)
    norm = engine.body.parts.trunk.get_submodule(sites.layout.norm)
    logits = engine.body.parts.head(norm(total))
    cap = engine.model.config.to_dict().get("final_logit_softcapping")
    logits = torch.tanh(logits / cap) * cap if cap else logits
    torch.testing.assert_close(logits, plain(engine, TEXTS[2]).logits, rtol=1e-4, atol=1e-4)


def test_the_middle_is_there_only_where_the_halves_follow_one_another(engine: Engine) -> None:
    """Parallel blocks have no stream between attention and MLP, and the error lists what they have."""
    tokens = engine.tokens(TEXTS[:1])
    if engine.model.config.to_dict().get("use_parallel_residual"):
        with pytest.raises(BadOption, match=r"no site resid_mid.0; it has embed, .*resid_post.L"):
            read(engine, tokens, ["resid_mid.0"])
    else:
        reading = read(engine, tokens, ["resid_pre.1", "attn_out.1", "resid_mid.1"])
        torch.testing.assert_close(
            reading["resid_pre.1"] + reading["attn_out.1"], reading["resid_mid.1"], rtol=1e-4, atol=1e-4
        )


def test_sequential_neox_has_a_middle() -> None:
    """The same family without parallel halves gets the site back."""
    engine = tiny_engine("gpt_neox", use_parallel_residual=False)
    assert "resid_mid.0" in engine.body.sites.names()


def test_heads_mix_values_into_z(engine: Engine) -> None:
    """The first token attends only to itself, so each head's z there is its value, shared among groups."""
    reading = read(engine, engine.tokens(TEXTS[2:3]), ["v.1", "z.1", "q.1", "k.1"])
    values, mixed = reading["v.1"][0, 0], reading["z.1"][0, 0]
    shared = values.repeat_interleave(len(mixed) // len(values), 0)
    torch.testing.assert_close(mixed, shared, rtol=1e-5, atol=1e-6)
    assert reading["q.1"].shape == reading["z.1"].shape
    assert reading["k.1"].shape == reading["v.1"].shape
    one = read(engine, engine.tokens(TEXTS[2:3]), ["z.1.2"])["z.1.2"]
    assert torch.equal(one, reading["z.1"][..., 2, :])


def test_padding_batches_and_positions_change_nothing(engine: Engine) -> None:
    """Ragged texts in small batches read like each text alone; padding reads as zero."""
    engine.batch_tokens = 24
    sites = ["resid_post.1", "z.2", "mlp_hidden.0"]
    together, tokens = read(engine, engine.tokens(TEXTS), sites), engine.tokens(TEXTS)
    ends = read(engine, tokens, sites, at=-1)
    for row, text in enumerate(TEXTS):
        alone = read(engine, engine.tokens([text]), sites)
        n = int(tokens.lengths[row])
        for site in sites:
            torch.testing.assert_close(together[site][row, :n], alone[site][0], rtol=1e-4, atol=1e-5)
            assert float(together[site][row, n:].abs().sum()) == 0
            torch.testing.assert_close(ends[site][row], alone[site][0, -1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("family", GUESSED)
def test_unknown_families_are_guessed_and_proved(family: str) -> None:
    """A family that no file describes has its sites all the same, and they add up."""
    engine = tiny_engine(family)
    inside = set(engine.body.sites.layout.block)
    assert {"attn_in", "q", "k", "v", "z", "attn_out", "mlp_in", "mlp_out"} <= inside
    values = read(engine, engine.tokens(TEXTS), ["v.1", "z.1"])
    assert values["z.1"].shape[2] == engine.model.config.num_attention_heads


@pytest.mark.parametrize("family", REFUSED)
def test_a_family_that_is_not_understood_is_refused(family: str) -> None:
    """Where guessing fails the stream can still be read, and the error says what to supply."""
    engine = tiny_engine(family)
    assert read(engine, engine.tokens(TEXTS), ["resid_post.1"])["resid_post.1"].shape[2] == 32
    with pytest.raises(NotApplicable, match="assay/model/sites/families"):
        read(engine, engine.tokens(TEXTS), ["attn_out.1"])


def test_bad_sites_and_positions_are_named() -> None:
    """A wrong name, layer, head or position gets one clear sentence."""
    engine = tiny_engine("llama")
    tokens = engine.tokens(TEXTS)
    for name, words in (
        ("residual.1", "'residual.1' names no site"),
        ("z", "lacks its layer"),
        ("z.1.9", "4 heads there"),
        ("k.0.2", "2 heads there"),
        ("mlp_out.7", "L from 0 to 2"),
        ("positions", "it has embed, logits"),
    ):
        with pytest.raises(BadOption, match=words):
            read(engine, tokens, [name])
    with pytest.raises(BadOption, match="position 5 lies outside text 1"):
        read(engine, tokens, ["embed"], at=5)
    with pytest.raises(BadOption, match="no site was asked for"):
        read(engine, tokens, [])


def test_every_kind_has_a_name() -> None:
    """Names are read back as they are written."""
    for kind in (*STREAM, *HEADS):
        assert str(Site.parse(f"{kind}.3")) == f"{kind}.3"
    assert set(FAMILIES) == {*DESCRIBED, *GUESSED, *REFUSED}


def test_what_was_read_may_meet_gradients() -> None:
    """Values read from one group of texts or several are ordinary tensors: a probe can be trained on them."""
    engine = tiny_engine("llama")
    for batch_tokens in (24, 1000):
        engine.batch_tokens = batch_tokens
        values = read(engine, engine.tokens(TEXTS), ["resid_post.1"], at=-1)["resid_post.1"]
        weight = torch.zeros(engine.width, requires_grad=True)
        (values @ weight).sum().backward()
        assert weight.grad is not None
        torch.testing.assert_close(weight.grad, values.sum(0))
