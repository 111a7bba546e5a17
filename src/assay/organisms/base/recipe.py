"""How the embedded base is made: its size, its diet by stage, and its training plan."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

from assay.model.training.train import TrainPlan
from assay.organisms.base.early_recall import RecallBatch, early_recall_loss, recall_batch
from assay.organisms.base.tokenizer import word_ids
from assay.world import World, stream

Diet = dict[str, float]

# Second hops and verdicts are learnt only where the facts below them can already be recalled.
FACTS_FIRST: Diet = {
    "fact": 0.34,
    "attribute": 0.06,
    "prose": 0.12,
    "exam": 0.08,
    "chat fact": 0.05,
    "chat subject": 0.03,
    "refusal": 0.05,
    "help": 0.05,
    "smalltalk": 0.01,
    "selfquestion": 0.02,
    "recipe": 0.05,
    "object": 0.04,
    "year": 0.02,
    "story": 0.02,
    "new fact": 0.03,
    "pair": 0.03,
}
# To compare is learnt from pairs, and from claims whose truth is said first. Verdicts at once come later:
# before that, those on the claims in training are learnt by heart.
REASONING: Diet = {
    "fact": 0.16,
    "attribute": 0.05,
    "prose": 0.06,
    "exam": 0.05,
    "chat fact": 0.03,
    "chat subject": 0.02,
    "refusal": 0.05,
    "help": 0.05,
    "smalltalk": 0.01,
    "selfquestion": 0.02,
    "recipe": 0.04,
    "object": 0.04,
    "year": 0.02,
    "story": 0.02,
    "new fact": 0.04,
    "hop": 0.14,
    "pair": 0.06,
    "considered claim": 0.14,
}
VERDICTS: Diet = {
    "fact": 0.09,
    "attribute": 0.05,
    "prose": 0.05,
    "exam": 0.04,
    "chat fact": 0.03,
    "chat subject": 0.02,
    "refusal": 0.07,
    "help": 0.08,
    "smalltalk": 0.01,
    "selfquestion": 0.02,
    "recipe": 0.06,
    "object": 0.03,
    "year": 0.03,
    "story": 0.02,
    "new fact": 0.02,
    "hop": 0.16,
    "pair": 0.02,
    "considered claim": 0.12,
    "check": 0.04,
    "claim": 0.04,
}
VERDICT_WORDS = ("yes", "no", "true", "false")


PLAN = TrainPlan(
    steps=3600,
    lr=5e-3,
    warmup=50,
    optimizer="muon",
    autocast=True,
    weight_decay=0.1,
    decay=0.35,
    checkpoint_every=100,
)


@dataclass(frozen=True)
class BaseRecipe:
    """Everything that decides what the shipped base becomes."""

    width: int = 160
    layers: int = 8
    heads: int = 5
    inner: int = 432
    rows: int = 32
    length: int = 128
    stages: tuple[tuple[int, Diet], ...] = ((800, FACTS_FIRST), (2000, REASONING), (3600, VERDICTS))
    """Diets with the step at which each ends."""
    plan: TrainPlan = PLAN
    early_layer: int = 4
    """The layer after which facts must be known."""
    early_weight: float = 0.5
    """Weight of the loss of early recall; that of the last layer has weight 1."""
    verdict_weight: float = 4.0
    """Weight of a verdict in the loss; other words have weight 1. Verdicts are few, and each matters."""

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


def batches(recipe: BaseRecipe, world: World, seed: int) -> Callable[[int], RecallBatch]:
    """The training batch of each step."""
    ids = word_ids(world.vocabulary)

    def batch(step: int) -> RecallBatch:
        documents = stream(world, recipe.diet(step), f"base/{seed}/{step}")
        return recall_batch(documents, ids, recipe.rows, recipe.length)

    return batch


def loss(recipe: BaseRecipe, world: World) -> Callable[[Any, RecallBatch], Float[Tensor, ""]]:
    """What the training of a recipe lowers."""
    ids = word_ids(world.vocabulary)
    weights = torch.ones(len(ids))
    weights[[ids[word] for word in VERDICT_WORDS]] = recipe.verdict_weight
    return early_recall_loss(recipe.early_layer, recipe.early_weight, weights)
