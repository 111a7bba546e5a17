"""The metrics of the job ``edit``: whether the facts changed, what else did, and how long the change lasts.

Every number is a share of questions, a mean over them, or the harmonic mean of such; the bootstrap redraws
edits with all their questions, and unrelated texts with the edit of the same number.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from jaxtyping import Float

from assay.core import Better
from assay.metrics.spec import CaseTable, Course, MetricSpec, Panel, Question, Sample

Weights = Float[np.ndarray, "groups resamples"]
Draws = Float[np.ndarray, " resamples"]
PREFERRED, SAID, OTHER, MARGIN = 1, 2, 3, 4
"""Columns of an array of answers; the first counts the questions (see the job)."""
DAMAGE = ("texts", "divergence", "loss", "fluent", "entropy", "surprise")
"""Columns of an array of damage, for each edit: unrelated texts; sums over them of KL(before || after) of one
next token, and of the loss above that of the model before; replies; sums of their n-gram entropy, and of
their loss under that model."""
FLUENT = 3
MOST = 30.0
"""Nats or bits that no sum over a vocabulary reaches."""
SCORED = ("efficacy", "paraphrase", "neighbourhood")
WAYS = {
    "single": "one edit at a time, each on the model as it was",
    "few": "10 edits at once",
    "many": "100 edits at once",
    "sequence": "8 edits, each on top of those before",
    "long": "1,000 edits at once",
}
SHORT = {
    "single": "one edit",
    "few": "10 edits",
    "many": "100 edits",
    "sequence": "8 in turn",
    "long": "1,000 edits",
}
LOCATE = ("rome", "memit", "alphaedit")
ROLES = 6
"""Places in a text that a localisation tells apart; the last token of the subject is the third."""
LAST_SUBJECT = 2


def ratio(array: str, above: int, below: int) -> Callable[[CaseTable, Weights], Draws]:
    """The mean of a column over the questions, replies or texts that another one counts."""

    def values(table: CaseTable, weights: Weights) -> Draws:
        columns, by_edit = table.arrays[array], table.documents(weights)
        counted = columns[:, below] @ by_edit
        total = columns[:, above] @ by_edit
        return np.divide(total, counted, out=np.full_like(total, np.nan), where=counted > 0)

    return values


def harmonic(arrays: Sequence[str], column: int) -> Callable[[CaseTable, Weights], Draws]:
    """``k / Σ 1/x`` of the shares of several kinds of question; 0 as soon as one of them is 0."""

    def values(table: CaseTable, weights: Weights) -> Draws:
        parts = np.stack([ratio(array, column, 0)(table, weights) for array in arrays])
        inverse = np.divide(1.0, parts, out=np.full_like(parts, np.inf), where=parts != 0)
        return len(arrays) / inverse.sum(axis=0)

    return values


def _asked(*arrays: str, column: int = 0) -> Callable[[CaseTable], Sample]:
    """Questions of all kinds together, and the edits that they follow."""

    def sample(table: CaseTable) -> Sample:
        counts = np.stack([table.arrays[array][:, column] for array in arrays])
        return Sample(int(counts.sum()), int(counts.any(axis=0).sum()))

    return sample


def _share(
    way: str, kind: str, column: int, title: str, better: Better = "higher", what: str = ""
) -> MetricSpec:
    array = f"document_{way}_{kind}"
    how = {
        PREFERRED: "share of questions with P(right) > P(wrong), P = exp(mean log-probability of its tokens)",
        SAID: "share of questions whose greedy reply is the right one, word for word",
        OTHER: "share of questions whose greedy reply is the wrong one, word for word",
    }[column]
    return MetricSpec(
        key=f"{way}_{kind}" + {PREFERRED: "", SAID: "_said", OTHER: "_other"}[column],
        title=title,
        formula=f"{how}; {what or WAYS[way]}",
        unit="share",
        better=better,
        needs=(array,),
        values=ratio(array, column, 0),
        counted=_asked(array),
    )


def _score(way: str, column: int) -> MetricSpec:
    arrays = tuple(f"document_{way}_{kind}" for kind in SCORED)
    said = column == SAID
    return MetricSpec(
        key=f"{way}_score" + ("_said" if said else ""),
        title=("Score in greedy replies, " if said else "Score, ") + SHORT[way],
        formula="harmonic mean of efficacy, paraphrase and neighbourhood, each as "
        + ("share of right greedy replies" if said else "share with P(right) > P(wrong)")
        + f"; {WAYS[way]}",
        unit="share",
        better="higher",
        needs=arrays,
        values=harmonic(arrays, column),
        counted=_asked(*arrays),
    )


def _damage(way: str, column: int, title: str, formula: str, unit: str, better: Better) -> MetricSpec:
    array, below = f"document_{way}_damage", 0 if column < FLUENT else FLUENT
    return MetricSpec(
        key=f"{way}_{DAMAGE[column]}",
        title=f"{title}, {SHORT[way]}",
        formula=f"{formula}; {WAYS[way]}",
        unit=unit,
        better=better,
        needs=(array,),
        values=ratio(array, column, below),
        counted=_asked(array, column=below),
        bounds=(-MOST if DAMAGE[column] == "loss" else 0.0, MOST),
    )


def agreement(table: CaseTable, weights: Weights) -> Draws:
    """Spearman's correlation over layers: effect at the subject's last token, and P(new) after an edit there.

    ``resid`` holds one effect for each fact, place and layer behind a first column that counts the fact.
    """
    by_fact = table.documents(weights)
    effects, edited = (table.arrays[f"document_trace_{part}"] for part in ("mlp", "edited"))
    layers = edited.shape[1] - 1
    at = effects[:, 1:].reshape(len(effects), ROLES, layers)[:, LAST_SUBJECT]
    found = [np.corrcoef(_ranks(column @ at), _ranks(column @ edited[:, 1:]))[0, 1] for column in by_fact.T]
    return np.array(found)


def _ranks(values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Places in ascending order; what is equal shares the mean of its places."""
    below = (values[:, None] > values).sum(axis=1)
    return below + ((values[:, None] == values).sum(axis=1) - 1) / 2


def peak(table: CaseTable, weights: Weights) -> Draws:
    """The largest mean effect of restoring the stream at the last token of the subject, over layers."""
    by_fact, effects = table.documents(weights), table.arrays["document_trace_resid"]
    at = effects[:, 1:].reshape(len(effects), ROLES, -1)[:, LAST_SUBJECT]
    return (at.T @ by_fact).max(axis=0) / (effects[:, 0] @ by_fact)


_KL = "KL(before || after) of the token after the first half of unrelated texts, in nats"
_LOSS = "loss of unrelated texts less that before the edit, in nats a token"
_VARIETY = "(H2 + 2 H3) / 3, entropies of pairs and triples of words in replies of 12 tokens"
_SURPRISE = "loss of those replies under the model before the edit, in nats a token"
_UNDONE = {
    "int8": "after rounding to 8 bits",
    "int4": "after rounding to 4 bits",
    "training": "after training on other facts",
    "neighbour_edits": "after 10 further edits",
}


def _of_one() -> tuple[MetricSpec, ...]:
    """After each edit alone."""
    share = partial(_share, "single")
    return (
        _score("single", PREFERRED),
        share("efficacy", PREFERRED, "Efficacy"),
        share("efficacy", SAID, "Efficacy in greedy replies"),
        share("paraphrase", PREFERRED, "Paraphrase"),
        share("paraphrase", SAID, "Paraphrase in greedy replies"),
        share("generation", SAID, "In chat, greedy replies"),
        share("neighbourhood", PREFERRED, "Neighbourhood"),
        share("neighbourhood", SAID, "Neighbourhood in greedy replies"),
        share("same_subject", SAID, "Same subject, other relation"),
        share("namesake", SAID, "Namesakes"),
        share("override", SAID, "Context that says otherwise"),
        share("portability", SAID, "What follows from the fact"),
        share("reversal", PREFERRED, "Reversed"),
        _damage("single", 4, "Variety of replies", _VARIETY, "bits", "higher"),
        _damage("single", 5, "Surprise of replies", _SURPRISE, "nats", "lower"),
        _damage("single", 1, "Divergence", _KL, "nats", "lower"),
        _score("single", SAID),
    )


def _of_many() -> tuple[MetricSpec, ...]:
    """After several edits at once or in turn."""
    ways = ("few", "many", "sequence")
    kinds = {
        "efficacy": "Efficacy in greedy replies",
        "neighbourhood": "Neighbourhood in greedy replies",
        "same_subject": "Same subject, other relation",
    }
    return (
        *(_score(way, SAID) for way in ways[1:]),
        *(_score(way, PREFERRED) for way in ways),
        *(_share(way, k, SAID, f"{title}, {SHORT[way]}") for k, title in kinds.items() for way in ways),
        *(_damage(way, 2, "Damage", _LOSS, "nats", "lower") for way in WAYS),
    )


def _undone() -> tuple[MetricSpec, ...]:
    """After ten edits at once, and something that was not meant to undo them."""
    said = ((key, words, f"of 10 edits at once, {words}") for key, words in _UNDONE.items())
    return tuple(
        spec
        for key, words, what in said
        for spec in (
            _share("few", key, SAID, f"Kept {words}", what=what),
            _share("few", key, OTHER, f"Old fact back {words}", "lower", what),
        )
    )


def _traced() -> tuple[MetricSpec, ...]:
    """Of a localisation, which is judged apart: where something is stored is not where it is best changed."""
    return (
        MetricSpec(
            key="trace_peak",
            title="Restored at the subject",
            formula="largest over layers of P(answer | noise on the subject, stream restored at its last "
            "token) - P(answer | noise)",
            unit="probability",
            better="higher",
            needs=("document_trace_resid",),
            values=peak,
            counted=_asked("document_trace_resid"),
        ),
        MetricSpec(
            key="trace_agreement",
            title="Does tracing tell where to edit?",
            formula="Spearman's correlation over layers of the effect of restoring the MLPs at the subject's "
            "last token with P(new) after a rank-one edit at the layer",
            unit="correlation",
            better="higher",
            needs=("document_trace_mlp", "document_trace_edited"),
            values=agreement,
            counted=_asked("document_trace_edited"),
            bounds=(-1.0, 1.0),
        ),
    )


_EDITS = ((1, "single"), (10, "few"), (100, "many"), (1000, "long"))


def _course(name: str, title: str) -> Course:
    specs = {spec.key for spec in (_score("few", SAID), *_of_one(), *_of_many())}
    points = ((float(n), f"{way}_{name}") for n, way in _EDITS)
    return Course(name, title, "edits made", tuple(p for p in points if p[1] in specs))


PANEL = Panel(
    "edit",
    (_score("few", SAID), *_of_one(), *_of_many(), *_undone(), *_traced()),
    questions=(
        Question(
            key="beat_placebos",
            text="Do edits at located places beat the same edits without the insight?",
            metric="few_score_said",
            entries=LOCATE,
            rivals=("random_rank_one", "rome_random_layer", "random_steering"),
            yes="Yes: they beat the best placebo",
            no="No: a placebo does better",
        ),
        Question(
            key="beat_fine_tuning",
            text="Do they beat plain fine-tuning of one layer?",
            metric="few_score_said",
            entries=LOCATE,
            rivals=("ft_m", "ft_l"),
            yes="Yes: they beat it",
            no="No: fine-tuning one layer does better",
        ),
        Question(
            key="beat_all_training",
            text="Do they beat all plain rivals that change weights?",
            metric="few_score_said",
            entries=LOCATE,
            rivals=("ft_m", "ft_l", "lora", "full_ft_retain", "data_curation"),
            yes="Yes: they beat the best of them",
            no="No: the best of them does better",
        ),
        Question(
            key="beat_front",
            text="Do they beat what stands in front of the model: the fact in the context, or a table?",
            metric="few_score_said",
            entries=LOCATE,
            rivals=("in_context_0", "in_context_n", "lookup_table"),
            yes="Yes: they beat the best of these",
            no="No: the cheap way in front does better",
        ),
    ),
    courses=(
        _course("score_said", "Score in greedy replies"),
        _course("efficacy_said", "Efficacy in greedy replies"),
        _course("same_subject_said", "Same subject, other relation"),
        _course("loss", "Damage: loss of unrelated texts above that before"),
    ),
    break_even=("many", "ft_m"),
    twin="The twin is a model of the same shape with random weights, which knows no fact.",
    headline=(
        "few_score_said",
        "single_score",
        "single_efficacy_said",
        "single_paraphrase_said",
        "single_neighbourhood_said",
        "single_same_subject_said",
        "single_portability_said",
        "many_score_said",
    ),
)
