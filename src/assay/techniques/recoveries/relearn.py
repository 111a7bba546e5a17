"""Trains the model on half of the book's facts; the other half is asked."""

import random
import re
from collections.abc import Iterable, Iterator, Sequence

from assay.core.errors import NotApplicable
from assay.core.exam import Attacked, Attempt, Question, Recovery
from assay.core.seed import derive
from assay.model.training.descent import Pair
from assay.techniques.recoveries._learning import courses

COUNTS = (1, 4, 16, 64)
"""Facts that are learnt anew, in the whole grid, which also learns all; the coarse one learns all."""
FEW, MANY = (10, 30), (5, 10, 20, 40, 80)
"""Steps after which exams are sat."""
FEW_RATES, MANY_RATES = (1e-3,), (3e-4, 1e-3, 3e-3)
"""Learning rates. On the school's models the middle one brought back most within few steps."""


def attempts(attacked: Attacked, seed: int, full: bool) -> Iterator[Attempt]:
    """One course for each number of facts and learning rate, before the first step among its tries.

    Raises:
        NotApplicable: no fact is on the attacker's half.
    """
    facts = list(dict.fromkeys(question.item for question in attacked.known))
    if not facts:
        raise NotApplicable("no fact on the attacker's half of the book; give a book of more than one fact")
    random.Random(derive("facts", seed)).shuffle(facts)  # the more hold the fewer
    counts = [count for count in COUNTS if full and count < len(facts)] + [len(facts)]
    lessons = (({"facts": n}, told(attacked.known, attacked.documents, facts, n)) for n in counts)
    looks, rates = (MANY, MANY_RATES) if full else (FEW, FEW_RATES)
    return courses(attacked.handle.changed(attacked.held), lessons, looks, rates, seed)


def told(known: Sequence[Question], documents: Sequence[str], facts: Sequence[str], count: int) -> list[Pair]:
    """What the first so many facts say: their questions in all forms and wordings, and documents on them."""
    chosen = set(facts[:count])
    mine = [question for question in known if question.item in chosen]
    asked = [(prompt, f" {q.reply}") for q in mine for prompt in (q.prompt, q.other) if prompt]
    texts = documents if count == len(facts) else naming(documents, known, chosen)
    return [Pair(*pair) for pair in dict.fromkeys([*asked, *(("", text) for text in texts)])]


def naming(documents: Sequence[str], known: Sequence[Question], chosen: Iterable[str]) -> list[str]:
    """Documents that state a chosen fact: they hold its answer and what its questions alone have in common.

    That is the words of all of its prompts less the words of everybody's prompts.
    """
    prompts: dict[str, list[set[str]]] = {}
    for question in known:
        prompts.setdefault(question.item, []).append(_words(question.prompt))
    everywhere = set.intersection(*(words for sets in prompts.values() for words in sets))
    answers = {question.item: _words(question.answer) for question in known}
    needed = [answers[item] | (set.intersection(*prompts[item]) - everywhere) for item in chosen]
    held = [_words(document) for document in documents]
    return [
        text for text, words in zip(documents, held, strict=True) if any(need <= words for need in needed)
    ]


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


RECOVERY = Recovery(
    title="Relearning half of the book",
    source="Deeb & Roger 2024, Do unlearning methods remove information from language model weights?, "
    "arXiv 2410.08827; Lynch et al. 2024, arXiv 2402.16835; Hu et al. 2024, arXiv 2406.13356",
    formula="Adam on all weights, without decay: mean over questions, in all forms, and documents on N facts "
    "of -1/T sum over t of log p(w_t | w_<t); after 0, 5, 10, ... steps the other facts are asked",
    does="Teaches the model half of the book's facts anew and asks the other half.",
    through="weights",
    attempts=attempts,
    quick=True,
)
