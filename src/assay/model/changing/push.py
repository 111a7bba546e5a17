"""Vectors that, added at the end of a subject, make a model say something else."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from assay.core.errors import BadOption
from assay.model.changing.above import Above, Places, Row, begin
from assay.model.continuations import can_fork
from assay.model.engine import Engine
from assay.model.halving import in_groups
from assay.model.places import check_ends, last_tokens, token_of
from assay.model.sites.site import STREAM, Site
from assay.model.unembedding import own_logprobs, wide

_BETAS, _EPSILON = (0.9, 0.999), 1e-8
_TIMES = 2
"""Most tokens of a pass do not go through again at its steps, so a group may hold more."""


@dataclass(frozen=True)
class Pushed:
    """One thing that the model is to say.

    >>> Pushed(("ann velo was born in", "well , ann velo was born in"), (8, 15), " zarn").target
    ' zarn'
    """

    texts: tuple[str, ...]
    """The prompt, with different beginnings; the first is the one whose value is the start."""
    ends: tuple[int, ...]
    """For each text the number of characters up to and including the last of the subject."""
    target: str
    """What is to come after each text, with its own leading space."""
    essence: str = ""
    """A text about the subject that should be gone on with as before; empty for none."""
    essence_end: int = 0
    """As ``ends``, for the essence."""


@dataclass(frozen=True)
class Pushing:
    """How vectors are found; sizes are relative to what stands at the site."""

    steps: int = 20
    lr: float = 0.2
    """Step of Adam, in units of ||v0|| / sqrt(d): twenty such steps can leave four times ||v0|| behind."""
    kl: float = 0.0625
    """Weight of the change in what follows the subject of the essence."""
    decay: float = 0.5
    """Weight of ||delta|| / ||v0||^2."""
    clamp: float = 4.0
    """Longest delta, in units of ||v0||."""
    stop: float = 0.05
    """An item whose loss is lower is finished."""


@dataclass(frozen=True, eq=False)
class Optimised:
    """The vectors found, one row for each item, and how well they do."""

    start: Float[Tensor, "n d"]
    """v0: the site's value at the last token of the subject of each item's first text."""
    change: Float[Tensor, "n d"]
    """delta: what is added to it."""
    losses: Float[Tensor, " n"]
    """The whole loss at this change."""
    nll: Float[Tensor, " n"]
    """The part of it that the target makes."""
    steps: Int[Tensor, " n"]
    """Steps taken for each item."""
    tokens: int
    """Tokens of the texts of all passes with gradients."""


@dataclass(frozen=True)
class _Case:
    """An item as token ids."""

    rows: tuple[Row, ...]
    """Its texts with their targets, then its essence where no text begins with it."""
    firsts: tuple[int, ...]
    """For each text the first token of the target."""
    judged: int | None
    """The row at whose place the essence is read."""
    tokens: int
    """Tokens of all texts."""


def push(engine: Engine, items: Sequence[Pushed], site: str | Site, how: Pushing) -> Optimised:
    """Find for each item the vector that makes its target likely when added at the end of the subject.

    The optimisation of ROME (Meng et al. 2022, arXiv 2202.05262) and MEMIT (arXiv 2210.07229) as in their
    code: delta begins at zero and is added to the site at the subject's last token in every text; Adam lowers

        mean over texts of NLL(target) + kl * KL(p_new || p_old) + decay * ||delta|| / ||v0||^2

    with NLL the mean over the target's tokens, and p what is predicted at the last token of the subject of
    the essence; after each step delta is cut to ||delta|| <= clamp * ||v0||. The loss is looked at before
    every step and after the last. What is found for an item does not depend on the others. Changes in force
    act on every pass.

    Cost: a pass over all texts; then for each step one with gradients, over what stands behind the beginning
    of the change, in the layers above it, or over all while something else watches or changes the model.

    Raises:
        BadOption: a site that is not as wide as the stream or has no layer, an item without texts, the end of
            a subject outside its text or inside the target, an empty target, or a site that is zero there.
        NotApplicable: the tokenizer does not say where its tokens stand.
    """
    place = _checked(site)
    engine.body.point(place)
    cases = _cases(engine, items)
    start, change = torch.empty(len(cases), engine.width), torch.empty(len(cases), engine.width)
    losses, nll = torch.empty(len(cases)), torch.empty(len(cases))
    steps = torch.zeros(len(cases), dtype=torch.long)

    def work(group: list[int]) -> None:
        found = _Search(engine, {number: cases[number] for number in group}, place, how)
        found.run()
        start[group], change[group] = found.start.float().cpu(), found.change.float().cpu()
        losses[group], nll[group] = found.losses.float().cpu(), found.nll.float().cpu()
        steps[group] = found.steps

    sizes = {n: len(case.rows) * max(len(row.ids) for row in case.rows) for n, case in enumerate(cases)}
    with engine.differentiating():
        in_groups(engine, sizes, work, times=_TIMES, what="item")
    tokens = sum(int(taken) * case.tokens for taken, case in zip(steps, cases, strict=True))
    return Optimised(start, change, losses, nll, steps, tokens)


class _Search:
    """The changes of some items, from zero to where they end."""

    def __init__(self, engine: Engine, cases: Mapping[int, _Case], site: Site, how: Pushing) -> None:
        self._how, self._device = how, engine.device
        terms = _Terms.of(list(cases.values()), engine.device)
        rows = [row for case in cases.values() for row in case.rows]
        self._above, values, logits = begin(engine.body, rows, site, terms.judged)
        self._terms = replace(terms, before=logits.log_softmax(-1))
        self.start = wide(values[terms.heads.to(values.device)]).to(engine.device)
        """The site's values at first."""
        self._sizes = self.start.norm(dim=-1)
        if bool((self._sizes == 0).any()):
            number = list(cases)[int((self._sizes == 0).nonzero()[0])]
            raise BadOption(f"item {number} (counting from 0): {site} is zero there; choose another site")
        self.change = torch.zeros_like(self.start)
        self._first, self._second = torch.zeros_like(self.start), torch.zeros_like(self.start)
        self.losses, self.nll = torch.empty_like(self._sizes), torch.empty_like(self._sizes)
        self.steps = torch.zeros(len(cases), dtype=torch.long)

    def run(self) -> None:
        """Take all steps; items that are finished leave."""
        live = torch.arange(len(self.start), device=self._device)
        for step in range(self._how.steps):
            with torch.enable_grad():
                change = self.change[live].requires_grad_()
                loss = self._measured(live, change)
                going = loss.detach() >= self._how.stop
                if not bool(going.any()):
                    return
                slope = torch.autograd.grad(loss.sum(), change)[0]
            if not bool(going.all()):
                live, slope = live[going], slope[going]
                self._above, self._terms = self._terms.left(self._above, going)
            self._step(live, slope, step + 1)
        with torch.no_grad():
            self._measured(live, self.change[live])

    def _measured(self, live: Int[Tensor, " m"], change: Float[Tensor, "m d"]) -> Float[Tensor, " m"]:
        nll, divergence = self._terms.measured(self._above, change)
        decay = change.norm(dim=-1) / self._sizes[live] ** 2
        loss = nll + self._how.kl * divergence + self._how.decay * decay
        self.nll[live], self.losses[live] = nll.detach(), loss.detach()
        return loss

    def _step(self, live: Int[Tensor, " m"], slope: Float[Tensor, "m d"], number: int) -> None:
        """Adam, with steps in proportion to the start, and back into the ball."""
        (one, two), size = _BETAS, self._sizes[live][:, None]
        self._first[live] = one * self._first[live] + (1 - one) * slope
        self._second[live] = two * self._second[live] + (1 - two) * slope**2
        mean, square = self._first[live] / (1 - one**number), self._second[live] / (1 - two**number)
        rate = self._how.lr * size / math.sqrt(slope.shape[-1])
        moved = self.change[live] - rate * mean / (square.sqrt() + _EPSILON)
        longest = self._how.clamp * size
        self.change[live] = moved * (longest / moved.norm(dim=-1, keepdim=True)).clamp_max(1)
        self.steps[live.cpu()] += 1


@dataclass(frozen=True)
class _Terms:
    """What the loss reads, and for which item."""

    owners: Int[Tensor, " r"]
    """The item of each row."""
    heads: Int[Tensor, " n"]
    """The first row of each item."""
    asked: Places
    """Where tokens of targets are predicted."""
    targets: Int[Tensor, " k"]
    shares: Float[Tensor, " k"]
    """What each counts in the loss of its item."""
    judged: Places
    """Where essences are read."""
    before: Float[Tensor, "e vocabulary"]
    """Log-probabilities there in the model as it is."""

    @classmethod
    def of(cls, cases: Sequence[_Case], device: torch.device) -> "_Terms":
        """All terms of some items, but for what only a pass can tell."""
        owners: list[int] = []
        heads: list[int] = []
        asked: list[tuple[int, int, int, float]] = []
        judged: list[tuple[int, int]] = []
        for item, case in enumerate(cases):
            heads.append(len(owners))
            for row, (text, first) in enumerate(zip(case.rows, case.firsts, strict=False), len(owners)):
                share = 1 / len(case.firsts) / (len(text.ids) - first)
                asked += [(row, at - 1, text.ids[at], share) for at in range(first, len(text.ids))]
            if case.judged is not None:
                judged.append((len(owners) + case.judged, case.rows[case.judged].place))
            owners += [item] * len(case.rows)
        rows, positions, targets, shares = (
            torch.tensor(column, device=device) for column in zip(*asked, strict=True)
        )
        places = torch.tensor(judged, dtype=torch.long, device=device).view(-1, 2)
        return cls(
            torch.tensor(owners, device=device),
            torch.tensor(heads, device=device),
            Places(rows, positions),
            targets,
            shares,
            Places(places[:, 0], places[:, 1]),
            shares.new_empty(0, 0),
        )

    def measured(
        self, above: Above, change: Float[Tensor, "m d"]
    ) -> tuple[Float[Tensor, " m"], Float[Tensor, " m"]]:
        """The target's mean loss, and how far the essence's prediction has moved, for each item."""
        count, both = len(self.targets), self.asked.beside(self.judged)
        logits = above.logits(change[self.owners], both)
        where = self.owners.to(logits.device)
        values = own_logprobs(logits[:count], self.targets) * self.shares.to(logits)
        nll = -logits.new_zeros(len(change)).index_add(0, where[self.asked.rows.to(where.device)], values)
        new = logits[count:].log_softmax(-1)
        moved = (new.exp() * (new - self.before)).sum(-1)
        divergence = logits.new_zeros(len(change))
        divergence = divergence.index_add(0, where[self.judged.rows.to(where.device)], moved)
        return nll.to(change.device), divergence.to(change.device)

    def left(self, above: Above, going: Bool[Tensor, " n"]) -> tuple[Above, "_Terms"]:
        """The same for the items that go on."""
        rows = going[self.owners]
        asked, judged = rows[self.asked.rows], rows[self.judged.rows]
        number = rows.cumsum(0) - 1
        return above.pick(rows), _Terms(
            (going.cumsum(0) - 1)[self.owners[rows]],
            number[self.heads[going]],
            self.asked.pick(rows, asked),
            self.targets[asked],
            self.shares[asked],
            self.judged.pick(rows, judged),
            self.before[judged.to(self.before.device)],
        )


def _checked(name: str | Site) -> Site:
    site = Site.parse(name)
    if site.kind not in STREAM or site.kind == "mlp_hidden":
        kinds = ", ".join(f"{kind}.L" for kind in STREAM if kind != "mlp_hidden")
        raise BadOption(f"nothing can be pushed at {site}; choose among {kinds}")
    return site


def _cases(engine: Engine, items: Sequence[Pushed]) -> list[_Case]:
    """All items as token ids; refuses those that say nothing."""
    for number, item in enumerate(items):
        if not item.texts:
            raise BadOption(f"item {number} (counting from 0) has no text; give at least the prompt")
        check_ends(item.texts, item.ends)
    texts = [text for item in items for text in item.texts]
    joined, firsts = engine.split(texts, [item.target for item in items for _ in item.texts])
    ends = [end for item in items for end in item.ends]
    spans, ids = engine.spans(joined), engine.encode(joined)
    places = [token_of(some, end) for some, end in zip(spans, ends, strict=True)]
    rows = [
        Row(some, place, len(some) - 1, n) for n, (some, place) in enumerate(zip(ids, places, strict=True))
    ]
    essences = _essences(engine, items, len(rows))
    share, cases, begin_at = can_fork(engine.body), list[_Case](), 0
    for number, item in enumerate(items):
        mine = slice(begin_at, begin_at + len(item.texts))
        begin_at = mine.stop
        _check(number, item, rows[mine], firsts[mine])
        cases.append(_case(rows[mine], firsts[mine], essences.get(number), share))
    return cases


def _check(number: int, item: Pushed, rows: Sequence[Row], firsts: Sequence[int]) -> None:
    for text, row, first in zip(item.texts, rows, firsts, strict=True):
        if first >= len(row.ids):
            raise BadOption(f"item {number} (counting from 0) has a target without a token: {item.target!r}")
        if row.place >= first:
            raise BadOption(
                f"item {number} (counting from 0): the last token of the subject of {text!r} is a part of "
                f"the target {item.target!r}; begin the target with a space"
            )


def _case(rows: Sequence[Row], firsts: Sequence[int], essence: Row | None, share: bool) -> _Case:
    tokens = sum(len(row.ids) for row in rows)
    if essence is None:
        return _Case((*rows,), (*firsts,), None, tokens)
    # what is predicted there hangs on nothing behind it, so a text that begins alike tells it too
    begin_of = essence.ids[: essence.place + 1]
    alike = (
        n for n, row in enumerate(rows) if row.place == essence.place and row.ids[: row.place + 1] == begin_of
    )
    judged = next(alike, None) if share else None
    every = (*rows,) if judged is not None else (*rows, essence)
    return _Case(every, (*firsts,), len(rows) if judged is None else judged, tokens + len(essence.ids))


def _essences(engine: Engine, items: Sequence[Pushed], number: int) -> dict[int, Row]:
    """The essence of each item that has one; as texts they are numbered on."""
    some = {n: item for n, item in enumerate(items) if item.essence}
    texts = [item.essence for item in some.values()]
    places = last_tokens(engine, texts, [item.essence_end for item in some.values()]).tolist()
    triples = zip(some, engine.encode(texts), places, strict=True)
    return {n: Row(ids, at, at + 1, number + k) for k, (n, ids, at) in enumerate(triples)}
