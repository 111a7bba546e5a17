"""Where facts are stored by causal tracing, beside how well an edit works at every block."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from jaxtyping import Float

from assay.access import WhiteHandle
from assay.core import UNTRIGGERED, Access, Change, Edit, Localisation, Method, Setting
from assay.core.errors import NotApplicable
from assay.jobs.edit import EditBrief
from assay.model.changing.push import Pushing
from assay.model.patching.tracing import Noise, Part, Traced
from assay.techniques.edits.each_alone import each_alone
from assay.techniques.edits.second_moment import SecondMoment, second_moment
from assay.techniques.edits.subject_keys import subject_ends
from assay.techniques.edits.values import Aim

FACTS = 8
"""Facts that are traced and edited; the first of those given."""
PER_DIMENSION = 3
"""Tokens for each dimension of the keys: every block needs a second moment of its own."""
PUSHING = Pushing(stop=0.2)
"""The papers' optimiser, and the early end that editing uses; without prefixes, at every block."""


@dataclass(frozen=True, eq=False)
class Tracing(Localisation):
    """Traces facts, and edits each of them at every block with one recipe."""

    moments: Sequence[SecondMoment]
    how: Aim
    noise: Noise

    def effects(
        self, handle: Any, edits: Sequence[Edit]
    ) -> Mapping[str, Float[np.ndarray, "fact role layer"]]:
        """The indirect effect of restoring the stream, the MLPs and the attentions, on P(old value)."""
        some = edits[:FACTS]
        facts = [
            Traced(edit.prompt, end - len(edit.subject), end, f" {edit.old}")
            for edit, end in zip(some, subject_ends(some), strict=True)
        ]
        return {part: handle.trace(facts, part, self.noise).indirect.numpy() for part in get_args(Part)}

    def edited(self, handle: Any, edits: Sequence[Edit]) -> Float[np.ndarray, "fact layer"]:
        """``exp(mean log p)`` of the new value behind the prompt, after ROME's edit of that fact alone."""
        some = edits[:FACTS]
        found = np.zeros((len(some), len(self.moments)))
        for block, moment in enumerate(self.moments):
            deltas = each_alone(handle, some, block, moment, self.how)
            for number, (edit, delta) in enumerate(zip(some, deltas, strict=True)):
                after = handle.changed(Change(deltas=(delta,)))
                sums, counts = after.continuation_logprobs([edit.prompt], [f" {edit.new}"])
                found[number, block] = np.exp(float(sums[0]) / float(counts[0]))
        return found


def fit(handle: WhiteHandle, brief: EditBrief, setting: Setting, seed: int) -> Localisation:
    """Take the second moment of the keys of every block."""
    if not any(brief.text):
        raise NotApplicable("the brief has no ordinary text, so nothing says what other keys are like")
    sizes = [
        handle.parameters()[handle.weight(f"mlp_hidden.{block}").name].numel() // handle.width
        for block in range(handle.n_layers)
    ]
    moments = [
        second_moment(handle, brief.text, block, PER_DIMENSION * size) for block, size in enumerate(sizes)
    ]
    return Tracing(moments, Aim(PUSHING), Noise(setting["scale"], seed=seed))


METHOD = Method(
    title="Causal tracing",
    job="edit",
    kind="method",
    access=Access.WHITE,
    source="Meng et al. 2022, Locating and editing factual associations in GPT, arXiv 2202.05262, section 2; "
    "held against editing as by Hase et al. 2023, Does localization inform editing?, arXiv 2301.04213",
    formula="IE = P*(old | one clean state restored) - P*(old), P* with noise N(0, (3 s)^2) on the subject's "
    "embeddings; beside it P(new) after ROME's edit at each block",
    does="Restores one state at a time in runs whose subject is drowned in noise, says which bring the fact "
    "back, and edits the same facts at every block, for the two to be compared.",
    fit=fit,
    space={"scale": (3.0,)},
    text=UNTRIGGERED,
)
