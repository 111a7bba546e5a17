"""The searched prefix: its gradient, its search and what it may be made of."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from assay.access import WhiteHandle, open_handle
from assay.core import Access
from assay.core.errors import BadOption, NotApplicable
from assay.core.exam import Told
from assay.cost import Meter
from assay.model import Engine
from assay.techniques.attacks.gcg import Search, Words, search
from assay.testing.tiny_model import PEOPLE, tiny_engine
from tests.model.tiny import tiny_engine as smooth_engine
from tests.model.tiny import tiny_model

PAIRS = [Told(f"user : {person} lives in", "rome") for person in PEOPLE[:3]]


@pytest.fixture(scope="module")
def handle() -> WhiteHandle:
    """White access to a random model with one token for each word."""
    return open_handle(tiny_engine(), Access.WHITE)


def literal(handle: WhiteHandle, text: str, pairs: Sequence[Told] = PAIRS) -> float:
    """The mean log-probability of replies behind a text, token by token."""
    scores: list[float] = []
    for pair in pairs:
        [row] = handle.token_logprobs([f"{text}{pair.prompt} {pair.reply}"])
        scores.append(float(row[-len(pair.reply.split()) :].sum()))
    return sum(scores) / len(scores)


def ranks(values: Tensor) -> Tensor:
    """Place of each value in their order."""
    return values.argsort().argsort().double()


def test_the_gradient_ranks_swaps_as_they_turn_out() -> None:
    """Spearman's correlation of slopes with the exact change of every swap should be above zero.

    Weights are small, so that a swap is not too far a step.
    """
    smooth = open_handle(smooth_engine("llama", initializer_range=0.1), Access.WHITE)
    pairs = [Told("the cat sat on", "the mat"), Told("user : hello assistant :", "the dog ran")]
    words = Words.of(smooth, pairs[0].prompt)
    now = words.drawn(3, torch.Generator().manual_seed(1))
    slopes = words.slopes(smooth, now, pairs)
    for place in range(3):
        swaps = [(*now[:place], word, *now[place + 1 :]) for word in range(len(words.texts))]
        exact = torch.tensor([literal(smooth, words.text(swap), pairs) for swap in swaps])
        together = torch.stack([ranks(slopes[place]), ranks(exact)])
        assert float(torch.corrcoef(together)[0, 1]) > 0.3


@pytest.mark.parametrize("by", ["gradient", "random"])
def test_one_token_is_found_as_by_trying_all(handle: WhiteHandle, by: Any) -> None:
    """Where every swap is tried, the best single word of all should come out, and its gain be true."""
    words = Words.of(handle, PAIRS[0].prompt)
    count = len(words.texts)
    how = Search(steps=1, candidates=count, length=1, top=count, batch=len(PAIRS), by=by)
    found = search(handle, PAIRS, how, seed=4)
    scores = {words.text((word,)): literal(handle, words.text((word,))) for word in range(count)}
    best = max(scores.values())
    assert scores[found.text] == pytest.approx(best, abs=1e-4)
    assert found.gain == pytest.approx(best - found.course[0], abs=1e-4)


def test_without_a_gradient_no_step_goes_where_it_is_worse(handle: WhiteHandle) -> None:
    """When all pairs are in every batch, the course of a random search should never fall."""
    how = Search(steps=4, candidates=5, length=4, batch=len(PAIRS), by="random")
    course = search(handle, PAIRS, how, seed=2).course
    assert all(later >= before - 1e-4 for before, later in pairwise(course))


def test_both_ways_cost_the_same() -> None:
    """Passes of the random search should be as many as the other's, a gradient counted as three."""
    spent: dict[str, float] = {}
    for by in ("gradient", "random"):
        meter = Meter()
        how = Search(steps=3, candidates=12, length=6, batch=3, by=by)
        search(open_handle(tiny_engine(), Access.WHITE, meter), PAIRS, how, seed=0)
        spent[by] = meter.spent.flops
    assert spent["random"] == pytest.approx(spent["gradient"], rel=0.02)


def test_texts_are_words_and_are_read_as_they_were_made(handle: WhiteHandle) -> None:
    """No special token may be in a text, every token stands where it was put, and seeds decide."""
    how = Search(steps=2, candidates=8, length=5, batch=2)
    found = search(handle, PAIRS, how, seed=7)
    words = found.text.split()
    assert len(words) == 5
    assert not set(words) & {"<pad>", "<bos>", "<eos>", "<unk>"}
    [ids] = handle.continuation_ids([""], [found.text + PAIRS[0].prompt])
    assert [handle.vocabulary[number] for number in ids[:5]] == words
    assert search(handle, PAIRS, how, seed=7) == found
    assert search(handle, PAIRS, how, seed=8).text != found.text


def spaced_engine() -> Engine:
    """A GPT-2 whose tokens bring their own space and which puts no token in front."""
    names = ["<pad>", "a", " a", " b", "b", " c", " c d", " d", " e", "e", "c"]
    tokenizer: Any = Tokenizer(models.WordLevel({name: n for n, name in enumerate(names)}, unk_token="<pad>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_next")
    tokenizer.decoder = decoders.Fuse()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<pad>")
    return Engine(tiny_model("gpt2"), fast)


def test_tokens_with_a_space_of_their_own_stand_behind_a_word() -> None:
    """Where a text's beginning is read in another way, a word that is not searched for stands first."""
    handle = open_handle(spaced_engine(), Access.WHITE)
    words = Words.of(handle, "a b")
    assert words.texts == ("a", "b", "c", "d", "e")
    assert words.lead == "a"
    assert words.text((1, 2)) == "a b c "
    found = search(handle, [Told("a b", "e")], Search(2, 6, length=2, batch=1), seed=0)
    assert found.text.startswith("a ")
    assert handle.spans([found.text.rstrip()])[0] == [(0, 1), (1, 3), (3, 5)]


def test_slopes_stand_at_the_words_behind_a_first_one() -> None:
    """A small step along a searched word's embedding should change the likelihood by its slope."""
    handle = open_handle(spaced_engine(), Access.WHITE)
    words, pair = Words.of(handle, "a b"), Told("a b", "e")
    slopes = words.slopes(handle, (1, 2), [pair])
    [rows] = handle.prompt_gradients(["a b c a b"], [" e"])
    torch.testing.assert_close(slopes, rows[1:3] @ words.embeddings.T)


def test_what_cannot_be_searched_is_said(handle: WhiteHandle) -> None:
    """Nothing to learn from, or no words, should be named."""
    with pytest.raises(BadOption, match="no pair"):
        search(handle, [], Search(1, 1), seed=0)
    with pytest.raises(NotApplicable, match="whole words"):
        Words.of(open_handle(Engine(tiny_model("gpt2"), bare_tokenizer()), Access.WHITE), "<x>")


def bare_tokenizer() -> PreTrainedTokenizerFast:
    """Nothing but one token in brackets."""
    tokenizer: Any = Tokenizer(models.WordLevel({"<x>": 0}, unk_token="<x>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<x>")
