"""One training loop for any causal language model: deterministic, masked, and resumable to the bit."""

import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch
from jaxtyping import Float, Int
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

Optimizers = tuple[torch.optim.Optimizer, ...]


@dataclass(frozen=True)
class Batch:
    """Rows of tokens; a label of -100 takes its position out of the loss."""

    input_ids: Int[Tensor, "rows positions"]
    labels: Int[Tensor, "rows positions"]
    attention_mask: Int[Tensor, "rows positions"]
    positions: Int[Tensor, "rows positions"] | None = None
    """Places within each of several sequences that share a row, which then do not see one another."""


SomeBatch = TypeVar("SomeBatch", bound=Batch)


@dataclass(frozen=True)
class TrainPlan:
    """How long, how fast and with which optimiser to train.

    The learning rate rises linearly over `warmup` steps, stays, and falls linearly to `floor * lr` over the
    last `decay` share of the steps. `muon` puts hidden matrices under Muon and everything else under AdamW.
    `autocast` asks for bf16 arithmetic, which is used where the hardware has it. The loop itself draws
    nothing; `seed` plus the step is set before every step, for models with dropout.
    """

    steps: int
    lr: float
    warmup: int = 0
    optimizer: Literal["adamw", "muon"] = "adamw"
    clip: float = 1.0
    autocast: bool = False
    seed: int = 0
    weight_decay: float = 0.0
    decay: float = 1.0
    floor: float = 0.03
    checkpoint_every: int = 200


@dataclass(frozen=True)
class TrainResult:
    """What the training took, in all processes that shared a checkpoint, and the mean of its last 20 losses.

    `loss` knows only the steps of the last process; it is not a number if that one found the run finished.
    """

    steps: int
    tokens: int
    seconds: float
    loss: float
    resumed_at: int


@dataclass(frozen=True)
class _Done:
    """How far all processes together have come."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0


def learning_rate(plan: TrainPlan, step: int) -> float:
    """The learning rate of a step, counted from zero.

    >>> plan = TrainPlan(steps=10, lr=1.0, warmup=2, decay=0.5, floor=0.0)
    >>> [round(learning_rate(plan, step), 2) for step in range(10)]
    [0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 0.8, 0.6, 0.4, 0.2]
    """
    rise = min(1.0, (step + 1) / plan.warmup) if plan.warmup else 1.0
    tail = plan.decay * plan.steps
    fall = min(1.0, (plan.steps - step) / tail) if tail else 1.0
    return plan.lr * rise * (plan.floor + (1.0 - plan.floor) * fall)


def build_optimizers(model: nn.Module, plan: TrainPlan) -> Optimizers:
    """The optimisers of a plan over the parameters that require gradients.

    Under `muon`, Muon (https://kellerjordan.github.io/posts/muon/) orthogonalises the update of every hidden
    matrix and scales it to the size of an AdamW update (https://arxiv.org/abs/2502.16982), so one learning
    rate serves both.
    """
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    outer = {
        id(p) for module in model.modules() if isinstance(module, nn.Embedding) for p in module.parameters()
    }
    hidden = [p for name, p in named if p.ndim == 2 and id(p) not in outer and "lm_head" not in name]
    if plan.optimizer == "adamw":
        hidden = []
    rest = [p for _, p in named if all(p is not h for h in hidden)]
    matrices = [p for p in rest if p.ndim >= 2 and id(p) not in outer]
    vectors = [p for p in rest if p.ndim < 2 or id(p) in outer]
    groups = [
        {"params": matrices, "weight_decay": plan.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    adamw = torch.optim.AdamW([g for g in groups if g["params"]], lr=plan.lr, betas=(0.9, 0.98))
    if not hidden:
        return (adamw,)
    muon = torch.optim.Muon(
        hidden, lr=plan.lr, weight_decay=plan.weight_decay, momentum=0.95, adjust_lr_fn="match_rms_adamw"
    )
    return (muon, adamw)


def next_token_loss(model: Any, batch: Batch) -> Float[Tensor, ""]:
    """The mean loss over the labelled tokens of a batch, in nats per token."""
    device = next(model.parameters()).device
    return model(**inputs(batch, device), labels=batch.labels.to(device), use_cache=False).loss


def train(
    model: Any,
    batches: Callable[[int], SomeBatch],
    plan: TrainPlan,
    *,
    loss: Callable[[Any, SomeBatch], Tensor] = next_token_loss,
    checkpoint: Path | None = None,
    progress: Callable[[int, float], None] | None = None,
) -> TrainResult:
    """Train a causal LM in place on `batches(step)`, which must be a pure function of the step.

    `loss` is what every step lowers.

    With a `checkpoint` folder the loop saves weights and optimiser state there every `checkpoint_every` steps
    and at the end, and starts from whatever it finds, so that a killed and resumed run ends with the same
    weights as an undisturbed one on the same machine. `progress` is told the step (from 1) and its loss.
    """
    optimizers = build_optimizers(model, plan)
    before = _restore(checkpoint, model, optimizers) if checkpoint else _Done()
    started = time.perf_counter() - before.seconds
    tokens = before.tokens
    device = next(model.parameters()).device
    losses: list[float] = []
    for step in range(before.step, plan.steps):
        batch = batches(step)
        # at every step: dropout draws the same after a resumption, and progress may have read the model
        torch.manual_seed(plan.seed + step)
        model.train()
        losses.append(_step(model, partial(loss, model, batch), optimizers, plan, step))
        tokens += int(batch.attention_mask.sum())
        if checkpoint and ((step + 1) % plan.checkpoint_every == 0 or step + 1 == plan.steps):
            done = _Done(step + 1, tokens, time.perf_counter() - started)
            _save(checkpoint, model, optimizers, done)
        if progress:
            progress(step + 1, losses[-1])
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    model.eval()
    tail = losses[-20:]
    mean = sum(tail) / len(tail) if tail else float("nan")
    return TrainResult(plan.steps, tokens, time.perf_counter() - started, mean, before.step)


def inputs(batch: Batch, device: torch.device) -> dict[str, Tensor]:
    """What a model is called with, so that sequences that share a row do not see one another."""
    if batch.positions is None:
        return {"input_ids": batch.input_ids.to(device), "attention_mask": batch.attention_mask.to(device)}
    # without a mask, places that start anew tell transformers where one sequence ends
    return {"input_ids": batch.input_ids.to(device), "position_ids": batch.positions.to(device)}


def has_bfloat16(device: torch.device) -> bool:
    """Whether a device computes in bf16 by itself; where it imitates it, a step takes twice that in fp32."""
    return device.type != "cpu" or torch.cpu._is_avx512_bf16_supported()  # pyright: ignore[reportPrivateUsage]


def _step(
    model: Any, loss: Callable[[], Tensor], optimizers: Optimizers, plan: TrainPlan, step: int
) -> float:
    device = next(model.parameters()).device
    with torch.autocast(device.type, torch.bfloat16, enabled=plan.autocast and has_bfloat16(device)):
        value = loss()
    value.backward()
    nn.utils.clip_grad_norm_(model.parameters(), plan.clip)
    lr = learning_rate(plan, step)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = lr
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return float(value.detach())


def _save(folder: Path, model: nn.Module, optimizers: Optimizers, done: _Done) -> None:
    """Write one complete checkpoint; a kill at any instant leaves the previous one or this one whole."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: p.detach().contiguous().clone() for name, p in model.named_parameters()}
    _replace(folder / f"{done.step}.safetensors", lambda path: save_file(weights, path))
    state = {"done": asdict(done), "optimizers": [optimizer.state_dict() for optimizer in optimizers]}
    # The state is written last and names its weights by step: it is what makes the checkpoint count.
    _replace(folder / "state.pt", lambda path: torch.save(state, path))
    for old in folder.glob("*.safetensors"):
        if old.stem != str(done.step):
            old.unlink()


def _replace(path: Path, write: Callable[[Path], None]) -> None:
    partial = path.with_name(path.name + ".partial")
    write(partial)
    os.replace(partial, path)


def _restore(folder: Path, model: nn.Module, optimizers: Optimizers) -> _Done:
    if not (folder / "state.pt").exists():
        return _Done()
    state = torch.load(folder / "state.pt", weights_only=True, map_location="cpu")
    done = _Done(**state["done"])
    weights = load_file(folder / f"{done.step}.safetensors")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(weights[name])
    for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
        optimizer.load_state_dict(saved)
    return done
