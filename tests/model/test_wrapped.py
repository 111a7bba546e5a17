"""Models that are wrapped: compiled ones and those with adapters are refused, whenever that happened."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from assay.core.errors import ModelError
from assay.model import Engine
from assay.model.changing import change as c
from assay.model.changing.change import changed
from assay.model.reading.read import read
from tests.model.tiny import TEXTS, tiny_engine, tiny_model, word_tokenizer

IDS = torch.tensor([[5, 7, 9, 4]])


def compiled(module: nn.Module) -> Any:
    """What torch.compile makes of a module, without a compiler of C++."""
    return torch.compile(module, backend="eager")


def compile_whole(model: Any) -> Any:
    """A compiled model beside the plain one."""
    return compiled(model)


def compile_in_place(model: Any) -> Any:
    """The same model, compiled."""
    model.compile(backend="eager")
    return model


def compile_one_block(model: Any) -> Any:
    """One block compiled in place."""
    model.model.layers[1].compile(backend="eager")
    return model


def replace_one_block(model: Any) -> Any:
    """One block exchanged for its compiled twin."""
    model.model.layers[1] = compiled(model.model.layers[1])
    return model


def compile_forward(model: Any) -> Any:
    """The forward method alone."""
    model.forward = torch.compile(model.forward, backend="eager")
    return model


WAYS = (compile_whole, compile_in_place, compile_one_block, replace_one_block, compile_forward)


@pytest.mark.parametrize("way", WAYS)
def test_a_compiled_model_never_sees_a_later_hook(way: Callable[[Any], Any]) -> None:
    """The reason for the refusal: the hook is there, the pass runs, and nothing happens."""
    model = tiny_model("llama")
    mlp, ran = model.model.layers[1].mlp, list[int]()
    model = way(model)
    with torch.no_grad():
        model(IDS, use_cache=False)
        mlp.register_forward_hook(lambda *_: ran.append(1))
        model(IDS, use_cache=False)
    assert not ran  # where a torch runs them, the refusal may go


@pytest.mark.parametrize("way", WAYS)
def test_compiled_models_are_refused(way: Callable[[Any], Any]) -> None:
    """Whole, in place, in part or by method: an engine says so and asks for the plain model."""
    with pytest.raises(ModelError, match=r"is compiled .*; give the model as it was before torch.compile"):
        Engine(way(tiny_model("llama")), word_tokenizer())


@pytest.mark.parametrize("way", WAYS[1:])
def test_a_model_compiled_under_its_engine_is_noticed(way: Callable[[Any], Any]) -> None:
    """The next call is refused, before a change could silently do nothing."""
    engine = tiny_engine("llama")
    tokens = engine.tokens(TEXTS)
    change = c.scale("mlp_out.1", 0.0)
    read(engine, tokens, ["mlp_out.1"])
    way(engine.model)
    calls: list[Callable[[], Any]] = [
        lambda: engine.activations(TEXTS, [1]),
        lambda: engine.gradients(TEXTS, 1),
        lambda: engine.generate(TEXTS, 2),
        lambda: read(engine, tokens, ["logits"]),
    ]
    for call in calls:
        with pytest.raises(ModelError, match="is compiled"), changed(engine, change):
            call()


def test_a_plain_model_beside_its_compiled_twin_is_fine() -> None:
    """Following the advice works: the twin shares the weights, the plain one has the hooks."""
    model = tiny_model("llama")
    compile_whole(model)
    engine = Engine(model, word_tokenizer())
    assert torch.equal(engine.activations(TEXTS, [2]), tiny_engine("llama").activations(TEXTS, [2]))


class Adapted(nn.Module):
    """A matrix with a low-rank adapter beside it, as the library peft makes it."""

    __module__ = "peft.tuners.lora.layer"

    def __init__(self, base_layer: nn.Linear) -> None:
        super().__init__()
        self.base_layer = base_layer
        self.down, self.up = nn.Linear(32, 2, bias=False), nn.Linear(2, 32, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """The matrix plus the product of the small ones."""
        return self.base_layer(x) + self.up(self.down(x))


def test_adapters_are_refused_also_when_they_come_later() -> None:
    """Weights of the matrix are not all that acts there; the advice is to merge them."""
    engine = tiny_engine("llama")
    blocks: Any = engine.model.model.layers
    blocks[0].self_attn.q_proj = Adapted(blocks[0].self_attn.q_proj)
    with pytest.raises(ModelError, match=r"adapter \(Adapted\).*merge_and_unload"):
        Engine(engine.model, engine.tokenizer)
    with pytest.raises(ModelError, match="merge_and_unload"):
        engine.next_logprobs(TEXTS)


@pytest.mark.filterwarnings("ignore::FutureWarning")  # peft asks transformers by an older name
def test_peft_models_are_refused_until_they_are_merged() -> None:
    """The wrapper and the model inside, which peft edits, are refused; merged, it is a model like any."""
    peft: Any = pytest.importorskip("peft", reason="the library peft is not installed", exc_type=ImportError)
    model = tiny_model("llama")
    options = peft.LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    adapted = peft.get_peft_model(model, options).eval()
    with torch.no_grad():
        wanted = adapted(IDS).logits
    for refused in (adapted, model):
        with pytest.raises(ModelError, match="merge_and_unload"):
            Engine(refused, word_tokenizer())
    engine = Engine(adapted.merge_and_unload(), word_tokenizer())
    with torch.no_grad():
        found = engine.model(input_ids=IDS).logits
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)
    assert engine.activations(TEXTS, [1]).shape == (len(TEXTS), 1, engine.width)
