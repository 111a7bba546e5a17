"""The white-box engine on any Hugging Face causal LM."""
