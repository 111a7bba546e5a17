"""Handles: what they give, what they refuse, what they bill."""

import copy
import inspect
import pickle
import time
from collections.abc import Callable
from typing import Any

import pytest
import torch

from assay.access import BlackHandle, GreyHandle, Replay, WhiteHandle, open_handle
from assay.access.door import NEEDS
from assay.access.source import Live, Source
from assay.core import Access, Change, Price
from assay.core.errors import AccessDenied, BadOption, BudgetExceeded, ContextExceeded, NotApplicable
from assay.cost import Budget, Meter
from assay.model import Engine
from assay.model.changing.change import add
from assay.model.changing.parameters import base_hash
from assay.model.training.descent import Descent, Guard, Pair, Passes
from assay.model.untrained import untrained
from assay.testing.access_contract import GREY_DOORS, WHITE_DOORS
from tests.model.tiny import TEXTS, tiny_engine

CLASSES: dict[Access, type[BlackHandle]] = {
    Access.BLACK: BlackHandle,
    Access.GREY: GreyHandle,
    Access.WHITE: WhiteHandle,
}
CALLS: dict[str, Callable[[Any], Any]] = {
    "generate": lambda h: h.generate(TEXTS, 8),
    "next_logprobs": lambda h: h.next_logprobs(TEXTS),
    "token_logprobs": lambda h: h.token_logprobs(TEXTS),
    "continuation_logprobs": lambda h: h.continuation_logprobs(TEXTS, [" the cat", " .", "", " ran", " ?"]),
    "activations": lambda h: h.activations(TEXTS, [2, 1]),
    "sequence_activations": lambda h: h.sequence_activations(TEXTS, 1),
    "gradients": lambda h: h.gradients(TEXTS, 1),
}
PAIRS = [Pair("the cat sat", " on the mat"), Pair("hello", " dog")]


@pytest.fixture(scope="module")
def engine() -> Engine:
    """A random Llama."""
    return tiny_engine("llama")


@pytest.mark.parametrize("access", list(Access))
def test_a_handle_offers_exactly_its_level(engine: Engine, access: Access) -> None:
    """Public names are those of the level and ``access`` itself; all above is refused with a reason."""
    handle = open_handle(engine, access)
    assert type(handle) is CLASSES[access]
    assert handle.access is access
    allowed = {name for name, needed in NEEDS.items() if access.includes(needed)}
    assert {name for name in dir(handle) if not name.startswith("_")} == allowed | {"access"}
    for name in set(NEEDS) - allowed:
        words = f"this method declared {access} access; {name} needs {NEEDS[name]}"
        with pytest.raises(AccessDenied, match=words):
            getattr(handle, name)


@pytest.mark.parametrize("access", list(Access))
@pytest.mark.parametrize("name", ["tokenizer", "model", "weights", "engine", "logits", "source", "door", "x"])
def test_unknown_names_are_denied(engine: Engine, access: Access, name: str) -> None:
    """Whatever is not offered is denied, and the message lists what is."""
    with pytest.raises(AccessDenied, match=f"a {access} handle has no {name}; it offers generate"):
        getattr(open_handle(engine, access), name)


@pytest.mark.parametrize("name", sorted(CALLS))
def test_handles_give_what_the_engine_gives(engine: Engine, name: str) -> None:
    """Same call, same result."""
    found, wanted = CALLS[name](open_handle(engine, Access.WHITE)), CALLS[name](engine)
    if name == "generate":
        assert found == wanted
    else:
        torch.testing.assert_close(found, wanted, rtol=0, atol=0)


def test_the_engine_is_behind_no_public_door(engine: Engine) -> None:
    """Neither attributes, slots, copies nor pickles of a handle lead to the engine or its model."""
    beside = {name: lambda: Live(engine) for name in ("reference", "untrained")}
    handle = open_handle(engine, Access.WHITE, others=beside)
    with pytest.raises(TypeError):
        vars(handle)
    for _, value in inspect.getmembers(handle):
        assert value is not engine
        assert value is not engine.model
        assert not isinstance(value, torch.nn.Module)
    for take in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(AccessDenied, match="copied"):
            take(handle)
    with pytest.raises(AttributeError):
        handle.engine = engine  # pyright: ignore[reportAttributeAccessIssue]


def test_a_handle_made_by_hand_leads_nowhere() -> None:
    """Building the class oneself gives no way around the declared access."""
    with pytest.raises(AccessDenied, match="open_handle"):
        WhiteHandle().activations(TEXTS, [1])


def test_weights_can_be_read_but_not_changed(engine: Engine) -> None:
    """Writing into what ``parameters`` gives leaves the model and the next look-up as they were."""
    weights = open_handle(engine, Access.WHITE).parameters()
    real = dict(engine.model.named_parameters())
    assert set(weights) == set(real)
    assert len(weights) == len(real)
    name = next(iter(weights))
    before = real[name].detach().clone()
    weights[name].mul_(0)
    assert torch.equal(weights[name], before)
    assert torch.equal(real[name], before)
    assert not weights[name].requires_grad
    with pytest.raises(TypeError):
        weights[name] = before  # pyright: ignore[reportIndexIssue]


def test_sizes_are_told(engine: Engine) -> None:
    """White handles know depth and width."""
    handle = open_handle(engine, Access.WHITE)
    assert (handle.n_layers, handle.width) == (3, 32)


def counts(price: Price) -> tuple[int, int, int, float]:
    """The part of a price that is the same on every machine."""
    return price.queries, price.tokens_forward, price.tokens_backward, price.flops


def bill(engine: Engine, name: str) -> tuple[int, int, int, float]:
    """The twin of the bill: from lengths, layers and the formulas, call by call."""
    shape, lengths = engine.shape, engine.lengths(TEXTS)
    n, tokens = len(lengths), sum(lengths)
    full = shape.forward(lengths)
    head = 2 * shape.head_weights
    if name == "generate":
        replies = [len(r.split()) for r in engine.generate(TEXTS, 8)]
        drawn = [r + (r < 8) for r in replies]  # a shorter reply ended with an end token
        return n, tokens + sum(drawn) - n, 0, shape.generation(lengths, drawn)
    if name == "continuation_logprobs":
        more = [2, 1, 0, 1, 1]
        joined = [a + b for a, b in zip(lengths, more, strict=True)]
        return n, sum(joined), 0, shape.forward(joined) + head * sum(more)
    if name == "gradients":
        logits = tokens - n
        back = 2 * (full - shape.forward(lengths, 1) + head * logits)
        return n, tokens, tokens, full + head * logits + back
    flops = {
        "next_logprobs": full + head * n,
        "token_logprobs": full + head * (tokens - n),
        "activations": shape.forward(lengths, 2),
        "sequence_activations": shape.forward(lengths, 1),
    }
    return n, tokens, 0, flops[name]


@pytest.mark.parametrize("name", sorted(CALLS))
def test_bills_equal_the_formulas(engine: Engine, name: str) -> None:
    """Queries, tokens and operations as counted by hand; some time passed."""
    meter = Meter()
    CALLS[name](open_handle(engine, Access.WHITE, meter))
    assert counts(meter.prepare) == bill(engine, name)
    assert meter.prepare.wall_s > 0
    assert counts(meter.use) == (0, 0, 0, 0)


def test_shared_prompts_are_billed_once(engine: Engine) -> None:
    """Four continuations of each prompt: the tokens billed are those that go through, and no more."""
    prompts = ["the cat sat on the mat and then", "was the dog big ? the dog was"]
    repeated, more = [p for p in prompts for _ in range(4)], [" the cat", " red dog", " big mat", " on ."] * 2
    went: list[int] = []
    embedding = engine.model.get_input_embeddings()
    hook = embedding.register_forward_pre_hook(lambda _, args: went.append(args[0].numel()))
    meter = Meter()
    open_handle(engine, Access.GREY, meter).continuation_logprobs(repeated, more)
    hook.remove()
    stem, shape = engine.lengths(prompts)[0] - 1, engine.shape
    flops = shape.forward([stem] * 2) + shape.further([stem] * 8, [2] * 8) + 2 * shape.head_weights * 16
    assert counts(meter.prepare) == (8, sum(went), 0, flops)
    assert sum(went) == 2 * stem + 8 * 2  # no padding: both prompts are of one length


@pytest.mark.parametrize("name", sorted(CALLS))
def test_budgets_are_checked_before_the_work(engine: Engine, name: str) -> None:
    """Over budget, the model does not run and nothing is billed; a budget just large enough is enough."""
    ran: list[int] = []
    hook = engine.model.get_input_embeddings().register_forward_pre_hook(lambda *_: ran.append(1))
    quoted = sum(engine.lengths(TEXTS)) + {"generate": 7 * 5, "continuation_logprobs": 5}.get(name, 0)
    tokens = quoted * (1 if name != "gradients" else 2)
    meter = Meter()
    for source in (engine, Replay(engine)):
        with pytest.raises(BudgetExceeded, match=f"{tokens} tokens asked, 0 spent, {tokens - 1} allowed"):
            CALLS[name](open_handle(source, Access.WHITE, meter, Budget(tokens=tokens - 1)))
    hook.remove()
    assert not ran
    assert meter.spent == Price()
    CALLS[name](open_handle(engine, Access.WHITE, meter, Budget(tokens=tokens)))


def test_budgets_bound_the_sum_of_calls(engine: Engine) -> None:
    """What was spent counts, in either stage; what was refused is not billed."""
    meter = Meter()
    handle = open_handle(engine, Access.BLACK, meter, Budget(queries=3))
    handle.generate(TEXTS[:2], 2)
    with meter.stage("use"), pytest.raises(BudgetExceeded, match="2 queries asked, 2 spent, 3 allowed"):
        handle.generate(TEXTS[:2], 2)
    handle.generate(TEXTS[:1], 2)
    assert meter.spent.queries == 3


def test_a_method_is_measured_without_its_calls(engine: Engine) -> None:
    """Around a method, the model's seconds are billed by the calls and by nobody else."""
    meter, alone = Meter(), Meter()
    open_handle(engine, Access.WHITE, alone).gradients(TEXTS * 20, 0)
    with meter.measure():
        open_handle(engine, Access.WHITE, meter).gradients(TEXTS * 20, 0)
        model_s = meter._bills["prepare"].wall_s  # pyright: ignore[reportPrivateUsage] - charged by the call
    assert meter.spent.wall_s - model_s < 0.3 * model_s


def test_errors_of_the_engine_come_through(engine: Engine) -> None:
    """Bad options and long texts raise what the engine raises, and are not billed."""
    meter = Meter()
    handle = open_handle(engine, Access.WHITE, meter)
    with pytest.raises(BadOption, match="one string"):
        handle.generate("hello", 3)
    with pytest.raises(BadOption, match="layer 9"):
        handle.activations(TEXTS, [9])
    with pytest.raises(ContextExceeded):
        handle.next_logprobs(["cat " * 50])
    assert meter.spent == Price()


def test_the_contract_suite_tries_every_door() -> None:
    """What a handle offers above black access is what the suite tries to open."""
    assert set(GREY_DOORS) == {name for name, needed in NEEDS.items() if needed is Access.GREY}
    assert set(WHITE_DOORS) == {name for name, needed in NEEDS.items() if needed is Access.WHITE}


def test_spans_are_where_tokens_stand(engine: Engine) -> None:
    """One span for each token; the beginning covers nothing, and the others read as the words of the text."""
    meter = Meter()
    spans = open_handle(engine, Access.GREY, meter).spans(TEXTS)
    assert list(map(len, spans)) == engine.lengths(TEXTS)
    for text, own in zip(TEXTS, spans, strict=True):
        assert own[0] == (0, 0)
        assert [text[start:end] for start, end in own[1:]] == text.split()
    assert meter.spent == Price()
    with pytest.raises(BadOption, match="one string"):
        open_handle(engine, Access.GREY).spans("hello")


@pytest.mark.parametrize("wrap", [Live, Replay])
def test_the_lens_at_the_end_is_the_model(engine: Engine, wrap: type[Source]) -> None:
    """Rows of the last layer say what comes next; a row costs one token and one unembedding."""
    meter = Meter()
    handle = open_handle(wrap(engine), Access.WHITE)
    rows = handle.activations(TEXTS, [handle.n_layers])[:, 0]
    found = open_handle(wrap(engine), Access.WHITE, meter).logit_lens(rows)
    torch.testing.assert_close(found, handle.next_logprobs(TEXTS), rtol=1e-4, atol=1e-4)
    n, shape = len(rows), engine.shape
    assert counts(meter.prepare) == (n, n, 0, shape.forward([1] * n) + 2 * shape.head_weights * n)


def test_rows_that_are_none_are_refused_by_the_lens(engine: Engine) -> None:
    """Another width, a lone row, and a budget that is too small."""
    handle = open_handle(engine, Access.WHITE, budget=Budget(tokens=2))
    with pytest.raises(BadOption, match="give a matrix"):
        handle.logit_lens(torch.zeros(32))
    with pytest.raises(BadOption, match="no residual stream of 32 numbers"):
        handle.logit_lens(torch.zeros(2, 31))
    with pytest.raises(BudgetExceeded, match="3 tokens asked"):
        handle.logit_lens(torch.zeros(3, 32))


@pytest.mark.parametrize("name", ["reference", "untrained"])
@pytest.mark.parametrize("access", list(Access))
def test_models_beside_are_met_at_the_same_access(engine: Engine, access: Access, name: str) -> None:
    """Same class, same meter, same budget, another model; opened when asked for and not before."""
    opened: list[str] = []

    def other() -> Source:
        opened.append(name)
        return Live(untrained(engine, 1))

    meter = Meter()
    handle = open_handle(engine, access, meter, Budget(queries=7), {name: other})
    assert opened == []
    beside = getattr(handle, name)
    assert opened == [name]
    assert (type(beside), beside.access) == (CLASSES[access], access)
    assert beside.generate(TEXTS, 8) == untrained(engine, 1).generate(TEXTS, 8)
    assert meter.spent.queries == 5
    with pytest.raises(BudgetExceeded, match="5 queries asked, 5 spent, 7 allowed"):
        handle.generate(TEXTS, 1)
    with pytest.raises(NotApplicable, match=f"no {name} model"):  # there is nothing beside what is beside
        getattr(beside, name)
    with pytest.raises(AccessDenied, match="copied"):
        copy.copy(beside)


@pytest.mark.parametrize("name", ["reference", "untrained"])
def test_where_there_is_no_other_model_the_handle_says_so(engine: Engine, name: str) -> None:
    """One clear sentence, and nothing is billed."""
    meter = Meter()
    with pytest.raises(NotApplicable, match=f"there is no {name} model beside this one"):
        getattr(open_handle(engine, Access.WHITE, meter), name)
    assert meter.spent == Price()


def test_opening_another_model_is_no_work_of_the_methods(engine: Engine) -> None:
    """The seconds that it takes are not on the bill of the method at work."""
    meter, slow = Meter(), 0.2

    def other() -> Source:
        time.sleep(slow)
        return Live(engine)

    handle = open_handle(engine, Access.BLACK, meter, None, {"reference": other})
    with meter.measure():
        _ = handle.reference
    assert meter.spent.wall_s < slow / 2


def replied(passes: Passes, _: int) -> torch.Tensor:
    """The mean loss of replies, compared with that of the model before."""
    now, counts = passes.logprobs(PAIRS)
    before = passes.logprobs(PAIRS, before=True)[0]
    return ((before - now) / counts).mean()


@pytest.mark.parametrize("wrap", [Live, Replay])
def test_a_descent_is_billed_by_its_passes(engine: Engine, wrap: type[Source]) -> None:
    """Every step there and back, the model before once, the guard at every look; nothing is remembered."""
    meter, lengths = Meter(), engine.lengths([pair.prompt + pair.reply for pair in PAIRS])
    watched, looks = engine.lengths(TEXTS[:2]), 3
    handle = open_handle(wrap(engine), Access.WHITE, meter)
    assert isinstance(handle, WhiteHandle)
    for times in (1, 2):
        handle.descend(replied, Descent(3, 1e-3), guard=Guard(tuple(TEXTS[:2]), 1e9, 2))
        steps, shape, logits = 3 * sum(lengths), engine.shape, sum(pair.reply.count(" ") for pair in PAIRS)
        once, look = shape.forward(lengths, None, logits), sum(watched) - len(watched)
        flops = (3 * 3 + 1) * once + looks * shape.forward(watched, None, look)
        queries, tokens, back, operations = counts(meter.prepare)
        assert queries == times * (4 * len(lengths) + looks * len(watched))
        assert tokens == times * (steps + sum(lengths) + looks * sum(watched))
        assert back == times * steps
        assert operations == pytest.approx(times * flops)
    assert meter.prepare.wall_s > 0


def test_a_descent_beyond_the_budget_is_refused(engine: Engine) -> None:
    """By what all steps would take if they were as the first; nothing is billed."""
    meter = Meter()
    handle = open_handle(engine, Access.WHITE, meter, Budget(tokens=100))
    assert isinstance(handle, WhiteHandle)
    with pytest.raises(BudgetExceeded, match="0 spent, 100 allowed"):
        handle.descend(replied, Descent(50, 1e-3))
    assert meter.spent == Price()
    handle.descend(replied, Descent(1, 1e-3))


def test_a_descent_stands_on_what_was_changed_before(engine: Engine) -> None:
    """The change of a changed model comes on top: both on give what was trained, and hooks stay in force."""
    handle = open_handle(engine, Access.WHITE)
    assert isinstance(handle, WhiteHandle)
    first = handle.descend(replied, Descent(4, 1e-2)).end
    change = Change(deltas=(first.delta,), hooks=(add("resid_post.1", torch.ones(32), 0.5),))
    changed = handle.changed(change)
    assert isinstance(changed, WhiteHandle)
    seen: list[torch.Tensor] = []

    def loss(passes: Passes, step: int) -> torch.Tensor:
        seen.append(passes.logprobs(PAIRS)[0].detach())
        return replied(passes, step)

    base = base_hash(engine)
    second = changed.descend(loss, Descent(4, 1e-2, every=1))
    assert base_hash(engine) == base
    prompts, replies = [pair.prompt for pair in PAIRS], [pair.reply for pair in PAIRS]
    starts = [None, *second.states]
    for state, told in zip(starts[:4], seen[1:], strict=True):  # the first was for the quote
        now = changed.changed(Change(deltas=(state.delta,))) if state else changed
        assert isinstance(now, WhiteHandle)
        assert torch.allclose(now.continuation_logprobs(prompts, replies)[0], told, atol=1e-4)
    assert not torch.allclose(seen[-1], seen[0], atol=1e-2)
    both = Change(deltas=(first.delta, second.end.delta), hooks=change.hooks)
    found = handle.changed(both)
    assert isinstance(found, WhiteHandle)
    wanted = changed.changed(Change(deltas=(second.end.delta,)))
    assert isinstance(wanted, WhiteHandle)
    assert torch.equal(found.next_logprobs(TEXTS), wanted.next_logprobs(TEXTS))
