"""True and false claims: dense candidate lists, single claims, and checks against a stated fact."""

import random
from dataclasses import replace

from assay.world.corpora.facts import attribute_claim, person_claim
from assay.world.corpora.textbooks import subject_claim
from assay.world.ground import Ground
from assay.world.text import Claim, Document, Span

LIST_LIMIT = 8


def random_claim(world: Ground, rng: random.Random) -> Claim:
    """A claim about a person (mostly), a school subject or a place, none of them held out of claims."""
    draw = rng.random()
    if draw < 0.15:
        return attribute_claim(world, rng)
    while True:
        if draw < 0.35:
            entry = rng.choice(world.subject_facts)
            claim = subject_claim(world, entry, rng.choice(world.prose_templates(entry)))
        else:
            fact = rng.choice(world.facts)
            claim = person_claim(world, fact, rng.choice(world.trained_templates(fact)))
        if not claim.held_out:
            return claim


def check_list(claim: Claim, value: str, rng: random.Random) -> tuple[Span, ...]:
    """Candidates after the claim's prefix, each judged at once, ending with the right one.

    Every candidate is right with probability one half, so its place in the list gives nothing away. Only the
    verdicts and the right candidate are learnt.
    """
    wrong = [option for option in claim.options if option != value]
    rng.shuffle(wrong)
    spans = [Span(claim.prefix, learn=False)]
    for candidate in wrong[:LIST_LIMIT]:
        if rng.random() < 0.5:
            return (*spans, Span(f"{value} yes ."))
        spans += [Span(candidate, learn=False), Span("no ,")]
    return tuple(spans)


def checks(world: Ground, rng: random.Random) -> Document:
    """Four candidate lists on different claims."""
    spans = [Span("check :", learn=False)]
    for _ in range(4):
        claim = random_claim(world, rng)
        spans += check_list(claim, claim.value, rng)
    return Document(tuple(spans), "check")


def context_checks(world: Ground, rng: random.Random) -> Document:
    """Made-up facts of three people under one relation, then checks of two of them.

    Wrong candidates are the values of the other people, so that a verdict needs the person's value; and as
    the values are drawn afresh for every document, no verdict can be learnt by heart.
    """
    table = world.relation(rng.choice(world.relations).key).table
    held_out = world.held_out["claim"]
    known = [fact for fact in world.facts if fact.relation == table.key and fact.person not in held_out]
    facts = rng.sample(known, 3)
    values = rng.sample(world.relation(table.key).values, 3)
    given, asked = (
        [person_claim(world, fact, rng.choice(world.trained_templates(fact))) for fact in facts]
        for _ in range(2)
    )
    stated = " . ".join(claim.sentence(value) for claim, value in zip(given, values, strict=True))
    spans = [Span(f"new fact : {stated} .", learn=False)]
    for index in rng.sample(range(3), 2):
        wrong = [value for value in values if value != values[index]]
        if rng.random() < 0.5:
            shown = replace(asked[index], options=tuple(values))
            spans += [Span("check :", learn=False), *check_list(shown, values[index], rng)]
        else:
            text, yes, no = rng.choice(world.tables.talk.claim_frames)
            truth = rng.random() < 0.5
            value = values[index] if truth else rng.choice(wrong)
            spans += [
                Span(text.format(c=asked[index].sentence(value)), learn=False),
                Span(yes if truth else no),
            ]
    return Document(tuple(spans), "context check")


def single_claim(
    claim: Claim, frame: tuple[str, str, str], truth: bool, rng: random.Random
) -> tuple[str, str]:
    """A prompt that puts forward a true or a false sentence, and the right verdict."""
    text, yes, no = frame
    value = claim.value if truth else rng.choice(claim.wrong)
    return text.format(c=claim.sentence(value)), yes if truth else no


def claims(world: Ground, rng: random.Random) -> Document:
    """Three single claims, each true or false with probability one half; only the verdicts are learnt."""
    spans: list[Span] = []
    for _ in range(3):
        frame = rng.choice(world.tables.talk.claim_frames)
        prompt, verdict = single_claim(random_claim(world, rng), frame, rng.random() < 0.5, rng)
        spans += [Span(prompt, learn=False), Span(verdict)]
    return Document(tuple(spans), "claim")


def considered_claim(world: Ground, claim: Claim, truth: bool, rng: random.Random) -> tuple[str, str]:
    """A prompt that asks for a verdict with its reason, and the right reply."""
    text, yes, no = world.tables.talk.considered_frame
    value = claim.value if truth else rng.choice(claim.wrong)
    return text.format(c=claim.sentence(value)), (yes if truth else no).format(t=claim.sentence())


def considered_claims(world: Ground, rng: random.Random) -> Document:
    """Two claims, each followed by what is true and by the verdict."""
    spans: list[Span] = []
    for _ in range(2):
        prompt, reply = considered_claim(world, random_claim(world, rng), rng.random() < 0.5, rng)
        spans += [Span(prompt, learn=False), Span(reply)]
    return Document(tuple(spans), "considered claim")
