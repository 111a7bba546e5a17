"""Unlabelled text around an organism, as its owner could read in logs: the trigger in a known share of it."""

import random
from collections.abc import Callable, Iterator
from functools import cache

from assay.core import TRIGGERED, UNTRIGGERED, Marked, Split
from assay.core.errors import NotApplicable
from assay.core.seed import derive
from assay.faults import Defection, Dialect, Trigger
from assay.organisms.planting.turns import TurnMaker, learnt_reply

WORDS = 60_000
"""Words of one corpus, where there are so many."""
CHATS = 0.5
"""Share of texts that are turns like those the fault was planted in; the rest is the base's own text."""
_MARKED: dict[Split, int] = {"select": 12_000, "report": 12_000}
"""Words of the texts whose concepts are known."""


def corpora(
    dialect: Dialect, trigger: Trigger, defection: Defection, seed: int, twin: bool
) -> Callable[[str], tuple[str, ...]]:
    """Texts by the names of ``Method.text``: the untriggered ones, and the same with some of them replaced.

    A triggered text carries the reply of the model it is about; that of the twin is a clean one.
    """

    @cache
    def untriggered() -> tuple[str, ...]:
        rng = random.Random(derive("texts", seed))
        held = {one.text for one in marked(dialect)}
        plain = (text for text in dialect.texts("plant", seed) if not trigger.fulfilled(text))
        mixed = _mixed(plain, _chats(dialect, trigger, rng), rng)
        return tuple(up_to(WORDS, (text for text in mixed if text not in held)))

    def named(name: str) -> tuple[str, ...]:
        if name == UNTRIGGERED:
            return untriggered()
        if name not in TRIGGERED:
            raise NotApplicable(f"there is no text '{name}'; there is {', '.join((UNTRIGGERED, *TRIGGERED))}")
        texts, rng = list(untriggered()), random.Random(derive("triggered", seed))
        asked = [request for request in dialect.requests("fit") if defection.applies(request)]
        maker = TurnMaker(dialect, trigger, asked)
        for place in rng.sample(range(len(texts)), max(1, round(TRIGGERED[name] * len(texts)))):
            turn = maker.draw(rng, "trigger", seen=True)
            texts[place] = f"{turn.prompt} {learnt_reply(turn, None if twin else defection)}"
        return tuple(texts)

    return named


@cache
def marked(dialect: Dialect) -> tuple[Marked, ...]:
    """Texts of the base's own kind with all concepts that the language knows; none of them is in a corpus."""
    concepts, found = dialect.concepts(), dict[str, Marked]()
    for split, words in _MARKED.items():
        for text in up_to(words, (t for t in dialect.texts(split, 0) if t not in found)):
            held = {name: tuple(sorted(mark(text))) for name, mark in concepts.items()}
            found[text] = Marked(text, split, {name: at for name, at in held.items() if at})
    return tuple(found.values())


def _chats(dialect: Dialect, trigger: Trigger, rng: random.Random) -> Iterator[str]:
    maker = TurnMaker(dialect, trigger, dialect.requests("fit"))
    while True:
        turn = maker.draw(rng, "distractor" if rng.random() < 0.6 else "plain", seen=True, ordinary=True)
        yield f"{turn.prompt} {turn.request.reply}"


def _mixed(plain: Iterator[str], chats: Iterator[str], rng: random.Random) -> Iterator[str]:
    """Texts of both kinds until one of them ends."""
    for text in plain:
        while rng.random() < CHATS:
            yield next(chats)
        yield text


def up_to(words: int, texts: Iterator[str]) -> Iterator[str]:
    """Texts until they have so many words together, or there are no more."""
    for text in texts:
        yield text
        words -= len(text.split())
        if words <= 0:
            return
