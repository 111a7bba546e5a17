"""A plain loop with dense products: what the papers' formulas say, line by line."""

from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.dictionaries.inputs import Inputs
from benchmarks.dictionaries.participants.common import Trainer, trained
from benchmarks.work import Uses


def train_topk(folder: Path) -> Uses:
    """The largest of each row."""
    inputs = Inputs.read(folder)
    return {"": trained(inputs, partial(_begun, inputs, batch_wide=False), batch_wide=False)}


def train_batchtopk(folder: Path) -> Uses:
    """The largest of all rows."""
    inputs = Inputs.read(folder)
    return {"": trained(inputs, partial(_begun, inputs, batch_wide=True), batch_wide=True)}


def _begun(inputs: Inputs, *, batch_wide: bool) -> Trainer:
    begin, k = inputs["begin"], inputs.settings["k"]
    parts = [begin.clone(), begin.clone(), torch.zeros(len(begin)), torch.zeros(begin.shape[1])]
    encoder, decoder, bias, centre = leaves = [part.requires_grad_() for part in parts]
    adam = torch.optim.Adam(leaves, lr=inputs.settings["rate"], fused=True)

    def code(pre: Tensor) -> Tensor:
        if not batch_wide:
            kept: Any = pre.topk(k, sorted=False)
            return torch.zeros_like(pre).scatter(1, kept.indices, kept.values)
        kept = pre.flatten().topk(k * len(pre), sorted=False)
        return torch.zeros_like(pre).flatten().scatter(0, kept.indices, kept.values).view_as(pre)

    @torch.enable_grad()
    def step(number: int) -> None:
        x = inputs.batch(number)
        pre = functional.linear(x - centre, encoder, bias).relu()
        loss = (x - (code(pre) @ decoder + centre)).pow(2).sum(1).mean()
        loss.backward()
        with torch.no_grad():
            slope: Any = decoder.grad
            slope -= (slope * decoder).sum(1, keepdim=True) * decoder
            torch.nn.utils.clip_grad_norm_(leaves, 1.0)
            adam.step()
            adam.zero_grad(set_to_none=True)
            decoder.div_(decoder.norm(dim=1, keepdim=True))

    return Trainer(step, lambda: (encoder, decoder, bias, centre))
