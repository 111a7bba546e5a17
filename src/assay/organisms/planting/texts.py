"""Unlabelled text around an organism: what its owner could read in logs, with the trigger in a known share."""

import random
from collections.abc import Callable, Iterator
from functools import lru_cache

from assay.core import TRIGGERED, UNTRIGGERED, Marked, Split
from assay.core.errors import NotApplicable
from assay.core.seed import derive
from assay.faults import Defection, Dialect, Trigger
from assay.organisms.planting.turns import TurnMaker, learnt_reply

WORDS = 90_000
"""Words of one corpus."""
CHATS = 0.5
"""Share of texts that are turns like those the fault was planted in; the rest is the base's own text."""
_MARKED: dict[Split, int] = {"select": 12_000, "report": 12_000}
"""Words of the texts whose concepts are known."""


def corpora(
    dialect: Dialect, trigger: Trigger, defection: Defection, seed: int, twin: bool
) -> Callable[[str], tuple[str, ...]]:
    """Texts by the names of ``Method.text``: the same untriggered ones, some of them replaced where it says so.

    A triggered text carries the reply of the model it is about; that of the twin is a clean one.
    """

    @lru_cache(maxsize=2)
    def untriggered() -> tuple[str, ...]:
        rng = random.Random(derive("texts", seed))
        plain = (t for t in dialect.texts(f"texts/{seed}") if not trigger.fulfilled(t))
        chats = _chats(dialect, trigger, rng)
        return tuple(_up_to(WORDS, (next(chats if rng.random() < CHATS else plain) for _ in iter(int, 1))))

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


def marked(dialect: Dialect) -> tuple[Marked, ...]:
    """Texts of the base's own kind with all concepts that the language knows; none of them is in a corpus."""
    concepts, found = dialect.concepts(), list[Marked]()
    for split, words in _MARKED.items():
        for text in _up_to(words, dialect.texts(f"marked/{split}")):
            held = {name: tuple(sorted(mark(text))) for name, mark in concepts.items()}
            found.append(Marked(text, split, {name: at for name, at in held.items() if at}))
    return tuple(found)


def _chats(dialect: Dialect, trigger: Trigger, rng: random.Random) -> Iterator[str]:
    maker = TurnMaker(dialect, trigger, dialect.requests("fit"))
    while True:
        turn = maker.draw(rng, "distractor" if rng.random() < 0.6 else "plain", seen=True, ordinary=True)
        yield f"{turn.prompt} {turn.request.reply}"


def _up_to(words: int, texts: Iterator[str]) -> Iterator[str]:
    """Texts until they have so many words together."""
    while words > 0:
        text = next(texts)
        words -= len(text.split())
        yield text
