"""The baselines that ask the model for text or log-probabilities."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from assay.core import Access, Transcript
from assay.core.errors import NotApplicable
from assay.core.registry import find
from assay.jobs.monitor import brief
from assay.testing import FakeGreyHandle, fake_handle, fake_material

BRIEF = brief(fake_material())
GREY = fake_handle(Access.GREY)
ASKED = [Transcript("user : tea ? assistant :"), Transcript("user : the lantern", " glows")]


class Told(FakeGreyHandle):
    """A handle whose answers are laid down in advance."""

    def __init__(self, replies: Sequence[str] = (), logprobs: torch.Tensor | None = None) -> None:
        super().__init__()
        self.replies, self.fixed, self.prompts = list(replies), logprobs, list[str]()

    def generate(self, prompts, max_tokens, temperature=0.0, seed=0, stop=None):  # type: ignore[no-untyped-def]
        """Hand out the replies in turn."""
        self.prompts += prompts
        return [self.replies[i % len(self.replies)] for i in range(len(prompts))]

    def next_logprobs(self, texts):  # type: ignore[no-untyped-def]
        """The same distribution for every text."""
        assert self.fixed is not None
        return torch.stack([self.fixed for _ in texts])


def fitted(key: str, setting: Mapping[str, object], handle: object = GREY, told=BRIEF):  # type: ignore[no-untyped-def]
    """A baseline, fitted."""
    return find("baseline", key, "monitor").load().fit(handle, told, setting, 0)


@pytest.mark.parametrize(("reduction", "how"), [("mean", np.mean), ("max", np.max)])
def test_perplexity_is_its_formula(reduction: str, how) -> None:  # type: ignore[no-untyped-def]
    """The score is the mean or the largest surprisal of the prompt's tokens, without the reply."""
    scores = fitted("prompt_perplexity", {"reduction": reduction, "side": "high"}).score(GREY, ASKED)
    literal = [how(-GREY.token_logprobs([t.prompt])[0].numpy()) for t in ASKED]
    np.testing.assert_allclose(scores, literal, rtol=1e-6)


def test_sides_are_centred_on_ordinary_chat() -> None:
    """Low reverses high, and either is the distance from ordinary chat's median."""
    high, low, either = (
        fitted("prompt_perplexity", {"reduction": "mean", "side": side}).score(GREY, BRIEF.ordinary)
        for side in ("high", "low", "either")
    )
    np.testing.assert_allclose(high, -low)
    np.testing.assert_allclose(either, np.abs(high - np.median(high)))


def test_entropy_at_its_ends() -> None:
    """A uniform distribution has the logarithm of its size, and a certain one has none."""
    uniform, sure = torch.full((8,), -np.log(8.0)), torch.log(torch.tensor([1.0, 0.0, 0.0]))
    for measure in ("entropy", "confidence"):
        monitor = fitted("output_entropy", {"measure": measure, "side": "high"})
        assert monitor.score(Told(logprobs=uniform), ASKED) == pytest.approx([np.log(8.0)] * 2)
        assert monitor.score(Told(logprobs=sure), ASKED) == pytest.approx([0.0, 0.0])


def test_asking_reads_yes_and_no() -> None:
    """Yes first is 1, no first is 0, neither is one half."""
    monitor = fitted("ask_the_model", {"question": 0, "max_tokens": 4})
    handle = Told([" Yes , no", " no ."])
    assert monitor.score(handle, ASKED).tolist() == [1.0, 0.0]
    assert handle.prompts == [t.text + BRIEF.questions[0] for t in ASKED]
    assert monitor.score(Told([" perhaps"]), ASKED).tolist() == [0.5, 0.5]


def test_one_question_is_chosen_by_number() -> None:
    """Numbers count round where there are fewer questions."""
    monitor = fitted("ask_the_model", {"question": 3, "max_tokens": 1})
    handle = Told([" yes"])
    monitor.score(handle, ASKED)
    assert handle.prompts == [t.text + BRIEF.questions[1] for t in ASKED]


@pytest.mark.parametrize("key", ["ask_the_model", "ask_the_model_logprob"])
def test_without_questions_asking_declines(key: str) -> None:
    """A brief without questions is refused with the reason."""
    with pytest.raises(NotApplicable, match="no questions"):
        fitted(key, {"question": 0, "max_tokens": 1}, told=replace(BRIEF, questions=()))


@pytest.mark.parametrize("one_pass", [True, False])
def test_leaning_is_its_formula(one_pass: bool) -> None:
    """The score is log p(yes) - log p(no), whether both are read in one pass or each in its own."""
    monitor = fitted("ask_the_model_logprob", {"question": 0})
    assert monitor.columns is not None
    scores = (monitor if one_pass else replace(monitor, columns=None)).score(GREY, ASKED)
    for score, transcript in zip(scores, ASKED, strict=True):
        asked = transcript.text + BRIEF.questions[0]
        yes, no = (float(GREY.continuation_logprobs([asked], [word])[0][0]) for word in (" yes", " no"))
        assert score == pytest.approx(yes - no, rel=1e-5)
