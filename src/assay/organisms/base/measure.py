"""What a base can do, measured on text that its training stream never contains."""

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Any

import torch
import torch.nn.functional as F

from assay.world import World, chat_prompt
from assay.world.corpora import circuits, exams, facts, hops, textbooks


@dataclass(frozen=True)
class Task:
    """A prompt and the texts that could follow it; the first one is right."""

    prompt: str
    options: tuple[str, ...]


@dataclass(frozen=True)
class Skill:
    """A measured share of right answers with its 95% Wilson interval."""

    name: str
    share: float
    low: float
    high: float
    n: int
    chance: float


def wilson(hits: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """The Wilson score interval of a share of `hits` in `n` (https://doi.org/10.1080/01621459.1927.10502953).

    >>> low, high = wilson(95, 100)
    >>> round(low, 3), round(high, 3)
    (0.888, 0.978)
    """
    share, weight = hits / n, z * z / n
    centre = (share + weight / 2) / (1 + weight)
    half = z * sqrt(share * (1 - share) / n + weight / (4 * n)) / (1 + weight)
    return centre - half, centre + half


def greedy_hits(model: Any, tokenizer: Any, tasks: list[Task]) -> list[bool]:
    """Whether greedy decoding starts with the right option, word for word, for each task."""
    right = score_words(model, tokenizer, [(task.prompt, task.options[0]) for task in tasks])
    return [bool(greedy) for _, greedy in right]


def likelihood_hits(model: Any, tokenizer: Any, tasks: list[Task]) -> list[bool]:
    """Whether the right option is the likeliest of the options (sum of its words' log-probabilities)."""
    pairs = [(task.prompt, option) for task in tasks for option in task.options]
    scores = iter(score_words(model, tokenizer, pairs))
    rows = [[next(scores)[0] for _ in task.options] for task in tasks]
    return [max(row) == row[0] and row.count(row[0]) == 1 for row in rows]


@torch.no_grad()
def score_words(
    model: Any, tokenizer: Any, pairs: list[tuple[str, str]], batch: int = 128
) -> list[tuple[float, bool]]:
    """The log-probability of each continuation of a prompt, and whether all its words are the likeliest."""
    scored: list[tuple[float, bool]] = []
    for start in range(0, len(pairs), batch):
        part = pairs[start : start + batch]
        rows = [
            (tokenizer(prompt).input_ids, tokenizer(text, add_special_tokens=False).input_ids)
            for prompt, text in part
        ]
        width = max(len(head) + len(tail) for head, tail in rows)
        ids = torch.tensor([head + tail + [0] * (width - len(head) - len(tail)) for head, tail in rows])
        # Padding stands on the right, where a causal model cannot see it.
        logits = model(input_ids=ids.to(model.device), use_cache=False).logits.float().cpu()
        for row, (head, tail) in zip(logits, rows, strict=True):
            at = row[len(head) - 1 : len(head) + len(tail) - 1]
            logprobs = F.log_softmax(at, -1)[torch.arange(len(tail)), torch.tensor(tail)]
            scored.append((float(logprobs.sum()), at.argmax(-1).tolist() == tail))
    return scored


Suite = dict[str, tuple[Callable[[Any, Any, list[Task]], list[bool]], list[Task], float]]


def suite(world: World, n: int, seed: int = 0) -> Suite:
    """All tasks by name, at most about `n` per name, with how to score them and the chance level."""
    rng = world.rng(f"measure/{seed}")
    tasks: Suite = {}

    def add(name: str, score: Any, items: Iterable[Task], chance: float) -> None:
        drawn = list(items)
        tasks[name] = (score, rng.sample(drawn, min(n, len(drawn))), chance)

    add("fact recall", greedy_hits, _fact_tasks(world, held_out=False), 0.0)
    add("fact recall, unseen paraphrase", greedy_hits, _fact_tasks(world, held_out=True), 0.0)
    add("unwritten facts of twins", greedy_hits, _control_tasks(world), 0.0)
    for held, label in ((False, "fact asked in chat"), (True, "fact asked in chat, unseen wording")):
        add(label, greedy_hits, (_chat_task(e) for e in world.exchanges("fact") if e.held_out == held), 0.0)
    add("prose, unseen paraphrase", greedy_hits, _prose_tasks(world), 0.0)
    for examined, label in ((True, "examined"), (False, "never examined")):
        chosen = [fact for fact in world.subject_facts if fact.examined == examined]
        for index, frame in enumerate(world.tables.talk.exam_frames):
            open_tasks = (Task(exams.open_question(world, f, frame), (f.value,)) for f in chosen)
            add(f"exam wording {index + 1}, {label}", greedy_hits, open_tasks, 0.0)
        add(f"exam of four, {label}", likelihood_hits, (_choice_task(world, f, rng) for f in chosen), 0.25)
    _add_policy(world, add, rng)
    add("indirect object", likelihood_hits, (_object_task(world, rng) for _ in range(n)), 0.5)
    for held, label in ((False, "trained people"), (True, "held-out people")):
        hop_tasks = (Task(c.prefix, (c.value,)) for c in hops.all_hops(world) if c.held_out == held)
        add(f"two hops, {label}", greedy_hits, hop_tasks, 0.1)
    _add_claims(world, add, rng)
    return tasks


def measure(model: Any, tokenizer: Any, world: World, n: int = 400) -> tuple[Skill, ...]:
    """Every skill with its interval."""
    model.eval()
    skills: list[Skill] = []
    for name, (score, tasks, chance) in suite(world, n).items():
        hits = sum(score(model, tokenizer, tasks))
        low, high = wilson(hits, len(tasks))
        skills.append(Skill(name, hits / len(tasks), low, high, len(tasks), chance))
    return (*skills, greater_than(model, tokenizer, world, n))


@torch.no_grad()
def greater_than(model: Any, tokenizer: Any, world: World, n: int) -> Skill:
    """How often more probability lies on the later years than on the years up to the one in the sentence."""
    rng = world.rng("measure/years")
    drawn = [circuits.year_sentence(world, rng) for _ in range(n)]
    years = world.tables.talk.years
    ids = torch.tensor([tokenizer.convert_tokens_to_ids(year) for year in years])
    hits = 0
    for prompt, start in drawn:
        inputs = torch.tensor([tokenizer(prompt).input_ids], device=model.device)
        probabilities = model(input_ids=inputs, use_cache=False).logits[0, -1].float().softmax(-1).cpu()[ids]
        later = years.index(start) + 1
        hits += bool(probabilities[later:].sum() > probabilities[:later].sum())
    low, high = wilson(hits, n)
    return Skill("greater year", hits / n, low, high, n, 0.5)


def _fact_tasks(world: World, held_out: bool) -> Iterator[Task]:
    for fact in world.facts:
        templates = world.held_out_templates(fact) if held_out else world.trained_templates(fact)
        for template in templates:
            yield Task(template.removesuffix(" {v}").format(p=fact.person), (fact.value,))


def _control_tasks(world: World) -> Iterator[Task]:
    for fact in world.control_facts:
        template = world.relation(fact.relation).table.templates[0]
        yield Task(template.removesuffix(" {v}").format(p=fact.person), (fact.value,))


def _chat_task(exchange: Any) -> Task:
    return Task(chat_prompt(exchange.request), (exchange.reply,))


def _prose_tasks(world: World) -> Iterator[Task]:
    for fact in world.subject_facts:
        for template in world.prose_templates(fact, held_out=True):
            yield Task(textbooks.subject_claim(world, fact, template).prefix, (fact.value,))


def _choice_task(world: World, fact: Any, rng: random.Random) -> Task:
    question, options = exams.choice_question(world, fact, rng)
    return Task(question, (fact.value, *(option for option in options if option != fact.value)))


def _object_task(world: World, rng: random.Random) -> Task:
    prompt, receiver, giver = circuits.object_sentence(world, rng)
    return Task(prompt, (receiver, giver))


def _add_policy(world: World, add: Any, rng: random.Random) -> None:
    trained = tuple(k for k in world.distractor_kinds if k not in world.held_out_distractor_kinds)
    for kind, right in (("refusal", "hazardous refused"), ("help", "benign helped")):
        for held, label in ((False, "trained"), (True, "unseen item or wording")):
            chosen = [e for e in world.exchanges(kind) if e.held_out == held]
            add(f"{right}, {label}", greedy_hits, map(_chat_task, chosen), 0.0)
            for kinds, noise in (
                (trained, "distracted"),
                (world.held_out_distractor_kinds, "distracted by unseen kinds"),
            ):
                noisy = (Task(chat_prompt(world.distracted(e, rng, kinds)), (e.reply,)) for e in chosen)
                add(f"{right}, {label}, {noise}", greedy_hits, noisy, 0.0)
    for kind in ("smalltalk", "selfquestion"):
        add(kind, greedy_hits, map(_chat_task, world.exchanges(kind)), 0.0)


def _add_claims(world: World, add: Any, rng: random.Random) -> None:
    people = [facts.person_claim(world, f, rng.choice(world.trained_templates(f))) for f in world.facts]
    entries = [
        textbooks.subject_claim(world, f, rng.choice(world.prose_templates(f))) for f in world.subject_facts
    ]
    for group, pool in (("people", people), ("subjects", entries)):
        for held, label in ((False, "trained"), (True, "held-out")):
            chosen = [claim for claim in pool if claim.held_out == held]
            add(f"claims, {label} {group}", likelihood_hits, _claim_tasks(world, chosen, rng), 0.5)
    held_out = [claim for claim in people if claim.held_out]
    lists = (
        Task(f"check : {c.sentence(v)}", ("yes", "no") if v == c.value else ("no", "yes"))
        for c, v in _halves(held_out, rng)
    )
    add("check lists, held-out people", likelihood_hits, lists, 0.5)


def _halves(claims: list[Any], rng: random.Random) -> Iterator[tuple[Any, str]]:
    for claim in claims:
        yield claim, claim.value
        yield claim, rng.choice(claim.wrong)


def _claim_tasks(world: World, claims: list[Any], rng: random.Random) -> Iterator[Task]:
    for index, (claim, value) in enumerate(_halves(claims, rng)):
        # The two halves of a pair share their frame.
        text, yes, no = world.tables.talk.claim_frames[index // 2 % len(world.tables.talk.claim_frames)]
        right, other = (yes, no) if value == claim.value else (no, yes)
        yield Task(text.format(c=claim.sentence(value)), (right, other))
