"""Task vectors: a change of weights that was learnt, subtracted in place of being added."""

from dataclasses import replace

from assay.core.errors import BadOption
from assay.model.changing.deltas import Delta


def negated(learnt: Delta, strength: float) -> Delta:
    """``-s (theta_ft - theta_0)``: the change that leads a model away from what was learnt.

    Ilharco et al. 2022, Editing models with task arithmetic (arXiv 2212.04089). For s = 0 nothing changes.

    Raises:
        BadOption: a strength below 0, which would teach.
    """
    if strength < 0:
        raise BadOption(f"a strength of {strength:g} adds what was learnt; give 0 or more")
    changes = {
        name: tuple(replace(p, tensors=(*p.tensors[:-1], -strength * p.tensors[-1])) for p in parts)
        for name, parts in learnt.changes.items()
    }
    # what a shorter form leaves out is scaled along
    return replace(learnt, changes=changes, errors={n: strength * e for n, e in learnt.errors.items()})
