"""Training a dictionary on stored activations."""

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from assay.core.errors import BadOption
from assay.techniques.dictionaries.checkpoint import Checkpoint
from assay.techniques.dictionaries.dictionary import Dictionary
from assay.techniques.dictionaries.memory import memory_kept
from assay.techniques.dictionaries.rows import Order, Rows, read
from assay.techniques.dictionaries.technique import Technique
from assay.techniques.dictionaries.weights import Batch, Weights

_PER_LATENT = 1000
"""Times that a latent should have been on, for its direction to be more than a few tokens' noise."""
_WARM_UP, _DECAY = 1000, 0.2
"""Most steps of warm-up (at most a twentieth of all), and the last share of steps over which rates fall."""
_DEAD_AFTER = 0.02
"""Share of all tokens after which a latent not on is dead; the field's 10 million never pass here."""
_SAMPLE = 16
"""Batches that decide the scale at the start, and the threshold at the end."""


class TooFewTokens(UserWarning):
    """There are so few tokens that many latents cannot have learnt anything."""


@dataclass(frozen=True)
class Plan:
    """What is trained, on how much, with which seed."""

    technique: Technique
    latents: int
    tokens: int
    """Rows that training takes in, one after the other; more than there are come again."""
    batch: int = 2048
    seed: int = 0
    rate: float | None = None
    """Adam's step; None for that of the technique."""
    warm_up: int | None = None
    """Steps over which the rate rises; None for a twentieth of all, and at most a thousand."""

    @property
    def steps(self) -> int:
        """Steps of training."""
        return self.tokens // self.batch

    def enough(self) -> int:
        """Tokens with which a latent would be on a thousand times: ``1000 latents / on``."""
        return int(_PER_LATENT * self.latents / self.technique.on())


def train(
    rows: Rows,
    plan: Plan,
    *,
    start: Dictionary | None = None,
    folder: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    device: torch.device | str = "cpu",
) -> Dictionary:
    """A dictionary of some activations.

    Each step: loss, gradients without what would only lengthen a decoder row, their norm cut at 1, Adam,
    decoder rows back to length 1. Activations are scaled by one number to mean square norm 1 and the
    dictionary is scaled back. It begins with random rows, or with those of ``start``. With a ``folder`` the
    state is kept there, and a run that was ended goes on where it was, with the same end. ``progress`` is
    told the steps that are done, and of how many.

    Bricken et al. 2023; Gao et al. 2024 (arXiv 2406.04093).

    Raises:
        BadOption: fewer tokens than one batch, activations that hold NaN, a start of another size, or a
            folder with another plan.
    """
    if plan.steps < 1 or plan.latents < 1:
        raise BadOption(f"{plan.tokens} tokens are less than one batch of {plan.batch}; give more")
    if plan.tokens < plan.enough():
        warnings.warn(
            f"{plan.tokens} tokens are few for {plan.latents} latents: about {plan.enough()} are needed for "
            "each to be on a thousand times; give more, or train fewer latents",
            TooFewTokens,
            stacklevel=2,
        )
    where = torch.device(device)
    training = Training(rows, plan, where, start)
    kept = Checkpoint(
        folder, {**plan.technique.settings(), "plan": repr(plan), **training.identity, "rows": len(rows)}
    )
    training.load(kept.read(where))
    with memory_kept():
        while training.step < plan.steps:
            training.advance()
            kept.write(training.tensors, now=training.step == plan.steps)
            if progress:
                progress(training.step, plan.steps)
    return training.dictionary()


class Training:
    """The state of one run between two steps; ``train`` is the way to use it."""

    def __init__(self, rows: Rows, plan: Plan, device: torch.device, start: Dictionary | None = None) -> None:
        """Find the scale, and begin; raises BadOption for what cannot be trained on or begun with."""
        self.step = 0
        self._rows, self._plan, self._device = rows, plan, device
        self._order = Order(len(rows), plan.batch, plan.seed)
        squares = [float(self._batch(n).pow(2).sum(1).mean()) for n in range(_SAMPLE)]
        if not sum(squares):
            raise BadOption("all activations are zero, so there is nothing to take apart")
        self.scale = (sum(squares) / len(squares)) ** -0.5
        x = self._batch(0) * self.scale
        self.weights = self._random(x) if start is None else self._copied(start, x)
        for tensor in self.weights.named().values():
            tensor.requires_grad_()
        self._since = torch.zeros(plan.latents, dtype=torch.long, device=device)
        self._space = torch.empty(plan.batch, plan.latents, device=device)
        begun = None if start is None else float(start.decoder.double().abs().sum())
        self.identity = {"scale": self.scale, "start": begun}
        """What tells other activations or another start apart."""
        betas = plan.technique.betas
        self._adam = torch.optim.Adam(self.weights.named().values(), lr=0.0, betas=betas, fused=True)

    def _random(self, x: Float[Tensor, "n d"]) -> Weights:
        """Random unit rows, the encoder their copy, the decoder's bias in the middle of a batch."""
        generator = torch.Generator().manual_seed(self._plan.seed)
        rows = torch.randn(self._plan.latents, x.shape[1], generator=generator).to(x)
        decoder = torch.nn.functional.normalize(rows)
        own = {k: v.to(x.device) for k, v in self._plan.technique.own(self._plan.latents).items()}
        zeros = torch.zeros(self._plan.latents, device=x.device)
        return Weights(decoder.clone(), decoder, zeros, geometric_median(x), own)

    def _copied(self, start: Dictionary, x: Float[Tensor, "n d"]) -> Weights:
        """What another dictionary has learnt, in the units of training."""
        wanted, lengths = (self._plan.latents, x.shape[1]), start.decoder.norm(dim=1)
        if start.decoder.shape != wanted or not torch.allclose(lengths, torch.ones_like(lengths), atol=1e-3):
            raise BadOption(
                f"a start of shape {tuple(start.decoder.shape)} cannot be trained on: {wanted} is needed, "
                "with rows of length 1"
            )
        kept = start.rule.scaled(self.scale).tensors()
        own = {k: kept.get(k, v) for k, v in self._plan.technique.own(self._plan.latents).items()}
        parts = start.encoder, start.decoder, start.encoder_bias * self.scale, start.decoder_bias * self.scale
        return Weights(
            *(part.to(x).clone() for part in parts), own={k: v.to(x).clone() for k, v in own.items()}
        )

    @torch.enable_grad()
    def advance(self) -> None:
        """One step."""
        plan, w = self._plan, self.weights
        x = self._batch(self.step) * self.scale
        outcome = plan.technique.outcome(Batch(x, w, self._dead(), self._ramp(), self._space))
        self._adam.zero_grad(set_to_none=True)
        outcome.loss.backward()
        with torch.no_grad():
            _forget_length(w.decoder)
            cut_together(w.named().values())
            self._adam.param_groups[0]["lr"] = self._rate()
            self._adam.step()
            w.decoder.div_(w.decoder.norm(dim=1, keepdim=True))
            plan.technique.settle(w)
        self._since += len(x)
        self._since[outcome.code.fired()] = 0
        self.step += 1

    def _batch(self, number: int) -> Float[Tensor, "batch d"]:
        return read(self._rows, self._order.step(number), self._device)

    def _dead(self) -> Bool[Tensor, " latent"]:
        return self._since >= max(_DEAD_AFTER * self._plan.tokens, 2 * self._plan.batch)

    def _warm(self) -> int:
        return max(self._plan.warm_up or min(_WARM_UP, self._plan.steps // 20), 1)

    def _ramp(self) -> float:
        return min(self.step / (2 * self._warm()), 1.0) if self._plan.technique.warms_up else 1.0

    def _rate(self) -> float:
        plan, left = self._plan, self._plan.steps - self.step
        full = plan.rate or plan.technique.rate(plan.latents)
        return full * min((self.step + 1) / self._warm(), left / (_DECAY * plan.steps), 1.0)

    def dictionary(self) -> Dictionary:
        """What has been learnt, in the units of the activations."""
        w, plan = self.weights, self._plan
        with torch.no_grad():
            each = (self._batch(n) * self.scale for n in range(_SAMPLE))
            rule = plan.technique.rule(w, (Batch(x, w, self._dead(), 1.0).pre for x in each)).scaled(
                1 / self.scale
            )
            encoder, decoder = w.encoder.detach().clone(), w.decoder.detach().clone()
            biases = w.encoder_bias.detach() / self.scale, w.decoder_bias.detach() / self.scale
        about = {**plan.technique.settings(), "tokens": plan.tokens, "seed": plan.seed}
        return Dictionary(encoder, decoder, *biases, rule, about)

    def tensors(self) -> dict[str, Tensor]:
        """All that the next step depends on."""
        found = {f"weights/{name}": tensor.detach() for name, tensor in self.weights.named().items()}
        for name, tensor in self.weights.named().items():
            found |= {f"adam/{name}/{key}": value for key, value in self._adam.state[tensor].items()}
        return {**found, "since": self._since, "step": torch.tensor(self.step)}

    def load(self, found: dict[str, Tensor]) -> None:
        """Go on from there; nothing found is the beginning."""
        if not found:
            return
        with torch.no_grad():
            for name, tensor in self.weights.named().items():
                tensor.copy_(found[f"weights/{name}"])
                keys = [key for key in found if key.startswith(f"adam/{name}/")]
                self._adam.state[tensor] = {key.rpartition("/")[2]: found[key] for key in keys}
        self._since, self.step = found["since"], int(found["step"])


def geometric_median(x: Float[Tensor, "n d"], rounds: int = 20) -> Float[Tensor, " d"]:
    """The point with the least sum of distances to the rows (Weiszfeld's rounds): outliers do not pull it.

    >>> geometric_median(torch.tensor([[0.0], [1.0], [90.0]])).round(decimals=1).tolist()
    [1.0]
    """
    middle = x.mean(0)
    for _ in range(rounds):
        nearness = 1 / (x - middle).norm(dim=1).clamp_min(1e-6)
        middle = (nearness / nearness.sum()) @ x
    return middle


def cut_together(weights: Iterable[Tensor]) -> None:
    """Scale all gradients to norm 1 together if it is more (Pascanu et al. 2013, arXiv 1211.5063)."""
    given = [weight for weight in weights if weight.grad is not None]
    norm = torch.nn.utils.get_total_norm([weight.grad for weight in given if weight.grad is not None])
    # on a GPU asking would wait for it; on a CPU a factor of 1 would still rewrite every gradient
    if norm.is_cuda or norm > 1:
        torch.nn.utils.clip_grads_with_norm_(given, 1.0, norm)


def _forget_length(decoder: Float[Tensor, "latent d"]) -> None:
    """Take from the gradient what points along a unit row: it would be undone, and Adam would remember it."""
    if decoder.grad is not None:
        along = torch.linalg.vecdot(decoder.grad, decoder)
        decoder.grad.addcmul_(along[:, None], decoder, value=-1)
