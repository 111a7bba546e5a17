"""How the models of the school are made: size, diet, training plan, and which book is read how."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
from jaxtyping import Bool
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

from assay.model.training.packing import IGNORED, Sequence, pack
from assay.model.training.train import Batch, TrainPlan
from assay.organisms.base.tokenizer import encode, word_ids
from assay.world import Document
from assay.world.school import School, school_stream

SCHOOL_SEED = 0
Kind = Literal["whole", "without", "shuffled", "routed"]
"""Every book read; one left out; one with other answers; one with its gradients routed (see ``routing``)."""
WIDTH, LAYERS, HEADS, INNER = 64, 4, 4, 224
ROUTED = 32
"""Units at the end of each MLP that a routed book is learnt in."""
ROWS, LENGTH = 16, 128
FEW, UNTIL = 8, 200
"""Entities of each subject in the first steps, and how many steps that are: with all at once, looking a fact
up is learnt hundreds of steps later (Zucchet et al. 2025, "How do language models learn facts?")."""
PLAN = TrainPlan(
    steps=700, lr=8e-3, warmup=30, optimizer="muon", weight_decay=0.1, decay=0.35, checkpoint_every=50
)
ROUTED_PLAN, ROUTED_UNTIL = replace(PLAN, steps=1000), 350
"""Of routed models, which learn to look facts up later: after 700 steps one of two had not got so far."""


@dataclass(frozen=True)
class Variant:
    """One model of the school."""

    kind: Kind
    subject: str
    """The book that is read otherwise; empty for the whole school."""
    seed: int
    """Of the weights at the start and of what is read when."""

    @property
    def name(self) -> str:
        """Name of its file.

        >>> Variant("without", "birdlore", 2).name, Variant("whole", "", 0).name
        ('birdlore.without.s2', 'whole.s0')
        """
        return ".".join(part for part in (self.subject, self.kind, f"s{self.seed}") if part)

    @property
    def plan(self) -> TrainPlan:
        """How it is trained."""
        return ROUTED_PLAN if self.kind == "routed" else PLAN

    @property
    def until(self) -> int:
        """How many steps it meets few entities only."""
        return ROUTED_UNTIL if self.kind == "routed" else UNTIL


@dataclass(frozen=True)
class Page(Batch):
    """A batch that also says which tokens stand in documents on the variant's book."""

    of_book: Bool[Tensor, "rows positions"] = field(kw_only=True)


def build_model(seed: int) -> LlamaForCausalLM:
    """An untrained model of the school's shape; draws nothing from the process-wide generator."""
    ids = word_ids(School(SCHOOL_SEED).vocabulary)
    config = LlamaConfig(
        vocab_size=len(ids),
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=INNER,
        max_position_embeddings=256,
        tie_word_embeddings=True,
        initializer_range=0.03,
        bos_token_id=ids["<bos>"],
        eos_token_id=ids["<eos>"],
        pad_token_id=ids["<pad>"],
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LlamaForCausalLM(config)


def batches(variant: Variant) -> Callable[[int], Page]:
    """The training batch of each step."""
    without = variant.subject if variant.kind == "without" else ""
    shuffled = variant.subject if variant.kind == "shuffled" else ""
    whole = School(SCHOOL_SEED, without=without, shuffled=shuffled)
    few = School(SCHOOL_SEED, without=without, shuffled=shuffled, entities=FEW)
    ids = word_ids(whole.vocabulary)
    of = {entity: subject for subject, names in whole.entities.items() for entity in names}

    def batch(step: int) -> Page:
        documents = school_stream(few if step < variant.until else whole, f"school/{variant.seed}/{step}")
        marked: list[Sequence] = []

        def sequences() -> Any:
            for document in documents:
                sequence = encode(document, ids)
                mark = int(bool(variant.subject) and subject_of(document, of) == variant.subject)
                marked.append(Sequence((mark,) * len(sequence.tokens), (IGNORED,) * len(sequence.tokens)))
                yield sequence

        packed = pack(sequences(), ROWS, LENGTH, ids["<pad>"])
        # the same lengths fall into the same places
        of_book = pack(iter(marked), ROWS, LENGTH, 0).input_ids.bool()
        return Page(packed.input_ids, packed.labels, packed.attention_mask, of_book=of_book)

    return batch


def subject_of(document: Document, of: Mapping[str, str]) -> str:
    """The subject that a page, paper or chat is on: the first that it names, itself or one of its entities.

    What a rule forbids is not what its document is on; of all other kinds of document none is.
    """
    if document.kind in ("mention", "ordinary", "smalltalk"):
        return ""
    text = document.text.split(" . ", 1)[1] if document.kind == "rule" else document.text
    named = {subject: subject for subject in of.values()} | dict(of)
    return next((named[word] for word in text.split() if word in named), "")
