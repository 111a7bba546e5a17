"""True and false claims: dense candidate lists, single claims, and claims judged after the truth is said.

People are judged only after the truth is said. Verdicts at once on people are learnt by heart, claim by
claim, and what is known by heart then overrules the comparison on people whose claims were never seen.
"""

import random
from collections.abc import Callable

from assay.world.corpora.facts import attribute_claim, person_claim
from assay.world.corpora.textbooks import subject_claim
from assay.world.ground import Ground
from assay.world.text import Claim, Document, Span

LIST_LIMIT = 8


def random_claim(world: Ground, rng: random.Random) -> Claim:
    """A claim about a person (mostly), a school subject or a place, none of them held out of claims."""
    if rng.random() < 0.35:
        return impersonal_claim(world, rng)

    def draw() -> Claim:
        fact = rng.choice(world.facts)
        return person_claim(world, fact, rng.choice(world.trained_templates(fact)))

    return _not_held_out(draw)


def impersonal_claim(world: Ground, rng: random.Random) -> Claim:
    """A claim about a school subject or a place, not held out of claims."""
    if rng.random() < 0.4:
        return attribute_claim(world, rng)

    def draw() -> Claim:
        entry = rng.choice(world.subject_facts)
        return subject_claim(world, entry, rng.choice(world.prose_templates(entry)))

    return _not_held_out(draw)


def _not_held_out(draw: Callable[[], Claim]) -> Claim:
    """Draw until a claim may be claimed in training."""
    while True:
        if not (claim := draw()).held_out:
            return claim


def check_list(claim: Claim, rng: random.Random) -> tuple[Span, ...]:
    """Candidates after the claim's prefix, each judged at once, ending with the right one.

    Every candidate is right with probability one half, so its place in the list gives nothing away. Only the
    verdicts and the right candidate are learnt.
    """
    wrong = list(claim.wrong)
    rng.shuffle(wrong)
    spans = [Span(claim.prefix, learn=False)]
    for candidate in wrong[:LIST_LIMIT]:
        if rng.random() < 0.5:
            return (*spans, Span(f"{claim.value} yes ."))
        spans += [Span(candidate, learn=False), Span("no ,")]
    return tuple(spans)


def checks(world: Ground, rng: random.Random) -> Document:
    """Four candidate lists on different claims, none of them about a person."""
    spans = [Span("check :", learn=False)]
    for _ in range(4):
        claim = impersonal_claim(world, rng)
        spans += check_list(claim, rng)
    return Document(tuple(spans), "check")


def single_claim(
    claim: Claim, frame: tuple[str, str, str], truth: bool, rng: random.Random
) -> tuple[str, str]:
    """A prompt that puts forward a true or a false sentence, and the right verdict."""
    text, yes, no = frame
    value = claim.value if truth else rng.choice(claim.wrong)
    return text.format(c=claim.sentence(value)), yes if truth else no


def claims(world: Ground, rng: random.Random) -> Document:
    """Three single claims, none about a person, each true or false with probability one half.

    Only the verdicts are learnt.
    """
    spans: list[Span] = []
    for _ in range(3):
        frame = rng.choice(world.tables.talk.claim_frames)
        prompt, verdict = single_claim(impersonal_claim(world, rng), frame, rng.random() < 0.5, rng)
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
