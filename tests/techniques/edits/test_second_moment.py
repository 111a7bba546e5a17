"""The second moment of keys is that of all tokens of the text but those put in front."""

import pytest
import torch

from assay.core.errors import BadOption, NotApplicable
from assay.techniques.edits.second_moment import SecondMoment, second_moment
from tests.model.tiny import TEXTS
from tests.techniques.edits.places import ORDINARY, moment_of, tiny_handle


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_it_is_the_mean_outer_product(family: str) -> None:
    """Token by token, text by text."""
    handle, total, count = tiny_handle(family), 0.0, 0
    for text in ORDINARY:
        for row in handle.site_activations([text], "mlp_hidden.1")[0][1:].double():
            total, count = total + torch.outer(row, row), count + 1
    found = moment_of(handle, 1)
    assert found.tokens == count
    torch.testing.assert_close(found.matrix, total / count, rtol=1e-5, atol=1e-6)


def test_solving_undoes_the_ridged_matrix() -> None:
    """C^-1 k times C is k, with the ridge in C."""
    x = torch.randn(50, 7, generator=torch.Generator().manual_seed(0)).double()
    moment, rows = SecondMoment(x.T @ x / 50, 50), x[:3]
    ridged = moment.matrix + 1e-4 * moment.matrix.trace() / 7 * torch.eye(7)
    torch.testing.assert_close(moment.solve(rows), (torch.linalg.inv(ridged) @ rows.T).T)


def test_it_stops_when_there_are_enough_tokens() -> None:
    """Texts are read in groups, so a few more tokens may come in, but not all."""
    few = second_moment(tiny_handle(), ORDINARY * 5, 0, tokens=100)
    assert 100 <= few.tokens < sum(len(text.split()) for text in ORDINARY * 5)


def test_too_little_text_is_refused() -> None:
    """The message says how much there is and how much is needed."""
    with pytest.raises(NotApplicable, match=r"hold 5 tokens, too few .* give at least 96, better 960"):
        second_moment(tiny_handle(), TEXTS[1:2] * 5, 0)
    with pytest.raises(BadOption, match="0 tokens"):
        second_moment(tiny_handle(), TEXTS, 0, tokens=0)
