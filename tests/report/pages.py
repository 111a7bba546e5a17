"""Reads written pages back: links, anchors, elements and text; and how wide they are in a browser."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

PROBE = """<script>
addEventListener("load", () => setTimeout(() => parent.postMessage(
  [document.documentElement.scrollWidth - document.documentElement.clientWidth,
   document.querySelectorAll(".chart svg").length], "*"), 4000));
</script>"""
FRAME = """<!doctype html><title>waiting</title><iframe src="{}" width="{}" height="900"></iframe><script>
addEventListener("message", (event) => {{ document.title = "measured " + event.data.join(" "); }});
</script>"""


@dataclass
class Page:
    """What a browser would find in a page."""

    links: list[str] = field(default_factory=lambda: [])
    ids: set[str] = field(default_factory=set[str])
    tags: list[str] = field(default_factory=lambda: [])
    handlers: list[str] = field(default_factory=lambda: [])
    """Names of attributes that would run script."""
    text: str = ""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self._within: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.page.tags.append(tag)
        self._within.append(tag)
        for name, value in attrs:
            if name in ("href", "src") and value is not None:
                self.page.links.append(value)
            if name == "id" and value is not None:
                self.page.ids.add(value)
            if name.startswith("on"):
                self.page.handlers.append(name)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._within:
            while self._within.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self._within):
            self.page.text += data


def read_page(text: str) -> Page:
    """Parse a page."""
    reader = _Reader()
    reader.feed(text)
    return reader.page


def broken_links(page: Path) -> list[str]:
    """Links of a page whose file or anchor does not exist, as a visitor would find them."""
    found: list[str] = []
    for link in dict.fromkeys(read_page(page.read_text(encoding="utf-8")).links):
        parts = urlsplit(link)
        if parts.scheme == "data":
            continue
        target = (page.parent / unquote(parts.path)).resolve() if parts.path else page.resolve()
        lost = parts.scheme or not target.is_file()
        anchored = not lost and parts.fragment and target.suffix == ".html"
        if lost or (anchored and unquote(parts.fragment) not in _anchors(target)):
            found.append(link)
    return found


@cache
def _anchors(page: Path) -> frozenset[str]:
    return frozenset(read_page(page.read_text(encoding="utf-8")).ids)


def measure_page(page: Path, width: int, tmp_path: Path, dump_dom: Callable[[Path], str]) -> tuple[int, int]:
    """Pixels by which a page overflows sideways at a width, and the number of charts drawn."""
    text = page.read_text(encoding="utf-8")
    # the page's own policy forbids the probe, so the measured copy goes without it
    open_text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    before, _, after = open_text.rpartition("</body>")  # Vega's own code speaks of a body too
    copy = tmp_path / f"copy_{page.stem}_{width}.html"
    copy.write_text(before + PROBE + after, encoding="utf-8")
    frame = tmp_path / f"frame_{page.stem}_{width}.html"
    frame.write_text(FRAME.format(copy.name, width), encoding="utf-8")
    found = re.search(r"<title>measured (-?\d+) (\d+)</title>", dump_dom(frame))
    assert found is not None, "the page did not report back"
    return int(found[1]), int(found[2])
