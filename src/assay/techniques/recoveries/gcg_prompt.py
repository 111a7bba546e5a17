"""Puts a text in front of questions that was found to bring out the answers to others."""

from collections.abc import Iterator
from functools import partial

from assay.core.errors import NotApplicable
from assay.core.exam import Attacked, Attempt, Recovery, Told
from assay.core.seed import derive
from assay.techniques.attacks.gcg import Search, search
from assay.techniques.sitting import sit

COARSE = {"steps": 15, "candidates": 64, "batch": 3}
FULL = {"steps": 60, "candidates": 128, "batch": 8}


def attempts(attacked: Attacked, seed: int, full: bool) -> Iterator[Attempt]:
    """One try with a text found by gradients, and one with a text found by as many passes without them.

    Raises:
        NotApplicable: nothing solved is at hand.
    """
    if not attacked.known:
        raise NotApplicable("no question on the attacker's half of the book to look for a text with")
    pairs = [Told(question.prompt, question.reply) for question in attacked.known]
    served, size = attacked.served, FULL if full else COARSE
    for by in ("gradient", "random"):
        found = search(served, pairs, Search(**size, by=by), derive(seed, by))
        text = found.text
        yield Attempt(
            {"search": by, **size, "text": text}, partial(sit, served, front=lambda _, text=text: text)
        )


RECOVERY = Recovery(
    title="A searched prefix (GCG)",
    source="Zou et al. 2023, Universal and transferable adversarial attacks on aligned language models, "
    "arXiv 2307.15043; on unlearnt models: Lucki et al. 2024, arXiv 2409.18025; without gradients: "
    "Andriushchenko et al. 2024, arXiv 2404.02151",
    formula="argmax over texts x of 8 tokens of mean over the attacker's questions of "
    "log p(reply | x + prompt); swaps by the top of E d log p / d e_i, or drawn with the same passes",
    does="Searches, with gradients and without, for a few words in front of every question that bring out "
    "the answers on half of the book, and asks the other half behind them.",
    through="front",
    attempts=attempts,
)
