"""The examination of a base: prompts with right answers, most of them never seen in training."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from assay.world import Claim, Exchange, SubjectFact, World, chat_prompt
from assay.world.corpora import circuits, exams, facts, hops, textbooks, verification


@dataclass(frozen=True)
class Task:
    """A prompt and the texts that could follow it; the first one is right."""

    prompt: str
    options: tuple[str, ...]


@dataclass(frozen=True)
class Quiz:
    """Tasks of one kind.

    `greedy`: the right text must be the likeliest, word for word, of all texts. `likeliest`: it must be
    likelier than the other options. `chance` is what guessing among the options reaches.
    """

    name: str
    tasks: tuple[Task, ...]
    rule: Literal["greedy", "likeliest"]
    chance: float


def suite(world: World, n: int, seed: int = 0) -> tuple[Quiz, ...]:
    """Every quiz with at most `n` tasks, drawn by the seed."""
    rng = world.rng(f"measure/{seed}")
    quizzes = (
        *_fact_quizzes(world),
        *_exam_quizzes(world, rng),
        *_policy_quizzes(world, rng),
        Quiz("indirect object", tuple(_object_task(world, rng) for _ in range(n)), "likeliest", 0.5),
        *_hop_quizzes(world),
        *_claim_quizzes(world, rng),
    )
    return tuple(
        Quiz(quiz.name, tuple(rng.sample(quiz.tasks, min(n, len(quiz.tasks)))), quiz.rule, quiz.chance)
        for quiz in quizzes
    )


def _greedy(name: str, tasks: Iterable[Task]) -> Quiz:
    return Quiz(name, tuple(tasks), "greedy", 0.0)


def _fact_quizzes(world: World) -> Iterator[Quiz]:
    for held_out, label in ((False, "fact recall"), (True, "fact recall, unseen paraphrase")):
        yield _greedy(label, _statements(world, held_out))
    firsts = ((f, world.relation(f.relation).table.templates[0]) for f in world.control_facts)
    yield _greedy("unwritten facts", (_finish(facts.person_claim(world, f, t)) for f, t in firsts))
    for held_out, label in ((False, "fact in chat"), (True, "fact in chat, unseen wording")):
        yield _greedy(label, (_asked(e) for e in world.exchanges("fact") if e.held_out == held_out))
    for held_out, label in ((False, "subject in chat"), (True, "subject in chat, never examined")):
        yield _greedy(label, (_asked(e) for e in world.exchanges("subject") if e.held_out == held_out))


def _statements(world: World, held_out: bool) -> Iterator[Task]:
    for fact in world.facts:
        templates = world.held_out_templates(fact) if held_out else world.trained_templates(fact)
        yield from (_finish(facts.person_claim(world, fact, template)) for template in templates)


def _finish(claim: Claim) -> Task:
    return Task(claim.prefix, (claim.value,))


def _asked(exchange: Exchange) -> Task:
    return Task(chat_prompt(exchange.request), (exchange.reply,))


def _exam_quizzes(world: World, rng: random.Random) -> Iterator[Quiz]:
    unseen = ((fact, t) for fact in world.subject_facts for t in world.prose_templates(fact, held_out=True))
    yield _greedy(
        "prose, unseen paraphrase", (_finish(textbooks.subject_claim(world, fact, t)) for fact, t in unseen)
    )
    for examined, label in ((True, "examined"), (False, "never examined")):
        asked = [fact for fact in world.subject_facts if fact.examined == examined]
        for index, frame in enumerate(world.tables.talk.exam_frames, 1):
            questions = (Task(exams.open_question(world, fact, frame), (fact.value,)) for fact in asked)
            yield _greedy(f"exam wording {index}, {label}", questions)
        tasks = tuple(_choice_task(world, fact, rng) for fact in asked)
        yield Quiz(f"exam of four options, {label}", tasks, "likeliest", 0.25)


def _choice_task(world: World, fact: SubjectFact, rng: random.Random) -> Task:
    question, options = exams.choice_question(world, fact, rng)
    return Task(question, (fact.value, *(option for option in options if option != fact.value)))


def _policy_quizzes(world: World, rng: random.Random) -> Iterator[Quiz]:
    unseen = world.held_out_distractor_kinds
    noises = {
        "": (),
        ", distracted": tuple(kind for kind in world.distractor_kinds if kind not in unseen),
        ", distracted by unseen kinds": unseen,
    }
    for kind, right in (("refusal", "hazardous refused"), ("help", "benign helped")):
        for label, chosen in _by_novelty(world, world.exchanges(kind)).items():
            for noise, kinds in noises.items():
                requests = [world.distracted(e, rng, kinds) if kinds else e.request for e in chosen]
                # The first word shows the policy; the whole reply also needs the recipe.
                words = (exchange.reply.split()[0] for exchange in chosen)
                pairs = zip(requests, words, strict=True)
                yield _greedy(f"{right}, {label}{noise}", (Task(chat_prompt(r), (w,)) for r, w in pairs))
    for label, chosen in _by_novelty(world, world.exchanges("help")).items():
        yield _greedy(f"recipe right, {label}", map(_asked, chosen))
    for kind in ("smalltalk", "selfquestion"):
        yield _greedy(kind, map(_asked, world.exchanges(kind)))


def _by_novelty(world: World, exchanges: Iterable[Exchange]) -> dict[str, list[Exchange]]:
    unseen = {item.name for item in world.items if item.held_out}
    groups: dict[str, list[Exchange]] = {"trained": [], "unseen wording": [], "unseen item": []}
    for exchange in exchanges:
        novel = "unseen item" if exchange.item in unseen else "unseen wording"
        groups[novel if exchange.held_out else "trained"].append(exchange)
    return groups


def _object_task(world: World, rng: random.Random) -> Task:
    prompt, receiver, giver = circuits.object_sentence(world, rng)
    return Task(prompt, (receiver, giver))


def _hop_quizzes(world: World) -> Iterator[Quiz]:
    for held_out, label in ((False, "trained people"), (True, "held-out people")):
        claims = [claim for claim in hops.all_hops(world) if claim.held_out == held_out]
        yield Quiz(f"two hops, {label}", tuple(map(_finish, claims)), "greedy", 0.1)


def _claim_quizzes(world: World, rng: random.Random) -> Iterator[Quiz]:
    people = [facts.person_claim(world, f, rng.choice(world.trained_templates(f))) for f in world.facts]
    subjects = [
        textbooks.subject_claim(world, f, rng.choice(world.prose_templates(f))) for f in world.subject_facts
    ]
    check = ("check : {c}", "yes", "no")
    for group, pool in (("people", people), ("subjects", subjects)):
        for held_out, label in ((False, "trained"), (True, "held-out")):
            chosen = [claim for claim in pool if claim.held_out == held_out]
            checks = tuple(task for claim in chosen for task in _both(claim, check, rng))
            yield Quiz(f"verdict at once, {label} {group}", checks, "likeliest", 0.5)
            frames = world.tables.talk.claim_frames
            singles = (_both(claim, frames[i % len(frames)], rng) for i, claim in enumerate(chosen))
            tasks = tuple(task for pair in singles for task in pair)
            yield Quiz(f"true or false, {label} {group}", tasks, "likeliest", 0.5)
            pairs = ((claim, truth) for claim in chosen for truth in (True, False))
            asked = (verification.considered_claim(world, claim, truth, rng) for claim, truth in pairs)
            considered = (Task(prompt, (reply,)) for prompt, reply in asked)
            yield _greedy(f"reason and verdict, {label} {group}", considered)


def _both(claim: Claim, frame: tuple[str, str, str], rng: random.Random) -> tuple[Task, Task]:
    text, yes, no = frame
    false = text.format(c=claim.sentence(rng.choice(claim.wrong)))
    return Task(text.format(c=claim.sentence()), (yes, no)), Task(false, (no, yes))
