"""Whether a dictionary has a latent for each of some things that are known to be there."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from assay.core.errors import BadOption
from assay.core.score import Score
from assay.metrics.proportion import proportion
from assay.techniques.dictionaries.dictionary import ROWS, Dictionary
from assay.techniques.dictionaries.products import weighted_sums

FORMULAS = {
    "f1": "2 tp / (on + true): latent on against concept true, token by token; for each concept the latent "
    "with the highest",
    "found": "share of concepts whose best latent has F1 above .9",
    "cosine": "for each true direction the largest cosine with a decoder row",
}
_FOUND = 0.9


@dataclass(frozen=True, eq=False)
class Recovery:
    """For each concept its best latent."""

    latents: Int[Tensor, " concept"]
    f1: Float[Tensor, " concept"]

    @property
    def found(self) -> Score:
        """Share of concepts with F1 above .9; concepts are what varies."""
        return proportion("found", int((self.f1 > _FOUND).sum()), len(self.f1))

    def missing(self, names: list[str]) -> list[str]:
        """The concepts, by name, for which there is no latent."""
        return [name for name, f1 in zip(names, self.f1.tolist(), strict=True) if f1 <= _FOUND]


def recovery(
    dictionary: Dictionary, parts: Iterable[tuple[Float[Tensor, "n d"], Bool[Tensor, "n concept"]]]
) -> Recovery:
    """Hold every latent against every concept, over activations and what is true at each.

    A latent is on where its value is above zero. With as many latents as there are, the best of them is
    partly luck: give the placebos the same concepts.

    Raises:
        BadOption: nothing to look at, or labels that do not fit their rows.
    """
    both = on = true = None
    for x, labels in parts:
        if len(labels) != len(x):
            raise BadOption(f"{len(x)} rows of activations but {len(labels)} of labels; give one for each")
        wanted = labels.to(x.device).float()
        for (_, code), some in zip(dictionary.codes(x), wanted.split(ROWS), strict=True):
            fired = (code.values > 0).float()
            order, turned = code.places.turned
            # sum over a latent's rows of what is true there: "latent concept"
            mine = weighted_sums(turned.starts, turned.latents, fired[order], some)
            count = torch.zeros(dictionary.latents, device=x.device).index_add_(0, code.places.latents, fired)
            both = mine.double() if both is None else both + mine
            on = count.double() if on is None else on + count
        true = wanted.double().sum(0) if true is None else true + wanted.double().sum(0)
    if both is None or on is None or true is None:
        raise BadOption("there are no activations to look for concepts in")
    f1 = 2 * both / (on[:, None] + true).clamp_min(1)
    best = f1.max(0)
    return Recovery(best.indices.cpu(), best.values.float().cpu())


def closest(
    dictionary: Dictionary, directions: Float[Tensor, "true d"]
) -> tuple[Float[Tensor, " true"], Int[Tensor, " true"]]:
    """For each true direction the largest cosine with a decoder row, and that row's number."""
    rows = torch.nn.functional.normalize(dictionary.decoder)
    found = (torch.nn.functional.normalize(directions.to(rows)) @ rows.T).max(1)
    return found.values, found.indices
