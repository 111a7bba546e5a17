"""What a base can do: every quiz of the suite, scored with an interval."""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

from assay.core import Score
from assay.metrics.proportion import proportion
from assay.organisms.base.suite import Quiz, suite
from assay.world import World
from assay.world.corpora import circuits


@dataclass(frozen=True)
class Skill:
    """A measured share of right answers and what guessing would reach."""

    score: Score
    chance: float


def measure(model: Any, tokenizer: Any, world: World, n: int = 400) -> tuple[Skill, ...]:
    """Every skill, on at most `n` prompts each, with its 95% Wilson interval."""
    model.eval()
    skills = tuple(measure_quiz(model, tokenizer, quiz) for quiz in suite(world, n))
    return (*skills, greater_year(model, tokenizer, world, n))


def measure_quiz(model: Any, tokenizer: Any, quiz: Quiz) -> Skill:
    """The share of a quiz's tasks that a model gets right."""
    if quiz.rule == "greedy":
        pairs = [(task.prompt, task.options[0]) for task in quiz.tasks]
        hits = sum(greedy for _, greedy in score_words(model, tokenizer, pairs))
    else:
        pairs = [(task.prompt, option) for task in quiz.tasks for option in task.options]
        scores = iter(score_words(model, tokenizer, pairs))
        rows = [[next(scores)[0] for _ in task.options] for task in quiz.tasks]
        # A tie is not a hit.
        hits = sum(row[0] > max(row[1:]) for row in rows)
    return Skill(proportion(quiz.name, hits, len(quiz.tasks)), quiz.chance)


@torch.no_grad()
def score_words(
    model: Any, tokenizer: Any, pairs: list[tuple[str, str]], batch: int = 128
) -> list[tuple[float, bool]]:
    """The log-probability of each continuation of a prompt, and whether all its words are the likeliest."""
    scored: list[tuple[float, bool]] = []
    for start in range(0, len(pairs), batch):
        rows = [
            (tokenizer(prompt).input_ids, tokenizer(text, add_special_tokens=False).input_ids)
            for prompt, text in pairs[start : start + batch]
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


@torch.no_grad()
def greater_year(model: Any, tokenizer: Any, world: World, n: int) -> Skill:
    """How often more probability lies on later years than on those up to the one in the sentence."""
    rng = world.rng("measure/years")
    years = world.tables.talk.years
    ids = torch.tensor([tokenizer.convert_tokens_to_ids(year) for year in years])
    hits = 0
    for _ in range(n):
        prompt, start = circuits.year_sentence(world, rng)
        inputs = torch.tensor([tokenizer(prompt).input_ids], device=model.device)
        probabilities = model(input_ids=inputs, use_cache=False).logits[0, -1].float().softmax(-1).cpu()[ids]
        later = years.index(start) + 1
        hits += bool(probabilities[later:].sum() > probabilities[:later].sum())
    return Skill(proportion("greater year", hits, n), 0.5)
