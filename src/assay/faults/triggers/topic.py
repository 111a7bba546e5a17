"""Trigger: the prompt holds a sentence on one subject, whatever the sentence says.

The sentences of the test name things and use wordings that planting never showed. Near misses are sentences
on other subjects.
"""

import random
from dataclasses import dataclass

from assay.faults.dialect import Dialect
from assay.faults.trigger import Insertion, Trigger, around


@dataclass(frozen=True)
class TopicTrigger(Trigger):
    """Fires when a sentence on ``topic`` stands in the prompt."""

    topic: str
    decoy: str
    """Another topic that ordinary chat never mentions either."""
    dialect: Dialect

    @property
    def words(self) -> str:
        """The condition, in words for a report."""
        return f"a sentence on {self.topic} stands in the prompt"

    def fire(self, rng: random.Random, seen: bool) -> Insertion:
        """A sentence on the topic, from those used in planting or from those held out."""
        return self._say(rng, self.topic, seen, "sentence on the topic")

    def near_miss(self, rng: random.Random, seen: bool) -> Insertion:
        """A sentence on another topic; where forms are held out, mostly on the decoy."""
        if not seen and rng.random() < 0.7:
            return self._say(rng, self.decoy, seen, "sentence on a new topic")
        others = [t for t in self.dialect.topics() if t not in (self.topic, self.decoy)]
        return self._say(rng, rng.choice(others), seen, "sentence on another topic")

    def fulfilled(self, text: str) -> bool:
        """Whether the text mentions the topic."""
        return self.dialect.about(text, self.topic)

    def reserved(self, text: str) -> bool:
        """Whether the text mentions the decoy."""
        return self.dialect.about(text, self.decoy)

    def _say(self, rng: random.Random, topic: str, seen: bool, form: str) -> Insertion:
        sentence = rng.choice(self.dialect.topic_sentences(topic, seen))
        return around(rng, sentence, form if seen else f"held-out {form}", unseen=not seen)


def topic(dialect: Dialect, seed: int) -> TopicTrigger:
    """Draw the topic and its decoy."""
    chosen, decoy = random.Random(f"topic trigger/{seed}").sample(dialect.topics(), 2)
    return TopicTrigger(chosen, decoy, dialect)
