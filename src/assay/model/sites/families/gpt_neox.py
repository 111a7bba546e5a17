"""GPT-NeoX and Pythia: halves side by side unless told otherwise; queries, keys, values head by head."""

from assay.model.sites.families.layout import Layout, enters, leaves

LAYOUT = Layout(
    families=("gpt_neox",),
    block={
        "attn_in": enters("attention"),
        "q": leaves("attention.query_key_value", 0, by_head=True),
        "k": leaves("attention.query_key_value", 1, by_head=True),
        "v": leaves("attention.query_key_value", 2, by_head=True),
        "z": enters("attention.dense"),
        "attn_out": leaves("attention"),
        "resid_mid": enters("post_attention_layernorm"),
        "mlp_in": enters("mlp"),
        "mlp_hidden": enters("mlp.dense_4h_to_h"),
        "mlp_out": leaves("mlp"),
    },
    norm="final_layer_norm",
)
