"""SAELens: its trainer, fed with the same batches and begun with the same weights."""

# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from functools import partial
from pathlib import Path
from typing import Any

import torch
from sae_lens.config import LoggingConfig, SAETrainerConfig
from sae_lens.saes.batchtopk_sae import BatchTopKTrainingSAE, BatchTopKTrainingSAEConfig
from sae_lens.saes.topk_sae import TopKTrainingSAE, TopKTrainingSAEConfig
from sae_lens.training.sae_trainer import SAETrainer
from torch import Tensor

from benchmarks.dictionaries.inputs import Inputs
from benchmarks.dictionaries.participants.common import Trainer, trained
from benchmarks.work import Uses


def train_topk(folder: Path) -> Uses:
    """``TopKTrainingSAE``."""
    inputs = Inputs.read(folder)
    begin = partial(_begun, inputs, TopKTrainingSAE, TopKTrainingSAEConfig)
    return {"": trained(inputs, begin, batch_wide=False)}


def train_batchtopk(folder: Path) -> Uses:
    """``BatchTopKTrainingSAE``."""
    inputs = Inputs.read(folder)
    begin = partial(_begun, inputs, BatchTopKTrainingSAE, BatchTopKTrainingSAEConfig)
    return {"": trained(inputs, begin, batch_wide=True)}


def _begun(inputs: Inputs, kind: Any, config: Any) -> Trainer:
    begin, settings = inputs["begin"], inputs.settings
    latents, width = begin.shape
    sae = kind(config(d_in=width, d_sae=latents, k=settings["k"], device="cpu"))
    with torch.no_grad():
        sae.W_dec.copy_(begin)
        sae.W_enc.copy_(begin.T)
        sae.b_enc.zero_()
        sae.b_dec.zero_()
    given = SAETrainerConfig(
        total_training_samples=10**9,
        train_batch_size_samples=settings["batch"],
        lr=settings["rate"],
        lr_end=settings["rate"],
        logger=LoggingConfig(log_to_wandb=False),
    )
    trainer = SAETrainer(given, sae, iter(()))

    @torch.enable_grad()
    def step(number: int) -> None:
        trainer.step(inputs.batch(number))
        trainer.n_training_steps += 1

    def weights() -> tuple[Tensor, Tensor, Tensor, Tensor]:
        length = sae.W_dec.norm(dim=1)
        scale = length if sae.cfg.rescale_acts_by_decoder_norm else torch.ones_like(length)
        return sae.W_enc.T * scale[:, None], sae.W_dec / scale[:, None], sae.b_enc * scale, sae.b_dec

    return Trainer(step, weights)
