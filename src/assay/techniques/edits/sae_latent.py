"""Setting the few latents of a dictionary that tell a new value from an old one, at the subject of a fact."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from assay.core import Edit
from assay.model.changing.change import Change
from assay.techniques.dictionaries.dictionary import Dictionary
from assay.techniques.edits.condition import Condition, acting
from assay.techniques.edits.known_values import KnownValues, refuse


@dataclass(frozen=True, eq=False)
class Latents:
    """Which latents are set for each edit, and to what."""

    chosen: Int[Tensor, "edit k"]
    values: Float[Tensor, "edit k"]


def telling(edits: Sequence[Edit], known: KnownValues, dictionary: Dictionary, k: int) -> Latents:
    """The ``k`` latents whose mean code differs most between subjects with the new and with the old value.

    What they are set to is their mean with the new value. Where no known fact has a value, the nearest that
    there is stands for it (``KnownValues.examples``); for an old value that is nowhere, all of the relation.

    No canonical way of editing facts through a dictionary exists. This is the choice of sparse probing
    (latents by the largest mean difference, Gao et al. 2024, arXiv 2406.04093), put to use as a clamp.

    Raises:
        NotApplicable: nothing told has the new value of some edits.
    """
    pairs = [(_mean_code(edit, edit.new, known, dictionary), edit) for edit in edits]
    if missing := [edit for new, edit in pairs if new is None]:
        raise refuse(missing)
    new = torch.stack([code for code, _ in pairs if code is not None])
    every = [dictionary.code(known.rows[known.of(edit.relation)]).dense().mean(0) for edit in edits]
    before = [_mean_code(edit, edit.old, known, dictionary) for edit in edits]
    old = torch.stack([rest if code is None else code for code, rest in zip(before, every, strict=True)])
    chosen = (new - old).abs().topk(min(k, dictionary.latents), dim=1).indices
    return Latents(chosen, new.gather(1, chosen))


def clamping(
    block: int, where: Condition, dictionary: Dictionary, latents: Latents, strength: float = 1.0
) -> Change:
    """Where the stream stands at the subject of edit ``i``, ``x' = x + sum_j strength (a_ij - a_j(x)) d_j``.

    The sum is over the latents chosen for the edit. What the dictionary does not explain of x stays in it: x
    is never replaced by its reconstruction, and latents that have their value already change nothing.
    """

    def act(rows: Float[Tensor, "m d"], edit: Int[Tensor, " m"]) -> Float[Tensor, "m d"]:
        places = edit.cpu()
        chosen = latents.chosen[places]
        now = dictionary.code(rows.cpu().float()).dense().gather(1, chosen)
        more = strength * (latents.values[places] - now)
        return rows + torch.einsum("mk,mkd->md", more, dictionary.decoder[chosen]).to(rows)

    return acting(block, where, act)


def _mean_code(
    edit: Edit, value: str, known: KnownValues, dictionary: Dictionary
) -> Float[Tensor, " latent"] | None:
    having, _ = known.examples(edit.relation, value)
    return dictionary.code(having).dense().mean(0) if len(having) else None
