"""Traps of the libraries below: what is silently wrong elsewhere is right here, or refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from assay.core.errors import BadOption, NotApplicable
from assay.model import Engine
from assay.model.attribution.attribute import attribute, integrated_gradients
from assay.model.changing import change as c
from assay.model.changing.applying import applied
from assay.model.changing.change import changed
from assay.model.changing.deltas import between, low_rank
from assay.model.changing.parameters import base_hash
from assay.model.patching.effects import logit_difference
from assay.model.patching.patch import patch
from assay.model.patching.paths import patch_paths
from assay.model.patching.prefix import Prefix
from assay.model.reading.contributions import head_contributions
from assay.model.reading.read import Reading, read
from assay.model.reading.store import stream
from tests.model.tiny import FAMILIES, TEXTS, tiny_engine, tiny_model, word_tokenizer

EFFECT = logit_difference(torch.arange(len(TEXTS)) + 4, torch.arange(len(TEXTS)) + 7)
LONG = [text for text in TEXTS if len(text.split()) > 6]


@pytest.fixture(params=sorted(FAMILIES), scope="module")
def engine(request: pytest.FixtureRequest) -> Engine:
    """A random model of each family."""
    return tiny_engine(request.param)


def flat(result: Any) -> list[Tensor]:
    """All tensors in the result of a call."""
    if isinstance(result, Tensor):
        return [result]
    if isinstance(result, Reading):
        return flat(result.values)
    parts = (
        result.values() if isinstance(result, dict) else result if isinstance(result, list | tuple) else ()
    )
    return [tensor for part in parts for tensor in flat(part)]


def calls(engine: Engine, folder: Path | None = None) -> dict[str, Callable[[], Any]]:
    """Everything that can be asked of a model, by name."""
    tokens = engine.tokens(TEXTS)
    zeros = {
        kind: torch.zeros(*tokens.ids.shape, *shape) for kind, shape in (("mlp_out.0", [32]), ("z.1", [4, 8]))
    }
    source = Reading(tokens, {c.scale(name, 0).site: values for name, values in zeros.items()})
    everything: dict[str, Callable[[], Any]] = {
        "activations": lambda: engine.activations(TEXTS, [0, 2]),
        "sequence_activations": lambda: engine.sequence_activations(TEXTS, 2),
        "gradients": lambda: engine.gradients(TEXTS, 1),
        "next_logprobs": lambda: engine.next_logprobs(TEXTS),
        "token_logprobs": lambda: engine.token_logprobs(TEXTS),
        "continuation_logprobs": lambda: engine.continuation_logprobs(TEXTS, [" the cat"] * len(TEXTS)),
        "generate": lambda: engine.generate(TEXTS, 4),
        "read": lambda: read(engine, tokens, ["mlp_out.0", "logits"]),
        "patch": lambda: patch(engine, tokens, source, ["mlp_out.0", "z.1"], [0, -1], EFFECT).patched,
        "patch_paths": lambda: patch_paths(engine, tokens, source, ["mlp_out.0"], ["logits"], EFFECT).patched,
        "attribute": lambda: attribute(engine, tokens, ["mlp_out.0", "z.1"], EFFECT, source),
        "integrated_gradients": lambda: integrated_gradients(engine, tokens, "z.1", EFFECT, source, 2),
        "contributions": lambda: head_contributions(engine, read(engine, tokens, ["z.1"])["z.1"], 1),
    }
    if folder:
        everything["stream"] = lambda: stream(engine, TEXTS, ["z.1"], folder / "store")["z.1"].rows([0, 1])
    return everything


NAMES = [*calls(tiny_engine()), "stream"]
DROPOUTS = {
    "gpt2": {"embd_pdrop": 0.5, "attn_pdrop": 0.5, "resid_pdrop": 0.5},
    "gpt_neox": {"hidden_dropout": 0.5, "attention_dropout": 0.5},
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("family", sorted(DROPOUTS))
def test_dropout_never_acts_whatever_is_asked_first(family: str, name: str, tmp_path: Path) -> None:
    """A model that somebody left in training mode gives what it gives in evaluation mode."""
    quiet, noisy = tiny_engine(family), tiny_engine(family, 0, **DROPOUTS[family])
    noisy.model.train()
    (tmp_path / "noisy").mkdir()
    wanted, found = calls(quiet, tmp_path)[name](), calls(noisy, tmp_path / "noisy")[name]()
    if name == "generate":
        assert found == wanted
    assert len(flat(found)) == len(flat(wanted))
    assert all(torch.equal(one, two) for one, two in zip(flat(found), flat(wanted), strict=True))


@pytest.mark.parametrize("name", [name for name in NAMES if name != "generate"])
def test_every_result_may_meet_gradients(name: str, tmp_path: Path) -> None:
    """No tensor of inference mode comes out, with which autograd would refuse to work."""
    found = flat(calls(tiny_engine("llama"), tmp_path)[name]())
    assert found
    assert not any(tensor.is_inference() for tensor in found)


@pytest.mark.parametrize("rope", ["default", "dynamic"])
def test_a_model_can_be_trained_after_it_was_read(rope: str) -> None:
    """What passes without gradients leave behind in the model, such as rotation tables, is no obstacle."""
    used, fresh = (
        Engine(
            tiny_model(rope_parameters={"rope_type": rope, "rope_theta": 1e4, "factor": 2.0}),
            word_tokenizer(),
        )
        for _ in range(2)
    )
    for call in calls(used).values():
        call()
    ids = torch.tensor(used.encode(TEXTS[:1]))
    for engine in (used, fresh):
        engine.model(input_ids=ids, labels=ids).loss.backward()  # pyright: ignore[reportCallIssue]
    for one, two in zip(used.model.parameters(), fresh.model.parameters(), strict=True):
        assert one.grad is not None
        assert two.grad is not None
        assert torch.equal(one.grad, two.grad)


def test_an_edit_of_a_block_is_what_the_next_block_reads(engine: Engine) -> None:
    """In every family what is put behind a block stands in front of the next, for all texts, to the bit."""
    tokens = engine.tokens(LONG)
    before = read(engine, tokens, ["resid_pre.2"])["resid_pre.2"]
    value = torch.randn(
        len(LONG), tokens.ids.shape[1], engine.width, generator=torch.Generator().manual_seed(0)
    )
    with changed(engine, c.assign("resid_post.1", value, at=slice(0, None))):
        after = read(engine, tokens, ["resid_pre.2"])["resid_pre.2"]
    assert torch.equal(after[tokens.mask()], value[tokens.mask()])
    assert not torch.equal(before, after)


@pytest.mark.parametrize(
    "family", sorted(set(FAMILIES) - {"opt", "bloom"})
)  # whose blocks are not understood
def test_replacing_any_value_by_itself_changes_no_bit(family: str) -> None:
    """At every site of every family; patterns are compared under the attention function that shows them."""
    engine = tiny_engine(family)
    tokens = engine.tokens(LONG)
    names = [name for name in engine.body.sites.names() if name != "logits"]
    plain = read(engine, tokens, ["logits"])["logits"]
    for name in names:
        shown = read(engine, tokens, [name, "logits"])
        with changed(engine, c.swap(name, shown, at=slice(0, None))):
            after = read(engine, tokens, ["logits"])["logits"]
        assert torch.equal(after, shown["logits"]), name
        assert name.startswith("pattern") or torch.equal(after, plain), name


def test_sites_are_checked_before_anything_is_changed() -> None:
    """A site inside the blocks may first be asked for under a change, or by a patch of the stream."""
    engine, known = tiny_engine("llama"), tiny_engine("llama")
    tokens, change = engine.tokens(TEXTS), c.add("resid_post.0", torch.ones(32), at=-1)
    read(known, tokens, ["z.1"])
    readings: list[Tensor] = []
    for one in (engine, known):
        with changed(one, change):
            readings.append(read(one, tokens, ["z.1"])["z.1"])
    assert torch.equal(*readings)
    sweeps: list[Tensor] = []
    for one in (tiny_engine("llama"), known):
        source = read(one, tokens, ["resid_pre.0"])
        doubled = Reading(tokens, {c.scale("resid_pre.1", 0).site: 2 * source["resid_pre.0"]})
        sweeps.append(patch(one, tokens, doubled, ["resid_pre.1"], [0, -1], EFFECT).patched)
    assert torch.equal(*sweeps)


@pytest.mark.parametrize("family", ["gptj", "gpt_oss"])
def test_patterns_are_left_out_where_they_cannot_be_shown(family: str) -> None:
    """Attention that is the family's own, or that has a sink, is not imitated; the rest is there."""
    engine = tiny_engine(family)
    tokens = engine.tokens(TEXTS)
    with pytest.raises(BadOption, match=r"no site pattern.1; it has embed, .* z.L with"):
        read(engine, tokens, ["pattern.1"])
    assert read(engine, tokens, ["z.1"])["z.1"].shape[2] == 4


@pytest.mark.parametrize("family", ["mixtral", "gpt_oss"])
def test_fused_experts_are_no_matrix_of_an_mlp(family: str) -> None:
    """There is no hidden layer to read, and a router is not taken for it; what experts write is there."""
    engine = tiny_engine(family)
    tokens = engine.tokens(TEXTS)
    with pytest.raises(BadOption, match=r"no site mlp_hidden.0; it has"):
        read(engine, tokens, ["mlp_hidden.0"])
    parts = read(engine, tokens, ["resid_pre.1", "attn_out.1", "mlp_out.1", "resid_post.1"])
    total = parts["resid_pre.1"] + parts["attn_out.1"] + parts["mlp_out.1"]
    torch.testing.assert_close(total, parts["resid_post.1"], rtol=1e-4, atol=1e-4)


def test_fused_experts_are_edited_whole_and_no_low_rank_edit_misses_them() -> None:
    """A change of one expert is kept to the bit although a rank was asked for; factors for it are refused."""
    model, after = tiny_model("mixtral"), tiny_model("mixtral")
    name = next(n for n, weight in model.named_parameters() if weight.ndim == 3)
    with torch.no_grad():
        after.get_parameter(name)[2] += 0.5
    delta = between(model, after, rank=1)
    assert set(delta.changes) == {name}
    with applied(model, delta):
        assert torch.equal(model.get_parameter(name), after.get_parameter(name))
    flat_edit = low_rank({name: (torch.ones(32, 1), torch.ones(1, 48))}, base=base_hash(model))
    with (
        pytest.raises(BadOption, match=r"as floats of shape \(32, 48\), here it is .* of shape \(4, "),
        applied(model, flat_edit),
    ):
        pass


def test_layers_that_are_made_differently_are_named() -> None:
    """Where the first block has a part that another one lacks, asking for it there is refused."""
    model = tiny_model("llama")
    model.model.layers[1].mlp.down_proj, model.model.layers[1].mlp.last = (
        None,
        model.model.layers[1].mlp.down_proj,
    )
    model.model.layers[1].mlp.forward = lambda x: 0 * x
    engine = Engine(model, word_tokenizer())
    tokens = engine.tokens(TEXTS)
    assert read(engine, tokens, ["mlp_hidden.0"])["mlp_hidden.0"].shape[-1] == 48
    with pytest.raises(
        NotApplicable, match=r"layer 1 \(LlamaDecoderLayer\) has no mlp.down_proj, where mlp_hidden.1"
    ):
        read(engine, tokens, ["mlp_hidden.1"])


@pytest.mark.parametrize("family", ["llama", "gpt2", "mistral", "gptj"])
def test_a_prefix_can_be_used_again_and_again(family: str) -> None:
    """Keys and values do not grow with use: the same resumption gives the same bits, from any position."""
    engine = tiny_engine(family)
    tokens = engine.tokens(TEXTS)
    with engine.evaluating():
        base = Prefix(engine.body, tokens)
        first = [base.resume(1, start, base.entering(1, start, 2), []) for start in (0, 1)]
        base.resume(2, 1, base.entering(2, 1, 3), [])
        again = [base.resume(1, start, base.entering(1, start, 2), []) for start in (0, 1)]
    assert all(torch.equal(one, two) for one, two in zip(first, again, strict=True))
    for logits in first:
        torch.testing.assert_close(logits, base.logits.repeat(2, 1), rtol=1e-4, atol=1e-4)


def test_second_derivatives_are_there_while_a_pattern_is_watched() -> None:
    """The fast attention of a CPU has none; the plain one has, and they agree with finite differences."""
    engine = Engine(tiny_model("gpt2").double(), word_tokenizer())
    ids = torch.tensor(engine.encode(TEXTS[:1]))
    x = engine.model.get_input_embeddings()(ids).detach()
    toward = torch.randn(x.shape, dtype=x.dtype, generator=torch.Generator().manual_seed(0))

    def gradient(at: Tensor) -> Tensor:
        out: Any = engine.model(inputs_embeds=at, use_cache=False)
        return torch.autograd.grad(out.logits[0, -1, 7], at, create_graph=True)[0]

    watched = changed(engine, c.scale("pattern.0", 1.0))
    with watched, engine.body.at(engine.tokens(TEXTS[:1]).moment), engine.differentiating():
        leaf, step = x.clone().requires_grad_(), 1e-3
        product = torch.autograd.grad((gradient(leaf) * toward).sum(), leaf)[0]
        ends = [gradient((x + sign * step * toward).requires_grad_()) for sign in (1, -1)]
    wanted = (ends[0] - ends[1]).detach() / (2 * step)
    assert float(wanted.abs().max()) > 1e-2
    torch.testing.assert_close(product, wanted, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("layer", [0, 2])
def test_gradients_agree_with_finite_differences(layer: int) -> None:
    """In double precision the likelihood moves along the stream as its gradient says."""
    engine = Engine(tiny_model("gpt2").double(), word_tokenizer())
    site = c.Site.stream(layer)
    shift = torch.randn(engine.width, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    sums: list[Tensor] = []
    for step in (1e-5, -1e-5):
        with changed(engine, c.add(site, shift, step)):
            tokens = engine.tokens(LONG)
            logprobs = read(engine, tokens, ["logits"])["logits"].log_softmax(-1)
            own = logprobs[:, :-1].gather(2, tokens.ids[:, 1:, None])[..., 0]
            sums.append((own * tokens.mask()[:, 1:]).sum(1))
    slopes = (sums[0] - sums[1]) / 2e-5
    found = [float((values.double() @ shift).sum()) for values in engine.gradients(LONG, layer)]
    torch.testing.assert_close(torch.tensor(found), slopes.float(), rtol=1e-4, atol=1e-4)


def test_a_site_that_is_not_there_is_named_by_whatever_is_asked(tmp_path: Path) -> None:
    """Every function lists the sites that the model has."""
    engine = tiny_engine("llama")
    tokens = engine.tokens(TEXTS)
    source = read(engine, tokens, ["z.1"])
    lacking: dict[str, Callable[[str], Any]] = {
        "read": lambda site: read(engine, tokens, [site]),
        "patch": lambda site: patch(engine, tokens, source, [site], [0], EFFECT),
        "send": lambda site: patch_paths(engine, tokens, source, [site], ["logits"], EFFECT),
        "receive": lambda site: patch_paths(
            engine, tokens, source, ["z.1"], [site.replace("z", "q")], EFFECT
        ),
        "attribute": lambda site: attribute(engine, tokens, [site], EFFECT),
        "integrated": lambda site: integrated_gradients(engine, tokens, site, EFFECT, source),
        "stream": lambda site: stream(engine, TEXTS, [site], tmp_path / "store"),
        "change": lambda site: changed(engine, c.scale(site, 0.0)).__enter__(),
    }
    for ask in lacking.values():
        for site in ("z.9", "z.1.7"):
            with pytest.raises(
                BadOption, match=r"no site (z|q)\.(9|1\.7); it has embed, logits, resid_pre.L"
            ):
                ask(site)
    with pytest.raises(BadOption, match=r"no site z\.9"):
        head_contributions(engine, source["z.1"], 9)


def test_sources_that_do_not_fit_are_named() -> None:
    """One position of each text, other texts, or another model's numbers never stretch to fit."""
    engine, wide = tiny_engine("llama"), tiny_engine("llama", hidden_size=64)
    tokens, site = engine.tokens(TEXTS[:1]), "mlp_out.0"
    ends, others = read(engine, tokens, [site], at=-1), read(engine, engine.tokens(TEXTS[2:3]), [site])
    strange = read(wide, tokens, [site])
    effect = logit_difference(torch.tensor([4]), torch.tensor([7]))
    asks: list[Callable[[Reading], Any]] = [
        lambda source: patch(engine, tokens, source, [site], [0], effect),
        lambda source: patch_paths(engine, tokens, source, [site], ["logits"], effect),
        lambda source: attribute(engine, tokens, [site], effect, source),
        lambda source: integrated_gradients(engine, tokens, site, effect, source),
    ]
    for ask in asks:
        with pytest.raises(BadOption, match="at one position of each text only"):
            ask(ends)
        with pytest.raises(BadOption, match="as many texts, of the same lengths"):
            ask(others)
        with pytest.raises(BadOption, match=r"64\) do not fit mlp_out.0, which has \(.*32\) here"):
            ask(strange)


def test_rules_for_positions_give_one_answer_per_token() -> None:
    """A rule whose mask would have to be stretched is refused."""
    engine = tiny_engine("llama")
    rule = c.scale("resid_post.1", 0.0, at=lambda moment: moment.lengths > 3)
    with pytest.raises(BadOption, match="a rule gave a mask of shape"), changed(engine, rule):
        read(engine, engine.tokens(TEXTS), ["logits"])
    few = c.scale("resid_post.1", 0.0, at=torch.tensor([0, 1]))
    with pytest.raises(BadOption, match="positions for 2 texts"), changed(engine, few):
        read(engine, engine.tokens(TEXTS), ["logits"])
    narrow = c.scale("resid_post.1", 0.0, at=torch.ones(len(TEXTS), 2, dtype=torch.bool))
    with pytest.raises(BadOption, match="a mask with rows of 2"), changed(engine, narrow):
        read(engine, engine.tokens(TEXTS), ["logits"])
