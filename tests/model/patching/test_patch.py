"""Patching: every patch equals a whole pass with one value replaced, in every family."""

from typing import Any

import pytest
import torch
from torch import Tensor

from assay.core.errors import BadOption
from assay.model import Engine
from assay.model.changing import change as c
from assay.model.changing.change import changed
from assay.model.patching import sources
from assay.model.patching.effects import divergence, logit_difference, probability
from assay.model.patching.patch import patch
from assay.model.patching.prefix import Prefix
from assay.model.reading.read import read
from tests.model.tiny import tiny_engine

DESCRIBED = ("gpt2", "gpt_neox", "llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3", "olmo2", "phi3")
FAMILIES = (*DESCRIBED, "gpt_oss", "gptj", "mixtral")
CLEAN = [
    "the cat sat on the mat and then the dog ran",
    "was the dog red ? the big cat was big and",
    "hello the cat ran",
]
CORRUPT = [
    "red dog sat on the cat and then the mat ran",
    "mat the cat big ? the red dog was red and",
    "user the dog sat",
]


@pytest.fixture(params=FAMILIES, scope="module")
def engine(request: pytest.FixtureRequest) -> Engine:
    """A random model of each family."""
    return tiny_engine(request.param)


def names(engine: Engine) -> list[str]:
    """Sites of every kind, in the first, a middle and the last layer, and some single heads."""
    last = engine.n_layers - 1
    everything = [n for n in engine.body.sites.names() if n != "logits"]
    patterns = ["pattern.1.3", f"pattern.{last}.0"] if engine.body.sites.has("pattern") else []
    return [*everything, "z.0.1", f"z.{last}.3", "v.1.0", f"q.{last}.2", *patterns]


def slow(engine: Engine, site: str, position: int, source: Any, effect: Any) -> Tensor:
    """The literal twin: a whole pass over the base texts with one value replaced at one position."""
    tokens = engine.tokens(CORRUPT)
    with changed(engine, c.swap(site, source, at=position)):
        logits = read(engine, tokens, ["logits"])["logits"]
    return effect(logits[torch.arange(len(tokens)), tokens.lengths - 1])


def test_a_fresh_engine_can_be_patched() -> None:
    """The stream needs no look inside the blocks, so the first look falls into the sweep: all the same."""
    sweeps: list[Tensor] = []
    for looks_first in (True, False):
        engine = tiny_engine("gpt2")
        if looks_first:
            engine.body.sites.names()
        source = read(engine, engine.tokens(CLEAN), ["resid_pre.1"])
        effect = probability(torch.arange(len(CLEAN)))
        sweeps.append(patch(engine, engine.tokens(CORRUPT), source, ["resid_pre.1"], [2], effect).patched)
    assert torch.equal(*sweeps)


@pytest.mark.parametrize("position", [1, 3, -2, -1])
def test_every_patch_equals_a_whole_pass(engine: Engine, position: int) -> None:
    """Shared layers, shared keys and values, copies in one pass: the same number to 1e-5, at every site."""
    n = len(CORRUPT)
    effect = logit_difference(torch.arange(n) + 4, torch.arange(n) + 7)
    source = read(engine, engine.tokens(CLEAN), names(engine))
    sweep = patch(engine, engine.tokens(CORRUPT), source, names(engine), [position], effect)
    moved = 0.0
    for row, site in enumerate(names(engine)):
        wanted = slow(engine, site, position, source, effect)
        error = float((sweep.patched[row, 0] - wanted).abs().max())
        assert error <= 1e-5 * (1 + float(wanted.abs().max())), site
        moved = max(moved, float((wanted - sweep.base).abs().max()))
    assert moved > 0.01  # the patches do something, so the comparison can fail


def test_patching_everything_at_once_is_the_other_run(engine: Engine) -> None:
    """The stream at the last position of the last layer decides the answer."""
    n = len(CLEAN)
    effect = probability(torch.arange(n) + 4)
    tokens, last = engine.tokens(CLEAN), f"resid_post.{engine.n_layers - 1}"
    source = read(engine, tokens, [last, "resid_pre.0"])
    sweep = patch(engine, engine.tokens(CORRUPT), source, [last, "resid_pre.0"], [-1], effect)
    wanted = effect(Prefix(engine.body, tokens).logits.detach())
    torch.testing.assert_close(sweep.patched[0, 0], wanted, rtol=1e-4, atol=1e-5)


def test_lower_layers_and_earlier_positions_never_run_again(engine: Engine) -> None:
    """A patch at layer 1, position 4 runs blocks 1 and up, on the positions from 4 on, and unembeds one."""
    seen: dict[str, int] = {}
    parts = {f"mlp {i}": engine.body.point(f"mlp_out.{i}").module for i in range(engine.n_layers)}
    parts["head"] = engine.body.parts.head
    source = read(engine, engine.tokens(CLEAN[:1]), ["resid_pre.1"])
    tokens = engine.tokens(CORRUPT[:1])
    base = Prefix(engine.body, tokens)

    def watch(name: str) -> Any:
        return lambda _, __, out: seen.update({name: (out[0] if isinstance(out, tuple) else out).shape[1]})

    hooks = [part.register_forward_hook(watch(name)) for name, part in parts.items()]
    base.resume(1, 4, base.entering(1, 4), [])
    for hook in hooks:
        hook.remove()
    length = int(tokens.lengths[0])
    assert seen == {"mlp 1": length - 4, "mlp 2": 1, "head": 1}
    assert source.tokens.ids.shape == tokens.ids.shape


def test_patches_of_one_position_share_every_block(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three layers patched at one position: a block runs once, for those that began in it or below."""
    source = read(engine, engine.tokens(CLEAN[:2]), ["resid_pre.0", "resid_pre.1", "resid_pre.2"])
    sites, effect = [f"resid_pre.{layer}" for layer in (2, 0, 1)], probability(torch.tensor([4, 5]))
    tokens, rows = engine.tokens(CORRUPT[:2]), {layer: list[int]() for layer in range(engine.n_layers)}
    monkeypatch.setattr(engine, "batch_tokens", 1)
    apart = patch(engine, tokens, source, sites, [3], effect)
    monkeypatch.undo()

    def noting(layer: int) -> Any:
        return lambda _, args: rows[layer].append(len(args[0]))

    hooks = [
        engine.body.point(f"mlp_in.{layer}").module.register_forward_pre_hook(noting(layer)) for layer in rows
    ]
    together = patch(engine, tokens, source, sites, [3], effect)
    for hook in hooks:
        hook.remove()
    torch.testing.assert_close(together.patched, apart.patched, rtol=1e-5, atol=1e-6)
    # two texts of the base run, then two for each patch that is on its way
    assert rows == {0: [2, 2], 1: [2, 4], 2: [2, 6]}


def test_ablations_put_what_they_say(engine: Engine) -> None:
    """Zero, the mean over texts at a position, and another text's values, none of them its own."""
    tokens = engine.tokens(CLEAN)
    reading = read(engine, tokens, ["mlp_out.1"])
    values = reading["mlp_out.1"]
    assert float(sources.zeros(reading)["mlp_out.1"].abs().max()) == 0
    by_hand = torch.stack([values[:2, 7].mean(0), values[:, 2].mean(0)])  # the third text has five tokens
    mean = sources.means(reading)["mlp_out.1"]
    torch.testing.assert_close(torch.stack([mean[0, 7], mean[2, 2]]), by_hand)
    with pytest.raises(BadOption, match="all of one length"):
        sources.resampled(reading)
    even = read(engine, engine.tokens([CLEAN[0], CORRUPT[0], CLEAN[0] + ""]), ["mlp_out.1"])
    traded = sources.resampled(even)["mlp_out.1"]
    sums = [sorted(map(float, values.sum((1, 2)))) for values in (traded, even["mlp_out.1"])]
    assert sums[0] == pytest.approx(sums[1])


def test_nobody_is_resampled_to_itself() -> None:
    """For every seed each text gets another one's values."""
    engine = tiny_engine("llama")
    texts = [f"the {word} ran" for word in ("cat", "dog", "mat", "user", "red")]
    reading = read(engine, engine.tokens(texts), ["embed"])
    for seed in range(20):
        traded = sources.resampled(reading, seed)["embed"]
        assert not any(torch.equal(a, b) for a, b in zip(traded, reading["embed"], strict=True))


def test_divergence_of_the_base_from_itself_is_zero(engine: Engine) -> None:
    """KL is zero without a change and positive with one."""
    tokens = engine.tokens(CORRUPT)
    base = Prefix(engine.body, tokens).logits.detach()
    source = sources.zeros(read(engine, tokens, ["resid_pre.1"]))
    sweep = patch(engine, tokens, source, ["resid_pre.1"], [0, -1], divergence(base))
    torch.testing.assert_close(sweep.base, torch.zeros(len(CORRUPT)), rtol=0, atol=1e-5)
    assert float(sweep.patched[0, 1].min()) > 1e-4


def test_bad_sources_and_places_are_named() -> None:
    """Texts that do not match, sites that were not read, positions outside: one clear sentence each."""
    engine = tiny_engine("llama")
    effect = probability(torch.zeros(3, dtype=torch.long))
    source = read(engine, engine.tokens(CLEAN), ["resid_pre.1"])
    with pytest.raises(BadOption, match="as many texts, of the same lengths"):
        patch(engine, engine.tokens(CORRUPT[:2]), source, ["resid_pre.1"], [0], effect)
    with pytest.raises(BadOption, match=r"site z\.1\.2 was not read"):
        patch(engine, engine.tokens(CORRUPT), source, ["z.1.2"], [0], effect)
    with pytest.raises(BadOption, match="position 7 lies outside text 2"):
        patch(engine, engine.tokens(CORRUPT), source, ["resid_pre.1"], [7], effect)


def test_the_first_patch_of_a_model_may_be_of_the_stream_alone() -> None:
    """Nothing that is in place for a patch disturbs the check of a model's sites, which runs it once."""
    fresh, used = tiny_engine(), tiny_engine()
    assert used.body.sites
    effect = logit_difference(torch.arange(3) + 4, torch.arange(3) + 7)
    one, other = (
        patch(e, e.tokens(CORRUPT), read(e, e.tokens(CLEAN), ["resid_pre.1"]), ["resid_pre.1"], [1], effect)
        for e in (fresh, used)
    )
    assert torch.equal(one.patched, other.patched)
