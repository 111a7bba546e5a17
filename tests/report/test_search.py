"""The search box of the feature browser, as a visitor works it."""

import json
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from assay.report.site import write_report
from assay.results.table import table as make_table
from tests.report.lists import PAGE, write_lists

PROBE = """<script>
const seen = [];
const look = () => seen.push({
  cards: [...document.querySelectorAll("article.feature")].filter((c) => !c.hidden).map((c) => c.id),
  says: document.getElementById("tally").textContent,
  nothing: !document.getElementById("nothing").hidden,
});
const type = (words) => { find.value = words; find.dispatchEvent(new Event("input")); look(); };
const choose = (key) => { order.value = key; order.dispatchEvent(new Event("change")); look(); };
look();
%s
document.title = JSON.stringify(seen);
</script>"""


@pytest.fixture(scope="module")
def browser_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The feature browser of a made-up run."""
    folder = write_lists(tmp_path_factory.mktemp("search") / "run")
    return write_report(folder, table=make_table(folder, resamples=20)).parent / PAGE.format("batch_topk")


@pytest.fixture
def act(browser_page: Path, tmp_path: Path, dump_dom: Callable[[Path], str]) -> Callable[[str], Any]:
    """Open the page, carry out some script, and return what was seen after each step."""

    def acted(steps: str) -> Any:
        text = browser_page.read_text(encoding="utf-8")
        # the page's own policy forbids the probe, so the copy that is worked goes without it
        text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
        copy = tmp_path / "worked.html"
        copy.write_text(text.replace("</body>", (PROBE % steps) + "</body>"), encoding="utf-8")
        found = re.search(r"<title>(\[.*?\])</title>", dump_dom(copy))
        assert found is not None, "the page did not report back"
        return json.loads(unescape(found[1]))

    return acted


@pytest.mark.browser
def test_search_finds_any_text_of_a_card(act: Callable[[str], Any]) -> None:
    """Explanations, words of contexts, tokens and concepts should be found in any case."""
    words = ["About 2 at", "ADA  town", "earthy", "last name", "2031"]
    start, *seen = act("".join(f"type({json.dumps(word)});" for word in words))
    assert start == {"cards": ["f1", "f2", "f7"], "says": "3 of 3 features", "nothing": False}
    assert [step["cards"] for step in seen] == [["f1"], ["f1"], ["f1"], ["f1"], ["f2"]]
    assert seen[0]["says"] == "1 of 3 features"


@pytest.mark.browser
def test_search_says_when_nothing_is_found(act: Callable[[str], Any]) -> None:
    """Words that no card holds, and words of the page around them, should give a line that says so."""
    _, absent, label, cleared = act('type("zeppelin"); type("firing"); type("");')
    assert absent == {"cards": [], "says": "0 of 3 features", "nothing": True}
    assert label["cards"] == []
    assert cleared["cards"] == ["f1", "f2", "f7"]
    assert not cleared["nothing"]


@pytest.mark.browser
def test_order_follows_the_choice(act: Callable[[str], Any]) -> None:
    """Cards should stand by firing rate, by Pearson's r, or by place, and a search keep the order."""
    _, rate, pearson, found, place = act(
        'choose("rate"); choose("pearson"); type("about"); type(""); choose("place");'
    )[:5]
    assert rate["cards"] == ["f2", "f1", "f7"]
    assert pearson["cards"] == ["f1", "f2", "f7"]
    assert found["cards"] == ["f1", "f2", "f7"]
    assert place["cards"] == ["f1", "f2", "f7"]


@pytest.mark.browser
def test_link_to_a_hidden_card_shows_it(act: Callable[[str], Any]) -> None:
    """Following a concept's link while the search hides its card should end the search."""
    _, hidden, followed = act(
        'type("2031"); location.hash = "#f7"; dispatchEvent(new HashChangeEvent("hashchange")); look();'
    )
    assert hidden["cards"] == ["f2"]
    assert followed["cards"] == ["f1", "f2", "f7"]


def test_search_is_labelled_and_needs_no_script_to_be_left_out(browser_page: Path) -> None:
    """Box and choice should have labels; without script both are hidden and all cards stand there."""
    text = browser_page.read_text(encoding="utf-8")
    assert '<label for="find">' in text
    assert '<label for="order">' in text
    assert '<div class="tools" id="tools" role="search" hidden>' in text
    assert '<p id="tally" role="status">' in text
    assert not re.search(r"<article[^>]* hidden", text)
