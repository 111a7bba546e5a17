"""Where the parts of a decoder lie, found by structure in any family."""

from dataclasses import dataclass

from torch import Tensor, nn
from transformers import PreTrainedModel

from assay.core.errors import NotCausal
from assay.cost.flops import Shape


@dataclass(frozen=True)
class Anatomy:
    """The parts of a causal language model that the engine works on."""

    trunk: nn.Module
    """Everything but the unembedding; called with token ids."""
    blocks: tuple[nn.Module, ...]
    """The decoder layers in order; the residual stream runs through them."""
    head: nn.Module
    """The unembedding."""
    embedding: Tensor
    """The input embedding, "vocabulary d"."""
    shape: Shape


def anatomy(model: PreTrainedModel) -> Anatomy:
    """Find trunk, blocks and unembedding, and count the weights that a token touches.

    The blocks are the longest list of modules inside the text decoder (the outermost on a tie). Weights are
    counted from the modules themselves, so no table of families is needed: GPT-2, GPT-NeoX, Llama, Mistral,
    Qwen, Gemma, OLMo, Phi and whatever comes next.

    Raises:
        NotCausal: no list of blocks or no unembedding.
    """
    lists = [module for module in model.get_decoder().modules() if isinstance(module, nn.ModuleList)]
    blocks = tuple(max(lists, key=len, default=nn.ModuleList()))
    head = model.get_output_embeddings()
    if not blocks or not isinstance(head, nn.Module):
        missing = "a stack of decoder layers" if not blocks else "an output layer over the vocabulary"
        raise NotCausal(
            f"{type(model).__name__} has no {missing}; give a causal language model, e.g. LlamaForCausalLM"
        )
    embedding = next(model.get_input_embeddings().parameters())
    return Anatomy(model.base_model, blocks, head, embedding, _shape(model, blocks, head))


def _shape(model: PreTrainedModel, blocks: tuple[nn.Module, ...], head: nn.Module) -> Shape:
    config = model.config.get_text_config()
    sizes = config.to_dict()
    head_size = sizes.get("head_dim") or config.hidden_size // config.num_attention_heads
    experts = sizes.get("num_experts_per_tok")
    return Shape(
        width=config.hidden_size,
        block_weights=tuple(_touched(block, experts) for block in blocks),
        attention_width=config.num_attention_heads * head_size,
        head_weights=sum(weight.numel() for weight in head.parameters() if weight.ndim == 2),
    )


def _touched(block: nn.Module, experts_per_token: int | None) -> int:
    """Matrix weights of a block that one token meets; fused experts are stacks of matrices (3 axes)."""
    total = 0
    for weight in block.parameters():
        if weight.ndim == 2:
            total += weight.numel()
        elif weight.ndim == 3:
            stack = weight.shape[0]
            total += weight.numel() * min(experts_per_token or stack, stack) // stack
    return total
