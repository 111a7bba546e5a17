"""What authors say about their methods and jobs: from the run folder's plan, else from the installed files.

Files are parsed, never imported: a report must not load torch, nor run a stranger's code.
"""

import ast
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from assay.core.registry import Entry, entries


@dataclass(frozen=True)
class Facts:
    """A method or a recovery in the words of its author; empty where nobody said."""

    title: str = ""
    does: str = ""
    source: str = ""
    formula: str = ""


@dataclass(frozen=True)
class JobFacts:
    """A job in the words of its author."""

    title: str = ""
    question: str = ""


def method_facts(plan: Mapping[str, Any], job: str) -> dict[str, Facts]:
    """Describe the methods of a job by key; what the plan has stored goes before what is installed now."""
    listed = (*entries("method", job), *entries("baseline", job))
    found = {entry.key: Facts(**_pick(_literals(entry), Facts)) for entry in listed}
    stored = plan.get("methods")
    if isinstance(stored, Mapping):
        for key, said in stored.items():
            if isinstance(said, Mapping):
                found[str(key)] = Facts(**_pick(said, Facts))
    return found


def recovery_facts(plan: Mapping[str, Any]) -> dict[str, Facts]:
    """Describe the recoveries by key; what the plan has stored goes before what is installed now."""
    found = {entry.key: Facts(**_pick(_literals(entry), Facts)) for entry in entries("recovery")}
    stored = plan.get("recoveries")
    if isinstance(stored, Mapping):
        for key, said in stored.items():
            if isinstance(said, Mapping):
                found[str(key)] = Facts(**_pick(said, Facts))
    return distinct(found)


def distinct(facts: Mapping[str, Facts]) -> dict[str, Facts]:
    """Add the key to titles that several methods share, so that a reader can tell them apart.

    >>> [f.title for f in distinct({"a": Facts("Probe"), "b": Facts("Probe")}).values()]
    ['Probe (a)', 'Probe (b)']
    """
    titles = Counter(said.title for said in facts.values() if said.title)
    return {k: replace(f, title=f"{f.title} ({k})") if titles[f.title] > 1 else f for k, f in facts.items()}


def job_facts(plan: Mapping[str, Any], job: str) -> JobFacts:
    """Describe a job: from the plan if it is stored there, else from the installed file."""
    stored = plan.get("jobs")
    said = stored.get(job) if isinstance(stored, Mapping) else None
    if isinstance(said, Mapping):
        return JobFacts(**_pick(said, JobFacts))
    for entry in entries("job"):
        if entry.key == job:
            return JobFacts(**_pick(_literals(entry), JobFacts))
    return JobFacts(title=job)


def _pick(said: Mapping[Any, Any], wanted: type[Facts] | type[JobFacts]) -> dict[str, str]:
    return {name: str(said[name]) for name in wanted.__dataclass_fields__ if isinstance(said.get(name), str)}


def _literals(entry: Entry) -> dict[str, str]:
    """The texts that an entry's file says of it; anything computed is left out."""
    try:
        said = entry.said
    except (OSError, SyntaxError, ValueError):
        return {}
    return {
        name: value.value
        for name, value in said.items()
        if isinstance(value, ast.Constant) and isinstance(value.value, str)
    }
