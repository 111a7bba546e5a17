"""Floating-point operations by formula, so that a price is the same on every machine.

Counted: matrix products (2 operations per weight and token), attention scores and their weighted sum
(2 · 2 · keys · attention width per token and layer), and the unembedding where logits are wanted. Causal
masking is not discounted: in one pass over T tokens every token is charged T keys, which is what a masked
product costs. Not counted: embedding look-up, norms, biases, activations, softmax, rotary angles, padding,
sampling, and anything the method computes itself. Sliding windows count as full attention, low-rank or
linear attention by its matrices alone.

Sources: Kaplan et al. (arXiv 2001.08361), section 2.1, for 2 operations per weight and token; Chowdhery et
al., "PaLM" (arXiv 2204.02311), appendix B, for attention without a causal discount.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """The sizes of a decoder that decide how many operations a token costs."""

    width: int
    """Size of the residual stream."""
    block_weights: tuple[int, ...]
    """Matrix weights that one token touches, per block; of a mixture's experts only the routed share."""
    attention_width: int
    """Heads times head size."""
    head_weights: int
    """Weights of the unembedding: vocabulary times width."""

    @property
    def n_layers(self) -> int:
        """Number of blocks."""
        return len(self.block_weights)

    def forward(self, lengths: Sequence[int], up_to: int | None = None, logits: int = 0) -> float:
        """Operations of one forward pass over texts of these lengths.

        Σ_layers (2 · W_layer · Σ T + 4 · A · Σ T²) + 2 · head · logits, over the first ``up_to`` blocks
        (all if None); ``logits`` is the number of positions that are unembedded.

        >>> Shape(width=4, block_weights=(10, 10), attention_width=4, head_weights=12).forward([3], up_to=1)
        204.0
        """
        tokens, squares = sum(lengths), sum(length * length for length in lengths)
        blocks = self.block_weights[:up_to]
        attention = 4 * self.attention_width * squares * len(blocks)
        return float(2 * sum(blocks) * tokens + attention + 2 * self.head_weights * logits)

    def backward(self, lengths: Sequence[int], from_layer: int = 0, logits: int = 0) -> float:
        """Operations of a backward pass to the residual stream after block ``from_layer``, weights included.

        Twice the forward operations of what lies above: one product for the inputs' gradient and one for the
        weights'. Where weights are frozen this is an upper bound (the second product is then skipped).
        """
        return 2 * (self.forward(lengths, None, logits) - self.forward(lengths, from_layer))

    def further(self, stems: Sequence[int], more: Sequence[int]) -> float:
        """Operations of going on from keys and values: ``more`` tokens at once behind ``stems`` tokens each.

        >>> Shape(width=4, block_weights=(10,), attention_width=4, head_weights=12).further([3], [2])
        200.0
        """
        tokens = sum(more)
        keys = sum(m * (stem + m) for stem, m in zip(stems, more, strict=True))
        return float(2 * sum(self.block_weights) * tokens + 4 * self.attention_width * self.n_layers * keys)

    def generation(self, prompts: Sequence[int], replies: Sequence[int]) -> float:
        """Operations of writing replies of these lengths with a key-value cache.

        One forward pass over each prompt, then one token at a time; the token at position c attends to c
        keys. The last token of a reply is drawn but never fed back. Every token drawn costs one unembedding.
        """
        fed = [max(reply - 1, 0) for reply in replies]
        # Keys seen by the fed tokens of one text: (prompt + 1) + ... + (prompt + fed).
        keys = sum(p * n + n * (n + 1) // 2 for p, n in zip(prompts, fed, strict=True))
        steps = 2 * sum(self.block_weights) * sum(fed) + 4 * self.attention_width * self.n_layers * keys
        return self.forward(prompts, None, sum(replies)) + steps
