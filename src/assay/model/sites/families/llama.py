"""Llama and its kin: norms before both halves, matrices of their own for queries, keys and values."""

from assay.model.sites.families.layout import Layout, enters, leaves

LAYOUT = Layout(
    families=("llama", "mistral", "qwen2", "qwen3"),
    block={
        "attn_in": enters("self_attn"),
        "q": leaves("self_attn.q_proj"),
        "k": leaves("self_attn.k_proj"),
        "v": leaves("self_attn.v_proj"),
        "z": enters("self_attn.o_proj"),
        "attn_out": leaves("self_attn"),
        "resid_mid": enters("post_attention_layernorm"),
        "mlp_in": enters("mlp"),
        "mlp_hidden": enters("mlp.down_proj"),
        "mlp_out": leaves("mlp"),
    },
    norm="norm",
)
