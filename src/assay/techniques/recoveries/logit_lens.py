"""Reads the answer from the middle of the model, as if it ended there."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from assay.access import WhiteHandle
from assay.core.exam import Attacked, Attempt, Question, Recovery, Sheet
from assay.techniques.recoveries._reading import layers, marked, option_tokens


def attempts(attacked: Attacked, seed: int, full: bool) -> Iterator[Attempt]:  # noqa: ARG001
    """One try for each layer."""
    held = attacked.handle.changed(attacked.held)
    for layer in layers(held.n_layers, full):
        yield Attempt({"layer": layer}, partial(read, held, layer), course="lens", x=float(layer))


def read(held: WhiteHandle, layer: int, questions: Sequence[Question]) -> Sheet:
    """The marks of what the last norm and the unembedding make of the stream behind each question.

    Preferred is an option by the token at which options first differ; said is what is likeliest of all.
    """
    if not questions:
        return np.zeros((0, 2))
    rows = held.activations([question.lead for question in questions], [layer])[:, 0]
    scores = held.logit_lens(rows).double().numpy()
    return marked(scores, questions, option_tokens(held, questions))


RECOVERY = Recovery(
    title="Logit lens",
    source="nostalgebraist 2020, interpreting GPT: the logit lens; on unlearnt models: Patil et al. 2023, "
    "Can sensitive information be deleted from LLMs?, arXiv 2309.17410; Lucki et al. 2024, arXiv 2409.18025",
    formula="argmax over options of [log softmax(head(norm(h_l)))]_option, h_l the stream after l blocks at "
    "the last token before the answer",
    does="Reads at every layer which answer the model would give if it ended there.",
    through="weights",
    attempts=attempts,
)
