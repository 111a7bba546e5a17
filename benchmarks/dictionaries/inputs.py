"""Activations with sparse structure and the weights that everybody begins with."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

_TRUE, _ON, _NOISE = 2048, 0.01, 0.01
"""Features that the activations are made of, how often each is on, and what is added."""


@dataclass(frozen=True)
class Inputs:
    """What a task works on."""

    tensors: Mapping[str, Tensor]
    settings: Mapping[str, Any]

    @classmethod
    def read(cls, folder: Path) -> "Inputs":
        """What ``write`` put there."""
        settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
        return cls(load_file(folder / "tensors.safetensors"), settings)

    def __getitem__(self, name: str) -> Tensor:
        return self.tensors[name]

    def batch(self, step: int) -> Tensor:
        """The rows of one step; after the last they come again."""
        size = self.settings["batch"]
        count = len(self["x"]) // size
        return self["x"][step % count * size :][:size]


def write(folder: Path, *, width: int, latents: int, batches: int, **settings: Any) -> Path:
    """Rows to train on and rows to judge by, of mean square norm 1, and unit rows to begin with."""
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    features = torch.nn.functional.normalize(normal(_TRUE, width))
    n = (batches + 1) * settings["batch"]
    codes = (torch.rand(n, _TRUE, generator=generator) < _ON) * torch.rand(n, _TRUE, generator=generator)
    x = codes @ features + _NOISE * normal(n, width)
    x -= x.mean(0)
    x /= x.pow(2).sum(1).mean().sqrt()
    begin = torch.nn.functional.normalize(normal(latents, width))
    folder.mkdir(parents=True, exist_ok=True)
    rows = {"x": x[: -settings["batch"]].clone(), "held_out": x[-settings["batch"] :].clone(), "begin": begin}
    save_file(rows, folder / "tensors.safetensors")
    (folder / "settings.json").write_text(json.dumps({"latents": latents, **settings}), encoding="utf-8")
    return folder
