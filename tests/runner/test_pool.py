"""Workers: errors for people pass between processes whole, and no worker outlives its parent."""

import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from threadpoolctl import threadpool_info

from assay.core.errors import AssayError, BadOption, UnknownEntry
from assay.runner.options import Options
from assay.runner.pool import Pool

ROOT = Path(__file__).parents[2]
ASLEEP = """
import os, sys, time
from assay.runner.options import Options
from assay.runner.pool import Pool

def work(report):
    report(str(os.getpid()), 1.0)
    time.sleep(120)

if __name__ == "__main__":
    with Pool(Options(workers=1), lambda what, amount: print(what, flush=True)) as pool:
        pool.run_all(work, [()])
"""


@pytest.mark.parametrize("error", [BadOption("give 1"), UnknownEntry("method", "probee", ["probe"])])
def test_errors_pass_between_processes(error: AssayError) -> None:
    """An error keeps its kind and its sentence, whatever it was made from."""
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is type(error)
    assert str(back) == str(error)


def threads_of_each_library(report: object) -> dict[str, int]:
    """What the libraries for linear algebra in this process have been given."""
    return {info["prefix"]: info["num_threads"] for info in threadpool_info()}


def test_workers_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of two workers holds half of four cores, in every library; the parent's own settings come back."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4)))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    with Pool(Options(workers=2), lambda *_: None) as pool:
        found = pool.run_all(threads_of_each_library, [()])[0]
    assert any("blas" in library for library in found)
    assert set(found.values()) == {2}
    assert os.environ["OMP_NUM_THREADS"] == "1"
    assert "OPENBLAS_NUM_THREADS" not in os.environ


@pytest.mark.slow
def test_a_worker_ends_with_its_parent(tmp_path: Path) -> None:
    """After SIGKILL of the parent, its worker is gone within seconds."""
    script = tmp_path / "asleep.py"
    script.write_text(ASLEEP)
    command = [sys.executable, str(script)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    for _ in range(50):
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            return
        time.sleep(0.2)
    pytest.fail(f"worker {worker} outlived its parent")
