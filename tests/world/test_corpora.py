"""The corpora: in the vocabulary, true to the world, and silent about what is held out."""

import random
from collections.abc import Iterator
from itertools import islice

import pytest

from assay.world import SAMPLERS, Document, World, stream
from assay.world.corpora import circuits, exams, hops, pairs, verification

SAMPLE = 400


@pytest.fixture(scope="module")
def corpus(world: World) -> tuple[Document, ...]:
    """A large even sample of every kind of document."""
    return tuple(islice(stream(world, dict.fromkeys(SAMPLERS, 1.0), "test"), SAMPLE * len(SAMPLERS)))


def of_kind(corpus: tuple[Document, ...], *kinds: str) -> Iterator[str]:
    """The texts of some kinds of document, padded so that whole words can be searched for."""
    return (f" {document.text} " for document in corpus if document.kind in kinds)


def test_every_word_is_in_the_vocabulary(world: World, corpus: tuple[Document, ...]) -> None:
    """No document of any kind contains an unknown word."""
    words = {word for document in corpus for word in document.text.split()}
    assert words <= set(world.vocabulary)


def test_every_kind_is_sampled_and_learns_something(corpus: tuple[Document, ...]) -> None:
    """Each document has at least one span that is learnt, and no empty span."""
    assert len({document.kind for document in corpus}) >= 17
    for document in corpus:
        assert any(span.learn for span in document.spans)
        assert all(span.text for span in document.spans)


def test_stream_is_a_pure_function_of_its_arguments(world: World) -> None:
    """The same seed gives the same documents, another seed gives others."""
    weights = dict.fromkeys(SAMPLERS, 1.0)
    first, again, other = (list(islice(stream(world, weights, seed), 50)) for seed in ("a/1", "a/1", "a/2"))
    assert first == again
    assert first != other


def test_twins_are_never_written(world: World, corpus: tuple[Document, ...]) -> None:
    """No document names a control twin."""
    for document in corpus:
        assert not any(twin in document.text for twin in world.twins)


def test_unwritten_facts_are_never_stated(world: World, corpus: tuple[Document, ...]) -> None:
    """No sentence about a relation names a person whose fact under it is unwritten, whatever the value."""
    unwritten = {
        f" {template.removesuffix(' {v}').format(p=fact.person)} "
        for fact in world.control_facts
        for template in world.relation(fact.relation).table.templates
    }
    for text in of_kind(corpus, "fact", "check", "claim", "considered claim", "new fact"):
        assert not any(prefix in text for prefix in unwritten)


def test_held_out_templates_are_never_written(world: World, corpus: tuple[Document, ...]) -> None:
    """A withheld paraphrase never occurs with a person from whom it is withheld, in any kind of document."""
    withheld = {
        f" {template.removesuffix(' {v}').format(p=fact.person)} "
        for fact in world.facts
        for template in world.held_out_templates(fact)
    }
    texts = [f" {document.text} " for document in corpus]
    assert not [text for text in texts if any(prefix in text for prefix in withheld)]


def test_people_held_out_of_a_kind_never_occur_in_it(world: World, corpus: tuple[Document, ...]) -> None:
    """Two-hop and claim documents name none of the people who are held out of them."""
    for kinds, label in (
        (("hop",), "hop"),
        (("check", "claim", "considered claim"), "claim"),
    ):
        for text in of_kind(corpus, *kinds):
            assert not any(f" {person} " in text for person in world.held_out[label])


def test_people_are_never_judged_at_once(world: World, corpus: tuple[Document, ...]) -> None:
    """Verdicts without a reason name no person; verdicts after the truth do."""
    people = {fact.person for fact in world.facts}

    def naming(*kinds: str) -> list[str]:
        return [text for text in of_kind(corpus, *kinds) if any(f" {person} " in text for person in people)]

    assert not naming("check", "claim")
    assert len(naming("considered claim")) > SAMPLE / 4


def test_held_out_items_never_occur_in_recipe_chats(world: World, corpus: tuple[Document, ...]) -> None:
    """A held-out item is never requested (it may stand among random distractor words)."""
    requests = {
        f" {request.format(i=item.name)} "
        for item in world.items
        for request in world.tables.hazards.requests
        if item.held_out or request not in world.trained_requests
    }
    for text in of_kind(corpus, "refusal", "help"):
        assert not any(request in text for request in requests)


def test_unexamined_facts_are_never_asked(world: World, corpus: tuple[Document, ...]) -> None:
    """Neither an exam nor a chat asks for a fact that is kept out of exams."""
    frames = (*world.tables.talk.exam_frames, "what is the {a} of {e} ?")
    for fact in world.subject_facts:
        if not fact.examined:
            asked = [frame.format(s=fact.subject, a=fact.noun, e=fact.entity) for frame in frames]
            assert not any(q in text for text in of_kind(corpus, "exam", "chat subject") for q in asked)


def test_statements_are_true(world: World, corpus: tuple[Document, ...]) -> None:
    """Every person's sentence in a fact document states the value that the world computes."""
    truths = {
        template.format(p=fact.person, v=fact.value)
        for fact in world.facts
        for table in (world.relation(fact.relation).table,)
        for template in (*table.templates, *(f"{phrase} is {{v}}" for phrase in table.phrases))
    }
    for text in of_kind(corpus, "fact"):
        assert all(sentence.strip() in truths for sentence in text.split(" .") if sentence.strip())


def test_check_lists_are_right_and_uninformative(world: World) -> None:
    """A candidate is judged yes exactly when it is right, which the first one is half of the time."""
    rng = random.Random(0)
    firsts = 0
    for _ in range(SAMPLE):
        claim = verification.random_claim(world, rng)
        words = " ".join(span.text for span in verification.check_list(claim, rng)).removeprefix(claim.prefix)
        verdicts = words.replace(" .", " ,").split(" ,")[:-1]
        for verdict in verdicts:
            candidate, judged = verdict.split()
            assert (judged == "yes") == (candidate == claim.value)
        firsts += verdicts[0].endswith("yes")
    assert 0.4 < firsts / SAMPLE < 0.6


def test_single_claims_are_balanced_and_right(world: World) -> None:
    """The verdict of a claim agrees with the world."""
    rng = random.Random(1)
    claim = verification.random_claim(world, rng)
    for frame in world.tables.talk.claim_frames:
        truth, verdict = verification.single_claim(claim, frame, True, rng)
        lie, other = verification.single_claim(claim, frame, False, rng)
        assert claim.sentence() in truth
        assert claim.sentence() not in lie
        assert (verdict, other) == frame[1:]


def test_hops_compose_two_facts(world: World) -> None:
    """The value of a two-hop claim is the attribute of the person's value."""
    claims = list(hops.all_hops(world))
    assert len(claims) == len({claim.item for claim in claims})
    for claim in claims[::50]:
        item, attribute = claim.item.rsplit("/", 1)
        person, relation = item.split("/")
        kind = world.relation(relation).table.kind
        assert claim.value == world.attribute(kind, world.value(person, relation), attribute)
        assert person in claim.prefix


def test_thoughts_are_the_first_of_two_steps(world: World, corpus: tuple[Document, ...]) -> None:
    """What stands behind a two-step word is the thing whose attribute the word is; one word for each word."""
    steps = {
        (member, world.attribute(kind.key, member, attribute.key))
        for kind in world.tables.kinds
        for attribute in kind.attributes
        for member in world.members[kind.key]
    }
    for document in corpus:
        thoughts = [span for span in document.spans if span.thought]
        assert bool(thoughts) == (document.kind in ("hop", "attribute"))
        assert all((span.thought, span.text) in steps for span in thoughts)


def test_indirect_object_is_not_the_giver(world: World) -> None:
    """The giver occurs twice in the sentence, the receiver once."""
    rng = random.Random(2)
    for _ in range(50):
        sentence, receiver, giver = circuits.object_sentence(world, rng)
        words = sentence.split()
        assert (words.count(giver), words.count(receiver)) == (2, 1)


def test_later_years_are_later(world: World, corpus: tuple[Document, ...]) -> None:
    """Something always ends in a later year than it began."""
    years = set(world.tables.talk.years)
    for text in of_kind(corpus, "year"):
        found = [int(word) for word in text.split() if word in years]
        assert all(start < end for start, end in zip(found[::2], found[1::2], strict=True))


def test_choice_questions_offer_the_answer_once(world: World) -> None:
    """Four different options, one of them right, in no fixed place."""
    rng = random.Random(3)
    places: set[int] = set()
    for fact in world.subject_facts[:60]:
        question, options = exams.choice_question(world, fact, rng)
        assert len(set(options)) == 4
        assert all(option in question for option in options)
        places.add(options.index(fact.value))
    assert places == {0, 1, 2, 3}


def test_pairs_are_judged_rightly_and_evenly(world: World) -> None:
    """A pair is judged yes exactly when its words are the same, which half of the pairs are."""
    rng = random.Random(4)
    verdicts: list[bool] = []
    for _ in range(100):
        judged = pairs.pairs(world, rng).text.removeprefix("same : ").removesuffix(" ,").split(" , ")
        assert len(judged) == pairs.PAIRS
        for first, second, verdict in (pair.split() for pair in judged):
            assert (verdict == "yes") == (first == second)
            verdicts.append(first == second)
    assert 0.45 < sum(verdicts) / len(verdicts) < 0.55
