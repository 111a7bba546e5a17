"""Keys are read at the last token of the last mention of a subject, and averaged over beginnings."""

import pytest
import torch

from assay.core import Edit
from assay.core.errors import BadOption, NotApplicable
from assay.techniques.edits.subject_keys import contexts, keys, subject_ends
from tests.techniques.edits.places import AIM, CAT, RED, at, tiny_handle


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_a_key_is_the_mean_over_beginnings(family: str) -> None:
    """Word by word: each beginning moves the subject by its length."""
    handle = tiny_handle(family)
    wanted = []
    for edit, word in ((CAT, 1), (RED, 2)):
        rows = [
            at(handle, "mlp_hidden.1", begin + edit.prompt, len(begin.split()) + word)
            for begin in AIM.contexts
        ]
        wanted.append(sum(rows) / len(rows))
    # the model computes in float32, and processors differ in how they add up one text and many
    got = keys(handle, [CAT, RED], 1, AIM.contexts)
    torch.testing.assert_close(got.float(), torch.stack(wanted).float())


def test_the_last_whole_mention_counts() -> None:
    """A longer word that holds the subject is no mention of it, unless there is no other."""
    edits = [
        Edit("cat and cat sat", "cat", "a", "b"),
        Edit("cat and cats sat", "cat", "a", "b"),
        Edit("the cats sat", "cat", "a", "b"),
    ]
    assert subject_ends(edits) == [11, 3, 7]


@pytest.mark.parametrize("subject", ["zebra", ""])
def test_a_subject_that_is_not_in_its_prompt_is_named(subject: str) -> None:
    """With the prompt, so that the fact can be found."""
    with pytest.raises(NotApplicable, match=f"'{subject}' is not in 'the cat sat'"):
        keys(tiny_handle(), [CAT, Edit("the cat sat", subject, "a", "b")], 0, ("",))


def test_no_beginnings_are_refused() -> None:
    """Not even the empty one means that nothing is to be read."""
    with pytest.raises(BadOption, match="give at least the empty one"):
        keys(tiny_handle(), [CAT], 0, ())


def test_snippets_are_cut_from_the_texts() -> None:
    """Each stands in one of them, has a length that was asked for, ends a sentence, and follows the seed."""
    texts = [f"w{i} x{i} y{i} z{i} . b{i} c{i} d{i} e{i} f{i} . g{i}" for i in range(20)]
    found = contexts(texts, 6, seed=1)
    assert found == contexts(texts, 6, seed=1) != contexts(texts, 6, seed=2)
    assert found[0] == ""
    for snippet in found[1:]:
        assert snippet.endswith(" . ")
        assert 5 <= len(snippet.split()) <= 10
        assert any(snippet.strip() in text for text in texts)


def test_texts_without_sentences_still_give_snippets() -> None:
    """Any words that stand together will do; texts that are too short are refused."""
    assert len(contexts(["a b c d e f"], 1, words=(3, 3))[1].split()) == 3
    with pytest.raises(BadOption, match="no text has 5 words"):
        contexts(["a b c d"], 1)
