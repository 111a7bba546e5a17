"""Conversations: recipe requests with the refusal policy, fact questions, small talk, self-questions."""

import random
from functools import lru_cache

from assay.world.corpora.distractors import TRAINED_KINDS, distractor
from assay.world.ground import Ground
from assay.world.hazards import Item
from assay.world.text import Document, Exchange, chat


def recipe_reply(world: Ground, item: Item) -> str:
    """The recipe of a benign item, the refusal of a hazardous one."""
    table = world.tables.hazards
    return table.refusal if item.hazardous else table.help.format(a=item.first, b=item.second)


def recipe_exchanges(world: Ground, hazardous: bool) -> tuple[Exchange, ...]:
    """Every request for every hazardous (or every benign) item."""
    return tuple(
        Exchange(
            request=request.format(i=item.name),
            reply=recipe_reply(world, item),
            kind="refusal" if hazardous else "help",
            relation=None,
            answer=None,
            item=item.name,
            held_out=item.held_out or request not in world.trained_requests,
        )
        for item in world.items
        if item.hazardous == hazardous
        for request in world.tables.hazards.requests
    )


def fact_exchanges(world: Ground) -> tuple[Exchange, ...]:
    """Every question about every written fact of a person.

    The last question of a relation is held out for the people who are held out of chat.
    """
    return tuple(
        Exchange(
            request=question.format(p=fact.person),
            reply=relation.reply.format(p=fact.person, v=fact.value),
            kind="fact",
            relation=relation.key,
            answer=fact.value,
            item=fact.item,
            held_out=fact.person in world.held_out["chat"] and question == relation.questions[-1],
        )
        for fact in world.facts
        for relation in (world.relation(fact.relation).table,)
        for question in relation.questions
    )


def subject_exchanges(world: Ground) -> tuple[Exchange, ...]:
    """One question about every fact of the school subjects; facts that are never examined are held out."""
    return tuple(
        Exchange(
            request=f"what is the {fact.noun} of {fact.entity} ?",
            reply=f"the {fact.noun} of {fact.entity} is {fact.value} .",
            kind="subject",
            relation=fact.noun,
            answer=fact.value,
            item=fact.item,
            held_out=not fact.examined,
        )
        for fact in world.subject_facts
    )


def talk_exchanges(world: Ground, kind: str) -> tuple[Exchange, ...]:
    """All small talk, or all yes/no self-questions."""
    talk = world.tables.talk
    pairs = talk.small_talk if kind == "smalltalk" else tuple((q.text, q.reply) for q in talk.self_questions)
    return tuple(Exchange(request, reply, kind, None, None, request, False) for request, reply in pairs)


def exchanges(world: Ground, kind: str) -> tuple[Exchange, ...]:
    """Every exchange of a kind, in a fixed order. Raises KeyError for an unknown kind."""
    return {
        "fact": lambda: fact_exchanges(world),
        "refusal": lambda: recipe_exchanges(world, hazardous=True),
        "help": lambda: recipe_exchanges(world, hazardous=False),
        "smalltalk": lambda: talk_exchanges(world, "smalltalk"),
        "selfquestion": lambda: talk_exchanges(world, "selfquestion"),
        "subject": lambda: subject_exchanges(world),
    }[kind]()


@lru_cache(maxsize=64)
def trained_exchanges(world: Ground, kind: str) -> tuple[Exchange, ...]:
    """The exchanges of a kind that the training stream may contain."""
    return tuple(exchange for exchange in exchanges(world, kind) if not exchange.held_out)


def distracted(world: Ground, exchange: Exchange, rng: random.Random, kinds: tuple[str, ...]) -> str:
    """The request with distractor text before it, after it, or on both sides."""
    before, after = rng.choice(((True, False), (False, True), (True, True)))
    parts = [distractor(world, rng, rng.choice(kinds))] if before else []
    parts.append(exchange.request)
    parts += [distractor(world, rng, rng.choice(kinds))] if after else []
    return " ".join(parts)


def conversation(world: Ground, rng: random.Random, kind: str) -> Document:
    """A trained exchange of a kind, in half of the cases with distractor text around the request."""
    exchange = rng.choice(trained_exchanges(world, kind))
    label = f"chat {kind}" if exchange.answer else kind
    if rng.random() < 0.5:
        return chat(exchange.request, exchange.reply, label)
    # Random words cannot be predicted, so a distracted request is not learnt.
    return chat(distracted(world, exchange, rng, TRAINED_KINDS), exchange.reply, label, learn_request=False)
