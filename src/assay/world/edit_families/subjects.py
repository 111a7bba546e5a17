"""Edits of what the entities of a textbook have."""

import random
from collections.abc import Mapping

from assay.world.corpora.textbooks import subject_claim
from assay.world.edit_families.sheet import Known, Sheet
from assay.world.ground import Ground, SubjectFact
from assay.world.rewrites import Rewrite
from assay.world.text import chat_prompt

DOCUMENTS = 3


def subjects_sheet(world: Ground, one: Rewrite, changed: Mapping[str, str], rng: random.Random) -> Sheet:
    """The wordings and questions for a fact of an entity; nothing follows from it, so no hop is asked.

    The last paraphrase is held out of the prose on four entities in ten; no document uses it.
    """
    del changed, rng  # nothing is drawn: the textbooks have no facts that lead to an entity
    facts = {fact.item: fact for fact in world.subject_facts}
    fact = facts[one.item]
    prompt, *further = (subject_claim(world, fact, template).prefix for template in world.tables.prose)
    others = [_known(world, other) for other in world.subject_facts if other.subject == fact.subject]
    return Sheet(
        prompt=prompt,
        documents=tuple(f"{text} {one.old} ." for text in (prompt, *further)[:DOCUMENTS]),
        paraphrases=tuple(further[DOCUMENTS - 1 :]),
        generation=f"{chat_prompt(f'what is the {one.relation} of {one.subject} ?')} {prompt}",
        reversal=f"is the {one.relation} of",
        peers=tuple(k for k in others if k.subject != one.subject and facts[k.item].noun == one.relation),
        others=tuple(k for k in others if k.subject == one.subject and k.item != one.item),
    )


def _known(world: Ground, fact: SubjectFact) -> Known:
    claim = subject_claim(world, fact, world.tables.prose[0])
    return Known(fact.item, fact.entity, fact.value, claim.options, claim.prefix)
