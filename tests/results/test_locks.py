"""Claims on a run, between processes and within one."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from assay.core.errors import CannotWrite
from assay.results.locks import claim

HOLDER = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    from assay.results.locks import claim
    with claim(Path(sys.argv[1])) as mine:
        print(mine, flush=True)
        time.sleep(60)
    """
)


def test_one_claim_at_a_time(tmp_path: Path) -> None:
    """A second claim should be told no at once, and get it when the first is done."""
    path = tmp_path / "run.lock"
    with claim(path) as first:
        with claim(path) as second:
            assert (first, second) == (True, False)
        with claim(path) as third:  # the refused claim must not have released the first
            assert not third
    with claim(path) as again:
        assert again


def test_claims_of_different_runs_are_independent(tmp_path: Path) -> None:
    """Two runs should be claimable side by side."""
    with claim(tmp_path / "a.lock") as first, claim(tmp_path / "b.lock") as second:
        assert first
        assert second


def test_released_when_the_holder_is_killed(tmp_path: Path) -> None:
    """Killing the holder with -9 should free the claim, with nothing to clean up."""
    path = tmp_path / "run.lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == "True"
        with claim(path) as mine:
            assert not mine
        holder.kill()
        holder.wait()
        with claim(path) as mine:
            assert mine


def test_released_when_the_block_fails(tmp_path: Path) -> None:
    """An error inside the block should pass through and free the claim."""
    with pytest.raises(RuntimeError, match="boom"), claim(tmp_path / "run.lock"):
        raise RuntimeError("boom")
    with claim(tmp_path / "run.lock") as mine:
        assert mine


def test_folder_that_is_gone_is_a_sentence(tmp_path: Path) -> None:
    """Without the folder the claim should fail with words, not with a bare OSError."""
    with pytest.raises(CannotWrite, match=r"cannot write .*run\.lock"), claim(tmp_path / "gone" / "run.lock"):
        pass
