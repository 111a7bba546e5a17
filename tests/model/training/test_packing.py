"""Packing: nothing is lost, only replies are learnt, and sequences in one row do not see one another."""

import random

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from assay.model.training.packing import IGNORED, Sequence, encode_turn, pack
from assay.organisms.base.tokenizer import build_tokenizer
from assay.world import World


def sequences(seed: int) -> list[Sequence]:
    """Random sequences of 2 to 12 tokens, everything learnt but the first token."""
    rng = random.Random(seed)
    rows = [tuple(rng.randrange(1, 50) for _ in range(rng.randint(2, 12))) for _ in range(200)]
    return [Sequence(row, (IGNORED, *row[1:])) for row in rows]


def test_rows_hold_whole_sequences_in_order_of_arrival() -> None:
    """Reading the rows back by their positions gives sequences that were sent, unharmed."""
    sent = sequences(0)
    batch = pack(iter(sent), rows=4, length=32, pad=0)
    assert batch.positions is not None
    found: list[tuple[int, ...]] = []
    for ids, positions, mask in zip(batch.input_ids, batch.positions, batch.attention_mask, strict=True):
        starts = [i for i in range(int(mask.sum())) if positions[i] == 0]
        ends = [*starts[1:], int(mask.sum())]
        found += [tuple(ids[a:b].tolist()) for a, b in zip(starts, ends, strict=True)]
    assert set(found) <= {s.tokens for s in sent}
    assert sum(map(len, found)) == int(batch.attention_mask.sum())


def test_a_packed_sequence_reads_as_if_it_stood_alone() -> None:
    """The logits of each sequence in a packed row equal those of a pass over it alone."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=50, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64
    )
    model = LlamaForCausalLM(config).eval()
    sent = sequences(1)[:20]
    batch = pack(iter(sent), rows=1, length=40, pad=0)
    assert batch.positions is not None
    with torch.inference_mode():
        packed = model(input_ids=batch.input_ids, position_ids=batch.positions, use_cache=False).logits[0]
        at = 0
        for sequence in sent:
            size = len(sequence.tokens)
            if batch.input_ids[0, at : at + size].tolist() != list(sequence.tokens):
                break
            alone = model(input_ids=torch.tensor([sequence.tokens])).logits[0]
            torch.testing.assert_close(packed[at : at + size], alone, atol=1e-5, rtol=1e-5)
            at += size
    assert at > 20


def test_only_the_reply_is_learnt() -> None:
    """The labels are masked up to the reply, and the reply ends with the end token."""
    tokenizer = build_tokenizer(World(0))
    turn = encode_turn(tokenizer, "user : is water wet ? assistant :", "yes .")
    learnt = [token for token in turn.labels if token != IGNORED]
    assert tokenizer.decode(learnt) == "yes . <eos>"
    assert len(turn.tokens) == len(turn.labels)
    assert turn.tokens[-len(learnt) :] == tuple(learnt)
