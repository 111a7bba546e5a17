"""Assay as its user would train."""

from contextlib import ExitStack
from functools import partial
from pathlib import Path

import torch

from assay.model.reading.store import Activations
from assay.techniques.dictionaries import Dictionary, Plan, kinds
from assay.techniques.dictionaries.memory import memory_kept
from assay.techniques.dictionaries.rules import KeepLargest
from assay.techniques.dictionaries.train import Training
from benchmarks.dictionaries.inputs import Inputs
from benchmarks.dictionaries.participants.common import Trainer, trained
from benchmarks.work import Uses

_RUNNING = ExitStack()
"""What ``train`` does around its loop of steps; here it lasts as long as the process."""


def train_topk(folder: Path) -> Uses:
    """The technique ``topk``."""
    inputs = Inputs.read(folder)
    return {"": trained(inputs, partial(_begun, inputs, "topk"), batch_wide=False)}


def train_batchtopk(folder: Path) -> Uses:
    """The technique ``batch_topk``."""
    inputs = Inputs.read(folder)
    return {"": trained(inputs, partial(_begun, inputs, "batch_topk"), batch_wide=True)}


def _begun(inputs: Inputs, name: str) -> Trainer:
    begin, settings = inputs["begin"], inputs.settings
    technique = kinds.technique(name, k=settings["k"])
    # so many tokens that the rate neither rises nor falls while anybody looks
    plan = Plan(
        technique, len(begin), tokens=10**9, batch=settings["batch"], rate=settings["rate"], warm_up=1
    )
    start = Dictionary(
        begin, begin, begin.new_zeros(len(begin)), begin.new_zeros(begin.shape[1]), KeepLargest(1)
    )
    _RUNNING.enter_context(memory_kept())
    training = Training(Activations(inputs["x"].numpy()), plan, torch.device("cpu"), start)
    w = training.weights

    def step(_: int) -> None:
        training.advance()

    return Trainer(step, lambda: (w.encoder, w.decoder, w.encoder_bias, w.decoder_bias))
