"""The training loop: exact resumption, honoured masks, and a schedule that does what it says."""

from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from assay.model.training.train import Batch, TrainPlan, build_optimizers, learning_rate, train


def tiny(seed: int = 0) -> LlamaForCausalLM:
    """A two-layer model over twenty words."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=20,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=16,
        tie_word_embeddings=True,
    )
    return LlamaForCausalLM(config)


def batch(step: int) -> Batch:
    """Four random rows with the first half masked."""
    ids = torch.randint(0, 20, (4, 8), generator=torch.Generator().manual_seed(step))
    labels = ids.clone()
    labels[:, :4] = -100
    return Batch(ids, labels, torch.ones_like(ids))


def weights(model: LlamaForCausalLM) -> torch.Tensor:
    """All parameters in one vector."""
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def plan(optimizer: str, steps: int = 8) -> TrainPlan:
    """A short plan that checkpoints every three steps."""
    return TrainPlan(
        steps=steps,
        lr=1e-2,
        warmup=2,
        optimizer="muon" if optimizer == "muon" else "adamw",
        weight_decay=0.1,
        checkpoint_every=3,
    )


class Killed(Exception):
    """Stands for a kill in the middle of a run."""


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
@pytest.mark.parametrize("killed_after", [1, 3, 5])
def test_a_killed_run_resumes_exactly(tmp_path: Path, optimizer: str, killed_after: int) -> None:
    """A run that dies at any step and is started again ends with the weights of an undisturbed one."""
    undisturbed = tiny()
    train(undisturbed, batch, plan(optimizer))

    def die(step: int, loss: float) -> None:
        if step == killed_after:
            raise Killed

    with pytest.raises(Killed):
        train(tiny(), batch, plan(optimizer), checkpoint=tmp_path, progress=die)
    resumed = tiny(seed=9)
    if killed_after < 3:  # nothing was saved yet, so the run starts over from its own first weights
        resumed = tiny()
    result = train(resumed, batch, plan(optimizer), checkpoint=tmp_path)
    assert result.resumed_at == killed_after // 3 * 3
    torch.testing.assert_close(weights(resumed), weights(undisturbed), rtol=0, atol=0)


def test_dropout_draws_the_same_after_a_kill_and_acts_though_the_model_was_read(tmp_path: Path) -> None:
    """A model with dropout resumes exactly too, also where progress brought it into evaluation mode."""

    def dropping() -> LlamaForCausalLM:
        model = tiny()
        for layer in model.model.layers:
            vars(layer.self_attn)["attention_dropout"] = 0.5
        return model

    def die(step: int, loss: float) -> None:
        if step == 5:
            raise Killed

    undisturbed, killed, resumed, quiet = dropping(), dropping(), dropping(), tiny()

    def look(*_: object) -> None:
        undisturbed.eval()

    train(undisturbed, batch, plan("adamw"), progress=look)
    with pytest.raises(Killed):
        train(killed, batch, plan("adamw"), checkpoint=tmp_path, progress=die)
    train(resumed, batch, plan("adamw"), checkpoint=tmp_path)
    torch.testing.assert_close(weights(resumed), weights(undisturbed), rtol=0, atol=0)
    train(quiet, batch, plan("adamw"))
    assert not torch.equal(weights(quiet), weights(resumed))


def test_a_finished_run_is_not_trained_again(tmp_path: Path) -> None:
    """Starting a finished run once more only loads it."""
    first, again = tiny(), tiny(seed=5)
    train(first, batch, plan("adamw"), checkpoint=tmp_path)
    result = train(again, batch, plan("adamw"), checkpoint=tmp_path)
    assert result.resumed_at == result.steps == 8
    assert result.tokens == 8 * 4 * 8
    torch.testing.assert_close(weights(again), weights(first), rtol=0, atol=0)


def test_a_half_written_checkpoint_is_ignored(tmp_path: Path) -> None:
    """Weights without a finished state file do not count."""
    (tmp_path / "6.safetensors").write_bytes(b"torn")
    (tmp_path / "state.pt.partial").write_bytes(b"torn")
    model = tiny()
    result = train(model, batch, plan("adamw"), checkpoint=tmp_path)
    assert result.resumed_at == 0
    assert sorted(path.name for path in tmp_path.glob("*.safetensors")) == ["8.safetensors"]


def test_masked_labels_do_not_matter() -> None:
    """What stands behind a masked label leaves no trace in the weights."""

    def last_word_changed(step: int) -> Batch:
        ids, labels = batch(step).input_ids.clone(), batch(step).labels.clone()
        ids[:, -1] = 7
        labels[:, -1] = -100
        return Batch(ids, labels, torch.ones_like(ids))

    def last_label_masked(step: int) -> Batch:
        labels = batch(step).labels.clone()
        labels[:, -1] = -100
        return Batch(batch(step).input_ids, labels, torch.ones_like(labels))

    first, second = tiny(), tiny()
    train(first, last_word_changed, plan("adamw"))
    train(second, last_label_masked, plan("adamw"))
    torch.testing.assert_close(weights(first), weights(second), rtol=0, atol=0)


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_training_lowers_the_loss(optimizer: str) -> None:
    """A batch that repeats is learnt."""
    losses: list[float] = []
    train(tiny(), lambda step: batch(0), plan(optimizer, 60), progress=lambda step, loss: losses.append(loss))
    assert losses[-1] < 0.6 * losses[0]


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_every_parameter_has_exactly_one_optimizer(optimizer: str) -> None:
    """No parameter is left out and none is stepped twice; embeddings never go to Muon."""
    model = tiny()
    optimizers = build_optimizers(model, plan(optimizer))
    owned = [[id(p) for group in each.param_groups for p in group["params"]] for each in optimizers]
    flat = [key for keys in owned for key in keys]
    assert sorted(flat) == sorted(id(p) for p in model.parameters())
    assert id(model.get_input_embeddings().weight) in owned[-1]


def test_frozen_parameters_stay() -> None:
    """Parameters that require no gradient do not move."""
    model = tiny()
    frozen = dict(model.named_parameters())["model.layers.0.mlp.up_proj.weight"]
    frozen.requires_grad_(False)
    before = frozen.clone()
    train(model, batch, plan("muon"))
    assert torch.equal(frozen, before)


def test_learning_rate_follows_the_plan() -> None:
    """It rises linearly, rests, and falls linearly to near its floor; a slow twin agrees at every step."""
    shape = TrainPlan(steps=100, lr=2.0, warmup=10, decay=0.5, floor=0.1)
    for step in range(100):
        expected = 2.0
        if step < 10:
            expected = 2.0 * (step + 1) / 10
        if step > 50:
            expected = 0.2 + 1.8 * (100 - step) / 50
        assert learning_rate(shape, step) == pytest.approx(expected)
