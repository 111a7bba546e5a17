"""Causal tracing: which states of a clean run bring back a fact whose subject is drowned in noise.

Meng et al., "Locating and editing factual associations in GPT" (arXiv 2202.05262), section 2 and appendix B.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from math import ceil
from typing import Literal, get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor

from assay.core.errors import BadOption
from assay.core.seed import derive
from assay.model.engine import Engine
from assay.model.halving import in_groups
from assay.model.patching.prefix import Prefix, Visits
from assay.model.reading.read import read
from assay.model.sites.hooks import Visit, visiting
from assay.model.sites.site import Site
from assay.model.tokens import Tokens
from assay.model.unembedding import logits_at, own_logprobs

Part = Literal["resid", "mlp", "attn"]
"""What is restored: the stream after a block, or what the MLPs or attentions of some blocks add to it."""
ROLES = ("first subject", "middle subject", "last subject", "first after", "further", "last")
"""Where a token stands in its prompt.

As in the paper's code a token plays every role that fits it: a subject of one token is both first and last
of its subject, and the prompt's last token is always "last", also where it is the first after the subject or
the last of it. Only "middle subject" and "further" leave out those that stand at their ends.
"""


@dataclass(frozen=True)
class Traced:
    """One fact: a prompt, the characters of its subject, and what should come next."""

    text: str
    start: int
    end: int
    """The character behind the subject's last."""
    answer: str | None = None
    """Brings its leading space; None for what the model itself thinks most likely."""


@dataclass(frozen=True)
class Noise:
    """What drowns the subjects: ``ε ~ N(0, (scale · s)²)`` on the embedding of each of their tokens.

    ``s`` is one number, the standard deviation over all entries of the embeddings of the subjects' tokens of
    all facts. A fact's draws follow from the seed and its text, so that facts may come and go, and are the
    same whichever state is restored.
    """

    scale: float = 3.0
    draws: int = 10
    seed: int = 0


@dataclass(frozen=True)
class Trace:
    """Probabilities of the answers' first tokens, on the CPU."""

    clean: Float[Tensor, " fact"]
    """``P(o)``."""
    corrupted: Float[Tensor, " fact"]
    """``P*(o)``, the mean over draws with noise on the subject."""
    restored: Float[Tensor, "fact role layer"]
    """``P*_clean h(o)``: mean over draws and over the tokens of a role; NaN where no token plays it."""
    tokens: int
    """Tokens that went through the model; where they met some of its blocks only, that share of them."""

    @property
    def total_effect(self) -> Float[Tensor, " fact"]:
        """``P(o) - P*(o)``: what the noise takes away."""
        return self.clean - self.corrupted

    @property
    def indirect(self) -> Float[Tensor, "fact role layer"]:
        """``P*_clean h(o) - P*(o)``: what one restored state gives back."""
        return self.restored - self.corrupted[:, None, None]


@dataclass(frozen=True)
class _Fact:
    """A fact in tokens, with its noise for each draw."""

    ids: list[int]
    subject: range
    answer: int | None
    noise: Float[Tensor, "draw subject d"]


@dataclass(frozen=True)
class _State:
    """What is restored together: sites from one layer up, counted under ``layer``."""

    layer: int
    sites: tuple[Site, ...]

    @property
    def begins(self) -> int:
        """The first block that does something new."""
        return self.sites[0].layer or 0


def trace(
    engine: Engine, facts: Sequence[Traced], part: Part, noise: Noise, window: int | None = None
) -> Trace:
    """Restore one state at a time in runs with a noisy subject, and see how much of each fact comes back.

    ``resid`` restores the stream after block L at one token, ``mlp`` and ``attn`` what ``window`` consecutive
    blocks around L (``L - ⌊window/2⌋`` to ``L + ⌈window/2⌉ - 1``, cut at the ends) add to it at that token;
    None for a fifth of the blocks. A state that nothing reads leaves the corrupted probability as it is.

    Cost: about ``draws · tokens · layers`` passes through half of the blocks, for the tokens from the
    subject's first on.

    Raises:
        BadOption: no facts, an unknown part, a window or noise that cannot be, a subject that is not in its
            text, or an answer that is no token of its own.
        NotApplicable: a tokenizer that does not say where its tokens stand, or a model that keeps no keys and
            values per layer.
    """
    if window is None:
        window = max(1, round(0.2 * engine.n_layers))
    if part not in get_args(Part) or window < 1 or noise.draws < 1 or noise.scale < 0 or not facts:
        raise BadOption(
            f"part '{part}', window {window}, {noise} and {len(facts)} facts: give resid, mlp or attn, a "
            "window and draws of at least 1, a scale of at least 0, and at least one fact"
        )
    engine.body.check()  # by a run of its own, which the noise must not meet
    known = _tokenized(engine, facts, noise)
    run = _Tracing(engine, part, window, len(facts))
    alike: dict[tuple[int, int], list[int]] = defaultdict(list)
    for number, fact in enumerate(known):
        alike[len(fact.ids), fact.subject[0]].append(number)
    for (length, _), numbers in alike.items():

        def work(group: list[int]) -> None:
            run.fill(group, [known[number] for number in group])

        with engine.inference():
            sizes = dict.fromkeys(numbers, noise.draws * length)
            in_groups(engine, sizes, work, what="fact")
    return Trace(run.clean, run.corrupted, run.restored, ceil(run.layer_tokens / engine.n_layers))


class _Tracing:
    """The tables that fill up, and how."""

    def __init__(self, engine: Engine, part: Part, window: int, facts: int) -> None:
        self.engine = engine
        self.clean, self.corrupted = torch.empty(facts), torch.empty(facts)
        self.restored = torch.full((facts, len(ROLES), engine.n_layers), torch.nan)
        self.layer_tokens = 0
        self._states = [_state(part, layer, window, engine.n_layers) for layer in range(engine.n_layers)]

    def fill(self, numbers: list[int], facts: list[_Fact]) -> None:
        """Trace facts of one length whose subjects begin at the same token."""
        engine, draws = self.engine, len(facts[0].noise)
        tokens = Tokens.of([fact.ids for fact in facts], engine.device)
        length, first = tokens.ids.shape[1], facts[0].subject[0]
        clean, logits = self._clean_run(tokens)
        given = [fact.answer for fact in facts]
        top = logits.argmax(-1).tolist()
        answers = torch.tensor([b if a is None else a for a, b in zip(given, top, strict=True)])
        rows = Tokens.of([fact.ids for fact in facts for _ in range(draws)], engine.device)
        with visiting([(engine.body.point("embed"), _adding(facts, length))]):
            base = Prefix(engine.body, rows)
        self._count(rows.ids.numel() + tokens.ids.numel(), engine.n_layers)
        repeated = answers.repeat_interleave(draws).to(base.logits.device)
        low = _means(base.logits, repeated, draws)
        found = low[:, None, None].repeat(1, length - first, engine.n_layers)
        for place in range(first, length):
            values = {site: value[:, place].repeat_interleave(draws, 0) for site, value in clean.items()}
            climb = _Climb(base, values, place)
            self._restore(climb, found[:, place - first], repeated, draws)
        self.clean[numbers] = _means(logits, answers.to(logits.device), 1)
        self.corrupted[numbers] = low
        for number, fact, table in zip(numbers, facts, found, strict=True):
            for role, members in enumerate(_roles(fact.subject, length)):
                if members:
                    self.restored[number, role] = table[[place - first for place in members]].mean(0)

    def _restore(
        self, climb: "_Climb", found: Float[Tensor, "fact layer"], answers: Int[Tensor, " m"], draws: int
    ) -> None:
        """Fill in the probabilities with each state restored at one place."""
        states = [state for state in map(climb.read, self._states) if state is not None]

        def put(group: list[int]) -> None:
            some = [states[number] for number in group]
            logits = climb.logits(some)
            for state, part in zip(some, logits.split(len(answers)), strict=True):
                found[:, state.layer] = _means(part, answers, draws)
            blocks = sum(self.engine.n_layers - state.begins for state in some)
            self._count(climb.size, blocks)

        sizes = dict.fromkeys(range(len(states)), climb.size)
        in_groups(self.engine, sizes, put, times=2, what="state")

    def _clean_run(self, tokens: Tokens) -> tuple[dict[Site, Tensor], Float[Tensor, "n vocabulary"]]:
        wanted = {site for state in self._states for site in state.sites}
        seen: dict[Site, Tensor] = {}
        visits = [(self.engine.body.point(site), _keeping(seen, site)) for site in wanted]
        with visiting(visits):
            rows = torch.arange(len(tokens), device=tokens.ids.device)
            logits = logits_at(self.engine.body, tokens, rows, tokens.lengths - 1)
        return seen, logits

    def _count(self, tokens: int, blocks: int) -> None:
        self.layer_tokens += tokens * blocks


class _Climb:
    """Runs that resume a corrupted base at one place, where some of their states are restored."""

    def __init__(self, base: Prefix, clean: dict[Site, Float[Tensor, "m d"]], place: int) -> None:
        self.base, self.clean, self.place = base, clean, place
        self.size = len(base.tokens) * (base.tokens.ids.shape[1] - place)
        """Tokens of one state."""
        self._top = len(base.streams) - 1
        self._at_end = place == base.tokens.ids.shape[1] - 1

    def read(self, state: _State) -> _State | None:
        """What of a state is read by anything: of the top block's output the last token only."""
        kept = tuple(s for s in state.sites if self._at_end or s.layer != self._top or s.kind == "resid_pre")
        return _State(state.layer, kept) if kept else None

    def logits(self, states: list[_State]) -> Float[Tensor, "copies*m vocabulary"]:
        """Logits with each state restored, lowest first: a block runs once for all that have begun."""
        base, place = self.base, self.place
        steps = [(layer, len(list(some))) for layer, some in groupby(states, lambda state: state.begins)]
        stream = base.entering(steps[0][0], place, 0)

        def joined(layer: int, count: int, stream: Tensor, above: int) -> tuple[Tensor, Visits]:
            new = base.entering(layer, place, count)
            stream = torch.cat([stream.to(new.device), new])
            begun = states[: len(stream) // len(base.tokens)]
            return stream, self._visits(begun, range(layer, above), stream)

        for (layer, count), (above, _) in pairwise(steps):
            stream, visits = joined(layer, count, stream, above)
            stream = base.peek(layer, place, stream, visits, Site("resid_pre", above))
        stream, visits = joined(*steps[-1], stream, self._top + 1)
        return base.resume(steps[-1][0], place, stream, visits)

    def _visits(self, states: list[_State], layers: range, stream: Tensor) -> Visits:
        """What restores the states in some layers."""
        takers: dict[Site, list[int]] = defaultdict(list)
        for copy, state in enumerate(states):
            for site in state.sites:
                if site.layer in layers:
                    takers[site].append(copy)
        writes = [(site, self._write(site, copies)) for site, copies in takers.items()]
        # the embedding of a resumed run knows nothing of the noise
        return writes if layers[0] else [(Site("resid_pre", 0), lambda _: stream), *writes]

    def _write(self, site: Site, copies: list[int]) -> Visit:
        def visit(value: Tensor) -> Tensor:
            new = value.clone()
            new.unflatten(0, (-1, len(self.base.tokens)))[copies, :, 0] = self.clean[site].to(value.device)
            return new

        return visit


def _state(part: Part, layer: int, window: int, layers: int) -> _State:
    """The sites that are restored together; what leaves a block enters the next, where it costs one less."""
    if part == "resid":
        top = layer == layers - 1
        return _State(layer, (Site("resid_post", layer) if top else Site("resid_pre", layer + 1),))
    first, last = max(layer - window // 2, 0), min(layer + (window + 1) // 2, layers)
    return _State(layer, tuple(Site(f"{part}_out", number) for number in range(first, last)))


def _roles(subject: range, length: int) -> tuple[range, ...]:
    """The tokens of each of ``ROLES``."""
    first, behind = subject[0], subject[-1] + 1
    return (
        range(first, first + 1),
        range(first + 1, behind - 1),
        range(behind - 1, behind),
        range(behind, min(behind + 1, length)),
        range(behind + 1, length - 1),
        range(length - 1, length),
    )


def _tokenized(engine: Engine, facts: Sequence[Traced], noise: Noise) -> list[_Fact]:
    texts = [fact.text for fact in facts]
    tokens = engine.tokens(texts)
    embedded = read(engine, tokens, ["embed"])["embed"]
    answers = _answers(engine, facts)
    subjects = [
        _subject(number, fact, spans)
        for number, (fact, spans) in enumerate(zip(facts, engine.spans(texts), strict=True))
    ]
    entries = [row[subject].flatten() for row, subject in zip(embedded, subjects, strict=True)]
    sigma = noise.scale * float(torch.cat(entries).float().std())

    def drawn(text: str, count: int) -> Tensor:
        generator = torch.Generator().manual_seed(derive("trace", noise.seed, text))
        return sigma * torch.randn(noise.draws, count, embedded.shape[-1], generator=generator)

    return [
        _Fact(ids, subject, answer, drawn(fact.text, len(subject)))
        for ids, subject, answer, fact in zip(engine.encode(texts), subjects, answers, facts, strict=True)
    ]


def _subject(number: int, fact: Traced, spans: list[tuple[int, int]]) -> range:
    """The tokens that share characters with the subject."""
    inside = [i for i, (start, end) in enumerate(spans) if start < fact.end and end > fact.start]
    if not 0 <= fact.start < fact.end <= len(fact.text) or not inside:
        raise BadOption(
            f"the subject of fact {number} (counting from 0), characters {fact.start} to {fact.end}, is no "
            f"part of its text, which has {len(fact.text)}; give where it begins and the character behind it"
        )
    return range(inside[0], inside[-1] + 1)


def _answers(engine: Engine, facts: Sequence[Traced]) -> list[int | None]:
    """The first token of each answer, where one is given."""
    texts = [fact.text for fact in facts]
    joined, starts = engine.split(texts, [fact.answer or "" for fact in facts])
    found: list[int | None] = []
    for number, (fact, ids, start, length) in enumerate(
        zip(facts, engine.encode(joined), starts, engine.lengths(texts), strict=True)
    ):
        if fact.answer is not None and not length == start < len(ids):
            raise BadOption(
                f"the answer '{fact.answer}' of fact {number} (counting from 0) does not begin with a token "
                "of its own behind the prompt; give it with its leading space, and the prompt without one"
            )
        found.append(None if fact.answer is None else ids[start])
    return found


def _adding(facts: list[_Fact], length: int) -> Visit:
    """Noise on the subjects of all draws, one fact after the other."""
    draws, _, width = facts[0].noise.shape
    whole = torch.zeros(len(facts), draws, length, width)
    for row, fact in zip(whole, facts, strict=True):
        row[:, fact.subject] = fact.noise
    return lambda value: value + whole.flatten(0, 1).to(value)


def _keeping(seen: dict[Site, Tensor], site: Site) -> Visit:
    def keep(value: Tensor) -> None:
        seen[site] = value

    return keep


def _means(
    logits: Float[Tensor, "m vocabulary"], answers: Int[Tensor, " m"], draws: int
) -> Float[Tensor, " fact"]:
    """Probability of each run's answer, mean over the draws of a fact, on the CPU."""
    return own_logprobs(logits, answers).exp().unflatten(0, (-1, draws)).mean(1).float().cpu()
