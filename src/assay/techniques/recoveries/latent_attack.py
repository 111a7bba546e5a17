"""Adds trained vectors to the stream that bring out the answers to other questions."""

from collections.abc import Iterator
from functools import partial

from assay.core.errors import NotApplicable
from assay.core.exam import Attacked, Attempt, Recovery, Told
from assay.techniques.attacks.latent import Latent, latent
from assay.techniques.sitting import sit

FEW, MANY = (0.25, 1.0), (0.25, 0.5, 1.0)
"""Longest that the vectors may be, in median lengths of the stream, in the coarse and in the whole grid."""
COARSE, FULL = 50, 120
"""Steps."""


def attempts(attacked: Attacked, seed: int, full: bool) -> Iterator[Attempt]:
    """A try for each size with a vector behind every block; in the whole grid also behind one in the middle.

    Raises:
        NotApplicable: nothing solved is at hand.
    """
    if not attacked.known:
        raise NotApplicable("no question on the attacker's half of the book to train vectors on")
    pairs = [Told(question.prompt, question.reply) for question in attacked.known]
    held, steps = attacked.handle.changed(attacked.held), FULL if full else COARSE
    every, middle = list(range(held.n_layers)), [held.n_layers // 2]
    for blocks, name in (
        ((every, "every block"), (middle, "one block")) if full else ((every, "every block"),)
    ):
        for eps in MANY if full else FEW:
            pushed, _ = latent(held, pairs, blocks, Latent(steps, eps), seed)
            setting = {"eps": eps, "at": name, "steps": steps}
            yield Attempt(setting, partial(sit, held.changed(pushed)), name, eps)


RECOVERY = Recovery(
    title="A latent attack",
    source="Casper et al. 2024, Defending against unforeseen failure modes with latent adversarial training, "
    "arXiv 2403.05030; Sheshadri et al. 2024, Latent adversarial training improves robustness to persistent "
    "harmful behaviors in LLMs, arXiv 2407.15549: the attack inside it",
    formula="argmin over v_1 ... v_L of mean over the attacker's questions of "
    "-log p(reply | prompt; h_l + v_l at every token), |v_l| <= eps * median |h_l|",
    does="Trains a vector for every block, the same at every token, to bring out the answers on half of the "
    "book, and asks the other half with them added.",
    through="weights",
    attempts=attempts,
)
