"""A judge on the loopback, that answers by the words of the text it is shown."""

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import torch

from assay.core.errors import AssayError, BadOption, NotApplicable
from assay.techniques.dictionaries.explanations.endpoint import KEY, Endpoint, verdict_score


class Judge(HTTPServer):
    """Says yes where the word stands in the shown text; first gives the statuses that it was told to."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.statuses: list[int] = []
        self.body: bytes | None = None
        self.seen: list[tuple[dict[str, Any], str | None, str]] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        """Answer one prompt."""
        assert isinstance(self.server, Judge)
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append((asked, self.headers.get("Authorization"), self.path))
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        text = asked["messages"][-1]["content"].split("<text>")[1].split("</text>")[0]
        reply = "Perhaps." if "dunno" in text else " **Yes**, it does." if "hate" in text else "NO\nyes"
        body = self.server.body or json.dumps({"choices": [{"message": {"content": reply}}]}).encode()
        self.send_response(status)
        if status == 429:
            self.send_header("Retry-After", "0")
        if status == 302:
            self.send_header("Location", "http://127.0.0.1:1/v1/chat/completions")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on the screen."""


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Iterator[Judge]:
    """A judge in a thread; no key and no proxy in the environment."""
    monkeypatch.delenv(KEY, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Judge() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_each_window_is_judged_on_its_own(judge: Judge) -> None:
    """One request a window, with the explanation and no other window; the first word is what counts."""
    windows = ["i hate it", "you love it", "dunno", "they hate"]
    heard: list[tuple[int, int]] = []
    found = Endpoint(judge.url + "/", "small").judged("on at hate", windows, lambda *step: heard.append(step))
    assert found == [True, False, None, True]
    assert heard == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert len(judge.seen) == 4
    for (asked, key, path), window in zip(judge.seen, windows, strict=True):
        said = asked["messages"][-1]["content"]
        assert "on at hate" in said
        assert [other in said for other in windows] == [other == window for other in windows]
        assert (asked["model"], asked["temperature"], key, path) == ("small", 0, None, "/v1/chat/completions")


def test_unreadable_replies_are_counted_and_not_scored(judge: Judge) -> None:
    """Balanced accuracy over what could be read, by hand."""
    windows = ["hate", "hate now", "love", "dunno", "hate too", "sun"]
    verdicts = Endpoint(judge.url, "small").judged("on at hate", windows)
    found = verdict_score(verdicts, torch.tensor([True, True, True, True, False, False]))
    assert found.unparsable == 1
    assert found.score.n == 5
    assert found.score.estimate == pytest.approx((2 / 3 + 1 / 2) / 2)


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        ("yes", True), ("No.", False), ("\n'Yes'", True), ("__no__", False), ("yesterday", None),
        ("", None), ("1 yes", None), ("The answer is yes", None), (None, None), (["yes"], None),
    ],
)  # fmt: skip
def test_only_a_first_word_of_yes_or_no_is_read(judge: Judge, reply: object, verdict: bool | None) -> None:
    """Everything else is no verdict, whatever it is made of."""
    judge.body = json.dumps({"choices": [{"message": {"content": reply}}]}).encode()
    assert Endpoint(judge.url, "small").judged("x", ["y"]) == [verdict]


def test_a_busy_endpoint_is_asked_again(judge: Judge) -> None:
    """After 429 and errors of the server, until it answers; and no longer than was said."""
    judge.statuses = [429, 503, 500]
    assert Endpoint(judge.url, "small", wait=0.001).judged("x", ["hate"]) == [True]
    assert len(judge.seen) == 4
    judge.statuses = [503] * 3
    with pytest.raises(AssayError, match="still answers 503 after 3 tries"):
        Endpoint(judge.url, "small", retries=2, wait=0.001).judged("x", ["hate"])
    assert len(judge.seen) == 7


def test_the_key_comes_from_the_parameter_or_the_environment(
    judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parameter first; it shows in no representation and in no error."""
    monkeypatch.setenv(KEY, "from-environment")
    Endpoint(judge.url, "small").judged("x", ["y"])
    Endpoint(judge.url, "small", api_key="given").judged("x", ["y"])
    assert [key for _, key, _ in judge.seen] == ["Bearer from-environment", "Bearer given"]
    assert "given" not in repr(Endpoint(judge.url, "small", api_key="given"))
    with pytest.raises(BadOption, match="characters that no key has") as told:
        Endpoint(judge.url, "small", api_key="two\nlines").judged("x", ["y"])
    assert "lines" not in str(told.value)


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (401, f"refuses the key .401.; give api_key or set {KEY}"),
        (403, "refuses the key"),
        (404, "refuses the request .404.; is the address right, and does it serve 'small'"),
        (302, "sends to another address .302."),
    ],
)
def test_a_refusal_is_told_at_once(judge: Judge, status: int, text: str) -> None:
    """One clear sentence, no second try, and the key is sent nowhere else."""
    judge.statuses = [status]
    with pytest.raises(BadOption, match=text) as told:
        Endpoint(judge.url, "small", api_key="secret").judged("x", ["y"])
    assert "secret" not in str(told.value)
    assert len(judge.seen) == 1


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b'{"choices": []}', b'{"choices": [{"text": "yes"}]}', b"\xff"]
)
def test_what_is_no_chat_is_told(judge: Judge, body: bytes) -> None:
    """A web page, other JSON, and bytes that are no text."""
    judge.body = body
    with pytest.raises(BadOption, match="does not answer in the chat format"):
        Endpoint(judge.url, "small").judged("x", ["y"])


def test_an_endpoint_that_is_not_there_is_told(judge: Judge) -> None:
    """Nobody listens; somebody listens and never answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        with pytest.raises(BadOption, match=r"cannot reach .*; does it run"):
            Endpoint(f"http://127.0.0.1:{port}/v1", "small").judged("x", ["y"])
        free.listen()
        with pytest.raises(AssayError, match=r"still does not answer within 0\.05 s after 2 tries"):
            Endpoint(f"http://127.0.0.1:{port}/v1", "small", timeout=0.05, retries=1, wait=0.0).judged(
                "x", ["y"]
            )


@pytest.mark.parametrize(
    "url",
    ["file:///etc/hosts", "localhost:8000", "http://", "http://a:b@c/v1", "http://a:x/", "http://[a", ""],
)
def test_only_web_addresses_are_taken(url: str) -> None:
    """Told when the endpoint is made, without the password that it may hold."""
    with pytest.raises(BadOption, match="an address such as"):
        Endpoint(url, "small")


def test_what_does_not_fit_is_told() -> None:
    """One clear sentence each."""
    for timeout, retries, wait in ((0.0, 1, 1.0), (1.0, -1, 1.0), (1.0, 1, -1.0)):
        with pytest.raises(BadOption, match="timeout above 0"):
            Endpoint("http://localhost/v1", "small", None, timeout, retries, wait)
    with pytest.raises(BadOption, match="give one for each"):
        verdict_score([True], torch.tensor([True, False]))
    with pytest.raises(NotApplicable, match="where the latent is on"):
        verdict_score([True, None], torch.tensor([True, False]))
