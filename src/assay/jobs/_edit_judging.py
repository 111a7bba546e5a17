"""The questions that follow an edit, put to a changed model, and the damage done to everything else."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple, get_args

import numpy as np
from jaxtyping import Float

from assay.core import Change, EditCase, Probe, ProbeKind
from assay.core.edit import begins
from assay.metrics.edit_panel import DAMAGE

COLUMNS = ("asked", "preferred", "said", "other", "margin")
"""Of each edit: questions; at how many P(right) > P(wrong); how many greedy replies are the right one and how
many the wrong one; the sum of P(right) - P(wrong)."""
REPLY = 12
"""Tokens that are written on the prompt of an edit made alone."""
LENGTH = 24
"""Words of an unrelated text that are read."""
PER_SINGLE = 6
"""Unrelated texts that are read after each edit of one alone."""
Columns = Float[np.ndarray, "edits columns"]
Done = Sequence[tuple[Change, tuple[int, ...]]]


class _Asked(NamedTuple):
    number: int
    probe: Probe


class Judge:
    """Puts questions to changed models; the handle is on nobody's bill."""

    def __init__(self, handle: Any, cases: Sequence[EditCase], unrelated: Sequence[str]) -> None:
        self._handle = handle
        self._cases = cases
        texts = (" ".join(text.split()[:LENGTH]) for text in unrelated)
        self._unrelated = [text for text in texts if len(text.split()) > 1]

    @property
    def rows(self) -> int:
        """Rows of every array: edits, or unrelated texts where there are more."""
        return max(len(self._cases), len(self._unrelated))

    def asked(self, done: Done, kinds: Sequence[str] = get_args(ProbeKind)) -> dict[str, Columns]:
        """Some kinds of question and the damage, after each of some changes; edits not made have zeros."""
        found = {kind: np.zeros((self.rows, len(COLUMNS))) for kind in kinds}
        damage = np.zeros((self.rows, len(DAMAGE)))
        for change, numbers in done:
            handle = self._handle.changed(change)
            for kind, values in self._answers(handle, numbers, kinds).items():
                found[kind] += values
            damage += self._read(handle, numbers)
            if len(numbers) == 1:
                damage += self._written(handle, numbers[0])
        return {**found, "damage": damage}

    def kept(self, handle: Any, numbers: Sequence[int]) -> Columns:
        """The edits' own prompts alone."""
        return self._answers(handle, numbers, ("efficacy",))["efficacy"]

    def _answers(self, handle: Any, numbers: Sequence[int], kinds: Sequence[str]) -> dict[str, Columns]:
        asked = [_Asked(n, p) for n in numbers for p in self._cases[n].probes if p.kind in kinds]
        found = {kind: np.zeros((self.rows, len(COLUMNS))) for kind in kinds}
        for one, values in zip(asked, _answered(handle, [one.probe for one in asked]), strict=True):
            found[one.probe.kind][one.number] += (1.0, *values)
        return found

    def _read(self, handle: Any, numbers: Sequence[int]) -> Columns:
        """What unrelated texts have become.

        Of one edit alone, their sum stands in its row; of several, each text's numbers in a row of its own.
        """
        found = np.zeros((self.rows, len(DAMAGE)))
        single = len(numbers) == 1
        texts = self._unrelated[:PER_SINGLE] if single else self._unrelated
        if texts:
            before, losses = self._before
            after = np.asarray(handle.next_logprobs([_cut(text) for text in texts]), dtype=np.float64)
            p = before[: len(texts)]
            divergence = (np.exp(p) * (p - after)).sum(1)
            loss = _losses(handle, texts) - losses[: len(texts)]
            places = [numbers[0]] * len(texts) if single else range(len(texts))
            for place, values in zip(places, zip(divergence, loss, strict=True), strict=True):
                found[place, :3] += (1.0, *values)
        return found

    def _written(self, handle: Any, number: int) -> Columns:
        """What is written on the edit's own prompt."""
        found = np.zeros((self.rows, len(DAMAGE)))
        prompts = [self._cases[number].edit.prompt]
        replies = handle.generate(prompts, max_tokens=REPLY)
        found[number, 3:] = (1.0, entropy(replies[0]), self._surprise(prompts, replies)[0])
        return found

    @cached_property
    def _before(self) -> tuple[Float[np.ndarray, "n vocabulary"], Float[np.ndarray, " n"]]:
        """What the model says of unrelated texts before any change."""
        next_token = self._handle.next_logprobs([_cut(text) for text in self._unrelated])
        return np.asarray(next_token, dtype=np.float64), _losses(self._handle, self._unrelated)

    def _surprise(self, prompts: Sequence[str], replies: Sequence[str]) -> Float[np.ndarray, " n"]:
        """Loss of replies under the model before, in nats per token; of an empty one 0."""
        sums, counts = self._handle.continuation_logprobs(list(prompts), [reply or " " for reply in replies])
        return -np.asarray(sums, dtype=np.float64) / np.maximum(np.asarray(counts), 1)


def entropy(text: str) -> float:
    """How varied a text is: ``(H2 + 2 H3) / 3`` in bits, H the entropy of its pairs and triples of words.

    The weights are those of the evaluations of ROME and MEMIT, which print a hundred times as much.

    >>> entropy("a a a a a"), round(entropy("a b c d e"), 3)
    (0.0, 1.723)
    """
    words = text.split()
    return (_entropy(words, 2) + 2 * _entropy(words, 3)) / 3


def _entropy(words: Sequence[str], n: int) -> float:
    grams = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
    if not grams:
        return 0.0
    shares = np.unique(np.array([" ".join(gram) for gram in grams]), return_counts=True)[1] / len(grams)
    return float((shares * np.log2(1 / shares)).sum())


def _answered(handle: Any, probes: Sequence[Probe]) -> Float[np.ndarray, "probes answers"]:
    """The columns behind the first, for each question.

    Where both answers are one token, one pass over the prompt tells all of them; longer answers are scored
    and written.
    """
    prompts = [probe.prompt for probe in probes]
    rights, wrongs = ([f" {getattr(p, name)}" for p in probes] for name in ("right", "wrong"))
    found = np.zeros((len(probes), len(COLUMNS) - 1))
    if not probes:
        return found
    right, wrong = (handle.continuation_ids(prompts, ends) for ends in (rights, wrongs))
    short = [n for n in range(len(probes)) if len(right[n]) == len(wrong[n]) == 1]
    if short:
        likely = np.exp(np.asarray(handle.next_logprobs([prompts[n] for n in short]), dtype=np.float64))
        top = likely.argmax(1)
        for row, n in enumerate(short):
            margin = likely[row, right[n][0]] - likely[row, wrong[n][0]]
            found[n] = (margin > 0, top[row] == right[n][0], top[row] == wrong[n][0], margin)
    long = sorted(set(range(len(probes))) - set(short))
    if long:
        some = [prompts[n] for n in long]
        likely = _likelihood(handle, some + some, [rights[n] for n in long] + [wrongs[n] for n in long])
        said = handle.generate(some, max_tokens=max(len(ids[n]) for ids in (right, wrong) for n in long))
        for row, n in enumerate(long):
            margin = likely[row] - likely[len(long) + row]
            says = (begins(said[row], answer) for answer in (probes[n].right, probes[n].wrong))
            found[n] = (margin > 0, *says, margin)
    return found


def _likelihood(handle: Any, prompts: list[str], ends: list[str]) -> Float[np.ndarray, " n"]:
    """``exp(mean log-probability of the tokens)`` of each end."""
    sums, counts = handle.continuation_logprobs(prompts, ends)
    return np.exp(np.asarray(sums, dtype=np.float64) / np.maximum(np.asarray(counts), 1))


def _losses(handle: Any, texts: Sequence[str]) -> Float[np.ndarray, " n"]:
    """Mean loss of each text's tokens, in nats."""
    return np.array([-float(row.mean()) if len(row) else 0.0 for row in handle.token_logprobs(list(texts))])


def _cut(text: str) -> str:
    """The first half of a text, by words: somewhere inside, where something is left to be said."""
    words = text.split()
    return " ".join(words[: max(1, len(words) // 2)])


def shares(asked: Mapping[str, Columns], kinds: Sequence[str], column: str) -> list[float]:
    """The share of each kind's questions that a column counts; kinds that nobody asked are left out."""
    place = COLUMNS.index(column)
    return [
        float(asked[kind][:, place].sum() / asked[kind][:, 0].sum())
        for kind in kinds
        if asked[kind][:, 0].sum()
    ]
