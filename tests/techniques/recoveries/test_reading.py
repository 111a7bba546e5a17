"""Recoveries that read the inside: against slow twins, and what each must never do."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from assay.access import open_handle
from assay.core import Access, Change
from assay.core.errors import NotApplicable
from assay.core.exam import Question
from assay.techniques.recoveries._reading import layers, marked, option_tokens
from assay.techniques.recoveries.junk_direction import difference
from assay.techniques.recoveries.linear_probe import PENALTIES, Lesson, fitted, left_out, output_codes, ridge
from assay.testing.tiny_model import VOCABULARY, tiny_engine
from tests.model.tiny import tiny_engine as family_engine
from tests.techniques.recoveries.bench import (
    ASKED,
    BOOKS,
    CITIES,
    DOCUMENTS,
    KNOWN,
    attacked,
    handle,
    recovery,
    slowly,
    tries,
    with_right,
)

READING = ("linear_probe", "logit_lens", "junk_direction")


@pytest.mark.parametrize("key", READING)
def test_they_walk_around_what_stands_in_front(key: str) -> None:
    """A table that answers everything should be met by none of them."""
    assert recovery(key).through == "weights"
    plain = tries(key, attacked())
    tabled = tries(key, attacked(Change(table=lambda _: CITIES[0], context=lambda _: "what what ")))
    for one, other in zip(plain, tabled, strict=True):
        assert one.setting == other.setting
        assert np.array_equal(one.sit(ASKED), other.sit(ASKED))


@pytest.mark.parametrize("key", READING)
def test_marks_do_not_depend_on_the_key_of_what_is_sat(key: str) -> None:
    """Summed over all possible keys, the credit for each question should be one: the attack saw none."""
    for attempt in tries(key, attacked()):
        sheets = [attempt.sit(with_right(ASKED, right)) for right in range(len(CITIES))]
        assert np.allclose(sum(sheet[:, 0] for sheet in sheets), 1.0)


@pytest.mark.parametrize("key", READING)
def test_an_empty_exam_has_no_marks(key: str) -> None:
    """No question gives a sheet without rows."""
    assert tries(key, attacked())[0].sit([]).shape == (0, 2)


@pytest.mark.parametrize("key", READING)
def test_each_try_is_one_layer(key: str) -> None:
    """All layers of a small model should be tried, in order."""
    assert [attempt.setting["layer"] for attempt in tries(key, attacked())] == [1, 2, 3, 4]


def test_the_lens_is_norm_and_head_on_a_row_of_the_stream() -> None:
    """The twin takes the last state of each layer from the model itself, and its modules by name."""
    engine = tiny_engine()
    model = engine.model
    for attempt in tries("logit_lens", attacked()):
        sheet = attempt.sit(ASKED)
        for row, q in enumerate(ASKED):
            ids = torch.tensor(engine.encode([q.lead]))
            with torch.no_grad():
                states = model(ids, output_hidden_states=True).hidden_states
                last = attempt.setting["layer"] == engine.n_layers
                # the library norms the last state itself
                state = states[-1] if last else model.model.norm(states[attempt.setting["layer"]])
                logits = model.lm_head(state)[0, -1]
            options = [float(logits[VOCABULARY.index(option)]) for option in q.options]
            assert sheet[row, 0] == float(options[q.right] == max(options))
            assert sheet[row, 1] == float(options[q.right] == float(logits.max()))


def test_the_lens_at_the_end_prefers_what_the_model_prefers() -> None:
    """Behind the last block nothing is left to read that the model does not say."""
    assert np.array_equal(tries("logit_lens", attacked())[-1].sit(ASKED)[:, 0], slowly(handle(), ASKED)[:, 0])


def test_codes_are_the_output_embeddings_with_the_gain_of_the_norm() -> None:
    """In a model without bias they should be the unembedding, scaled and centred over the vocabulary."""
    engine = tiny_engine()
    wanted = (engine.model.lm_head.weight * engine.model.model.norm.weight).detach().double() * 16**0.5
    found = output_codes(open_handle(engine, Access.WHITE))
    np.testing.assert_allclose(found, (wanted - wanted.mean(0)).numpy(), rtol=1e-3, atol=1e-3)


def test_facts_left_out_are_predicted_by_a_probe_without_them() -> None:
    """The twin fits a probe for every fact, on the rows of all others."""
    draw = np.random.default_rng(0)
    rows, targets = draw.standard_normal((14, 5)), draw.standard_normal((14, 3))
    facts = draw.integers(0, 4, 14)
    found = left_out(rows, targets, 0.7, facts)
    for row, fact in enumerate(facts):
        others = facts != fact
        np.testing.assert_allclose(found[row], ridge(rows[others], targets[others], 0.7)(rows[row][None])[0])


def test_a_ridge_is_where_its_loss_is_flat() -> None:
    """At the solution the gradient of the penalised squares should vanish, for weights and offset."""
    draw = np.random.default_rng(1)
    rows, targets = draw.standard_normal((9, 4)), draw.standard_normal((9, 2))
    probe = ridge(rows, targets, 0.3)
    off = probe(rows) - targets
    np.testing.assert_allclose(rows.T @ off + 0.3 * probe.weight, 0, atol=1e-12)
    np.testing.assert_allclose(off.sum(0), 0, atol=1e-12)


def lesson(count: int, seed: int) -> tuple[np.ndarray, Lesson]:
    """Rows that hold the code of the right answer among noise, and questions on them."""
    draw = np.random.default_rng(seed)
    codes = draw.standard_normal((12, 6))
    asked = tuple(
        Question("s", f"i{n}", "cloze", f"p{n}", ("a", "b", "c", "d"), right=int(draw.integers(4)))
        for n in range(count)
    )
    tokens = [draw.choice(12, 4, replace=False).tolist() for _ in asked]
    right = [own[q.right] for own, q in zip(tokens, asked, strict=True)]
    mix = draw.standard_normal((6, 10))
    rows = codes[right] @ mix + 0.3 * draw.standard_normal((count, 10))
    return rows, Lesson(asked, tokens, codes)


def test_a_probe_reads_what_is_there_and_not_what_is_not() -> None:
    """Marks on new rows are high where answers are in the stream, and a guesser's where they are not."""
    rows, whole = lesson(260, seed=2)
    half = Lesson(whole.questions[:60], whole.tokens[:60], whole.codes)
    for seen, low, high in ((rows, 0.8, 1.0), (np.random.default_rng(3).permutation(rows), 0.1, 0.4)):
        penalty, probe = fitted(seen[:60], half)
        assert penalty in PENALTIES
        scores = probe(seen[60:]) @ whole.codes.T
        sheet = marked(scores, whole.questions[60:], whole.tokens[60:], half.sayable)
        assert low <= sheet[:, 0].mean() <= high


def test_the_penalty_earns_facts_left_out_the_most() -> None:
    """No other penalty should have earned more, and of equals the largest is taken."""
    rows, whole = lesson(40, seed=5)
    unit = float(np.square(rows - rows.mean(0)).sum(0).mean())
    credit = {
        penalty: marked(
            left_out(rows, whole.targets, penalty * unit, whole.facts) @ whole.codes.T,
            whole.questions,
            whole.tokens,
        )[:, 0].mean()
        for penalty in PENALTIES
    }
    best = max(credit.values())
    assert fitted(rows, whole)[0] == max(penalty for penalty, earned in credit.items() if earned == best)


def test_marks_share_credit_and_say_only_what_is_sayable() -> None:
    """Level options share; a token beyond those named beats nobody unless all are sayable."""
    q = Question("s", "i", "cloze", "p", ("a", "b"), right=1)
    scores = np.array([[0.0, 2.0, 2.0, 9.0]])
    assert marked(scores, [q], [[1, 2]]).tolist() == [[0.5, 0.0]]
    assert marked(scores, [q], [[1, 2]], [0]).tolist() == [[0.5, 1.0]]
    assert marked(scores, [q], [[1, 2]], [3]).tolist() == [[0.5, 0.0]]


def test_options_of_several_tokens_are_told_apart_where_they_differ() -> None:
    """The token behind a common beginning is what counts."""
    questions = [replace(ASKED[1], options=("ann reed", "ann moss"), right=0), ASKED[4]]
    found = option_tokens(handle(), questions)
    assert [[VOCABULARY[token] for token in own] for own in found] == [["reed", "moss"], [*CITIES]]


def test_a_direction_is_the_difference_of_means_over_tokens() -> None:
    """The twin adds up states token by token, first tokens left out."""
    white = handle()
    sums: list[torch.Tensor] = []
    for texts in (DOCUMENTS, BOOKS):
        total, count = torch.zeros(white.width, dtype=torch.float64), 0
        for text in texts:
            for state in white.sequence_activations([text], 2)[0][1:]:
                total += state.double()
                count += 1
        sums.append(total / count)
    torch.testing.assert_close(
        difference(white, 2, DOCUMENTS, BOOKS), sums[0] - sums[1], rtol=1e-4, atol=1e-5
    )


def test_nothing_is_left_of_the_direction_anywhere() -> None:
    """Marks should be those of a model that loses the direction before the first block and after each."""
    engine, on, some = tiny_engine(), attacked(), ASKED[:3]
    for attempt in tries("junk_direction", on)[1:3]:
        r = difference(handle(), attempt.setting["layer"], DOCUMENTS, BOOKS).float()
        r = r / r.norm()

        def lose(module: object, given: tuple[torch.Tensor, ...], r: torch.Tensor = r) -> object:
            return (given[0] - (given[0] @ r)[..., None] * r, *given[1:])

        def lost(module: object, given: object, out: torch.Tensor, r: torch.Tensor = r) -> torch.Tensor:
            return out - (out @ r)[..., None] * r

        blocks = list(engine.model.model.layers)
        hooks = [blocks[0].register_forward_pre_hook(lose)] + [b.register_forward_hook(lost) for b in blocks]
        try:
            wanted = slowly(handle(), some)
        finally:
            for hook in hooks:
                hook.remove()
        assert np.array_equal(attempt.sit(some), wanted)


def test_the_whole_grid_also_takes_it_out_at_its_layer_alone() -> None:
    """Every layer twice."""
    found = tries("junk_direction", attacked(), full=True)
    assert [attempt.setting["everywhere"] for attempt in found] == [True, False] * 4


def test_layers_of_a_deep_model_are_spread() -> None:
    """The last is always among them, and none comes twice."""
    for count in range(1, 40):
        few = layers(count, full=False)
        assert few[-1] == count
        assert few == sorted(set(few))
        assert few[0] >= 1
        assert layers(count, full=True) == list(range(1, count + 1))


@pytest.mark.parametrize("key", ["linear_probe", "junk_direction"])
def test_what_there_is_nothing_to_learn_from_is_said(key: str) -> None:
    """No known fact, or no text, should be named as the reason."""
    with pytest.raises(NotApplicable):
        tries(key, attacked(known=(), documents=()))


@pytest.mark.parametrize("family", ["gpt2", "gemma2"])
def test_codes_can_be_read_in_other_families(family: str) -> None:
    """One row for every token, all finite."""
    engine = family_engine(family)
    found = output_codes(open_handle(engine, Access.WHITE))
    assert found.shape == (engine.vocabulary, engine.width)
    assert np.isfinite(found).all()


def test_known_questions_are_those_that_the_probe_is_fitted_on() -> None:
    """Other keys of the known questions should give another probe."""
    one, other = (
        [attempt.sit(KNOWN).tolist() for attempt in tries("linear_probe", attacked(known=known))]
        for known in (with_right(KNOWN, 2), with_right(KNOWN, 0))
    )
    assert one != other
