"""Put the headline rows of a run into the README: ``python tools/readme_table.py runs/quick``."""

import math
import sys
from pathlib import Path

import assay
from assay.results.rows import Comparison, Row, Table

README = Path(__file__).parents[1] / "README.md"
START, END = "<!-- table -->", "<!-- /table -->"


def markdown(table: Table) -> str:
    """The pooled AUROC of every entry, its difference to the best plain baseline, and its price."""
    against = {c.method: c for c in table.comparisons if _headline(c) and c.against_kind == "baseline"}
    rows = [row for row in table.rows if _headline(row)]
    names = ", ".join(f"`{card.recipe}`" for card in table.organisms)
    lines = [
        f"Mean over {len(table.organisms)} organisms ({names}), 95% intervals.",
        "`@twin` is the same tool on the clean twin, where it should stand at chance.",
        "",
        "| entry | kind | access | AUROC before the defection | against the best baseline | GFLOP of a run |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join([*lines, *(_line(row, against.get(row.method)) for row in rows)])


def _headline(item: Row | Comparison) -> bool:
    return item.organism == "all" and item.metric == "auroc"


def _line(row: Row, rival: Comparison | None) -> str:
    said = ""
    if rival is not None and not math.isnan(rival.difference):
        said = f"{rival.difference:+.3f} [{rival.low:+.3f}, {rival.high:+.3f}], {rival.verdict}"
    flops = sum(stage["flops"] for stage in row.cost.values()) / 1e9
    score = f"{row.estimate:.3f} [{row.low:.3f}, {row.high:.3f}]"
    return f"| `{row.method}` | {row.kind} | {row.access} | {score} | {said} | {flops:,.0f} |"


def main(folder: Path) -> None:
    """Replace what stands between the markers."""
    text = README.read_text(encoding="utf-8")
    head, rest = text.split(START)
    tail = rest.split(END)[1] if END in rest else rest
    made = markdown(assay.table(folder))
    README.write_text(f"{head}{START}\n{made}\n{END}{tail}", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
