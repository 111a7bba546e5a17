"""Grey access: black, and log-probabilities."""

from collections.abc import Sequence

from jaxtyping import Float, Int
from torch import Tensor

from assay.access.black import BlackHandle
from assay.access.door import behind
from assay.access.request import ContinuationLogprobs, NextLogprobs, TokenLogprobs, as_texts


class GreyHandle(BlackHandle):
    """The door to a model for a method that declared grey access.

    Every call raises what ``BlackHandle.generate`` raises. Tensors are float32 on the CPU.
    """

    __slots__ = ()

    def next_logprobs(self, texts: Sequence[str]) -> Float[Tensor, "n vocabulary"]:
        """Log-probabilities of the token after each text."""
        return behind(self).ask(NextLogprobs(as_texts(texts)))

    def token_logprobs(self, texts: Sequence[str]) -> list[Float[Tensor, " t"]]:
        """Log-probability of each token of a text given those before it, from its second token on."""
        return behind(self).ask(TokenLogprobs(as_texts(texts)))

    def continuation_logprobs(
        self, prompts: Sequence[str], continuations: Sequence[str]
    ) -> tuple[Float[Tensor, " n"], Int[Tensor, " n"]]:
        """Summed log-probability of each continuation given its prompt, and its number of tokens.

        A continuation brings its own leading space. If the tokenizer merges across the seam, the merged token
        counts as continuation.
        """
        return behind(self).ask(ContinuationLogprobs(as_texts(prompts), as_texts(continuations)))

    def continuation_ids(self, prompts: Sequence[str], continuations: Sequence[str]) -> list[list[int]]:
        """The tokens of each continuation behind its prompt. Nothing is billed: the model is not asked."""
        engine = behind(self).source.engine
        ids, starts, _ = engine.continued(as_texts(prompts), as_texts(continuations))
        return [row[start:] for row, start in zip(ids, starts, strict=True)]

    @property
    def vocabulary(self) -> list[str]:
        """The text of every token, in the order in which log-probabilities stand."""
        return behind(self).source.engine.names

    def spans(self, texts: Sequence[str]) -> list[list[tuple[int, int]]]:
        """Which characters of its text each token covers: the first, and the one behind the last.

        Tokens that the tokenizer puts in front by default have ``(0, 0)``. Nothing is billed: the model is
        not asked. Raises NotApplicable where the tokenizer does not know.
        """
        return behind(self).source.engine.spans(as_texts(texts))
