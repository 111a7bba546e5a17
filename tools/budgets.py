"""Size budgets: fails where a file, a function or a parameter list has grown beyond what a reader can hold.

Run as ``python tools/budgets.py [ROOT]``. Docstrings do not count, ``self`` and ``cls`` neither.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

MOST_FILE_LINES, AIM_FILE_LINES = 400, 130
MOST_FUNCTION_LINES, MOST_MEDIAN_FUNCTION_LINES, AIM_FUNCTION_LINES = 60, 30, 8
MOST_PARAMETERS = 7
LEAST_TEST_SHARE = 0.8
FOLDERS = ("src", "tests", "examples", "tools", "benchmarks")


@dataclass(frozen=True)
class Function:
    """One function as it counts against the budgets."""

    place: str
    lines: int
    parameters: int


def functions(file: Path, name: str) -> Iterator[Function]:
    """List the functions and methods of a file, nested ones included."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Function(f"{name}:{node.lineno} {node.name}", _lines(node), _parameters(node))


def violations(root: Path) -> list[str]:
    """Say what is over budget below ``root``, one line each."""
    found: list[str] = []
    for folder in FOLDERS:
        for file in sorted((root / folder).rglob("*.py")):
            name = str(file.relative_to(root))
            length = len(file.read_text(encoding="utf-8").splitlines())
            if length > MOST_FILE_LINES:
                found.append(f"{name}: {length} lines, {MOST_FILE_LINES} allowed")
            for function in functions(file, name):
                if function.lines > MOST_FUNCTION_LINES:
                    found.append(f"{function.place}: {function.lines} lines, {MOST_FUNCTION_LINES} allowed")
                # a test's parameters are the fixtures it reads
                if function.parameters > MOST_PARAMETERS and folder != "tests":
                    found.append(
                        f"{function.place}: {function.parameters} parameters, {MOST_PARAMETERS} allowed"
                    )
    typical = median(f.lines for file in _sources(root) for f in functions(file, ""))
    if typical >= MOST_MEDIAN_FUNCTION_LINES:
        found.append(
            f"the median function has {typical} lines, fewer than {MOST_MEDIAN_FUNCTION_LINES} are allowed"
        )
    return found


def summary(root: Path) -> str:
    """The medians beside what they should be, and how much test there is for each line of source."""
    sources, tests = _sources(root), sorted((root / "tests").rglob("*.py"))
    lengths = [len(file.read_text(encoding="utf-8").splitlines()) for file in sources]
    typical = median(f.lines for file in sources for f in functions(file, ""))
    share = sum(len(file.read_text(encoding="utf-8").splitlines()) for file in tests) / sum(lengths)
    warning = f"  WARNING: {LEAST_TEST_SHARE} is the aim" if share < LEAST_TEST_SHARE else ""
    return (
        f"{len(sources)} source files, {sum(lengths)} lines, longest {max(lengths)}\n"
        f"median file {median(lengths):g} lines (aim {AIM_FILE_LINES})\n"
        f"median function {typical:g} lines (aim {AIM_FUNCTION_LINES})\n"
        f"tests / source {share:.2f}{warning}"
    )


def _sources(root: Path) -> list[Path]:
    return sorted((root / "src").rglob("*.py"))


def _lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    total = (node.end_lineno or node.lineno) - node.lineno + 1
    if ast.get_docstring(node, clean=False) is None:
        return total
    docstring = node.body[0]
    return total - ((docstring.end_lineno or docstring.lineno) - docstring.lineno + 1)


def _parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    named = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    return len(named) - (named[:1] in (["self"], ["cls"]))


def main(root: Path) -> int:
    """Print the summary and what is over budget; 1 if anything is."""
    found = violations(root)
    print(summary(root))
    print("\n".join(f"over budget: {line}" for line in found) or "all within budget")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1]))
