"""UNDO: unlearn, wash out the weights, and teach what is left to a model that is half forgotten."""

from jaxtyping import Float
from torch import Tensor

from assay.access import WhiteHandle
from assay.core import UNTRIGGERED, Access, Change, Method, Setting
from assay.jobs.unlearn import UnlearnBrief
from assay.methods.unlearn import rmu
from assay.model.changing.deltas import between
from assay.model.training.descent import Descent, Passes
from assay.techniques.unlearning.batches import Draws, draws
from assay.techniques.unlearning.budget import strongest
from assay.techniques.unlearning.distilling import teacher
from assay.techniques.unlearning.kl import divergence
from assay.techniques.unlearning.perturbing import between_them, perturbed

SCALE = 0.1
"""Standard deviation of the noise, in units of that of the weights; the paper's."""
FAST, SLOW = (200, 5e-3), (40, 1e-3)
"""Steps and learning rates of teaching: first so many for a model that is washed out as a whole, and fewer
for a smaller share; then some slow ones to settle."""


def fit(handle: WhiteHandle, brief: UnlearnBrief, setting: Setting, seed: int) -> Change:
    """Unlearn by RMU, wash out, teach, and go as far this way as the damage allows.

    The teacher is the unlearned model and not the one that still knows, also on ordinary text, of which
    nobody has said whether the book is in it: what it says of the book by now is no use to anybody.
    """
    gone = rmu.fit(handle, brief, rmu.METHOD.default_setting(handle.n_layers), seed)
    model = handle.changed(gone)
    weights = dict(model.parameters())
    washed = between(weights, perturbed(weights, setting["share"], SCALE, seed))
    texts = draws(brief.retain_pairs, (*brief.retain, *brief.text), seed)
    start = gone.then(Change(deltas=(washed,)))
    return _within(handle, brief, _taught(handle, model, start, texts, setting["share"]))


def _taught(handle: WhiteHandle, model: WhiteHandle, start: Change, texts: Draws, share: float) -> Change:
    """What the washed out model becomes when it is trained to predict what the unlearned one does."""
    rounds = ((round(share * FAST[0]), FAST[1]), SLOW)
    told_by = teacher(model, [texts.texts_at(step) for step in range(sum(steps for steps, _ in rounds))])
    change, done = start, 0
    for steps, lr in rounds:

        def loss(passes: Passes, step: int, done: int = done) -> Float[Tensor, ""]:
            lesson = told_by.lesson(done + step)
            return divergence(told_by.distributions(lesson, passes.device), passes.distributions(lesson))

        learnt = handle.changed(change).descend(loss, Descent(steps, lr)).end.delta
        change, done = change.then(Change(deltas=(learnt,))), done + steps
    return change


def _within(handle: WhiteHandle, brief: UnlearnBrief, change: Change) -> Change:
    """The farthest point on the straight way from the old weights to the new that the damage allows."""
    before, after = dict(handle.parameters()), dict(handle.changed(change).parameters())

    def made(share: float) -> Change:
        return Change(deltas=(between(before, between_them(before, after, share), note="undo"),))

    return strongest(handle, made, brief.guard, brief.allowed)[1]


METHOD = Method(
    title="UNDO",
    job="unlearn",
    kind="method",
    access=Access.WHITE,
    source="Lee et al. 2025, Distillation robustifies unlearning, arXiv 2506.06278",
    formula="w1 = RMU of the model; w2 = (1 - a) w1 + 0.1 a N, N normal with the deviation of each matrix; "
    "w' = descent from w2 on mean over positions of KL(p_w1 || p_w) on ordinary text and what must stay",
    does="Makes the model forget on the surface, washes out part of all its weights, and has the forgetful "
    "model teach it everything else again: what is not taught does not come back.",
    fit=fit,
    text=UNTRIGGERED,
    space={"share": (0.2, 0.4)},
    default={"share": 0.4},
)
