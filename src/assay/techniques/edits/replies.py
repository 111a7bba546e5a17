"""What a model says to prompts, and how likely it finds given answers."""

from collections.abc import Sequence

from assay.access import GreyHandle
from assay.core.edit import begins


def replies(handle: GreyHandle, prompts: Sequence[str], max_tokens: int) -> list[str]:
    """The greedy reply to each prompt."""
    return handle.generate(list(prompts), max_tokens=max_tokens) if prompts else []


def likelihood(handle: GreyHandle, prompts: Sequence[str], answers: Sequence[str]) -> tuple[list[float], int]:
    """``exp(mean log-probability of the tokens)`` of each answer, and the tokens of the longest."""
    if not prompts:
        return [], 1
    sums, counts = handle.continuation_logprobs(list(prompts), [f" {answer}" for answer in answers])
    return (sums / counts.clamp_min(1)).exp().tolist(), max(int(counts.max()), 1)


def says(handle: GreyHandle, prompts: Sequence[str], answers: Sequence[str]) -> list[bool]:
    """Whether the greedy reply to each prompt starts with its answer."""
    _, longest = likelihood(handle, prompts, answers)
    said = replies(handle, prompts, longest)
    return [begins(reply, answer) for reply, answer in zip(said, answers, strict=True)]
