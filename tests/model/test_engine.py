"""The engine's promises that do not depend on the family of the model."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from assay.core.errors import BadOption, ContextExceeded, ModelError
from assay.model import Engine
from assay.model.generate import Sampling
from tests.model.tiny import TEXTS, piece_tokenizer, tiny_engine, tiny_model

LONG = " ".join(["cat"] * 50)


@pytest.fixture(scope="module")
def engine() -> Engine:
    """A random Llama."""
    return tiny_engine("llama")


def hooks(engine: Engine) -> int:
    """Hooks left anywhere in the model."""
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in engine.model.modules())  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize("layer", [0, 1, 3])
def test_gradients_equal_autograd_through_everything(engine: Engine, layer: int) -> None:
    """A pass with all gradients on, one text at a time, gives the same gradient at the residual stream."""
    kept: list[Tensor] = []

    def keep(tensor: Tensor) -> None:
        tensor.retain_grad()
        kept.append(tensor)

    blocks: Any = engine.model.model.layers
    for text, found in zip(TEXTS, engine.gradients(TEXTS, layer), strict=True):
        if layer:
            hook = blocks[layer - 1].register_forward_hook(lambda _, __, out: keep(out))
        else:
            hook = blocks[0].register_forward_pre_hook(lambda _, args: keep(args[0]))
        ids = torch.tensor(engine.encode([text]))
        logprobs = engine.model(input_ids=ids).logits[0].log_softmax(-1)
        hook.remove()
        sum(logprobs[i, ids[0, i + 1]] for i in range(ids.shape[1] - 1)).backward()  # pyright: ignore[reportAttributeAccessIssue]
        wanted = kept[-1].grad
        assert wanted is not None
        assert float((found - wanted[0]).norm() / wanted.norm()) < 1e-4
    engine.model.zero_grad()


def test_gradients_leave_the_model_as_it_was(engine: Engine) -> None:
    """No weight gains a gradient or loses its flag."""
    engine.gradients(TEXTS, 1)
    assert all(p.grad is None and p.requires_grad for p in engine.model.parameters())


def test_sequence_activations_end_with_last_token_activations(engine: Engine) -> None:
    """The last row of each sequence is what ``activations`` reads, and there is a row per token."""
    for layer in range(engine.n_layers + 1):
        last = engine.activations(TEXTS, [layer])[:, 0]
        for row, values, n in zip(
            last, engine.sequence_activations(TEXTS, layer), engine.lengths(TEXTS), strict=True
        ):
            assert values.shape == (n, engine.width)
            torch.testing.assert_close(values[-1], row, rtol=1e-4, atol=1e-5)


def test_layers_come_in_the_order_asked_for(engine: Engine) -> None:
    """Layers may be repeated and in any order."""
    straight = engine.activations(TEXTS, [0, 1, 2, 3])
    torch.testing.assert_close(engine.activations(TEXTS, [3, 0, 3]), straight[:, [3, 0, 3]])


@pytest.mark.parametrize("batch_tokens", [1, 25, 10_000])
def test_results_do_not_depend_on_batches(engine: Engine, batch_tokens: int) -> None:
    """Alone, in small or in large batches: the same numbers, in the order of the texts."""
    other = Engine(engine.model, engine.tokenizer)
    other.batch_tokens = batch_tokens
    back = TEXTS[::-1]
    torch.testing.assert_close(other.activations(back, [2]), engine.activations(TEXTS, [2]).flip(0))
    torch.testing.assert_close(other.next_logprobs(back), engine.next_logprobs(TEXTS).flip(0))
    for one, two in zip(other.token_logprobs(back), engine.token_logprobs(TEXTS)[::-1], strict=True):
        torch.testing.assert_close(one, two)
    assert other.generate(back, 9) == engine.generate(TEXTS, 9)[::-1]


def test_the_pass_stops_after_the_last_layer_wanted(engine: Engine) -> None:
    """Blocks above the highest layer asked for do not run, and neither does the unembedding."""
    ran: list[str] = []
    model: Any = engine.model
    parts = {f"block {i + 1}": block for i, block in enumerate(model.model.layers)} | {"head": model.lm_head}
    watch: Callable[[str], Any] = lambda name: lambda *_: ran.append(name)  # noqa: E731
    handles = [part.register_forward_pre_hook(watch(name)) for name, part in parts.items()]
    engine.activations(TEXTS[:1], [0, 2])
    for handle in handles:
        handle.remove()
    assert ran == ["block 1", "block 2"]


def test_hooks_never_stay(engine: Engine) -> None:
    """No call leaves a hook behind, whether it succeeds or fails midway."""

    def fail(*_: Any) -> None:
        raise RuntimeError("broken block")

    calls: list[Callable[[], Any]] = [
        lambda: engine.activations(TEXTS, [2]),
        lambda: engine.sequence_activations(TEXTS, 2),
        lambda: engine.gradients(TEXTS, 2),
        lambda: engine.next_logprobs(TEXTS),
        lambda: engine.token_logprobs(TEXTS),
        lambda: engine.generate(TEXTS, 2),
    ]
    model: Any = engine.model
    for call in calls:
        call()
        assert hooks(engine) == 0
        broken = model.model.layers[1].register_forward_pre_hook(fail)
        with pytest.raises(RuntimeError, match="broken block"):
            call()
        broken.remove()
        assert hooks(engine) == 0


def test_continuation_logprobs_sum_the_tokens_after_the_prompt(engine: Engine) -> None:
    """The sum runs over the continuation's own tokens, and the count says how many there are."""
    prompts, more = ["the cat", "user : hello assistant :", "the"], [" sat on the mat .", " hello", ""]
    sums, counts = engine.continuation_logprobs(prompts, more)
    assert counts.tolist() == [5, 1, 0]
    for total, n, prompt, rest in zip(sums, counts.tolist(), prompts, more, strict=True):
        tokens = engine.token_logprobs([prompt + rest])[0]
        torch.testing.assert_close(total, tokens[len(tokens) - n :].sum())


def test_a_token_across_the_seam_counts_as_continuation() -> None:
    """Where the tokenizer merges the end of the prompt with the continuation, the merged token is scored."""
    engine = Engine(tiny_model(vocab_size=48), piece_tokenizer(beginning=True))
    joined, starts = engine.split(["the c"], ["at sat"])
    shared = [engine.encode([text])[0] for text in ("the c", "the cat sat")]
    assert joined == ["the cat sat"]
    assert shared[0][: starts[0]] == shared[1][: starts[0]]
    assert shared[0][starts[0] :] != shared[1][starts[0] : len(shared[0])]


def test_probabilities_of_all_next_tokens_sum_to_one(engine: Engine) -> None:
    """Exponentials of a row sum to 1."""
    totals = engine.next_logprobs(TEXTS).exp().sum(-1)
    torch.testing.assert_close(totals, torch.ones(len(TEXTS)))


def test_texts_beyond_the_context_are_named(engine: Engine) -> None:
    """The message gives the text's number, its length and the limit."""
    with pytest.raises(ContextExceeded, match=r"text 1 \(counting from 0\) has 51 tokens.* 40"):
        engine.activations(["hello", LONG], [1])
    with pytest.raises(ContextExceeded, match="has 2 tokens and 39 more"):
        engine.generate(["hello"], 39)
    assert len(engine.generate(["hello"], 38)) == 1


@pytest.mark.parametrize("layers", [[], [-1], [4], [1, 9]])
def test_layers_that_do_not_exist_are_refused(engine: Engine, layers: list[int]) -> None:
    """Numbers outside 0..n_layers and empty lists are bad options."""
    with pytest.raises(BadOption, match="layer"):
        engine.activations(TEXTS, layers)


def test_one_string_is_no_list_of_texts(engine: Engine) -> None:
    """A bare string would otherwise be read letter by letter."""
    with pytest.raises(BadOption, match="one string"):
        engine.next_logprobs("hello")


def test_no_texts_give_empty_results(engine: Engine) -> None:
    """Empty in, empty out, with the right shape."""
    assert engine.activations([], [1, 2]).shape == (0, 2, engine.width)
    assert engine.next_logprobs([]).shape == (0, engine.vocabulary)
    assert engine.generate([], 3) == engine.token_logprobs([]) == []
    assert [len(part) for part in engine.continuation_logprobs([], [])] == [0, 0]


def test_tokens_without_embedding_are_refused() -> None:
    """A tokenizer that belongs to a larger model is noticed, not crashed on."""
    engine = tiny_engine(vocab_size=12)
    with pytest.raises(ModelError, match="do not belong together"):
        engine.next_logprobs(["hello", "the red dog"])


def test_results_can_be_differentiated_through(engine: Engine) -> None:
    """Activations are ordinary tensors that a method may train on."""
    values = engine.activations(TEXTS, [2])[:, 0]
    weight = torch.zeros(engine.width, requires_grad=True)
    (values @ weight).sum().backward()
    assert weight.grad is not None
    torch.testing.assert_close(weight.grad, values.sum(0))


def test_dropout_never_acts() -> None:
    """A model left in training mode by somebody else is read in evaluation mode."""
    engine = tiny_engine("gpt2")
    before = engine.activations(TEXTS, [3])
    engine.model.train()
    torch.testing.assert_close(engine.activations(TEXTS, [3]), before)


def test_results_are_float32_whatever_the_model_is() -> None:
    """A bfloat16 model gives float32 results, close to those of the same weights in float32."""
    model = tiny_model()
    exact = Engine(model, tiny_engine().tokenizer).activations(TEXTS, [2])
    rounded = Engine(model.to(torch.bfloat16), tiny_engine().tokenizer)
    found = rounded.activations(TEXTS, [2])
    assert found.dtype == rounded.next_logprobs(TEXTS).dtype == torch.float32
    assert float((found - exact).norm() / exact.norm()) < 0.03


def test_a_model_that_sees_the_future_is_noticed(engine: Engine) -> None:
    """With attention in both directions the causality check fails."""
    model = tiny_model()
    model.config.is_causal = False
    assert not Engine(model, engine.tokenizer).is_causal()


def test_draws_follow_the_softmax(engine: Engine) -> None:
    """Frequencies of drawn tokens agree with softmax(logits / temperature) within 4 standard errors."""
    n, temperature = 1000, 2.0
    how = Sampling(1, temperature, seed=3)
    drawn = [reply.text for reply in engine.replies(["the cat"] * n, how)]
    table = (engine.next_logprobs(["the cat"])[0] / temperature).softmax(-1)
    for token in table.topk(5).indices.tolist():
        p = float(table[token])
        text = "" if token == 2 else " " + str(engine.tokenizer.convert_ids_to_tokens(token))
        assert abs(drawn.count(text) / n - p) < 4 * math.sqrt(p * (1 - p) / n)


def test_draws_depend_on_seed_and_place_only(engine: Engine) -> None:
    """The same seed draws the same reply however texts are batched; another seed draws others."""
    other = Engine(engine.model, engine.tokenizer)
    other.batch_tokens = 5
    one = engine.generate(TEXTS, 10, temperature=1.0, seed=1)
    assert other.generate(TEXTS, 10, temperature=1.0, seed=1) == one
    assert engine.generate([*TEXTS, "the cat"], 10, temperature=1.0, seed=1)[: len(TEXTS)] == one
    assert engine.generate(TEXTS, 10, temperature=1.0, seed=2) != one


def test_replies_end_before_a_stop_string(engine: Engine) -> None:
    """A stopped reply is the start of the full one, up to the first stop string."""
    full = engine.generate(TEXTS, 12)
    stop = " " + full[0].split()[2]
    stopped = engine.generate(TEXTS, 12, stop=stop)
    assert stopped == [text.split(stop)[0] if stop in text else text for text in full]
    assert stopped[0] != full[0]


def test_lengths_and_ends_of_replies_are_told() -> None:
    """A reply counts the tokens drawn; it ended by itself exactly if the end token was the last drawn."""
    engine = tiny_engine("qwen2", seed=1)
    replies = engine.replies(TEXTS, Sampling(18))
    for reply in replies:
        assert reply.n_tokens == len(reply.text.split()) + reply.ended
        assert reply.ended or reply.n_tokens == 18
    assert {reply.ended for reply in replies} == {True, False}


@pytest.mark.parametrize(
    "options", [{"max_tokens": 0}, {"max_tokens": 3, "temperature": -1.0}, {"max_tokens": 3, "stop": ""}]
)
def test_options_of_writing_are_checked(engine: Engine, options: dict[str, Any]) -> None:
    """Lengths below 1, negative temperatures and empty stops are bad options."""
    with pytest.raises(BadOption):
        engine.generate(TEXTS, **options)
