"""A participant that needs no library: it doubles numbers, breaks, prints, and lacks a task."""

from pathlib import Path

import torch

from benchmarks.work import Uses, Work

UNABLE = {"fly": "it has no wings"}


def double(folder: Path) -> Uses:
    """Twice what the inputs' folder is called, in two ways; one of them breaks."""
    number = float(folder.name)

    def loud() -> torch.Tensor:
        print("not for the other side")
        return torch.tensor([1.0, 2.0]) * number * 2

    def broken() -> None:
        raise ValueError("it broke")

    whole = Work(loud, lambda found: {"doubled": found})
    return {"": whole, "broken": Work(broken)}


def multiply(folder: Path) -> Uses:
    """A job of which a tenth is done: one product once and two more for the part."""
    del folder
    one = torch.ones(2, 3)

    def times(n: int) -> list[torch.Tensor]:
        return [one @ one.T for _ in range(n)]

    return {"": Work(lambda: times(3), lambda found: {"last": found[-1]}, lambda: times(1), scale=10.0)}
