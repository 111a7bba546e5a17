"""Putting a model that was trained in another way in the place of this one."""

from assay.access import WhiteHandle
from assay.core import Change
from assay.core.errors import NotApplicable
from assay.jobs.unlearn import UnlearnTruth


def in_place(handle: WhiteHandle, brief: UnlearnTruth, kind: str) -> Change:
    """The first model of a kind that the truth holds, with the price of its training.

    Raises:
        NotApplicable: nobody has trained one, or it does not fit this model.
    """
    trained = brief.oracles.get(kind, ())
    if not trained:
        raise NotApplicable(f"nobody has trained a model of the kind '{kind}' of {brief.subject}")
    first, weights = trained[0], handle.parameters()
    for name, parts in first.delta.changes.items():
        if name not in weights or any(part.shape != weights[name].shape for part in parts):
            raise NotApplicable(f"the model trained as '{kind}' is of another make: {name} does not fit")
    return Change(deltas=(first.delta,), paid=first.price)
