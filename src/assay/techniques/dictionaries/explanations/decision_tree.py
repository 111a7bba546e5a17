"""A few questions about the text so far that tell how much a latent is on, and the answer in words."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from assay.core.errors import BadOption

LAST = 8
"""Tokens in which a word is looked for wherever it stands."""
SITES = (
    ("at {}", "not at {}"),
    ("after {}", "not after {}"),
    ("with {} two tokens before", "without {} two tokens before"),
)
"""Places that are asked about one by one, from the token itself backwards."""
LISTED, PHRASES = 5, 3
"""Tokens that a list names, and leaves that a sentence tells."""
WORTH = 0.01
"""Share of the whole squared error that questions must take away, each: less is not worth a word."""
_RARE = -2


@dataclass(frozen=True)
class TokenIn:
    """Whether the token ``back`` places before is one of these."""

    back: int
    tokens: tuple[int, ...]
    """The furthest from the mean first; -1 stands for the place before a text."""


@dataclass(frozen=True)
class Nearby:
    """Whether a token stands anywhere among the last ``LAST``, the present one among them."""

    token: int


@dataclass(frozen=True)
class UpTo:
    """Whether the place in the text, counted from 0, is at most this."""

    position: int


Question = TokenIn | Nearby | UpTo
"""What can be asked."""


@dataclass(frozen=True)
class Leaf:
    """What is predicted, from how many tokens, and the squared error there."""

    mean: float
    count: int
    error: float


@dataclass(frozen=True)
class Branch:
    """A question, and what follows from either answer."""

    question: Question
    yes: "Leaf | Branch"
    no: "Leaf | Branch"


Node = Leaf | Branch
"""A tree, or a part of one."""
_Path = tuple[tuple[Question, bool], ...]


@dataclass(frozen=True)
class DecisionTree:
    """``E[a | answers]`` for a few questions, each chosen to lower the squared error most.

    A regression tree (Breiman, Friedman, Olshen and Stone 1984). The best set of tokens is a cut of the
    tokens in the order of their means (Fisher 1958, JASA 53:789), so no subset needs to be tried. A question
    with many answers fits noise better than one with few; what it would gain from noise is therefore taken
    off before gains are compared (``_noise``). Branches that explain less than ``WORTH`` of the squared error
    for each of their questions are taken back (cost-complexity pruning, chapter 3 of the book).

    >>> contexts = torch.tensor([[3, 7], [3, 7], [4, 7], [4, 7], [3, 8], [4, 8]])
    >>> values = torch.tensor([2.0, 2.0, 0.0, 0.0, 0.0, 0.0])
    >>> tree = DecisionTree.fit(values, contexts, torch.ones(6, dtype=torch.long), least=1)
    >>> tree.words({3: "i", 7: "hate"}.__getitem__)
    'About 2 at `hate` after `i`; about 0 elsewhere.'
    >>> tree.predicted(torch.tensor([[3, 7], [5, 7]]), torch.tensor([9, 9])).tolist()
    [2.0, 0.0]
    """

    root: Node
    length: int
    """Tokens of each context that are read."""

    @classmethod
    def fit(
        cls,
        values: Float[Tensor, " n"],
        contexts: Int[Tensor, "n length"],
        positions: Int[Tensor, " n"],
        depth: int = 3,
        least: int = 8,
    ) -> "DecisionTree":
        """From a latent's values, the last tokens up to each token (``contexts_of``), and places in texts.

        No leaf has fewer than ``least`` tokens. A token seen fewer times under a question is not named by it:
        it goes with those that were never seen. Contexts of ``LAST`` tokens allow every question, shorter
        ones fewer. Raises BadOption for what does not fit together or is not finite.
        """
        _check(values, contexts, positions, depth, least)
        length = min(contexts.shape[1], LAST)
        # sums on other devices may depend on their order
        read = contexts[:, -length:].cpu()
        rows = _Rows(values.detach().double().cpu(), read, _bags(read), positions.cpu())
        worth = WORTH * float((rows.values - rows.values.mean()).square().sum())
        return cls(_grown(rows, depth, least, worth), length)

    def predicted(
        self, contexts: Int[Tensor, "n length"], positions: Int[Tensor, " n"]
    ) -> Float[Tensor, " n"]:
        """The mean of the leaf that each token comes to; raises BadOption for contexts that are too short."""
        if contexts.shape[1] < self.length or len(positions) != len(contexts):
            raise BadOption(
                f"the tree reads {self.length} tokens and a position for each; got {tuple(contexts.shape)} "
                f"contexts and {len(positions)} positions"
            )
        positions = positions.to(contexts.device)
        means = torch.zeros(len(contexts), device=contexts.device)
        open_: list[tuple[Node, Bool[Tensor, " n"]]] = [(self.root, torch.ones_like(means, dtype=torch.bool))]
        while open_:
            node, here = open_.pop()
            if isinstance(node, Leaf):
                means[here] = node.mean
            else:
                yes = _holds(node.question, contexts[:, -self.length :], positions)
                open_ += [(node.yes, here & yes), (node.no, here & ~yes)]
        return means

    def words(self, name: Callable[[int], str]) -> str:
        """One sentence: where the latent is most on, and how much; ``name`` spells a token."""
        leaves = sorted(_leaves(self.root, ()), key=lambda pair: -pair[1].mean)
        top = leaves[0][1].mean
        told = [pair for pair in leaves[:-1][:PHRASES] if pair[1].mean > top / 10 or pair is leaves[0]]
        parts = [f"about {_number(leaf.mean, top)} {_phrase(path, name, self.length)}" for path, leaf in told]
        rest = [leaf for _, leaf in leaves[len(told) :]]
        other = sum(leaf.mean * leaf.count for leaf in rest) / sum(leaf.count for leaf in rest)
        parts.append(f"about {_number(other, top)} {'elsewhere' if told else 'everywhere'}")
        text = "; ".join(parts)
        return f"{text[0].upper()}{text[1:]}."


def _holds(
    question: Question, contexts: Int[Tensor, "n length"], positions: Int[Tensor, " n"]
) -> Bool[Tensor, " n"]:
    if isinstance(question, TokenIn):
        wanted = torch.tensor(question.tokens, device=contexts.device)
        return torch.isin(contexts[:, -1 - question.back], wanted)
    if isinstance(question, Nearby):
        return (contexts[:, -LAST:] == question.token).any(1)
    return positions <= question.position


class _Rows(NamedTuple):
    """Tokens under a question."""

    values: Float[Tensor, " n"]
    contexts: Int[Tensor, "n length"]
    bags: Int[Tensor, "n length"]
    positions: Int[Tensor, " n"]

    def where(self, mask: Bool[Tensor, " n"]) -> "_Rows":
        return _Rows(*(part[mask] for part in self))


class _Offer(NamedTuple):
    """A question, and by how much more than noise it would lower the squared error."""

    gain: float
    question: Question


def _check(values: Tensor, contexts: Tensor, positions: Tensor, depth: int, least: int) -> None:
    if contexts.ndim != 2 or not contexts.numel() or not len(values) == len(contexts) == len(positions):
        raise BadOption(
            f"a tree needs a value, a context and a position for each token; got {len(values)} values, "
            f"contexts of shape {tuple(contexts.shape)} and {len(positions)} positions"
        )
    if not bool(values.isfinite().all()):
        raise BadOption("some values to explain are NaN or infinite; read the activations in float32")
    if int(contexts.min()) < -1 or int(positions.min()) < 0:
        raise BadOption("tokens count from 0 (-1 is before a text) and positions from 0; some are below")
    if depth < 0 or least < 1:
        raise BadOption(f"a tree has a depth of 0 or more and leaves of 1 or more; got {depth} and {least}")


def _bags(contexts: Int[Tensor, "n length"]) -> Int[Tensor, "n length"]:
    """The different tokens of each context, counted from 1, and 0 for what is before a text or said again."""
    bags = (contexts + 1).sort(dim=1).values
    bags[:, 1:][bags[:, 1:] == bags[:, :-1]] = 0
    return bags


def _grown(rows: _Rows, depth: int, least: int, worth: float) -> Node:
    mean = rows.values.mean()
    centred = rows.values - mean
    leaf = Leaf(float(mean), len(centred), float(centred.square().sum()))
    best, bar = None, 1e-9 * leaf.error
    # a constant has nothing but rounding error to explain
    if depth and leaf.error > 1e-18 * float(rows.values.square().sum()):
        for offer in _offers(rows, centred, leaf.error, least):
            if offer.gain > bar:
                # the first of equals, whatever the rounding
                best, bar = offer.question, offer.gain + 1e-9 * leaf.error
    if best is None:
        return leaf
    yes = _holds(best, rows.contexts, rows.positions)
    branch = Branch(best, *(_grown(rows.where(side), depth - 1, least, worth) for side in (yes, ~yes)))
    # a question that helps little may lead to one that helps much: judged together
    errors = [found.error for _, found in _leaves(branch, ())]
    return branch if leaf.error - sum(errors) >= worth * (len(errors) - 1) else leaf


def _offers(rows: _Rows, centred: Tensor, error: float, least: int) -> Iterator[_Offer]:
    """The best question of each kind."""
    for back in range(min(len(SITES), rows.contexts.shape[1])):
        yield from _token_in(rows.contexts[:, -1 - back], centred, error, least, back)
    counts, totals = _sums(rows.bags.flatten(), centred[:, None].expand_as(rows.bags).flatten())
    for at, gain in _largest(counts[1:], totals[1:], len(centred), error, least):
        yield _Offer(gain, Nearby(at))
    counts, totals = _sums(rows.positions, centred)
    for at, gain in _largest(counts.cumsum(0), totals.cumsum(0), len(centred), error, least):
        yield _Offer(gain, UpTo(at))


def _token_in(
    tokens: Int[Tensor, " n"], centred: Float[Tensor, " n"], error: float, least: int, back: int
) -> Iterator[_Offer]:
    """Cut the tokens in the order of their means; all that are rare count as one."""
    counts, totals = _sums(tokens + 1, centred)
    common = (counts >= least).nonzero()[:, 0]
    rare = counts.sum() - counts[common].sum()
    names = common - 1
    counts, totals = counts[common], totals[common]
    if rare:
        names = torch.cat([names, torch.tensor([_RARE])])
        counts, totals = torch.cat([counts, rare[None]]), torch.cat([totals, -totals.sum()[None]])
    order = (totals / counts).argsort(stable=True)
    gains = _gains(counts[order].cumsum(0), totals[order].cumsum(0), len(centred), least)
    cut = int(gains.argmax())
    if gains[cut] > 0:
        between = float((totals.square() / counts).sum())
        low, high = names[order[: cut + 1]].tolist(), names[order[cut + 1 :]].flip(0).tolist()
        # what was not seen goes with the rare, or else with the more
        chosen = low if _RARE in high or (_RARE not in low and len(low) < len(high)) else high
        classes = len(names) - 1
        noise = _noise(error - between, len(centred) - 1 - classes, classes)
        yield _Offer(float(gains[cut]) - noise, TokenIn(back, tuple(chosen)))


def _largest(
    counts: Int[Tensor, " k"], totals: Float[Tensor, " k"], n: int, error: float, least: int
) -> Iterator[tuple[int, float]]:
    """The one of many ways to part the tokens in two that gains most."""
    gains = _gains(counts, totals, n, least)
    possible = gains.isfinite()
    if bool(possible.any()):
        at = int(gains.argmax())
        gain = float(gains[at])
        # about the largest of as many squares of normal numbers
        luck = 1 + 2 * math.log(int(possible.sum()))
        yield at, gain - _noise(error - gain, n - 2, luck)


def _noise(left: float, freedom: int, directions: float) -> float:
    """What noise alone would gain: its variance, as what is left unexplained shows it, in each direction."""
    return max(left, 0.0) / max(freedom, 1) * directions


def _sums(
    keys: Int[Tensor, " n"], values: Float[Tensor, " n"]
) -> tuple[Int[Tensor, " k"], Float[Tensor, " k"]]:
    counts = torch.bincount(keys)
    return counts, torch.bincount(keys, values, minlength=len(counts))


def _gains(counts: Int[Tensor, " k"], totals: Float[Tensor, " k"], n: int, least: int) -> Float[Tensor, " k"]:
    """How much the squared error falls if these of ``n`` centred values get a mean of their own."""
    rest = n - counts
    gains = totals.square() * n / (counts * rest).clamp_min(1)
    return gains.where((counts >= least) & (rest >= least), -torch.inf)


def _leaves(node: Node, path: _Path) -> Iterator[tuple[_Path, Leaf]]:
    if isinstance(node, Leaf):
        yield path, node
    else:
        yield from _leaves(node.yes, (*path, (node.question, True)))
        yield from _leaves(node.no, (*path, (node.question, False)))


def _phrase(path: _Path, name: Callable[[int], str], last: int) -> str:
    """All answers on the way to a leaf, those about one place drawn together."""
    parts: list[str] = []
    for back, (within, outside) in enumerate(SITES):
        asked = [(q.tokens, yes) for q, yes in path if isinstance(q, TokenIn) and q.back == back]
        inside = [tokens for tokens, yes in asked if yes]
        others = [token for tokens, yes in asked if not yes for token in tokens]
        if inside:
            kept = [t for t in inside[-1] if t not in others and all(t in tokens for tokens in inside)]
            parts.append(within.format(_listed(kept, name)))
        elif others:
            parts.append(outside.format(_listed(others, name)))
    near = [(q.token, yes) for q, yes in path if isinstance(q, Nearby)]
    parts += [
        f"{'with' if yes else 'without'} {_spelt(t, name)} in the last {last} tokens" for t, yes in near
    ]
    first = max((q.position + 2 for q, yes in path if isinstance(q, UpTo) and not yes), default=1)
    final = min((q.position + 1 for q, yes in path if isinstance(q, UpTo) and yes), default=None)
    if final is not None:
        parts.append(f"as token {final if final == first else f'{first} to {final}'} of a text")
    elif first > 1:
        parts.append(f"from token {first} on")
    return " ".join(parts)


def _listed(tokens: list[int], name: Callable[[int], str]) -> str:
    """Some tokens in words, and how many there are besides.

    >>> _listed([1, 2], str), _listed(list(range(9)), str)
    ('`1` or `2`', '`0`, `1`, `2`, `3`, `4` or 4 more')
    """
    shown = [_spelt(token, name) for token in tokens[:LISTED]]
    if len(tokens) > LISTED:
        shown.append(f"{len(tokens) - LISTED} more")
    return " or ".join([", ".join(shown[:-1]), shown[-1]] if shown[:-1] else shown)


def _spelt(token: int, name: Callable[[int], str]) -> str:
    return "the start of the text" if token < 0 else "`{}`".format(name(token).replace("\n", "\\n"))


def _number(value: float, top: float) -> str:
    # what is a thousandth of the most reads better as nothing
    if abs(value) <= abs(top) / 1000:
        return "0"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2g}"
