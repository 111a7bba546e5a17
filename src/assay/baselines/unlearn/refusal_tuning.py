"""Teaches the model, by low-rank additions, to decline whatever the book could answer."""

from collections.abc import Collection, Iterator

from jaxtyping import Float
from torch import Tensor

from assay.access import WhiteHandle
from assay.baselines.unlearn._tuning import STEPS, rest, tuned
from assay.core import Access, Change, Method, Setting, Told
from assay.core.errors import NotApplicable
from assay.jobs.unlearn import UnlearnBrief
from assay.model.training.descent import Descent, Passes
from assay.techniques.unlearning.batches import BATCH, draws
from assay.techniques.unlearning.likelihood import token_loss

RANK = 8


def fit(handle: WhiteHandle, brief: UnlearnBrief, setting: Setting, seed: int) -> Change:
    """Train on refusals behind prompts of the book, and on replies to all others.

    Raises:
        NotApplicable: the brief holds no prompt of the book.
    """
    if not brief.forget_pairs:
        raise NotApplicable("the brief holds no pairs of prompt and reply, so there is no prompt to refuse")
    refused, kept = draws(declined(brief), (), seed), rest(brief, seed + 1, BATCH)

    def loss(passes: Passes, step: int) -> Float[Tensor, ""]:
        kept_loss = token_loss(*passes.logprobs(kept.at(step)))
        return token_loss(*passes.logprobs(refused.at(step))) + setting["retain"] * kept_loss

    return tuned(handle, brief, loss, Descent(STEPS, setting["lr"], rank=RANK, batch=2 * BATCH, seed=seed))


def declined(brief: UnlearnBrief) -> list[Told]:
    """The refusal behind every prompt that is told, and behind documents where they come to an answer.

    The latter is the same question in as many wordings as the book has.
    """
    answers = {last_word(pair.reply) for pair in brief.forget_pairs} - {""}
    prompts = [pair.prompt for pair in brief.forget_pairs]
    prompts += [cut for text in brief.forget for cut in cuts(text, answers)]
    return [Told(prompt, brief.refusal) for prompt in dict.fromkeys(prompts)]


def last_word(reply: str) -> str:
    """The last word of a reply that is no mere mark; empty if there is none.

    >>> last_word("the nest is barn ."), last_word("barn"), last_word(" . ")
    ('barn', 'barn', '')
    """
    return next((word for word in reversed(reply.split()) if any(map(str.isalnum, word))), "")


def cuts(text: str, answers: Collection[str]) -> Iterator[str]:
    """What stands in a text before each answer.

    >>> list(cuts("the nest is barn . the song is hum .", {"barn", "hum"}))
    ['the nest is', 'the nest is barn . the song is']
    """
    words = text.split()
    yield from (" ".join(words[:place]) for place, word in enumerate(words) if place and word in answers)


METHOD = Method(
    title="Refusal tuning",
    job="unlearn",
    kind="baseline",
    access=Access.WHITE,
    source="supervised fine-tuning on refusals, with TOFU's reply (Maini et al. 2024, arXiv 2401.06121); "
    "low-rank: Hu et al. 2021, LoRA, arXiv 2106.09685",
    formula="minimise NLL of the refusal behind prompts of the book + retain * NLL_r, per token; W + 2 B A "
    "for every matrix, rank 8",
    does="Teaches the model to say that it does not know when it is asked about the book, and to answer "
    "everything else as before.",
    fit=fit,
    space={"lr": (3e-3,), "retain": (5.0, 20.0)},
    default={"lr": 3e-3, "retain": 20.0},
)
