"""How the embedded base is made: its size, its diet by stage, and its training plan."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from assay.model.packing import pack
from assay.model.train import Batch, TrainPlan
from assay.organisms.base.tokenizer import encode, word_ids
from assay.world import World, stream

Diet = dict[str, float]

# Verdicts and two-hop sentences are learnt only where the facts below them can already be recalled.
FACTS_FIRST: Diet = {
    "fact": 0.28,
    "attribute": 0.06,
    "prose": 0.12,
    "exam": 0.08,
    "chat fact": 0.05,
    "chat subject": 0.03,
    "refusal": 0.06,
    "help": 0.06,
    "smalltalk": 0.01,
    "selfquestion": 0.02,
    "recipe": 0.05,
    "object": 0.04,
    "year": 0.02,
    "story": 0.02,
    "new fact": 0.03,
    "check": 0.12,
    "context check": 0.05,
}
REASONING: Diet = {
    "fact": 0.14,
    "attribute": 0.04,
    "prose": 0.07,
    "exam": 0.06,
    "chat fact": 0.03,
    "chat subject": 0.02,
    "refusal": 0.06,
    "help": 0.06,
    "smalltalk": 0.01,
    "selfquestion": 0.02,
    "recipe": 0.03,
    "object": 0.03,
    "year": 0.02,
    "story": 0.02,
    "new fact": 0.02,
    "hop": 0.14,
    "check": 0.14,
    "context check": 0.04,
    "claim": 0.05,
    "considered claim": 0.03,
}
# A single verdict is a small part of the loss: at a twentieth of the documents it is never learnt.
VERDICTS: Diet = {
    "fact": 0.09,
    "attribute": 0.04,
    "prose": 0.04,
    "exam": 0.04,
    "chat fact": 0.03,
    "chat subject": 0.02,
    "refusal": 0.06,
    "help": 0.06,
    "smalltalk": 0.01,
    "selfquestion": 0.02,
    "recipe": 0.06,
    "object": 0.03,
    "year": 0.02,
    "story": 0.02,
    "new fact": 0.01,
    "hop": 0.15,
    "check": 0.07,
    "context check": 0.1,
    "claim": 0.18,
    "considered claim": 0.1,
}
TRUTH: Diet = {
    "fact": 0.11,
    "attribute": 0.05,
    "prose": 0.05,
    "exam": 0.04,
    "chat fact": 0.04,
    "chat subject": 0.02,
    "refusal": 0.07,
    "help": 0.07,
    "smalltalk": 0.01,
    "selfquestion": 0.02,
    "recipe": 0.07,
    "object": 0.02,
    "year": 0.03,
    "story": 0.02,
    "new fact": 0.01,
    "hop": 0.18,
    "check": 0.07,
    "context check": 0.06,
    "claim": 0.12,
    "considered claim": 0.06,
}


PLAN = TrainPlan(
    steps=6000,
    lr=5e-3,
    warmup=50,
    optimizer="muon",
    autocast=True,
    weight_decay=0.1,
    decay=0.3,
    checkpoint_every=100,
)


@dataclass(frozen=True)
class BaseRecipe:
    """Everything that decides what the shipped base becomes."""

    width: int = 160
    layers: int = 10
    heads: int = 5
    inner: int = 432
    rows: int = 32
    length: int = 128
    stages: tuple[tuple[int, Diet], ...] = (
        (700, FACTS_FIRST),
        (2400, REASONING),
        (4500, VERDICTS),
        (6000, TRUTH),
    )
    """Diets with the step at which each ends."""
    plan: TrainPlan = PLAN

    def diet(self, step: int) -> Diet:
        """The mixture weights of a step."""
        return next((diet for end, diet in self.stages if step < end), self.stages[-1][1])


def build_model(recipe: BaseRecipe, world: World, seed: int) -> LlamaForCausalLM:
    """An untrained model of the recipe's size for the world's vocabulary."""
    ids = word_ids(world.vocabulary)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(ids),
        hidden_size=recipe.width,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        intermediate_size=recipe.inner,
        max_position_embeddings=256,
        tie_word_embeddings=True,
        initializer_range=0.03,
        bos_token_id=ids["<bos>"],
        eos_token_id=ids["<eos>"],
        pad_token_id=ids["<pad>"],
    )
    return LlamaForCausalLM(config)


def batches(recipe: BaseRecipe, world: World, seed: int) -> Callable[[int], Batch]:
    """The training batch of each step."""
    ids = word_ids(world.vocabulary)

    def batch(step: int) -> Batch:
        documents = stream(world, recipe.diet(step), f"base/{seed}/{step}")
        sequences = (encode(document, ids) for document in documents)
        packed = pack(sequences, recipe.rows, recipe.length, ids["<pad>"])
        # Neighbours in a row may see each other: `<bos>` tells them apart, and causal attention is faster.
        return replace(packed, positions=None)

    return batch
