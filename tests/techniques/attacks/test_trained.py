"""Trained vectors, in front of prompts and in the stream: where they act, how far, and what they lower."""

import pytest
import torch

from assay.access import WhiteHandle, open_handle
from assay.core import Access, Change
from assay.core.errors import NotApplicable
from assay.core.exam import Told
from assay.techniques.attacks.eliciting import eliciting
from assay.techniques.attacks.latent import Latent, latent
from assay.techniques.attacks.soft_prompt import SoftPrompt, soft_prompt
from assay.testing.tiny_model import PEOPLE, tiny_engine

PAIRS = [Told(f"user : {person} lives in", "the home of rome") for person in PEOPLE[:6]]
WORDS = "what is a pet"


@pytest.fixture(scope="module")
def handle() -> WhiteHandle:
    """White access to a random model with one token for each word."""
    return open_handle(tiny_engine(), Access.WHITE)


def literal(handle: WhiteHandle) -> float:
    """The mean over pairs of -log p(reply | prompt), pair by pair."""
    scores = [float(handle.continuation_logprobs([p.prompt], [f" {p.reply}"])[0][0]) for p in PAIRS]
    return -sum(scores) / len(scores)


def test_a_latent_attack_lowers_what_it_says_within_its_bound(handle: WhiteHandle) -> None:
    """The loss begins as the plain model's and falls; each vector is in its ball and the same everywhere."""
    how = Latent(steps=12, eps=0.5, batch=len(PAIRS))
    pushed, losses = latent(handle, PAIRS, [0, 2], how, seed=0)
    assert losses[0] == pytest.approx(literal(handle), rel=1e-4)
    assert literal(handle.changed(pushed)) < losses[0] - 0.1
    prompts = [pair.prompt for pair in PAIRS]
    for block in (0, 2):
        plain = handle.changed(Change(hooks=pushed.hooks[: block // 2]))
        after = handle.changed(Change(hooks=pushed.hooks[: 1 + block // 2]))
        steps = [
            new - old
            for new, old in zip(
                after.sequence_activations(prompts, block + 1),
                plain.sequence_activations(prompts, block + 1),
                strict=True,
            )
        ]
        everywhere = torch.cat(steps)
        torch.testing.assert_close(everywhere, everywhere[:1].expand_as(everywhere), rtol=1e-3, atol=1e-4)
        usual = torch.cat(handle.sequence_activations(prompts, block + 1)).norm(dim=1).median()
        assert 0 < float(everywhere[0].norm()) <= 0.5 * float(usual) * 1.001


def test_a_soft_prompt_takes_the_place_of_its_words_alone(handle: WhiteHandle) -> None:
    """Embeddings differ at the words in front and nowhere else, within the radius; replies get likelier."""
    how = SoftPrompt(steps=12, radius=0.7, batch=len(PAIRS))
    front, losses = soft_prompt(handle, PAIRS, WORDS, how, seed=0)
    assert front.context is not None
    assert front.context("anything") == f"{WORDS} "
    behind = handle.changed(Change(context=front.context))
    assert losses[0] == pytest.approx(literal(behind), rel=1e-4)
    assert literal(handle.changed(front)) < losses[0] - 0.1
    texts = [f"{WORDS} {pair.prompt}" for pair in PAIRS]
    old = handle.site_activations(texts, "embed")
    new = handle.changed(Change(hooks=front.hooks)).site_activations(texts, "embed")
    usual = torch.cat(handle.site_activations([p.prompt for p in PAIRS], "embed")).norm(dim=1).median()
    for before, after in zip(old, new, strict=True):
        far = (after - before).norm(dim=1)
        assert torch.equal(far > 0, torch.tensor([False] + [True] * 4 + [False] * (len(far) - 5)))
        assert float(far.max()) <= 0.7 * float(usual) * 1.001


def test_replies_are_written_behind_a_soft_prompt(handle: WhiteHandle) -> None:
    """With a cache and left padding a reply is what full passes write, token by token."""
    front, _ = soft_prompt(handle, PAIRS, WORDS, SoftPrompt(steps=3, radius=2.0, batch=2), seed=0)
    served = handle.changed(front)
    prompts = ["user : ann", "the home of bob is what"]
    for prompt, reply in zip(prompts, served.generate(prompts, max_tokens=4), strict=True):
        text = prompt
        for _ in range(len(reply.split())):
            best = int(served.next_logprobs([text])[0].argmax())
            text += f" {handle.vocabulary[best]}"
        assert text == prompt + reply


def test_nothing_to_learn_from_is_said(handle: WhiteHandle) -> None:
    """Without a pair there is no attack."""
    for attack in (
        lambda: eliciting([], 4, 0),
        lambda: latent(handle, [], [0], Latent(1, 0.5), 0),
        lambda: soft_prompt(handle, [], WORDS, SoftPrompt(1, 0.5), 0),
    ):
        with pytest.raises(NotApplicable):
            attack()
