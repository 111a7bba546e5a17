"""Takes the direction out of the stream that sets texts of the book apart from others."""

from collections.abc import Iterator, Sequence
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from assay.access import WhiteHandle
from assay.core import Change
from assay.core.errors import NotApplicable
from assay.core.exam import Attacked, Attempt, Recovery
from assay.model.changing.change import project_out
from assay.model.sites.site import Site
from assay.techniques.recoveries._reading import layers
from assay.techniques.sitting import sit

TEXTS = 128
"""Most texts of each side that means are taken over."""


def attempts(attacked: Attacked, seed: int, full: bool) -> Iterator[Attempt]:  # noqa: ARG001
    """One try for each layer whose direction is taken out everywhere; in the whole grid also there alone.

    Raises:
        NotApplicable: no texts on the attacker's half of the book, or none on other subjects.
    """
    if not attacked.documents or not attacked.books:
        raise NotApplicable("no texts on the book and on other subjects to tell apart")
    held = attacked.handle.changed(attacked.held)
    for layer in layers(held.n_layers, full):
        direction = difference(held, layer, attacked.documents[:TEXTS], attacked.books[:TEXTS])
        for everywhere in (True, False) if full else (True,):
            places = range(held.n_layers + 1) if everywhere else (layer,)
            hooks = tuple(project_out(Site.stream(place), direction[None]) for place in places)
            freed = held.changed(Change(hooks=hooks))
            setting = {"layer": layer, "everywhere": everywhere}
            yield Attempt(setting, partial(sit, freed), f"everywhere {everywhere}", float(layer))


def difference(
    handle: WhiteHandle, layer: int, these: Sequence[str], others: Sequence[str]
) -> Float[Tensor, " d"]:
    """Mean of the stream over all tokens of some texts less that over other texts, without first tokens.

    The first token sees nothing of a text.
    """
    here, there = (
        torch.cat([rows[1:] for rows in handle.sequence_activations(texts, layer)]).double().mean(0)
        for texts in (these, others)
    )
    return here - there


RECOVERY = Recovery(
    title="Without the junk direction",
    source="Lucki et al. 2024, An adversarial perspective on machine unlearning for AI safety, "
    "arXiv 2409.18025, after Arditi et al. 2024, arXiv 2406.11717; from the unlearnt model alone, for an "
    "attacker does not have the one before",
    formula="h <- h - r r^T h before the first block and after every one, r ~ mean of h_l on texts of the "
    "book - mean of h_l on texts on other subjects",
    does="Finds the direction in which texts of the book differ from others at a layer, and takes it out of "
    "the stream everywhere.",
    through="weights",
    attempts=attempts,
)
