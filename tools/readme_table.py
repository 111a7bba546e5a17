"""Put the headline rows of a run into the README: ``python tools/readme_table.py runs/quick``.

The rows stand between ``<!-- JOB -->`` and ``<!-- /JOB -->``, with the job of the run.
"""

import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import assay
from assay.results.rows import Comparison, Row, Table

README = Path(__file__).parents[1] / "README.md"
COLUMNS: Mapping[str, Mapping[str, str]] = {
    "monitor": {"auroc": "AUROC before the defection"},
    "enumerate": {
        "concepts_found": "concepts with a feature",
        "mean_f1": "F1 over concepts",
        "trigger_auroc": "AUROC of the trigger's feature",
        "trigger_rank": "features read until the trigger's",
        "defection_rank": "until the defection's",
    },
    "edit": {
        "few_score_said": "score, 10 edits",
        "single_efficacy_said": "efficacy, one edit",
        "single_paraphrase_said": "paraphrase",
        "single_neighbourhood_said": "neighbours",
        "single_same_subject_said": "same subject, other relation",
        "single_portability_said": "what follows",
        "many_score_said": "score, 100 edits",
    },
    "unlearn": {
        "robust": "robust unlearning",
        "left": "left of the book after the worst recovery",
        "kept": "kept of the rest",
        "none_self": "credit on the book, no recovery",
        "relearnt": "back by relearning, share",
        "kept_neighbour": "kept of neighbours",
    },
}
"""Job -> metric -> heading; entries are compared by the first."""


def markdown(table: Table, job: str) -> str:
    """The pooled scores of every entry, its difference to the best plain baseline, and its price."""
    columns, rows = (
        COLUMNS[job],
        {(r.method, r.metric): r for r in table.rows if (r.organism, r.job) == ("all", job)},
    )
    first = next(iter(columns))
    against = {
        c.method: c for c in table.comparisons
        if (c.organism, c.metric, c.against_kind) == ("all", first, "baseline")
    }  # fmt: skip
    names = ", ".join(f"`{card.recipe}`" for card in table.organisms)
    head = ("entry", "kind", "access", *columns.values(), "against the best baseline", "GFLOP of a run")
    lines = [
        f"Mean over {len(table.organisms)} organisms ({names}), 95% intervals.",
        *([f"`@twin` is the same tool on the twin. {twin}"] if (twin := table.meta["twin"][job]) else []),
        *(f"\n{reply.question} {reply.line}." for reply in table.replies),
        "",
        f"| {' | '.join(head)} |",
        f"|{'---|' * len(head)}",
    ]
    for method in dict.fromkeys(method for method, _ in rows):
        numbers = [rows[method, metric] for metric in columns]
        lines.append(_line(numbers, against.get(method)))
    return "\n".join(lines)


def _line(numbers: Sequence[Row], rival: Comparison | None) -> str:
    said, row = "", numbers[0]
    if rival is not None and not math.isnan(rival.difference):
        said = f"{rival.difference:+.3f} [{rival.low:+.3f}, {rival.high:+.3f}], {rival.verdict}"
    flops = sum(stage["flops"] for stage in row.cost.values()) / 1e9
    cells = [f"`{row.method}`", row.kind, row.access, *map(_number, numbers), said, f"{flops:,.0f}"]
    return f"| {' | '.join(cells)} |"


def _number(row: Row) -> str:
    if math.isnan(row.estimate):
        return row.status.replace("_", " ")
    digits = 0 if row.unit == "features" else 3
    return f"{row.estimate:.{digits}f} [{row.low:.{digits}f}, {row.high:.{digits}f}]"


def main(folder: Path) -> None:
    """Replace what stands between the markers of each job of the run."""
    table = assay.table(folder)
    for job in dict.fromkeys(row.job for row in table.rows):
        text = README.read_text(encoding="utf-8")
        start, end = f"<!-- {job} -->", f"<!-- /{job} -->"
        head, rest = text.split(start)
        tail = rest.split(end)[1]
        README.write_text(f"{head}{start}\n{markdown(table, job)}\n{end}{tail}", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
