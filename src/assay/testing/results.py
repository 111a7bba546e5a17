"""What a contract check reports."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from assay.core.errors import NotApplicable


@dataclass(frozen=True)
class CheckResult:
    """One line of a contract report."""

    name: str
    passed: bool
    reason: str = ""
    """Why it failed; for a passed line, empty or why it could not be checked."""


class Broken(Exception):
    """A check found its promise broken; the text says how."""


def run_checks(checks: Iterable[tuple[str, Callable[[], str]]]) -> list[CheckResult]:
    """Run every check, whatever the others do; an error inside one is its failure, a refusal is a note.

    A check returns a note (usually empty) where it holds, and raises where it does not.

    >>> run_checks([("sums", lambda: ""), ("fails", lambda: str(1 / 0))])[1]
    CheckResult(name='fails', passed=False, reason='ZeroDivisionError: division by zero')
    """
    results: list[CheckResult] = []
    for name, check in checks:
        try:
            results.append(CheckResult(name, True, check()))
        except Broken as error:
            results.append(CheckResult(name, False, str(error)))
        except NotApplicable as error:
            results.append(CheckResult(name, True, f"not checked, the entry declined: {error}"))
        except Exception as error:
            results.append(CheckResult(name, False, f"{type(error).__name__}: {error}"))
    return results


def failures(results: Iterable[CheckResult]) -> list[CheckResult]:
    """The lines that did not pass."""
    return [result for result in results if not result.passed]
