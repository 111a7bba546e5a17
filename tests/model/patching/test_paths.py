"""Path patching against its definition: everything between sender and receiver held still by hand."""

import pytest
import torch
from torch import Tensor

from assay.core.errors import BadOption
from assay.model import Engine
from assay.model.changing import change as c
from assay.model.changing.change import Change, changed
from assay.model.patching.effects import Effect, logit_difference
from assay.model.patching.paths import patch_paths
from assay.model.reading.read import Reading, read
from assay.model.sites.site import Site
from tests.model.patching.test_patch import CLEAN, CORRUPT
from tests.model.tiny import tiny_model, word_tokenizer

SENDERS = (
    "embed",
    "z.0.1",
    "attn_out.0",
    "mlp_out.0",
    "z.1.3",
    "attn_out.1",
    "mlp_out.1",
    "attn_out.2",
    "mlp_out.2",
)
RECEIVERS = ("q.1.2", "k.1.0", "v.2.1", "attn_in.2", "mlp_in.1", "mlp_in.2", "logits")


@pytest.fixture(params=["llama", "gpt2", "gpt_neox", "gemma2", "olmo2"], scope="module")
def engine(request: pytest.FixtureRequest) -> Engine:
    """Sequential, parallel and doubly normed blocks, in double precision: the twin sums in another order."""
    return Engine(tiny_model(request.param).double(), word_tokenizer())


def slow(engine: Engine, source: Reading, sender: str, receiver: str, effect: Effect) -> Tensor:
    """The literal twin: hold every writer but the sender, read the receiver, put it into a plain base run."""
    tokens = engine.tokens(CORRUPT)
    writers = [f"{kind}.{layer}" for layer in range(engine.n_layers) for kind in ("attn_out", "mlp_out")]
    base = read(engine, tokens, writers)
    everywhere = slice(0, None)
    if sender.startswith("z"):
        layer = Site.parse(sender).layer
        given = c.swap(sender, source, everywhere)
        free = f"attn_out.{layer}"  # the other heads see what they always saw
    else:
        given, free = c.swap(sender, source, everywhere), sender
    held: list[Change] = [c.swap(w, base, everywhere) for w in writers if w != free]
    ends = tokens.lengths - 1
    with changed(engine, given, *held):
        heard = read(engine, tokens, [receiver])
    if receiver == "logits":
        return effect(heard["logits"][torch.arange(len(tokens)), ends])
    with changed(engine, c.swap(receiver, heard, everywhere)):
        return effect(read(engine, tokens, ["logits"])["logits"][torch.arange(len(tokens)), ends])


def test_paths_equal_holding_everything_between(engine: Engine) -> None:
    """Adding the sender's news to the stream gives what holding all other writers gives, to 1e-5."""
    n = len(CORRUPT)
    effect = logit_difference(torch.arange(n) + 4, torch.arange(n) + 7)
    source = read(engine, engine.tokens(CLEAN), SENDERS)
    found = patch_paths(engine, engine.tokens(CORRUPT), source, SENDERS, RECEIVERS, effect)
    moved = 0
    for row, sender in enumerate(SENDERS):
        for column, receiver in enumerate(RECEIVERS):
            wanted = slow(engine, source, sender, receiver, effect)
            name = f"{sender} to {receiver}"
            torch.testing.assert_close(
                found.patched[row, column],
                wanted,
                rtol=1e-5,
                atol=1e-5,
                msg=lambda m, name=name: f"{name}: {m}",
            )
            moved += bool((wanted - found.base).abs().max() > 1e-3)
    assert moved > 20  # enough paths say something


def test_nothing_is_heard_from_above(engine: Engine) -> None:
    """A receiver below its sender, or beside it, leaves the base run to the bit."""
    effect = logit_difference(torch.arange(3) + 4, torch.arange(3) + 7)
    source = read(engine, engine.tokens(CLEAN), ["mlp_out.1", "attn_out.1"])
    found = patch_paths(
        engine,
        engine.tokens(CORRUPT),
        source,
        ["mlp_out.1", "attn_out.1"],
        ["q.0", "q.1", "mlp_in.0"],
        effect,
    )
    assert torch.equal(found.patched, found.base.expand_as(found.patched))


def test_what_cannot_send_or_receive_is_named(engine: Engine) -> None:
    """Patterns send nothing to the stream, and the stream itself listens to everything."""
    source = read(engine, engine.tokens(CLEAN), ["attn_out.1"])
    tokens, effect = engine.tokens(CORRUPT), logit_difference(torch.arange(3), torch.arange(3))
    with pytest.raises(BadOption, match=r"pattern\.1 cannot send"):
        patch_paths(engine, tokens, source, ["pattern.1"], ["logits"], effect)
    with pytest.raises(BadOption, match=r"resid_pre\.1 cannot receive"):
        patch_paths(engine, tokens, source, ["attn_out.1"], ["resid_pre.1"], effect)
