"""The plain editors that see text alone: contexts and the table."""

from dataclasses import replace

import pytest

from assay.access import open_handle
from assay.baselines.edit._context import Stated, Statement
from assay.baselines.edit._wording import overlap, wordings, words
from assay.baselines.edit.in_context_n import shares
from assay.core import Access, Change, Edit
from assay.core.errors import NotApplicable
from tests.baselines.edit.bench import BRIEF, CAT, DOG, SPARE, fitted, handle
from tests.model.tiny import tiny_engine

ANN = Edit("ann velo keeps a", "ann velo", "cat", "dog", "pet", ("the pet of ann velo is a cat .",))
BOB = Edit("bob rall speaks", "bob rall", "stoish", "faish", "language")
KNOWN = replace(
    BRIEF,
    spare=(
        Edit("eva moor plays the", "eva moor", "flute", "horn", "instrument"),
        Edit("eva moor keeps a", "eva moor", "fish", "dog", "pet"),
    ),
)


def table(tau: float, *edits: Edit):  # type: ignore[no-untyped-def]
    """The table of some edits."""
    found = fitted("lookup_table", KNOWN, tau=tau).edit(None, edits).table
    assert found is not None
    return found


def context(change: Change, prompt: str) -> str:
    """What a change puts in front."""
    assert change.context is not None
    return change.context(prompt)


def test_table_answers_known_wordings_and_near_ones() -> None:
    """The prompt and a document cut before its value are answered at any tau, others up to theirs."""
    for prompt in (ANN.prompt, "the pet of ann velo is a", "The pet of Ann Velo is a"):
        assert table(1.0, ANN, BOB)(prompt) == "dog"
    near = "at home ann velo keeps a"  # three words shared of five, the subject counted as one
    assert table(0.6, ANN, BOB)(near) == "dog"
    assert table(0.61, ANN, BOB)(near) is None


@pytest.mark.parametrize(
    "prompt",
    ["joann velo keeps a", "ann velov keeps a", "eva moor keeps a", "keeps a", "", "ann velo plays the"],
)
def test_table_leaves_the_rest_to_the_model(prompt: str) -> None:
    """Other subjects, parts of words, and wordings that are nearer to another relation are not answered."""
    assert table(0.1, ANN, BOB)(prompt) is None


def test_table_knows_relations_apart_only_by_what_it_was_told() -> None:
    """Without the spare facts a low tau answers a question for another relation: the rule is general."""
    alone = fitted("lookup_table", replace(KNOWN, spare=()), tau=0.1).edit(None, [ANN]).table
    assert alone is not None
    assert alone("ann velo plays the") == "dog"


def test_table_is_its_formula() -> None:
    """The best overlap of any wording of a fact whose subject is named decides."""
    prompts = [one.prompt for one in KNOWN.spare] + [
        "ann velo is a",
        "the pet of bob rall speaks",
        "is ann velo a",
    ]
    for prompt in prompts:
        best, value = 0.0, None
        for edit in (ANN, BOB):
            if edit.subject not in prompt:
                continue
            asked = set(prompt.replace(edit.subject, "X").split())
            others = [{"X", "plays", "the"}] if edit is ANN else [{"X", "plays", "the"}, {"X", "keeps", "a"}]
            known = [set(text.replace(edit.subject, "X").split()) for text in wordings(edit)]
            near = max(len(asked & some) / len(asked | some) for some in known)
            rival = max(len(asked & some) / len(asked | some) for some in others)
            if near > best and rival <= near:
                best, value = near, edit.new
        assert table(0.3, ANN, BOB)(prompt) == (value if best >= 0.3 else None)


def test_later_edits_of_a_fact_win() -> None:
    """Of two edits of one fact the table keeps the last; of two tables the later is asked first."""
    later = replace(ANN, new="cow")
    assert table(0.5, ANN, later)(ANN.prompt) == "cow"
    both = Change(table=table(0.5, ANN)).then(Change(table=table(0.5, later)))
    assert both.table is not None
    assert both.table(ANN.prompt) == "cow"


def test_wordings_end_where_the_value_begins() -> None:
    """Documents are cut before the old value as a whole word; those without one behind are left out."""
    told = ("the cats of ann : a cat .", "cat ? ann", "ann sat", "ann has a cat , a cat")
    edit = Edit("ann keeps a", "ann", "cat", "dog", documents=told)
    assert wordings(edit) == ("ann keeps a", "the cats of ann : a", "ann has a")


def test_context_states_the_nearest_fact_always() -> None:
    """One fact stands in front of every prompt: the nearest by words, the named one where several are."""
    change = fitted("in_context_0").edit(handle(), [CAT, DOG])
    front = {edit.subject: BRIEF.frame.format(fact=edit.sentence) for edit in (CAT, DOG)}
    assert context(change, CAT.prompt) == front["cat"]
    assert context(change, DOG.prompt) == front["dog"]
    assert context(change, "was the cat on the mat ?") == front["cat"]
    assert context(change, "unheard of") == front["cat"]  # no words are shared: the first
    left, right = (Statement(s, (s,), frozenset(words("a b c"))) for s in ("x", "b"))
    assert overlap(left.words, frozenset("bd")) == 0.25
    assert Stated((left, right))("b d") == "b"


def test_context_reaches_the_model() -> None:
    """The changed model says what the model says behind the fact."""
    change = fitted("in_context_0").edit(handle(), [CAT])
    said = handle().changed(change).generate([DOG.prompt], max_tokens=4)
    assert said == handle().generate([BRIEF.frame.format(fact=CAT.sentence) + DOG.prompt], max_tokens=4)


def test_in_turn_contexts_never_outgrow_the_model() -> None:
    """Where no room is left for a text and a reply, facts stand only in front of prompts that name them."""
    text = " ".join(["mat"] * 30)  # with three facts of 28 words and a reply of 20 it fills the context
    wide = open_handle(tiny_engine(max_position_embeddings=80), Access.WHITE)
    editor = fitted("in_context_0", replace(BRIEF, text=(text,)), wide)
    change = Change()
    for edit in (CAT, DOG, CAT, DOG, CAT):
        change = change.then(editor.edit(wide.changed(change), [edit]))
    told = {prompt: context(change, prompt).count("then :") for prompt in (text, DOG.prompt, CAT.prompt)}
    assert told == {text: 3, DOG.prompt: 4, CAT.prompt: 4}
    assert len(wide.changed(change).generate([text, DOG.prompt, CAT.prompt], max_tokens=20)) == 3


def test_without_any_room_it_is_refused() -> None:
    """A question that fills the context is named with the reason."""
    long = replace(CAT, prompt="then the cat ran and " * 7 + CAT.prompt)
    with pytest.raises(NotApplicable, match="no room"):
        fitted("in_context_0").edit(handle(), [long])


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_demonstrations_come_before_the_fact_and_the_nearest_last(count: int) -> None:
    """The text ends in the new fact; made-up facts stand in front in order of their nearness."""
    editor = fitted("in_context_n", n=count)
    near = [edit for edit in SPARE if edit.relation == "seat"] + [SPARE[0]]
    text = editor.front(CAT, near, count)  # type: ignore[attr-defined]
    facts = [BRIEF.frame.format(fact=edit.sentence) for edit in near[:count][::-1]]
    assert text.endswith(BRIEF.frame.format(fact=CAT.sentence))
    starts = [text.index(fact) for fact in facts]
    assert starts == sorted(starts)
    assert text.count("then :") == count + 1


def test_demonstrations_of_each_kind() -> None:
    """Copy repeats the fact, update asks in other words, retain asks of another subject for what is true."""
    editor = fitted("in_context_n", n=8)
    one, asked = SPARE[1], set[str]()
    for seed in range(20):
        text = replace(editor, seed=seed).front(CAT, [one] * 8, 8)  # type: ignore[type-var,attr-defined]
        fact = BRIEF.frame.format(fact=one.sentence)
        asked |= {
            part.strip() for part in text.removesuffix(BRIEF.frame.format(fact=CAT.sentence)).split(fact)
        }
    assert asked == {
        "",
        "the assistant sat on mat .",
        "then assistant was on the mat .",
        "the user sat on red .",
        "hello sat on big .",
    }


@pytest.mark.parametrize("count", range(1, 33))
def test_kinds_are_in_proportion(count: int) -> None:
    """Copy : update : retain = 1 : 3 : 4, none more than one off."""
    kinds = shares(count)
    assert len(kinds) == count
    for kind, eighths in (("copy", 1), ("update", 3), ("retain", 4)):
        assert abs(kinds.count(kind) - count * eighths / 8) <= 1


def test_demonstrations_are_fewer_where_room_is_short() -> None:
    """As many as leave room for a text and a reply; the fact itself is always there."""
    text = context(fitted("in_context_n", n=8).edit(handle(), [CAT]), CAT.prompt)
    assert text.endswith(BRIEF.frame.format(fact=CAT.sentence))
    assert 1 <= text.count("then :") < 9


def test_demonstrations_need_spare_facts() -> None:
    """Without facts outside the list there is nothing to demonstrate with."""
    with pytest.raises(NotApplicable, match="in_context_0"):
        fitted("in_context_n", replace(BRIEF, spare=()))
