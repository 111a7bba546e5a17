"""Edits that act on the stream: exactly where a subject stands, as their formulas say, and nowhere else."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from assay.access import WhiteHandle
from assay.core import Change, Edit
from assay.core.errors import BadOption, NotApplicable
from assay.techniques.dictionaries.dictionary import Dictionary
from assay.techniques.dictionaries.rules import KeepLargest
from assay.techniques.edits.condition import Condition, acting, condition, ordinary
from assay.techniques.edits.each_alone import each_alone
from assay.techniques.edits.known_values import KnownValues, known_values
from assay.techniques.edits.leace_replace import replacing
from assay.techniques.edits.rank_one import rome
from assay.techniques.edits.sae_latent import Latents, clamping, telling
from assay.techniques.edits.steering import pushed_vectors, random_vectors, steering
from assay.techniques.leace import leace
from tests.model.tiny import TEXTS
from tests.techniques.edits.places import AIM, CAT, DOG, ORDINARY, RED, moment_of, tiny_handle

FAMILIES = ("llama", "gpt2")
BLOCK = 1
SITE = f"resid_post.{BLOCK}"
FACTS = (
    Edit("the cat sat on the", "cat", "mat", "dog"),
    Edit("the big cat ran on the", "cat", "mat", "dog"),
    Edit("the dog ran on the", "dog", "cat", "mat"),
    Edit("then the red dog was on the", "dog", "cat", "mat"),
    Edit("hello the red was", "red", "big", "cat"),
)


def _where(handle: WhiteHandle, edits: tuple[Edit, ...] = (CAT, DOG), share: float = 1e-3) -> Condition:
    return condition(handle, edits, BLOCK, ("",), ordinary(handle, ORDINARY, BLOCK), share)


def _known(handle: WhiteHandle) -> KnownValues:
    return known_values(handle, FACTS, BLOCK, ordinary(handle, ORDINARY, BLOCK))


def _dictionary(width: int) -> Dictionary:
    generator = torch.Generator().manual_seed(0)
    decoder = torch.nn.functional.normalize(torch.randn(40, width, generator=generator))
    return Dictionary(decoder.clone(), decoder, torch.zeros(40), torch.zeros(width), KeepLargest(6))


def _states(handle: Any, texts: list[str], change: Any = None) -> list[Tensor]:
    model = handle if change is None else handle.changed(Change(hooks=(change,)))
    return model.site_activations(texts, SITE)


@pytest.mark.parametrize("family", FAMILIES)
def test_it_fires_where_a_cosine_is_above_the_threshold_and_nowhere_else(family: str) -> None:
    """At every token the edit should be the nearest of those above their thresholds, told one by one."""
    handle = tiny_handle(family)
    where = _where(handle, share=0.05)
    fired = 0
    for rows in _states(handle, TEXTS):
        for row, found in zip(rows, where.at(rows).tolist(), strict=True):
            cosines = [float(cosine_similarity(row - where.middle, key, dim=0)) for key in where.keys]
            if min(abs(c - float(t)) for c, t in zip(cosines, where.thresholds, strict=True)) < 1e-5:
                continue  # the ordinary token that a threshold is taken from
            over = [(c, i) for i, c in enumerate(cosines) if c > float(where.thresholds[i])]
            assert found == (max(over)[1] if over else -1)
            fired += found >= 0
    assert fired


@pytest.mark.parametrize("share", [0.0, 0.01, 0.1])
def test_ordinary_text_is_mistaken_no_more_often_than_its_share(share: float) -> None:
    """Of the tokens that are not the subject itself, at most the share should be taken for it."""
    handle = tiny_handle()
    text = ordinary(handle, ORDINARY, BLOCK)
    for edit in (CAT, DOG):
        at = condition(handle, [edit], BLOCK, ("",), text, share).at(text.rows)
        own = text.ends_of(edit.subject)
        others = torch.ones(len(at), dtype=torch.bool)
        others[own] = False
        assert (at[others] >= 0).float().mean() <= share
        assert own


def test_the_edits_own_prompt_fires_at_the_subject() -> None:
    """Each edit should be found at the last token of its own subject."""
    handle = tiny_handle()
    places = [edit.prompt.split().index(edit.subject) + 1 for edit in (CAT, DOG)]
    rows = _states(handle, [CAT.prompt, DOG.prompt])
    found = [int(_where(handle).at(r)[place]) for r, place in zip(rows, places, strict=True)]
    assert found == [0, 1]


@pytest.mark.parametrize("family", FAMILIES)
def test_elsewhere_activations_stay_to_the_bit(family: str) -> None:
    """Where the condition does not hold the stream should be what it was, bit for bit; where it does, not."""
    handle = tiny_handle(family)
    where = _where(handle)
    change = acting(BLOCK, where, lambda rows, _: rows + 1)
    seen = set[bool]()
    for before, after in zip(_states(handle, TEXTS), _states(handle, TEXTS, change), strict=True):
        for old, new, at in zip(before, after, where.at(before).tolist(), strict=True):
            assert torch.equal(old, new) == (at < 0)
            seen.add(at >= 0)
    assert seen == {True, False}


def test_it_acts_alike_while_a_reply_is_written() -> None:
    """Writing token by token should give what reading the text so far anew gives for each next token."""
    handle = tiny_handle()
    where = _where(handle, share=0.2)
    changed = handle.changed(Change(hooks=(acting(BLOCK, where, lambda rows, _: 3 * rows),)))
    prompt = "the cat sat on"
    [reply] = changed.generate([prompt], max_tokens=4)
    text = prompt
    for word in reply.split():
        [row] = changed.next_logprobs([text])
        assert handle.vocabulary[int(row.argmax())].strip() == word
        text += f" {word}"


@pytest.mark.parametrize("family", FAMILIES)
def test_steering_adds_the_pushed_vector_at_the_subject(family: str) -> None:
    """It should be the vector of its edit, added by hand; and that is what makes the new value likelier."""
    handle = tiny_handle(family)
    edits = (CAT, DOG)
    vectors = pushed_vectors(handle, edits, BLOCK, AIM)
    where = _where(handle, edits)
    change = steering(BLOCK, where, vectors)
    for before, after in zip(_states(handle, TEXTS), _states(handle, TEXTS, change), strict=True):
        at = where.at(before)
        by_hand = torch.stack(
            [row if i < 0 else row + vectors[i] for row, i in zip(before, at.tolist(), strict=True)]
        )
        torch.testing.assert_close(after, by_hand)
    now = handle.changed(Change(hooks=(change,)))
    for edit in edits:
        old, new = (h.continuation_logprobs([edit.prompt], [f" {edit.new}"])[0] for h in (handle, now))
        assert float(new) > float(old)


def test_random_vectors_are_as_long_and_follow_from_their_seeds() -> None:
    """Lengths should be kept, a seed should give its vector again, and another seed another."""
    like = torch.arange(1.0, 13).view(2, 6)
    one, again = random_vectors(like, [1, 2]), random_vectors(like, [1, 3])
    torch.testing.assert_close(one.norm(dim=1), like.norm(dim=1))
    assert torch.equal(one[0], again[0])
    assert not torch.allclose(one[1], again[1])


def test_latents_that_have_their_value_change_nothing_and_the_error_stays() -> None:
    """With a* = a the stream should stay, though the reconstruction is far from it."""
    handle = tiny_handle()
    where, dictionary = _where(handle), _dictionary(handle.width)
    for before in _states(handle, TEXTS):
        for row, i in zip(before, where.at(before).tolist(), strict=True):
            if i < 0:
                continue
            code = dictionary.code(row[None]).dense()[0]
            chosen = torch.arange(dictionary.latents).expand(2, -1)
            same = clamping(BLOCK, where, dictionary, Latents(chosen, code.expand(2, -1)))
            new = same.how(row[None, None], None)[0, 0]  # type: ignore[arg-type]
            assert torch.equal(new, row)
            assert float((dictionary.reconstructed(row[None])[0] - row).norm()) > 0.1 * float(row.norm())


@pytest.mark.parametrize("strength", [1.0, 2.5])
def test_clamping_is_the_sum_over_the_chosen_latents(strength: float) -> None:
    """It should be the formula with loops over edits and latents."""
    handle = tiny_handle()
    where, dictionary, edits = _where(handle), _dictionary(handle.width), (CAT, DOG)
    latents = telling(edits, _known(handle), dictionary, 3)
    change = clamping(BLOCK, where, dictionary, latents, strength)
    for before, after in zip(_states(handle, TEXTS), _states(handle, TEXTS, change), strict=True):
        wanted = before.clone()
        for row, i in enumerate(where.at(before).tolist()):
            code = dictionary.code(before[[row]]).dense()[0]
            for j, value in zip(latents.chosen[i], latents.values[i], strict=True) if i >= 0 else ():
                wanted[row] += strength * (value - code[j]) * dictionary.decoder[j]
        torch.testing.assert_close(after, wanted)


def test_latents_are_those_that_differ_most_between_the_two_values() -> None:
    """Codes of the facts, averaged by hand, should give the same latents and values."""
    handle = tiny_handle()
    known, dictionary = _known(handle), _dictionary(handle.width)
    [edit] = (Edit("the cat ran", "cat", "mat", "cat"),)
    found = telling([edit], known, dictionary, 4)
    codes = dictionary.code(known.rows).dense()
    new, old = codes[2:4].mean(0), codes[:2].mean(0)  # what FACTS say of cat and of mat
    order = (new - old).abs().argsort(descending=True)[:4]
    assert set(found.chosen[0].tolist()) == set(order.tolist())
    torch.testing.assert_close(found.values[0], new[found.chosen[0]])


def test_replacing_gives_the_row_the_new_class_in_all_that_tells_classes() -> None:
    """It should be the eraser's move to the mean of the facts with the new value, applied by hand."""
    handle = tiny_handle()
    known, where = _known(handle), _where(handle)
    edits = (Edit(CAT.prompt, "cat", "mat", "cat"), Edit(DOG.prompt, "dog", "cat", "mat"))
    change = replacing(edits, BLOCK, where, known)
    eraser = leace(known.rows, torch.tensor([0, 0, 1, 1, 2]))
    means = known.rows[2:4].mean(0), known.rows[:2].mean(0)
    for before, after in zip(_states(handle, TEXTS), _states(handle, TEXTS, change), strict=True):
        rows = zip(before, where.at(before).tolist(), strict=True)
        by_hand = [row if i < 0 else eraser.moved(row[None].double(), means[i])[0] for row, i in rows]
        torch.testing.assert_close(after, torch.stack([row.float() for row in by_hand]))


def test_a_value_that_no_fact_has_is_taken_from_its_own_word() -> None:
    """Where no fact has a value, ordinary text at its word should stand for it; nowhere at all is refused."""
    handle = tiny_handle()
    known = _known(handle)
    having, among = known.examples("", "sat")
    assert torch.equal(having, known.text.rows[known.text.ends_of("sat")])
    assert among is known.text.rows
    lost = Edit(CAT.prompt, "cat", "mat", "zarn")
    with pytest.raises(NotApplicable, match="zarn"):
        replacing([lost], BLOCK, _where(handle, (lost,)), known)
    with pytest.raises(NotApplicable, match="zarn"):
        telling([lost], known, _dictionary(handle.width), 2)


@pytest.mark.parametrize("family", FAMILIES)
def test_each_alone_is_rome_of_each(family: str) -> None:
    """All facts in one go should give what ROME gives for each of them by itself."""
    handle = tiny_handle(family)
    edits, moment = (CAT, DOG, RED), moment_of(handle, BLOCK)
    for edit, delta in zip(edits, each_alone(handle, edits, BLOCK, moment, AIM), strict=True):
        alone = rome(handle, [edit], BLOCK, moment, AIM)
        one, two = (handle.changed(Change(deltas=(d,))).next_logprobs([edit.prompt]) for d in (delta, alone))
        torch.testing.assert_close(one, two, atol=1e-4, rtol=1e-4)
        assert not torch.allclose(one, handle.next_logprobs([edit.prompt]), atol=1e-3)


def test_what_cannot_be_is_refused() -> None:
    """A share that is none, no edits, and no text should be refused with a reason."""
    handle = tiny_handle()
    text = ordinary(handle, ORDINARY, BLOCK)
    for edits, share in (((CAT,), 1.0), ((), 0.1)):
        with pytest.raises(BadOption, match="share"):
            condition(handle, edits, BLOCK, ("",), text, share)
    with pytest.raises(NotApplicable, match="ordinary text"):
        ordinary(handle, (), BLOCK)
