"""Which way the embeddings of a prompt's tokens push the likelihood of what should follow it."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from assay.model.engine import Engine
from assay.model.halving import in_groups
from assay.model.sites.hooks import visiting
from assay.model.tokens import Tokens
from assay.model.unembedding import logits_at, own_logprobs

_LOGIT_ELEMENTS = 2**26
"""Most logits of one pass."""


def prompt_gradients(
    engine: Engine, prompts: Sequence[str], continuations: Sequence[str]
) -> list[Float[Tensor, "t d"]]:
    """``d log p(continuation | prompt) / d e_i`` for the embedding ``e_i`` of each token of each prompt.

    The log-probability is summed over the continuation's tokens; ``e`` is the site ``embed``. Times the
    embedding of a token it ranks swaps for that token to first order (HotFlip, Ebrahimi et al., arXiv
    1712.06751; AutoPrompt, Shin et al., arXiv 2010.15980). A row for every token before the continuation, the
    tokenizer's own start token included; float32 on the CPU.
    """
    joined, starts = engine.split(prompts, continuations)
    ids = engine.encode(joined)
    found = [torch.zeros(start, engine.width) for start in starts]
    point = engine.body.point("embed")

    def derive(group: list[int]) -> None:
        leaf: list[Tensor] = []

        def begin(embedded: Tensor) -> Tensor:
            leaf[:] = [embedded.detach().requires_grad_()]
            return leaf[0]

        tokens = Tokens.of([ids[number] for number in group], engine.device, group)
        spans = [range(starts[number] - 1, len(ids[number]) - 1) for number in group]
        rows = torch.tensor([row for row, span in enumerate(spans) for _ in span], dtype=torch.long)
        before = torch.tensor([place for span in spans for place in span], dtype=torch.long)
        with visiting([(point, begin)]):
            logits = logits_at(engine.body, tokens, rows, before)
        likelihood = own_logprobs(logits, tokens.ids[rows, before + 1]).sum()
        slopes = torch.autograd.grad(likelihood, leaf[0])[0].float().cpu()
        for number, slope in zip(group, slopes, strict=True):
            found[number].copy_(slope[: starts[number]])

    most = max(_LOGIT_ELEMENTS // engine.vocabulary, 1)
    with engine.differentiating():
        in_groups(engine, {n: len(row) for n, row in enumerate(ids)}, derive, tokens=most)
    return found
