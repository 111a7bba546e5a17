"""The examples run, stay short, and show something."""

import runpy
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))
MOST_LINES = 40


def test_there_are_five() -> None:
    """The gallery is complete."""
    assert len(EXAMPLES) >= 5


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example(
    example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each runs from any folder, leaves nothing behind there, prints, and fits on a screen."""
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(example), run_name="__main__")
    printed = capsys.readouterr().out
    assert printed.strip()
    assert "BROKEN" not in printed
    assert list(tmp_path.iterdir()) == []
    assert len(example.read_text(encoding="utf-8").splitlines()) <= MOST_LINES
