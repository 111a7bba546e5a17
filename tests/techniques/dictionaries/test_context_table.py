"""Look-up of latents by the last tokens, against dictionaries in plain Python."""

import numpy as np
import pytest
import torch

from assay.core.errors import BadOption
from assay.techniques.dictionaries.entries import Code, Entries
from assay.techniques.dictionaries.explanations.context_table import ContextTable, contexts_of, pearson

F, VOCABULARY = 6, 5


def made(texts: int, seed: int) -> tuple[list[list[int]], torch.Tensor]:
    """Random texts, and latents: the first says what the token is, the second what the last two are."""
    rng = np.random.default_rng(seed)
    ids = [rng.integers(0, VOCABULARY, rng.integers(2, 12)).tolist() for _ in range(texts)]
    rows = []
    for text in ids:
        for at, token in enumerate(text):
            noise = np.where(rng.random(F) < 0.3, rng.random(F), 0.0)
            noise[0] = 2.0 * (token == 3)
            noise[1] = 1.5 * (at > 0 and text[at - 1 : at + 1] == [1, 2])
            rows.append(noise)
    return ids, torch.tensor(np.array(rows), dtype=torch.float32)


def coded(dense: torch.Tensor) -> Code:
    """The few values that are not zero."""
    places = Entries.where(dense > 0)
    return Code(places, dense[dense > 0])


@pytest.mark.parametrize("length", [1, 2, 3])
def test_the_longest_context_seen_often_enough_is_looked_up(length: int) -> None:
    """A Python dictionary of contexts, gone through from the longest to the shortest."""
    ids, dense = made(60, seed=0)
    table: dict[tuple[int, ...], list[torch.Tensor]] = {}
    for row, context in zip(dense, contexts_of(ids, length).tolist(), strict=True):
        for size in range(1, length + 1):
            table.setdefault(tuple(context[-size:]), []).append(row)
    new, _ = made(30, seed=1)
    new.append([VOCABULARY + 3, 1, VOCABULARY + 3])  # a token that was never seen
    wanted = []
    for context in contexts_of(new, length).tolist():
        seen = [table.get(tuple(context[-size:]), []) for size in range(length, 0, -1)]
        means = [torch.stack(rows).mean(0) for rows in seen if len(rows) >= 3]
        wanted.append(means[0] if means else torch.zeros(F))
    found = ContextTable.fit(coded(dense), contexts_of(ids, length), least=3).predicted(
        contexts_of(new, length)
    )
    torch.testing.assert_close(found.dense(), torch.stack(wanted))


def test_a_longer_look_explains_more_where_there_is_more_to_see() -> None:
    """On new texts: the token says all about the first latent and little about the second; two say it."""
    (ids, dense), (new, truth) = made(400, seed=2), made(200, seed=3)
    scores = {}
    for length in (1, 2):
        table = ContextTable.fit(coded(dense), contexts_of(ids, length), least=1)
        scores[length] = pearson(table.predicted(contexts_of(new, length)), coded(truth))
    assert float(scores[1][0]) == pytest.approx(1, abs=1e-5)
    assert float(scores[1][1]) < 0.6
    assert float(scores[2][1]) > 0.95
    assert float(scores[2][2:].abs().max()) < 0.15  # noise cannot be explained


def test_correlation_is_that_of_the_whole() -> None:
    """NumPy's, over all tokens as one; a latent that never varies has none."""
    _, one = made(50, seed=4)
    _, two = made(50, seed=4)
    two = two + torch.where(torch.rand(two.shape, generator=torch.Generator().manual_seed(0)) < 0.2, 0.5, 0.0)
    one[:, 5] = 0
    two[:, 4] = 1.0
    found = pearson(coded(one), coded(two))
    for latent in range(4):
        exact = np.corrcoef(one[:, latent].numpy(), two[:, latent].numpy())[0, 1]
        assert float(found[latent]) == pytest.approx(float(exact), abs=1e-5)
    assert found[4:].tolist() == [0.0, 0.0]
    assert not pearson(coded(0 * one), coded(two)).any()


def test_contexts_that_do_not_fit_are_told() -> None:
    """One clear sentence each."""
    ids, dense = made(5, seed=0)
    with pytest.raises(BadOption, match="give one for each"):
        ContextTable.fit(coded(dense), contexts_of(ids, 1)[:3])
    with pytest.raises(BadOption, match="too many to number"):
        ContextTable.fit(coded(dense), contexts_of([[2**40] * len(dense)], 2))
