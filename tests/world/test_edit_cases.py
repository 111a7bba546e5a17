"""Questions about edits: each has the answer that a world would give in which all edits were made."""

from collections import Counter

import pytest

from assay.core.edit import EditCase, Probe, ProbeKind
from assay.world import Ground, World
from assay.world.edit_cases import edit_cases, long_list
from assay.world.rewrites import FAMILIES, LISTED, SELECT, Family, changed, rewrites
from assay.world.spare_edits import spare

AROUND: tuple[ProbeKind, ...] = ("neighbourhood", "namesake", "same_subject")
ABOUT: tuple[ProbeKind, ...] = ("efficacy", "paraphrase", "generation")


@pytest.fixture(scope="module")
def before(world: World) -> dict[str, str]:
    """What the world says after every prompt."""
    return _answers(world)


@pytest.fixture(scope="module")
def after(world: World) -> dict[str, str]:
    """What a world says in which everything listed or selected was edited."""
    return _answers(World(0, rewritten=changed(world)))


def _answers(world: World) -> dict[str, str]:
    """Every sentence that states a written fact, or what follows from one, cut before its last word."""
    said: dict[str, str] = {}

    def say(template: str, value: str, **words: str) -> None:
        *prompt, last = template.format(**words, v=value).split()
        said[" ".join(prompt)] = last

    for fact in world.facts:
        relation = world.relation(fact.relation).table
        kind = next(kind for kind in world.tables.kinds if kind.key == relation.kind)
        for template in relation.templates:
            say(template, fact.value, p=fact.person)
        for phrase in relation.phrases:
            for attribute in kind.attributes:
                value = world.attribute(kind.key, fact.value, attribute.key)
                say(attribute.templates[0], value, x=phrase.format(p=fact.person))
    for kind in world.tables.kinds:
        for attribute in kind.attributes:
            for member in world.members[kind.key]:
                for template in attribute.templates:
                    say(template, world.attribute(kind.key, member, attribute.key), x=member)
    names = {subject.key: subject.name for subject in world.subjects}
    for fact in world.subject_facts:
        for template in world.tables.prose:
            say(template, fact.value, s=names[fact.subject], a=fact.noun, e=fact.entity)
    return said


def _every(world: World) -> list[tuple[EditCase, Probe]]:
    return [
        (case, probe) for family in FAMILIES for case in edit_cases(world, family) for probe in case.probes
    ]


def _asked(probe: Probe) -> str:
    """The sentence that a probe leaves open: in a chat it is what the assistant has begun to say."""
    return probe.prompt.rpartition(" assistant : ")[2]


@pytest.mark.parametrize("family", FAMILIES)
def test_first_the_reported_edits_then_the_tuned_ones(world: World, family: Family) -> None:
    """The cases are the listed and selected rewrites in their order."""
    cases = edit_cases(world, family)
    some = rewrites(world)[family]
    assert [case.split for case in cases] == ["report"] * LISTED + ["select"] * SELECT
    for case, one in zip(cases, (*some[:LISTED], *some[-SELECT:]), strict=True):
        edit = case.edit
        assert (edit.subject, edit.relation, edit.old, edit.new) == (
            one.subject,
            one.relation,
            one.old,
            one.new,
        )


def test_same_world_same_cases() -> None:
    """Two worlds of one seed ask the same."""
    first, second = Ground(3), Ground(3)
    assert all(edit_cases(first, family) == edit_cases(second, family) for family in FAMILIES)


def test_every_word_is_known_and_every_prompt_differs(world: World) -> None:
    """A word-level model can read all of it; no edit asks the same twice; two answers are two words."""
    known = set(world.vocabulary)
    for family in FAMILIES:
        for case in edit_cases(world, family):
            prompts = [probe.prompt for probe in case.probes]
            assert len(set(prompts)) == len(prompts)
            answers = [word for probe in case.probes for word in (probe.right, probe.wrong)]
            texts = (*prompts, case.edit.sentence, *case.edit.documents)
            assert {*answers, *(word for text in texts for word in text.split())} <= known
            assert all(probe.right != probe.wrong for probe in case.probes)


def test_an_edit_states_its_fact(world: World, before: dict[str, str], after: dict[str, str]) -> None:
    """Its prompt holds the subject and asks for the old value before and for the new one afterwards."""
    for family in FAMILIES:
        for edit in (case.edit for case in edit_cases(world, family)):
            assert f" {edit.subject} " in f" {edit.prompt} "
            assert (before[edit.prompt], after[edit.prompt]) == (edit.old, edit.new)


def test_documents_tell_the_old_fact_in_words_that_are_not_asked(
    world: World, before: dict[str, str]
) -> None:
    """Two to four each, with subject and old value; none holds a paraphrase or a chat that is asked."""
    for family in FAMILIES:
        for case in edit_cases(world, family):
            edit = case.edit
            assert 2 <= len(set(edit.documents)) == len(edit.documents) <= 4
            asked = [p.prompt for p in case.probes if p.kind in ("paraphrase", "generation")]
            for text in edit.documents:
                assert f" {edit.subject} " in f" {text} "
                assert edit.old in text.split()
                assert edit.new not in text.split()
                assert not [prompt for prompt in asked if prompt in text]


def test_documents_are_in_words_that_the_corpus_uses_of_the_fact(world: World) -> None:
    """A person whose last templates are held out is told of in the others only; so is an entity."""
    for case in edit_cases(world, "people"):
        fact = world.fact(case.edit.subject, case.edit.relation)
        told = {t.format(p=fact.person, v=fact.value) + " ." for t in world.trained_templates(fact)}
        assert set(case.edit.documents) <= told
    for case in edit_cases(world, "subjects"):
        subject = next(key for key, names in world.entities.items() if case.edit.subject in names)
        assert set(case.edit.documents) <= set(world.subject_sentences(subject, held_out=False))


def test_right_is_what_a_world_says_in_which_all_edits_were_made(world: World, after: dict[str, str]) -> None:
    """Whatever is asked of facts, near or far, a world with the new facts gives the right answer."""
    for _, probe in _every(world):
        if probe.kind not in ("override", "reversal"):
            assert after[_asked(probe)] == probe.right


def test_wrong_is_the_old_answer_or_the_new_value(world: World, before: dict[str, str]) -> None:
    """About the edit it is what was said before; about other subjects it is the new value."""
    for case, probe in _every(world):
        if probe.kind in (*ABOUT, "portability"):
            assert before[_asked(probe)] == probe.wrong
        elif probe.kind in ("neighbourhood", "namesake", "override"):
            assert probe.wrong == case.edit.new


def test_what_must_stay_was_true_before(world: World, before: dict[str, str], after: dict[str, str]) -> None:
    """Neighbours, namesakes and other facts of the subject have one answer with and without all edits."""
    for case, probe in _every(world):
        if probe.kind in AROUND:
            assert before[probe.prompt] == after[probe.prompt] == probe.right
            about = f" {case.edit.subject} " in f" {probe.prompt} "
            assert about == (probe.kind == "same_subject")


def test_neighbours_have_the_old_value_wherever_one_does(
    world: World, before: dict[str, str], after: dict[str, str]
) -> None:
    """Another value is asked for only where no unedited subject of the relation has the old one."""
    told = {edit.prompt for family in FAMILIES for edit in spare(world, family)}
    for family in FAMILIES:
        for case in edit_cases(world, family):
            edit = case.edit
            near = [probe for probe in case.probes if probe.kind == "neighbourhood"]
            assert 1 <= len(near) <= 4
            head, _, tail = edit.prompt.partition(edit.subject)
            frame = [p for p in before if p.startswith(head) and p.endswith(tail) and p != edit.prompt]
            subjects = {p: p.removeprefix(head).removesuffix(tail) for p in frame}
            every = [p for p in frame if len(subjects[p].split()) == len(edit.subject.split())]
            same = [p for p in every if before[p] == after[p] == edit.old and p not in told]
            if same:
                assert {probe.right for probe in near} == {edit.old}
                assert len(near) == min(4, len(same))
            else:
                assert edit.new not in {probe.right for probe in near}


def test_people_are_asked_of_namesakes_and_of_what_the_context_says(world: World) -> None:
    """Namesakes share one word of the name; an override tells a third value of the person and is right."""
    for case in edit_cases(world, "people"):
        edit = case.edit
        for probe in case.probes:
            if probe.kind == "namesake":
                assert len(set(edit.subject.split()) & set(probe.prompt.split())) == 1
                assert probe.right not in (edit.old, edit.new)
            if probe.kind == "override":
                told, _, asked = probe.prompt.removeprefix("new fact : ").partition(" . ")
                assert asked == edit.prompt
                assert told.endswith(f" {probe.right}")
                assert edit.subject in told
                assert probe.right not in (edit.old, edit.new)


def test_the_wrong_subject_of_a_reversal_never_has_the_new_value(
    world: World, before: dict[str, str], after: dict[str, str]
) -> None:
    """Nobody whose name begins with the wrong word has the new value, before or after."""
    for case, probe in _every(world):
        if probe.kind == "reversal":
            edit = case.edit
            assert probe.prompt.startswith(f"{edit.new} is ")
            assert probe.right == edit.subject.split()[0]
            head, _, tail = edit.prompt.partition(edit.subject)
            named = [p for p in before if p.startswith(f"{head}{probe.wrong}") and p.endswith(tail)]
            assert named
            assert edit.new not in {value[p] for p in named for value in (before, after)}


@pytest.mark.parametrize(
    ("family", "kinds"),
    [
        ("people", {"namesake", "override", "same_subject", "portability"}),
        ("places", {"same_subject", "portability"}),
        ("subjects", {"same_subject"}),
    ],
)
def test_each_family_is_asked_what_it_can_be_asked(
    world: World, family: Family, kinds: set[ProbeKind]
) -> None:
    """One efficacy, two paraphrases, one chat, one reversal, neighbours, and the kinds of the family."""
    every = Counter(probe.kind for case in edit_cases(world, family) for probe in case.probes)
    assert set(every) == kinds | {*ABOUT, "neighbourhood", "reversal"}
    for case in edit_cases(world, family):
        count = Counter(probe.kind for probe in case.probes)
        assert [count[kind] for kind in (*ABOUT, "reversal")] == [1, 2, 1, 1]
        assert all(count[kind] <= 4 for kind in count)


def test_the_long_list_begins_with_the_listed_people(world: World) -> None:
    """It holds every edit of people once, reported ones first and tuned ones last."""
    edits = long_list(world)
    cases = [case.edit for case in edit_cases(world, "people")]
    assert len({edit.fact for edit in edits}) == len(edits) == len(rewrites(world)["people"])
    assert list(edits[:LISTED]) == cases[:LISTED]
    assert list(edits[-SELECT:]) == cases[LISTED:]


def test_methods_are_told_of_no_fact_that_is_asked(world: World) -> None:
    """Whoever rehearses what is told must not learn the answer to a question by it."""
    told = {edit.prompt for family in FAMILIES for edit in spare(world, family)}
    asked = {
        probe.prompt for family in FAMILIES for case in edit_cases(world, family) for probe in case.probes
    }
    assert told.isdisjoint(asked)
    assert all(edit.old != edit.new for family in FAMILIES for edit in spare(world, family))
