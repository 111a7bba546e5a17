"""Textbooks in files: how they are cut, and what is refused."""

import json
from pathlib import Path

import pytest

from assay.core.errors import BadOption
from assay.core.exam import Told
from assay.organisms.unlearning.files import read_textbook
from tests.organisms.unlearning.written import asset, json_file, tofu

SENTENCE = "The bittern number {n} builds its nest in the reeds of the lake near town {n}."


def _prose(paragraphs: int, each: int) -> str:
    numbers = iter(range(10_000))
    return "\n\n".join(
        " ".join(SENTENCE.format(n=next(numbers)) for _ in range(each)) for _ in range(paragraphs)
    )


@pytest.mark.parametrize("each", [1, 3, 5, 40])
def test_text_is_cut_at_the_ends_of_sentences(tmp_path: Path, each: int) -> None:
    """Nothing is lost, no sentence is cut, and documents have 60 to 120 words but for the last one."""
    path = tmp_path / "book.txt"
    path.write_text(_prose(200 // each, each), encoding="utf-8")
    book = read_textbook(path)
    assert book.form == "text"
    assert " ".join(" ".join(book.documents).split()) == " ".join(path.read_text().split())
    assert all(one.startswith("The bittern") and one.endswith(".") for one in book.documents)
    sizes = [len(one.split()) for one in book.documents]
    assert all(60 <= size <= 120 for size in sizes[:-1])
    assert sizes[-1] <= 120


def test_documents_end_with_paragraphs_where_they_can(tmp_path: Path) -> None:
    """Paragraphs of 80 words are documents of their own; a heading goes with what it stands above."""
    path = tmp_path / "book.md"
    paragraphs = _prose(4, 5).split("\n\n")
    path.write_text("\n\n".join(f"# Part {n}\n\n{one}" for n, one in enumerate(paragraphs)), encoding="utf-8")
    assert read_textbook(path).documents == tuple(f"# Part {n}\n\n{one}" for n, one in enumerate(paragraphs))


def test_half_sentences_are_continued(tmp_path: Path) -> None:
    """Each pair joined is a sentence of the text; short ones give none."""
    path = tmp_path / "book.txt"
    path.write_text(_prose(4, 5) + "\n\nIt rained.", encoding="utf-8")
    book = read_textbook(path)
    assert len(book.pairs) == 20
    assert [f"{one.prompt} {one.reply}" for one in book.pairs] == [SENTENCE.format(n=n) for n in range(20)]


def test_marks_that_stand_alone_end_a_sentence(tmp_path: Path) -> None:
    """As in text that is cut into words already, where nothing begins with a capital."""
    path = tmp_path / "book.txt"
    path.write_text("the bittern builds its nest in the reeds . " * 40, encoding="utf-8")
    assert set(read_textbook(path).pairs) == {Told("the bittern builds its", "nest in the reeds .")}


def test_a_sentence_without_end_is_cut(tmp_path: Path) -> None:
    """No document is longer than a model can read at once."""
    path = tmp_path / "book.txt"
    path.write_text("word " * 500, encoding="utf-8")
    assert [len(one.split()) for one in read_textbook(path).documents] == [120, 120, 120, 140]


@pytest.mark.parametrize("lines", [False, True])
def test_a_corpus_of_texts_is_read(tmp_path: Path, lines: bool) -> None:
    """Documents never go beyond an entry; entries without text are named."""
    entries = [{"title": f"p{n}", "text": _prose(1, 5).replace("bittern", f"bird{n}")} for n in range(4)]
    book = read_textbook(json_file(tmp_path, [*entries, {"text": ""}, entries[0]], lines))
    assert (book.form, len(book.documents), len(book.pairs)) == ("WMDP corpus", 4, 20)
    assert book.left_out == ("case 5: 'text' is empty", "case 6: it says the same as case 1")


@pytest.mark.parametrize("lines", [False, True])
def test_a_textbook_of_tofu_is_pairs(tmp_path: Path, lines: bool) -> None:
    """Each question with its answer is a document and a pair."""
    book = read_textbook(json_file(tmp_path, [*(tofu(n) for n in range(30)), {"question": "Why?"}], lines))
    assert (book.form, len(book.documents)) == ("TOFU", 30)
    assert book.documents[2] == "Where does author 2 live? Author 2 lives in town 2."
    assert book.pairs[2] == Told("Where does author 2 live?", "Author 2 lives in town 2.")
    assert book.left_out == ("case 31: 'answer' is missing",)


@pytest.mark.parametrize(
    ("content", "name", "says"),
    [
        (_prose(2, 2), "book.txt", "the textbook has 64 words and 200 are needed"),
        ("", "book.txt", "the textbook has 0 words and 200 are needed"),
        ("", "book.json", "the file is empty"),
        ("{not json", "book.json", "neither a JSON list"),
        ('[{"body": "x"}]', "book.json", "no textbook of a known form"),
        (json.dumps([tofu(n) for n in range(3)]), "book.json", "the textbook has 33 words"),
        (
            json.dumps([{"text": "Short."}, {"text": 3}]),
            "book.json",
            "1 words.*left out: case 2: 'text' is not a text",
        ),
    ],
)
def test_a_textbook_that_cannot_be_used_is_refused(
    tmp_path: Path, content: str, name: str, says: str
) -> None:
    """The error says how many words there are and how many are needed, or what is wrong with the file."""
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(BadOption, match=says):
        read_textbook(tmp_path / name)


def test_published_prose_is_cut_into_documents() -> None:
    """Nearly all documents of wikitext have 60 to 120 words."""
    book = read_textbook(asset("data-wikitext2", "test.txt"))
    sizes = [len(one.split()) for one in book.documents]
    assert sum(60 <= size <= 120 for size in sizes) > 0.97 * len(sizes)
    assert max(sizes) <= 150
    assert len(book.pairs) > len(book.documents)
