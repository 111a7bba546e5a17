"""The seeded synthetic world: people, places, textbooks, recipes and chat, and every text made from them."""

from assay.world.corpora.mixture import SAMPLERS, stream
from assay.world.ground import SPECIALS, Ground, SubjectFact, Tables
from assay.world.hazards import Item
from assay.world.people import Fact
from assay.world.relations import Attribute, Kind, Relation
from assay.world.subjects import Subject, SubjectAttribute
from assay.world.text import Claim, Document, Exchange, Span, chat, chat_prompt
from assay.world.world import World

__all__ = [
    "SAMPLERS",
    "SPECIALS",
    "Attribute",
    "Claim",
    "Document",
    "Exchange",
    "Fact",
    "Ground",
    "Item",
    "Kind",
    "Relation",
    "Span",
    "Subject",
    "SubjectAttribute",
    "SubjectFact",
    "Tables",
    "World",
    "chat",
    "chat_prompt",
    "stream",
]
