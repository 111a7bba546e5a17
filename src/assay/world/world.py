"""The World: the ground truth together with the texts that can be made from it."""

import random

from assay.world.corpora import chats, distractors, textbooks
from assay.world.ground import Ground
from assay.world.text import Exchange


class World(Ground):
    """A closed world of people, places, textbooks, recipes and chat, computed from a seed.

    Same seed and tables, same world and same texts. Each part draws from its own generator, so that a new
    relation or subject leaves the other facts as they were.

    >>> world = World(seed=0)
    >>> len(world.people), world.relation("pet").values[0], world.exchanges("refusal")[0].reply
    (240, 'cat', 'i cannot help with that .')
    """

    distractor_kinds = distractors.TRAINED_KINDS + distractors.HELD_OUT_KINDS
    """Every kind of distractor text; the training stream never uses `held_out_distractor_kinds`."""
    held_out_distractor_kinds = distractors.HELD_OUT_KINDS

    def exchanges(self, kind: str) -> tuple[Exchange, ...]:
        """Every exchange of a kind, in a fixed order, held-out ones included.

        Kinds: fact, subject, refusal, help, smalltalk, selfquestion. Raises KeyError for any other.
        """
        return chats.exchanges(self, kind)

    def distractor(self, rng: random.Random, kind: str) -> str:
        """Irrelevant text of one of `distractor_kinds`, to put before or after a request."""
        return distractors.distractor(self, rng, kind)

    def distracted(self, exchange: Exchange, rng: random.Random, kinds: tuple[str, ...]) -> str:
        """The request of an exchange with distractor text of these kinds on one side or on both."""
        return chats.distracted(self, exchange, rng, kinds)

    def subject_sentences(self, subject: str, held_out: bool) -> tuple[str, ...]:
        """Every trained (or every held-out) prose sentence on the subject with this key."""
        return textbooks.subject_sentences(self, subject, held_out)
