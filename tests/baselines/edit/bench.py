"""What the tests of the plain editors share: a tiny model, a few facts in its words, and a brief."""

from typing import Any

from assay.access import WhiteHandle, open_handle
from assay.core import Access, Edit, Editor, Transcript
from assay.core.registry import find
from assay.jobs.edit import EditBrief
from tests.model.tiny import tiny_engine

CAT = Edit("the cat sat on", "cat", "mat", "big red dog", "seat", ("then cat was on the mat .", "mat ? cat"))
DOG = Edit("the dog sat on", "dog", "mat", "hello", "seat")
SPARE = (
    Edit("the user ran on", "user", "mat", "big", "way"),
    Edit("the assistant sat on", "assistant", "red", "mat", "seat"),
    Edit("the user sat on", "user", "red", "big", "seat", ("then user was on the red .",)),
    Edit("hello sat on", "hello", "big", "mat", "seat"),
)
TEXTS = ("hello user and hello assistant .", "the big red mat was on the mat .", "then user ran ?")
BRIEF = EditBrief(TEXTS, SPARE, "then : {fact} . ", tuple(map(Transcript, TEXTS)), ("mat", "red"))
ENGINE = tiny_engine()
BLACK = ("unedited", "lookup_table", "in_context_0", "in_context_n")
TRAINED = ("ft_m", "ft_l", "lora", "full_ft_retain", "data_curation")


def handle() -> WhiteHandle:
    """A fresh handle on the one tiny model."""
    return open_handle(ENGINE, Access.WHITE)


def fitted(key: str, told: EditBrief = BRIEF, door: object = None, **setting: Any) -> Editor:
    """A baseline, made with its default setting but for what is given."""
    door = handle() if door is None else door
    method = find("baseline", key, "edit").load()
    answer = method.fit(door, told, method.default_setting(ENGINE.n_layers) | setting, 0)
    assert isinstance(answer, Editor)
    return answer
