"""What words of English prose stand for, as far as their form and short lists tell."""

import re
from collections.abc import Mapping

from assay.world.concepts import Mark, asked

_QUOTED = re.compile(r"[\"\u201c][^\"\u201c\u201d]*[\"\u201d]")
_WORDS: Mapping[str, str] = {
    "he": "he him his himself",
    "she": "she her hers herself",
    "family": "mom mommy mother dad daddy father brother sister grandma grandpa son daughter family",
    "animal": "dog cat bird fish bear rabbit duck mouse horse cow pig frog bee butterfly lion monkey animal",
    "food": "cake bread apple fruit cookie candy soup food lunch dinner breakfast milk cheese juice snack",
    "saying": "said asked replied shouted cried told answered yelled whispered says called",
    "gladness": "happy glad smiled laughed excited fun proud love loved joy hugged",
    "sadness": "sad cried scared angry afraid sorry upset worried hurt mad lonely",
    "colour": "red blue green yellow white black brown pink orange purple",
    "negation": "not no never nothing didn't don't couldn't wasn't can't won't isn't doesn't",
}


def english_concepts() -> Mapping[str, Mark]:
    """Pronouns, families of words, names, speech, questions and numbers.

    >>> marks = english_concepts()
    >>> marks["he"]("Then he ran."), marks["name"]("Then Tim ran."), marks["speech"]('He said, "Go now."')
    ({1}, {1}, {2, 3})
    """
    return {
        **{name: _listed(frozenset(words.split())) for name, words in _WORDS.items()},
        "name": _named,
        "speech": _spoken,
        "question": lambda text: asked(text, ".!?", _last),
        "number": lambda text: {n for n, word in enumerate(text.split()) if any(c.isdigit() for c in word)},
    }


def _listed(words: frozenset[str]) -> Mark:
    return lambda text: {n for n, word in enumerate(text.split()) if _bare(word).lower() in words}


def _bare(word: str) -> str:
    return word.strip('.,!?;:"\u201c\u201d()')


def _named(text: str) -> set[int]:
    """Capitalised words that do not begin a sentence and are more than an ``I``."""
    words = text.split()
    return {
        n
        for n, word in enumerate(words)
        if n and _bare(word)[:1].isupper() and len(_bare(word).split("'")[0]) > 1
        and _last(words[n - 1]) not in ".!?" and word[0].isalpha()
    }  # fmt: skip


def _spoken(text: str) -> set[int]:
    found: set[int] = set()
    for match in _QUOTED.finditer(text):
        first = len(text[: match.start()].split())
        found.update(range(first, first + len(match[0].split())))
    return found


def _last(word: str) -> str:
    """The last character of a word, closing quotes aside."""
    return word.rstrip('"\u201d')[-1:]
