"""Trees of questions about text, against all questions tried one by one."""

import math
from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest
import torch
from torch import Tensor

from assay.core.errors import BadOption
from assay.techniques.dictionaries.entries import Code, Entries
from assay.techniques.dictionaries.explanations.context_table import ContextTable, contexts_of, pearson
from assay.techniques.dictionaries.explanations.decision_tree import (
    LAST,
    WORTH,
    Branch,
    DecisionTree,
    Leaf,
    Nearby,
    Node,
    TokenIn,
    UpTo,
)

Rule = Callable[[list[int], int], float]
Rows = tuple[Tensor, Tensor, Tensor]


def made(rule: Rule, texts: int, vocabulary: int, seed: int) -> Rows:
    """Values, contexts and positions of random texts of 30 tokens."""
    rng = np.random.default_rng(seed)
    ids = [rng.integers(0, vocabulary, 30).tolist() for _ in range(texts)]
    values = torch.tensor([rule(text, at) for text in ids for at in range(30)], dtype=torch.float32)
    return values, contexts_of(ids, LAST), torch.arange(30).repeat(texts)


def leaves(node: Node) -> list[Leaf]:
    """From the first answer to the last."""
    return [node] if isinstance(node, Leaf) else leaves(node.yes) + leaves(node.no)


def after(text: list[int], at: int) -> float:
    """On at token 7 after token 3."""
    return float(at > 0 and text[at - 1 : at + 1] == [3, 7])


def literal(values: np.ndarray, contexts: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """What a tree of depth 2 with leaves of any size predicts, from every possible question."""

    def error(rows: np.ndarray) -> float:
        return float(((values[rows] - values[rows].mean()) ** 2).sum())

    def best(rows: np.ndarray) -> tuple[float, np.ndarray] | None:
        found: list[tuple[float, np.ndarray]] = []

        def offer(masks: list[np.ndarray], noise: Callable[[float], float]) -> None:
            masks = [mask for mask in masks if 0 < (rows & mask).sum() < rows.sum()]
            gains = [error(rows) - error(rows & mask) - error(rows & ~mask) for mask in masks]
            if masks:
                at = int(np.argmax(gains))
                found.append((gains[at] - noise(gains[at]), masks[at]))

        n = int(rows.sum())
        for back in range(3):
            column = contexts[:, -1 - back]
            seen = sorted(set(column[rows]))
            sets = [s for size in range(1, len(seen)) for s in combinations(seen, size)]
            left = sum(error(rows & (column == token)) for token in seen)
            taken = left / max(n - len(seen), 1) * (len(seen) - 1)
            offer([np.isin(column, s) for s in sets], lambda _, taken=taken: taken)
        for masks in (
            [(contexts == token).any(1) for token in range(contexts.max() + 1)],
            [positions <= at for at in range(positions.max() + 1)],
        ):
            apart = sum(0 < (rows & mask).sum() < n for mask in masks)
            luck = 1 + 2 * math.log(max(apart, 1))
            offer(masks, lambda gain, luck=luck: (error(rows) - gain) / (n - 2) * luck)
        return max(found, key=lambda pair: pair[0], default=None)

    def grown(rows: np.ndarray, depth: int) -> list[np.ndarray]:
        chosen = best(rows) if depth and error(rows) > 0 else None
        if chosen is None or chosen[0] <= 0:
            return [rows]
        parts = grown(rows & chosen[1], depth - 1) + grown(rows & ~chosen[1], depth - 1)
        saved = error(rows) - sum(error(part) for part in parts)
        return parts if saved >= worth * (len(parts) - 1) else [rows]

    everything = np.ones(len(values), dtype=bool)
    worth = WORTH * error(everything)
    told = np.zeros(len(values))
    for part in grown(everything, 2):
        told[part] = values[part].mean()
    return told


RULES: dict[str, Rule] = {
    "a set of tokens": lambda text, at: float(text[at] in (0, 2)),
    "after": lambda text, at: float(at > 0 and text[at] == 1 and text[at - 1] in (0, 3)),
    "two after": lambda text, at: float(at > 1 and text[at - 2] == 3),
    "anywhere": lambda text, at: float(0 in text[max(0, at - 7) : at + 1]),
    "beginning": lambda text, at: float(at < 4),
    "nothing": lambda text, at: 0.0,
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("noise", [0.05, 1.0])
def test_no_question_that_can_be_asked_is_better(rule: str, noise: float) -> None:
    """All subsets of four tokens at each of three places, all tokens nearby and all positions."""
    values, contexts, positions = made(RULES[rule], texts=6, vocabulary=4, seed=1)
    values = values + noise * torch.randn(len(values), generator=torch.Generator().manual_seed(2))
    tree = DecisionTree.fit(values, contexts, positions, depth=2, least=1)
    wanted = literal(values.double().numpy(), contexts.numpy(), positions.numpy())
    np.testing.assert_allclose(tree.predicted(contexts, positions).numpy(), wanted, atol=1e-5)


def test_a_planted_rule_is_found_exactly() -> None:
    """On new texts nothing is wrong, the sentence says the rule, and a look-up of tokens does worse."""
    values, contexts, positions = made(after, texts=600, vocabulary=20, seed=0)
    new, unseen, places = made(after, texts=300, vocabulary=20, seed=1)
    tree = DecisionTree.fit(values, contexts, positions)
    assert tree.predicted(unseen, places).equal(new)
    assert tree.words({3: "i", 7: "hate"}.__getitem__) == "About 1 at `hate` after `i`; about 0 elsewhere."

    def coded(column: Tensor) -> Code:
        return Code(Entries.where(column[:, None] > 0), column[column > 0])

    table = ContextTable.fit(coded(values), contexts[:, -1:]).predicted(unseen[:, -1:])
    assert float(pearson(table, coded(new))[0]) < 0.4
    assert float(pearson(coded(tree.predicted(unseen, places)), coded(new))[0]) == pytest.approx(1)


@pytest.mark.parametrize(
    ("rule", "question", "words"),
    [
        (
            lambda text, at: 2.0 * (text[at] in (4, 9)),
            TokenIn(0, (9, 4)),
            "About 2 at `t9` or `t4`; about 0 elsewhere.",
        ),
        (
            lambda text, at: float(at > 1 and text[at - 2] == 5),
            TokenIn(2, (5,)),
            "About 1 with `t5` two tokens before; about 0 elsewhere.",
        ),
        (
            lambda text, at: float(5 in text[max(0, at - 7) : at + 1]),
            Nearby(5),
            "About 1 with `t5` in the last 8 tokens; about 0 elsewhere.",
        ),
        (
            lambda text, at: float(at < 3),
            UpTo(2),
            "About 1 as token 1 to 3 of a text; about 0 elsewhere.",
        ),
        (
            lambda text, at: float(at == 0),
            TokenIn(1, (-1,)),
            "About 1 after the start of the text; about 0 elsewhere.",
        ),
    ],
)
def test_each_kind_of_question_is_asked_where_it_fits(
    rule: Rule, question: TokenIn | Nearby | UpTo, words: str
) -> None:
    """One question and no more, right on new texts, and said in words."""
    tree = DecisionTree.fit(*made(rule, texts=200, vocabulary=20, seed=3))
    new, contexts, positions = made(rule, texts=50, vocabulary=20, seed=4)
    assert isinstance(tree.root, Branch)
    assert tree.root.question == question
    assert isinstance(tree.root.yes, Leaf)
    assert isinstance(tree.root.no, Leaf)
    assert tree.predicted(contexts, positions).equal(new)
    assert tree.words(lambda token: f"t{token}") == words


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("share", [0.01, 0.5])
def test_noise_is_not_explained(seed: int, share: float) -> None:
    """However many tokens could be lucky: a latent that asks for nothing is given its mean."""
    rng = np.random.default_rng(seed)
    rows = made(lambda text, at: float(rng.random() < share), texts=200, vocabulary=300, seed=seed)
    tree = DecisionTree.fit(*rows)
    assert isinstance(tree.root, Leaf)
    assert tree.root.mean == pytest.approx(float(rows[0].mean()))
    assert tree.words(str).endswith("everywhere.")


@pytest.mark.parametrize("least", [2, 8, 40])
def test_leaves_are_large_enough(least: int) -> None:
    """Together they hold all tokens, and their errors are those of what is predicted."""
    generator = torch.Generator().manual_seed(0)
    values, contexts, positions = made(after, texts=40, vocabulary=20, seed=5)
    values = values + contexts[:, -1] % 3 + torch.rand(len(values), generator=generator)
    tree = DecisionTree.fit(values, contexts, positions, least=least)
    found = leaves(tree.root)
    assert len(found) > 1
    assert all(leaf.count >= least for leaf in found)
    assert sum(leaf.count for leaf in found) == len(values)
    left = float((values - tree.predicted(contexts, positions)).square().sum())
    assert sum(leaf.error for leaf in found) == pytest.approx(left, rel=1e-4)


def test_rare_and_unseen_tokens_go_together() -> None:
    """Token 2, on but seen three times only, 3, off five times, and 9, never seen, are not told apart."""
    tokens = torch.tensor([0] * 40 + [1] * 40 + [2] * 3 + [3] * 5)
    places = torch.zeros(88, dtype=torch.long)
    tree = DecisionTree.fit(((tokens == 1) | (tokens == 2)).float(), tokens[:, None], places, depth=1)
    told = tree.predicted(torch.tensor([[0], [1], [2], [3], [9]]), places[:5])
    assert told.tolist() == pytest.approx([3 / 48, 1, 3 / 48, 3 / 48, 3 / 48])


def test_the_same_tokens_give_the_same_tree() -> None:
    """Twice, and in any order of rows."""
    values, contexts, positions = made(after, texts=100, vocabulary=20, seed=6)
    values = values + 0.1 * (contexts[:, -1] % 7)
    first = DecisionTree.fit(values, contexts, positions)
    assert DecisionTree.fit(values, contexts, positions) == first
    order = torch.randperm(len(values), generator=torch.Generator().manual_seed(0))
    other = DecisionTree.fit(values[order], contexts[order], positions[order])
    assert other.words(str) == first.words(str)


def test_words_stay_short() -> None:
    """Long lists are cut, breaks are spelt out, answers about one place are drawn together."""
    many = TokenIn(0, tuple(range(12)))
    later = Branch(UpTo(9), Leaf(3.0, 5, 0.0), Leaf(0.0, 5, 0.0))
    root = Branch(
        many, Branch(TokenIn(0, (0, 20)), Leaf(0.0, 5, 0.0), Branch(UpTo(4), Leaf(0.0, 5, 0.0), later)),
        Leaf(0.2, 5, 0.0),
    )  # fmt: skip
    said = DecisionTree(root, LAST).words(lambda token: "\n" if token == 3 else str(token))
    assert (
        said
        == "About 3 at `1`, `2`, `\\n`, `4`, `5` or 6 more as token 6 to 10 of a text; about 0.05 elsewhere."
    )
    nested = DecisionTree(Branch(Nearby(1), Leaf(0.0, 9, 0.0), Branch(TokenIn(1, (4,)), later, later)), 3)
    assert nested.words(str).startswith("About 3 after `4` without `1` in the last 3 tokens as token 1 to 10")


def test_a_constant_is_a_constant() -> None:
    """Nothing is asked about what never varies, or with no depth; short contexts allow fewer questions."""
    values, contexts, positions = made(lambda text, at: 0.3, texts=5, vocabulary=4, seed=0)
    assert DecisionTree.fit(values, contexts, positions).words(str) == "About 0.3 everywhere."
    values, contexts, positions = made(after, texts=100, vocabulary=20, seed=0)
    assert isinstance(DecisionTree.fit(values, contexts, positions, depth=0).root, Leaf)
    assert isinstance(DecisionTree.fit(values, contexts[:, -1:], positions).root, Branch)


def test_what_does_not_fit_is_told() -> None:
    """One clear sentence each."""
    values, contexts, positions = made(after, texts=5, vocabulary=9, seed=0)
    for bad, text in (
        ((values[1:], contexts, positions), "a value, a context and a position for each"),
        ((values, contexts[:, :0], positions), "a value, a context and a position for each"),
        ((values[:0], contexts[:0], positions[:0]), "a value, a context and a position for each"),
        ((values / 0, contexts, positions), "NaN or infinite"),
        ((values, contexts - 2, positions), "tokens count from 0"),
        ((values, contexts, positions - 1), "positions from 0"),
    ):
        with pytest.raises(BadOption, match=text):
            DecisionTree.fit(*bad)
    for depth, least in ((-1, 8), (3, 0)):
        with pytest.raises(BadOption, match="depth of 0 or more"):
            DecisionTree.fit(values, contexts, positions, depth, least)
    tree = DecisionTree.fit(values, contexts, positions)
    with pytest.raises(BadOption, match="reads 8 tokens"):
        tree.predicted(contexts[:, -2:], positions)
    with pytest.raises(BadOption, match="reads 8 tokens"):
        tree.predicted(contexts, positions[1:])
