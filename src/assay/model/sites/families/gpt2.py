"""GPT-2: one matrix for queries, keys and values, one after the other; learned positions."""

from assay.model.sites.families.layout import Layout, enters, leaves

LAYOUT = Layout(
    families=("gpt2",),
    block={
        "attn_in": enters("attn"),
        "q": leaves("attn.c_attn", 0),
        "k": leaves("attn.c_attn", 1),
        "v": leaves("attn.c_attn", 2),
        "z": enters("attn.c_proj"),
        "attn_out": leaves("attn"),
        "resid_mid": enters("ln_2"),
        "mlp_in": enters("mlp"),
        "mlp_hidden": enters("mlp.c_proj"),
        "mlp_out": leaves("mlp"),
    },
    norm="ln_f",
    positions="wpe",
)
