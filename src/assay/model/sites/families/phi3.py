"""Phi-3: Llama with one matrix for queries, keys and values."""

from dataclasses import replace

from assay.model.sites.families import llama
from assay.model.sites.families.layout import leaves

LAYOUT = replace(
    llama.LAYOUT,
    families=("phi3",),
    block={
        **llama.LAYOUT.block,
        "q": leaves("self_attn.qkv_proj", 0),
        "k": leaves("self_attn.qkv_proj", 1),
        "v": leaves("self_attn.qkv_proj", 2),
    },
)
