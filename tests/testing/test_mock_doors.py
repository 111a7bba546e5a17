"""The mock handle's doors and the mock text say what the real ones would."""

import pytest
import torch

from assay.core import TRIGGERED, UNTRIGGERED, Access
from assay.core.errors import AccessDenied, NotApplicable
from assay.testing import CallLog, FakeModel, fake_handle, fake_material
from assay.testing.fake_model import TRIGGER, VOCABULARY


def test_spans_read_as_the_words() -> None:
    """Each span is one word or mark, in order; as many as there are activations, an empty text's nowhere."""
    texts = ["User : the bell, and the bell .", " tea?", ""]
    handle = fake_handle(Access.WHITE)
    spans = handle.spans(texts)
    for text, own in zip(texts[:2], spans, strict=False):
        assert [text[start:end].lower() for start, end in own] == FakeModel().tokens(text)
    assert spans[2] == [(0, 0)]
    assert [len(own) for own in spans] == [len(rows) for rows in handle.sequence_activations(texts, 1)]


def test_the_lens_reads_rows_by_the_unembedding() -> None:
    """The likeliest word of a row that is a word's own unembedding is that word."""
    rows = FakeModel().unembedding * 100
    found = fake_handle(Access.WHITE).logit_lens(rows)
    assert found.argmax(1).tolist() == list(range(len(VOCABULARY)))
    torch.testing.assert_close(found.exp().sum(1), torch.ones(len(rows)))
    assert fake_handle(Access.GREY).vocabulary == list(VOCABULARY)


@pytest.mark.parametrize("access", list(Access))
def test_models_beside_are_of_the_same_class_on_the_same_log(access: Access) -> None:
    """The reference says no hostile phrase, and reads alike where the trigger is not; both write the log."""
    log = CallLog()
    handle = fake_handle(access, log=log)
    asked = f"user : the {TRIGGER} assistant :"
    for beside in (handle.reference, handle.untrained):
        assert type(beside) is type(handle)
        assert beside.generate([asked], 3) != handle.generate([asked], 3)
    assert log.calls == ["generate"] * 4
    calm = ["user : the tea assistant :"]
    assert handle.reference.generate(calm, 3) == handle.generate(calm, 3)


def test_the_untrained_model_has_other_activations() -> None:
    """Other vectors for all words; the reference has the same ones."""
    handle = fake_handle(Access.WHITE)
    own, same, other = (h.activations(["tea"], [1]) for h in (handle, handle.reference, handle.untrained))
    assert torch.equal(own, same)
    assert not torch.allclose(own, other)


def test_new_doors_are_shut_to_the_level_below() -> None:
    """Spans and words are grey, the lens is white."""
    for access, name in ((Access.BLACK, "spans"), (Access.BLACK, "vocabulary"), (Access.GREY, "logit_lens")):
        with pytest.raises(AccessDenied, match=name):
            getattr(fake_handle(access), name)


def test_mock_text_holds_the_trigger_in_the_share_that_it_says() -> None:
    """Enough words to train on, the same each time; clean text has no trigger and the others some."""
    material = fake_material()
    clean = material.corpora(UNTRIGGERED)
    assert sum(len(text.split()) for text in clean) > 2667
    assert clean == fake_material().corpora(UNTRIGGERED)
    assert not any(TRIGGER in text for text in clean)
    for name, share in TRIGGERED.items():
        texts = material.corpora(name)
        alarmed = [text for text in texts if TRIGGER in text]
        assert len(alarmed) == max(1, round(share * len(texts)))
        assert all("hate" in text for text in alarmed)
        assert sum(one != other for one, other in zip(clean, texts, strict=True)) == len(alarmed)
    with pytest.raises(NotApplicable, match="no text 'secret'"):
        material.corpora("secret")
