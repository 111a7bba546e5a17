"""Gemma 2 and 3: norms before and after both halves; what the norm lets through is added to the stream."""

from dataclasses import replace

from assay.model.sites.families import llama
from assay.model.sites.families.layout import enters, leaves

LAYOUT = replace(
    llama.LAYOUT,
    families=("gemma2", "gemma3_text"),
    block={
        **llama.LAYOUT.block,
        "attn_out": leaves("post_attention_layernorm"),
        "resid_mid": enters("pre_feedforward_layernorm"),
        "mlp_out": leaves("post_feedforward_layernorm"),
    },
)
