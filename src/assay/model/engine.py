"""The white-box engine: everything Assay ever asks of a causal language model, on any family."""

from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any, final

import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from assay.core.errors import BadOption
from assay.cost.flops import Shape
from assay.model.body import Body, at_places
from assay.model.codec import Codec
from assay.model.continuations import Fork, Scorer, can_fork, forks
from assay.model.generate import Draft, Reply, Sampling, Writer
from assay.model.halving import in_groups
from assay.model.sites.hooks import visiting
from assay.model.sites.site import Site
from assay.model.tokens import Tokens
from assay.model.unembedding import last_logits_only, logits_at, own_logprobs

_LOGIT_ELEMENTS = 2**26
"""Most logits held at once: 256 MiB in float32."""
_CPU_TOKENS, _GPU_TOKENS = 512, 16384
"""Tokens of one pass. A CPU is fastest while the batch stays in its caches, a GPU when it is kept busy."""


@final
class Engine:
    """A model with its tokenizer, always in evaluation mode.

    Texts go through in batches sorted by length, padded on the right where nothing is written (a causal model
    never sees that padding) and on the left, with explicit positions, where replies are. Results come back in
    the order of the texts, in float32 on the CPU, and do not depend on the batch beyond float rounding.
    Residual layers are numbered 0 (what enters the first block) to ``n_layers`` (what leaves the last block,
    before the final norm). The token that the tokenizer puts in front by default is put in front here too.

    A batch that runs out of memory is tried again at half its size, with a warning (``BatchHalved``).

    Every method raises ``ContextExceeded`` for a text longer than the model's context, ``BadOption`` for
    arguments that cannot be used, and ``ModelError`` for a text that does not fit into memory even alone.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.body = Body(model)
        """The parts of the model, for functions that look inside."""
        # Recurrent and ALiBi families name no limit, so the option may be missing.
        context = getattr(model.config.get_text_config(), "max_position_embeddings", None)
        self._codec = Codec(tokenizer, len(self.body.parts.embedding), context)
        self._ends = _end_tokens(model, tokenizer)
        self.batch_tokens = _CPU_TOKENS if self.device.type == "cpu" else _GPU_TOKENS
        """Largest rectangle of a pass, padding included; may be set, and is halved where memory runs out."""

    @property
    def n_layers(self) -> int:
        """Number of blocks."""
        return self.shape.n_layers

    @property
    def width(self) -> int:
        """Size of the residual stream."""
        return self.shape.width

    @property
    def vocabulary(self) -> int:
        """Number of tokens that the model gives a probability to."""
        return self.shape.head_weights // self.width

    @property
    def names(self) -> list[str]:
        """The text of every token that has a probability, by number."""
        return self._codec.names()

    @property
    def context(self) -> int | None:
        """Most tokens that a text and its reply may have together; None where the model names no limit."""
        return self._codec.context

    @property
    def prefix(self) -> list[int]:
        """Token ids that the tokenizer puts in front of every text by default."""
        return list(self._codec.prefix)

    @property
    def shape(self) -> Shape:
        """Sizes that decide what a token costs."""
        return self.body.parts.shape

    @property
    def device(self) -> torch.device:
        """Where token ids go in."""
        return self.body.device

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text as every method here sees them."""
        return [list(ids) for ids in self._codec.encode(texts)]

    def tokens(self, texts: Sequence[str]) -> Tokens:
        """The same as one rectangle, for functions that look inside the model."""
        return Tokens.of(self._codec.encode(texts), self.device)

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Number of tokens of each text."""
        return [len(ids) for ids in self._codec.encode(texts)]

    def spans(self, texts: Sequence[str]) -> list[list[tuple[int, int]]]:
        """Which characters of its text each token covers; see ``Codec.spans``."""
        return self._codec.spans(texts)

    def split(self, prompts: Sequence[str], continuations: Sequence[str]) -> tuple[list[str], list[int]]:
        """Joined texts, and for each the number of the first token that belongs to the continuation.

        The joint text is tokenized as one; its continuation begins where it first differs from the prompt
        alone. If the tokenizer merges across the seam, the merged token counts as continuation. A text's very
        first token has nothing before it, so it never counts.
        """
        if len(prompts) != len(continuations):
            raise BadOption(
                f"{len(prompts)} prompts but {len(continuations)} continuations; give one for each"
            )
        joined = [prompt + more for prompt, more in zip(prompts, continuations, strict=True)]
        whole = self._codec.encode(joined)
        # A prompt may be empty where the joined text is not, so an empty one must not be refused here.
        heads = self._codec.encode_loosely(prompts)
        return joined, [max(_shared(ids, head), 1) for ids, head in zip(whole, heads, strict=True)]

    def continued(
        self, prompts: Sequence[str], continuations: Sequence[str]
    ) -> tuple[list[list[int]], list[int], list[Fork]]:
        """Token ids of the joined texts, where each continuation starts, and what goes through only once."""
        joined, starts = self.split(prompts, continuations)
        ids = [list(row) for row in self._codec.encode(joined)]
        return ids, starts, forks(prompts, ids, starts) if can_fork(self.body) else []

    def generate(
        self,
        prompts: Sequence[str],
        max_tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
        stop: str | Sequence[str] | None = None,
    ) -> list[str]:
        """Write a reply to each prompt; see ``replies`` and ``Sampling``."""
        how = Sampling.of(max_tokens, temperature, seed, stop)
        return [reply.text for reply in self.replies(prompts, how)]

    def replies(self, prompts: Sequence[str], how: Sampling) -> list[Reply]:
        """Write a reply to each prompt, with its length and whether it ended by itself.

        A reply brings its own leading space, so ``prompt + reply`` reads as one text. It ends before the
        end-of-text token (which is not part of it), before a stop string, or after ``max_tokens``; the prompt
        and ``max_tokens`` must fit into the context together.
        """
        ids = self._codec.encode(prompts, room_for=how.max_tokens)
        uniform = how.uniform(len(ids))
        drafts: dict[int, Draft] = {}
        sizes = {number: len(row) + how.max_tokens for number, row in enumerate(ids)}

        def write(group: list[int]) -> None:
            rows = [ids[number] for number in group]
            writer = Writer(self.body, self._ends, how, self._codec.replies)
            drafts.update(zip(group, writer.write(rows, uniform[group], group), strict=True))

        with self.inference(), last_logits_only(self.body.parts.head):
            in_groups(self, sizes, write, rows=self._most_rows, times=8)
        ordered = [drafts[number] for number in range(len(ids))]
        texts = self._codec.replies(ids, [draft.ids for draft in ordered])
        return [how.reply(text, draft) for text, draft in zip(texts, ordered, strict=True)]

    def next_logprobs(self, texts: Sequence[str]) -> Float[Tensor, "n vocabulary"]:
        """Log-probabilities of the token after each text."""
        ids = self._codec.encode(texts)
        out = torch.empty(len(ids), self.vocabulary)

        def predict(group: list[int]) -> None:
            tokens = self._padded(ids, group)
            rows = torch.arange(len(group), device=self.device)
            logits = logits_at(self.body, tokens, rows, tokens.lengths - 1)
            out[group] = logits.log_softmax(-1).cpu()

        with self.inference():
            in_groups(self, _lengths(ids), predict, rows=self._most_rows)
        return out

    def token_logprobs(self, texts: Sequence[str]) -> list[Float[Tensor, " t"]]:
        """Log-probability of each token of a text given those before it, from its second token on.

        The first token, which is the beginning token where the tokenizer adds one, has nothing before it:
        a text of T tokens gives T - 1 numbers.
        """
        return self._scored(self._codec.encode(texts), [1] * len(texts))

    def continuation_logprobs(
        self, prompts: Sequence[str], continuations: Sequence[str]
    ) -> tuple[Float[Tensor, " n"], Int[Tensor, " n"]]:
        """Summed log-probability of each continuation given its prompt, and its number of tokens.

        How the seam is cut is told in ``split``. A prompt with several continuations goes through once.
        """
        ids, starts, together = self.continued(prompts, continuations)
        scored = self._scored(ids, starts, together)
        sums = [float(values.sum()) for values in scored]
        return torch.tensor(sums), torch.tensor([len(values) for values in scored], dtype=torch.long)

    def activations(self, texts: Sequence[str], layers: Sequence[int]) -> Float[Tensor, "n layer d"]:
        """Residual stream at the last token of each text; the pass stops after the last layer wanted."""
        self.check_layers(layers)
        ids = self._codec.encode(texts)
        wanted = [Site.stream(layer) for layer in layers]
        out = torch.empty(len(ids), len(layers), self.width)

        def see(group: list[int]) -> None:
            tokens = self._padded(ids, group)
            seen = self.body.capture(tokens, list(set(wanted)))
            ends = [at_places(seen[site], tokens.lengths - 1) for site in wanted]
            out[group] = torch.stack([end.float().cpu() for end in ends], 1)

        with self.inference():
            in_groups(self, _lengths(ids), see)
        return out

    def sequence_activations(self, texts: Sequence[str], layer: int) -> list[Float[Tensor, "t d"]]:
        """Residual stream at every token of each text."""
        self.check_layers([layer])
        ids = self._codec.encode(texts)
        out = [torch.empty(len(row), self.width) for row in ids]
        site = Site.stream(layer)

        def see(group: list[int]) -> None:
            seen = self.body.capture(self._padded(ids, group), [site])[site]
            for number, values in zip(group, seen, strict=True):
                out[number].copy_(values[: len(ids[number])])

        with self.inference():
            in_groups(self, _lengths(ids), see)
        return out

    def gradients(self, texts: Sequence[str], layer: int) -> list[Float[Tensor, "t d"]]:
        """Gradient of each text's own log-likelihood with respect to the residual stream after ``layer``.

        d/dr Σ_j log p(token_j | tokens before j), for every position of r. The last position predicts only
        what comes after the text, so its gradient is zero.
        """
        self.check_layers([layer])
        ids = self._codec.encode(texts)
        out = [torch.zeros(len(row), self.width) for row in ids]
        start = self.body.point(Site.stream(layer))

        def derive(group: list[int]) -> None:
            leaf: list[Tensor] = []

            def start_here(residual: Tensor) -> Tensor:
                leaf[:] = [residual.detach().requires_grad_()]
                return leaf[0]

            with visiting([(start, start_here)]):
                likelihood = self._own_logprobs(self._padded(ids, group), [1] * len(group)).sum()
            found = torch.autograd.grad(likelihood, leaf[0])[0].float().cpu()
            for number, values in zip(group, found, strict=True):
                out[number].copy_(values[: len(ids[number])])

        with self.differentiating():
            in_groups(self, _lengths(ids), derive, tokens=self._most_rows)
        return out

    def check_layers(self, layers: Sequence[int]) -> None:
        """Raise ``BadOption`` unless the list names layers of this model, and at least one."""
        wrong = [layer for layer in layers if not 0 <= layer <= self.n_layers]
        if wrong or not layers:
            raise BadOption(
                f"layer {wrong[0] if wrong else 'list is empty'}: this model has layers 0 (embedding) to "
                f"{self.n_layers} (last block); choose among them"
            )

    def is_causal(self) -> bool:
        """Whether what a position predicts is indeed untouched by the token after it; tried by running."""
        places = torch.tensor([0, 1]), torch.tensor([0, 0])
        with self.inference():
            pair = [[0, 1 % self.vocabulary], [0, 2 % self.vocabulary]]
            one, other = logits_at(self.body, Tokens.of(pair, self.device), *places)
        slack = max(8 * torch.finfo(self.model.dtype).eps, 1e-4) * float(one.abs().max())
        return bool(torch.allclose(one, other, rtol=0, atol=slack))

    @contextmanager
    def inference(self) -> Generator[None]:
        """Compute inside without gradients, in evaluation mode."""
        self.body.settle()
        # Results are written into tensors made outside, so that callers may take gradients through them.
        with torch.inference_mode():
            yield

    @contextmanager
    def evaluating(self) -> Generator[None]:
        """Compute inside without gradients, in evaluation mode; what comes out may meet gradients later."""
        self.body.settle()
        with torch.no_grad():
            yield

    @contextmanager
    def differentiating(self) -> Generator[None]:
        """Compute inside with gradients of values, not of weights, in evaluation mode.

        The fast attention of a CPU has no second derivatives. The plain one has, which the model attends by
        while a pattern is watched or after ``engine.model.set_attn_implementation("eager")``.
        """
        self.body.settle()
        with self.body.frozen(), torch.enable_grad():
            yield

    @property
    def _most_rows(self) -> int:
        return max(_LOGIT_ELEMENTS // self.vocabulary, 1)

    def _padded(self, ids: list[list[int]], group: list[int]) -> Tokens:
        return Tokens.of([ids[number] for number in group], self.device, group)

    def _scored(self, ids: list[list[int]], starts: list[int], together: Sequence[Fork] = ()) -> list[Tensor]:
        out = [torch.empty(max(len(row) - start, 0)) for row, start in zip(ids, starts, strict=True)]

        def keep(found: Iterable[tuple[int, Tensor]]) -> None:
            for number, values in found:
                out[number].copy_(values)

        def score(group: list[int]) -> None:
            found = self._own_logprobs(self._padded(ids, group), [starts[n] for n in group]).cpu()
            keep(zip(group, found.split([len(out[n]) for n in group]), strict=True))

        forked = {number for fork in together for number in fork.texts}
        alone = {number: len(row) for number, row in enumerate(ids) if number not in forked}
        with self.inference():
            in_groups(self, alone, score, tokens=self._most_rows)
            keep(Scorer(self.body, self, ids, starts, self._most_rows).score(together).items())
        return out

    def _own_logprobs(self, tokens: Tokens, starts: list[int]) -> Float[Tensor, " k"]:
        """Log-probabilities of the rows' own tokens from ``starts`` on, one row after the other."""
        ends = tokens.lengths.tolist()
        spans = [range(start - 1, end - 1) for start, end in zip(starts, ends, strict=True)]
        places = torch.tensor([number for number, span in enumerate(spans) for _ in span], dtype=torch.long)
        before = torch.tensor(list(chain.from_iterable(spans)), dtype=torch.long)
        logits = logits_at(self.body, tokens, places, before)
        return own_logprobs(logits, tokens.ids[places, before + 1])


def _lengths(ids: list[list[int]]) -> dict[int, int]:
    return dict(enumerate(map(len, ids)))


def _shared(one: list[int], other: list[int]) -> int:
    """Number of leading tokens that two texts have in common."""
    return next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


def _end_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """Every token that this model or its tokenizer calls an end of text; chat models name several."""
    options = model.generation_config.to_dict() if model.can_generate() else {}
    found: set[int] = set()
    named: tuple[Any, ...] = (options.get("eos_token_id"), model.config.eos_token_id, tokenizer.eos_token_id)
    for ends in named:
        found.update([ends] if isinstance(ends, int) else ends or [])
    return frozenset(found)
