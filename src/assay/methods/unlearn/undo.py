"""UNDO: unlearn, wash out the weights, and teach what is left to a model that is half forgotten."""

from jaxtyping import Float
from torch import Tensor

from assay.access import WhiteHandle
from assay.core import Access, Change, Method, Setting
from assay.jobs.unlearn import UnlearnBrief
from assay.methods.unlearn._descent import Lessons, lessons
from assay.model.changing.deltas import Delta, between
from assay.model.training.descent import Descent, Guard, Passes
from assay.techniques.unlearning.budget import strongest
from assay.techniques.unlearning.distilling import teacher
from assay.techniques.unlearning.gradient_ascent import ascent
from assay.techniques.unlearning.kl import divergence
from assay.techniques.unlearning.perturbing import between_them, perturbed

LOOSE = 4.0
"""How many times the damage that is allowed the unlearned model may do: teaching makes some of it good."""
UNLEARNING = Descent(steps=100, lr=1e-3)
SCALE = 0.1
"""Standard deviation of the noise, in units of that of the weights; the paper's."""
LR = 3e-3
FEWEST, EACH = 80, 200
"""Steps of teaching: so many and, for a whole model that is washed out, so many more."""


def fit(handle: WhiteHandle, brief: UnlearnBrief, setting: Setting, seed: int) -> Change:
    """Unlearn as GradDiff does, wash out, teach, and go as far this way as the damage allows."""
    told = lessons(brief, seed)
    gone = _unlearned(handle, brief, told)
    model = handle.changed(Change(deltas=(gone,)))
    weights = dict(model.parameters())
    washed = between(weights, perturbed(weights, setting["share"], SCALE, seed))
    back = _taught(handle, model, (gone, washed), told, setting["share"])
    return _within(handle, brief, Change(deltas=(gone, washed, back)))


def _unlearned(handle: WhiteHandle, brief: UnlearnBrief, told: Lessons) -> Delta:
    def loss(passes: Passes, step: int) -> Float[Tensor, ""]:
        return ascent(*passes.logprobs(told.forget.at(step))) + told.kept(passes, step)

    return handle.descend(loss, UNLEARNING, guard=Guard(brief.guard, LOOSE * brief.allowed)).end.delta


def _taught(
    handle: WhiteHandle, model: WhiteHandle, start: tuple[Delta, ...], told: Lessons, share: float
) -> Delta:
    steps = FEWEST + round(EACH * share)
    told_by = teacher(model, [told.retain.texts_at(step) for step in range(steps)])

    def loss(passes: Passes, step: int) -> Float[Tensor, ""]:
        texts = told_by.lesson(step)
        return divergence(told_by.distributions(texts, passes.device), passes.distributions(texts))

    return handle.changed(Change(deltas=start)).descend(loss, Descent(steps, LR)).end.delta


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
    formula="w1 = descent on -NLL_f + NLL_r; w2 = (1 - a) w1 + 0.1 a N, N normal with the deviation of each "
    "matrix; w' = descent from w2 on mean KL(p_w1 || p_w) over what must stay",
    does="Makes the model forget on the surface, washes out part of all its weights, and has the forgetful "
    "model teach it everything else again: what is not taught does not come back.",
    fit=fit,
    space={"share": (0.2, 0.4, 0.6)},
    default={"share": 0.4},
)
