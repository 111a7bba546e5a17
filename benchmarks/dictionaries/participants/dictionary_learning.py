"""dictionary_learning: its trainers, fed with the same batches and begun with the same weights."""

# ruff: noqa: E402 - the package is made importable first
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

import sys
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

# its buffer, which nothing here uses, needs an nnsight that does not go with today's transformers
sys.modules["dictionary_learning.buffer"] = ModuleType("buffer")
sys.modules["dictionary_learning.buffer"].ActivationBuffer = None

from dictionary_learning.trainers.batch_top_k import BatchTopKTrainer
from dictionary_learning.trainers.top_k import TopKTrainer

from benchmarks.dictionaries.inputs import Inputs
from benchmarks.dictionaries.participants.common import Trainer, trained
from benchmarks.work import Uses


def train_topk(folder: Path) -> Uses:
    """``TopKTrainer``."""
    inputs = Inputs.read(folder)
    return {"": trained(inputs, partial(_begun, inputs, TopKTrainer), batch_wide=False)}


def train_batchtopk(folder: Path) -> Uses:
    """``BatchTopKTrainer``."""
    inputs = Inputs.read(folder)
    return {"": trained(inputs, partial(_begun, inputs, BatchTopKTrainer), batch_wide=True)}


def _begun(inputs: Inputs, kind: Any) -> Trainer:
    begin, settings = inputs["begin"], inputs.settings
    latents, width = begin.shape
    trainer = kind(
        steps=10**6, activation_dim=width, dict_size=latents, k=settings["k"], layer=0, lm_name="none",
        lr=settings["rate"], warmup_steps=0, device="cpu",
    )  # fmt: skip
    ae = trainer.ae
    with torch.no_grad():
        ae.encoder.weight.copy_(begin)
        ae.decoder.weight.copy_(begin.T)
        ae.encoder.bias.zero_()
        ae.b_dec.zero_()

    @torch.enable_grad()
    def step(number: int) -> None:
        # its step 0 would move the bias to the middle of the batch
        trainer.update(number + 1, inputs.batch(number))

    return Trainer(step, lambda: (ae.encoder.weight, ae.decoder.weight.T, ae.encoder.bias, ae.b_dec))
