"""Latents of one subject are held where they come on; elsewhere the stream stays as it is."""

import pytest
import torch
from torch import Tensor

from assay.access import WhiteHandle, open_handle
from assay.core import Access, Change
from assay.core.errors import BadOption
from assay.techniques.dictionaries.dictionary import Dictionary
from assay.techniques.dictionaries.rules import Above
from assay.techniques.unlearning.clamping import Latents, clamping, subject_latents
from tests.model.tiny import TEXTS, tiny_engine

LAYER, WIDTH, COUNT = 2, 32, 24
LATENTS = Latents(torch.tensor([3, 0, 17]), torch.tensor([0.5, 1.0, 2.0]))


def _dictionary(width: int = WIDTH, count: int = COUNT, seed: int = 0) -> Dictionary:
    generator = torch.Generator().manual_seed(seed)
    decoder = torch.nn.functional.normalize(torch.randn(count, width, generator=generator))
    bias = torch.randn(width, generator=generator) / 4
    return Dictionary(decoder.clone(), decoder, torch.zeros(count), bias, Above(torch.full((count,), 0.3)))


def _handle(family: str = "llama") -> WhiteHandle:
    return open_handle(tiny_engine(family), Access.WHITE)


def _clamped(handle: WhiteHandle, strength: float, first: int = 1) -> WhiteHandle:
    return handle.changed(Change(hooks=(clamping(LAYER, _dictionary(), LATENTS, strength, first),)))


def _literal(row: Tensor, strength: float) -> Tensor:
    """One row, latent by latent."""
    dictionary, new = _dictionary(), row.clone()
    for j, size in zip(LATENTS.numbers.tolist(), LATENTS.sizes.tolist(), strict=True):
        pre = float((row - dictionary.decoder_bias) @ dictionary.encoder[j] + dictionary.encoder_bias[j])
        if pre <= 0.3:
            continue
        wanted = (1 - strength) * pre if strength <= 1 else -(strength - 1) * size
        new = new + (wanted - pre) * dictionary.decoder[j]
    return new


@pytest.mark.parametrize("family", ["llama", "gpt2"])
@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0, 4.0])
def test_it_is_its_formula_at_every_token_but_the_first(family: str, strength: float) -> None:
    """Row by row and latent by latent; what the tokenizer puts in front stays to the bit."""
    handle, moved = _handle(family), 0
    pairs = (one.sequence_activations(TEXTS, LAYER) for one in (handle, _clamped(handle, strength)))
    for before, after in zip(*pairs, strict=True):
        assert torch.equal(before[0], after[0])
        wanted = torch.stack([_literal(row, strength) for row in before[1:]])
        torch.testing.assert_close(after[1:], wanted, atol=1e-4, rtol=1e-4)
        moved += int((before[1:] != after[1:]).any(1).sum())
    assert moved > 0 or strength == 0


def test_where_no_chosen_latent_is_on_nothing_changes() -> None:
    """Such rows should be what they were, to the bit, at any strength."""
    handle = _handle()
    pairs = (one.sequence_activations(TEXTS, LAYER) for one in (handle, _clamped(handle, 9.0, first=0)))
    seen = set[bool]()
    for before, after in zip(*pairs, strict=True):
        on = _dictionary().code(before).dense()[:, LATENTS.numbers].gt(0).any(1)
        assert torch.equal(before[~on], after[~on])
        seen |= set(on.tolist())
    assert seen == {True, False}


def test_a_latent_apart_from_all_others_is_held_where_it_was_set() -> None:
    """With orthogonal directions the clamped stream should read as minus so many times the usual size."""
    eye = torch.eye(4)
    dictionary = Dictionary(eye, eye, torch.zeros(4), torch.zeros(4), Above(torch.zeros(4)))
    hook = clamping(1, dictionary, Latents(torch.tensor([2]), torch.tensor([0.5])), strength=7.0)
    x = torch.tensor([[[1.0, 2.0, 3.0, -4.0], [1.0, 2.0, -3.0, 4.0]]])
    wanted = torch.tensor([[[1.0, 2.0, -3.0, -4.0], [1.0, 2.0, -3.0, 4.0]]])  # 6 x 0.5; off stays off
    torch.testing.assert_close(hook.how(x, None), wanted)  # type: ignore[arg-type]


def test_gradients_pass_through() -> None:
    """Whoever trains the model behind a clamp should have gradients of what comes before it."""
    x = torch.randn(1, 5, WIDTH, generator=torch.Generator().manual_seed(2), requires_grad=True)
    hook = clamping(LAYER, _dictionary(), LATENTS, 3.0)
    hook.how(x, None).square().sum().backward()  # type: ignore[arg-type]
    assert x.grad is not None
    assert bool(x.grad.isfinite().all())
    assert float(x.grad.norm()) > 0


def test_it_acts_alike_while_a_reply_is_written() -> None:
    """Writing token by token should give what reading the text so far anew gives for each next token."""
    changed = _clamped(_handle(), 4.0)
    prompt = "the cat sat on"
    [reply] = changed.generate([prompt], max_tokens=4)
    text = prompt
    for word in reply.split():
        [row] = changed.next_logprobs([text])
        assert changed.vocabulary[int(row.argmax())].strip() == word
        text += f" {word}"


def test_latents_are_chosen_by_density() -> None:
    """Latent by latent and row by row: rare elsewhere, then most often on; sizes are means where it is on."""
    generator = torch.Generator().manual_seed(3)
    forget, retain = (torch.randn(n, WIDTH, generator=generator) for n in (50, 80))
    dictionary, rare, k = _dictionary(), 0.4, 5
    on: dict[str, list[list[float]]] = {
        side: [
            [v for row in rows if (v := float((row - dictionary.decoder_bias) @ dictionary.encoder[j])) > 0.3]
            for j in range(COUNT)
        ]
        for side, rows in (("forget", forget), ("retain", retain))
    }
    kept = [j for j in range(COUNT) if len(on["retain"][j]) / 80 < rare and on["forget"][j]]
    wanted = sorted(kept, key=lambda j: -len(on["forget"][j]))[:k]
    assert 0 < len(kept) < COUNT
    found = subject_latents(dictionary, forget, retain, k, rare)
    assert found.numbers.tolist() == wanted
    means = [sum(on["forget"][j]) / len(on["forget"][j]) for j in wanted]
    torch.testing.assert_close(found.sizes, torch.tensor(means))


def test_what_is_on_elsewhere_is_never_chosen() -> None:
    """However often it is on for the subject; there may be fewer than were asked for, or none."""
    rows = torch.randn(60, WIDTH, generator=torch.Generator().manual_seed(4))
    assert not len(subject_latents(_dictionary(), rows, rows, 5, 1e-6).numbers)
    with pytest.raises(BadOption, match="rows of either kind"):
        subject_latents(_dictionary(), rows, rows[:0], 5, 0.01)
