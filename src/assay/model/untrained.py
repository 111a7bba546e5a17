"""The same model before it has learnt anything: what a measurement finds in it, nobody has trained."""

import torch
from transformers import AutoModelForCausalLM

from assay.model.engine import Engine


def untrained(engine: Engine, seed: int) -> Engine:
    """A model of the same make, tokenizer and precision, with weights as its family draws them at the start.

    The control of Adebayo et al. 2018, "Sanity checks for saliency maps" (arXiv 1810.03292), and for
    dictionaries of Heap et al. 2025 (arXiv 2501.17727).
    """
    model = engine.model
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = AutoModelForCausalLM.from_config(model.config, dtype=model.dtype)
    return Engine(fresh.to(engine.device).eval(), engine.tokenizer)
