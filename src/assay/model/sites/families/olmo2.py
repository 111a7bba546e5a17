"""OLMo 2: norms only after both halves, so that each half reads the stream itself."""

from dataclasses import replace

from assay.model.sites.families import llama
from assay.model.sites.families.layout import enters, leaves

LAYOUT = replace(
    llama.LAYOUT,
    families=("olmo2",),
    block={
        **llama.LAYOUT.block,
        "attn_out": leaves("post_attention_layernorm"),
        "resid_mid": enters("mlp"),
        "mlp_out": leaves("post_feedforward_layernorm"),
    },
)
