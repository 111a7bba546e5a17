"""``assay list``: complete, truthful, and quick because it runs nothing."""

import json
import subprocess
import sys

import pytest

from assay.core import Method
from assay.core.registry import entries
from tests.cli.conftest import Command

LIGHT = """
import sys
from assay.cli import main
code = main(sys.argv[1:])
assert "torch" not in sys.modules, "torch was imported"
sys.exit(code)
"""


@pytest.mark.parametrize(
    ("group", "plural"),
    [("job", "jobs"), ("method", "methods"), ("baseline", "baselines"), ("organism", "organisms")],
)
def test_every_file_is_listed_with_its_summary(assay_command: Command, group: str, plural: str) -> None:
    """Each entry on disk stands in the listing, with the first line of its docstring."""
    ended = assay_command("list", plural, "--json")
    listed = {row["name"]: row["summary"] for row in json.loads(ended.out)}
    assert ended.code == 0
    assert listed == {entry.key: entry.summary for entry in entries(group)}
    assert all(listed.values())
    shown = assay_command("list", plural).out
    assert all(name in shown for name in listed)


@pytest.mark.parametrize("group", ["method", "baseline"])
def test_what_is_read_from_the_file_is_what_the_entry_says(assay_command: Command, group: str) -> None:
    """Job, kind and access, read without importing, are those of the imported entry."""
    listed = {row["name"]: row for row in json.loads(assay_command("list", f"{group}s", "--json").out)}
    for entry in entries(group):
        method = entry.load()
        assert isinstance(method, Method)
        row = listed[entry.key]
        assert (row["job"], row["kind"], row["access"]) == (method.job, method.kind, method.access.value)


def test_a_listing_can_be_narrowed_to_a_job(assay_command: Command) -> None:
    """Entries for any job are listed with those of the job; an unknown job is named with its neighbours."""
    listed = json.loads(assay_command("list", "baselines", "--job", "monitor", "--json").out)
    assert {"chance", "bag_of_tokens"} <= {row["name"] for row in listed}
    ended = assay_command("list", "methods", "--job", "monitr")
    assert ended.code == 2
    assert "did you mean monitor, edit?" in ended.sentence


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["list", "methods"]])
def test_help_and_listings_do_not_load_torch(arguments: list[str]) -> None:
    """Torch takes seconds to import; a user who asks what there is should not wait for it."""
    ended = subprocess.run(
        [sys.executable, "-c", LIGHT, *arguments], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout
