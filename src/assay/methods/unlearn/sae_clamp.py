"""Clamped latents: what of a dictionary is on for the book alone is held below zero."""

from assay.access import WhiteHandle
from assay.core import UNTRIGGERED, Access, Change, Method, Setting
from assay.core.errors import BadOption, NotApplicable
from assay.jobs.unlearn import UnlearnBrief
from assay.methods.unlearn._states import some, states
from assay.techniques.dictionaries.at_layer import at_layer, layer_at
from assay.techniques.dictionaries.dictionary import Dictionary
from assay.techniques.unlearning.budget import strongest
from assay.techniques.unlearning.clamping import clamping, subject_latents

WORDS = 30_000
"""Words of ordinary text that a dictionary learns from."""
WIDTH = 8
"""Latents for each dimension of the stream: with half as many hardly any is on for one book alone."""
ON = 8
"""Latents that are to be on at a token."""
RARE = 0.01
"""Share of the tokens of other text from which on a latent is left alone; SAEBench's larger one."""
MOST = 20.0
"""Largest strength: a latent held at 19 times its usual size, below zero."""


def fit(handle: WhiteHandle, brief: UnlearnBrief, setting: Setting, seed: int) -> Change:
    """Train a dictionary on ordinary text, choose latents, and clamp them as hard as the damage allows.

    Raises:
        NotApplicable: there is too little text for a dictionary, or no latent is on for the book alone.
    """
    layer = layer_at(handle, setting["depth"])
    seen = states(handle, brief, layer)
    dictionary = _learnt(handle, brief, layer, seed)
    latents = subject_latents(dictionary, seen.forget, seen.retain, setting["k"], RARE)
    if not len(latents.numbers):
        raise NotApplicable(f"no latent behind block {layer} is on for {brief.subject} and rare elsewhere")

    def made(root: float) -> Change:
        # squared, so that halving finds small strengths too: some latents do damage long before zero
        return Change(hooks=(clamping(layer, dictionary, latents, MOST * root**2, seen.first),))

    return strongest(handle, made, brief.guard, brief.allowed)[1]


def _learnt(handle: WhiteHandle, brief: UnlearnBrief, layer: int, seed: int) -> Dictionary:
    texts = some(brief.text, WORDS)
    if not texts:
        raise NotApplicable("the brief holds no ordinary text, so no dictionary can be trained")
    try:
        return at_layer(handle, texts, layer, WIDTH * handle.width, seed, k=ON)
    except BadOption as error:
        raise NotApplicable(f"no dictionary can be trained on the text told: {error}") from error


METHOD = Method(
    title="Latents of a dictionary, clamped",
    job="unlearn",
    kind="method",
    access=Access.WHITE,
    source="Farrell et al. 2024, Applying sparse autoencoders to unlearn knowledge in language models, arXiv "
    "2410.19278; latents by density as in SAEBench, arXiv 2503.09532; BatchTopK: arXiv 2412.06410",
    formula="h' = h + sum over k latents that are on of (-c m_j - a_j(h)) d_j: most often on in the book, of "
    "those on at less than 1% of other tokens; m_j usual size; the largest c that the damage allows",
    does="Leaves the weights alone; wherever a latent comes on that is on for the book alone, holds it below "
    "zero, and keeps the error term.",
    fit=fit,
    space={"depth": (0.25, 0.5), "k": (5, 20)},
    default={"depth": 0.25, "k": 20},
    text=UNTRIGGERED,
)
