"""Each method against the best plain baseline and against its best placebo, on the same resamples."""

from collections.abc import Iterable, Mapping, Sequence

from assay.metrics.bootstrap import Interval, pooled, within
from assay.metrics.spec import MetricSpec, Panel
from assay.results.catalogue import Listing
from assay.results.cells import TWIN, Cell, Cells, Value
from assay.results.rows import Comparison, Rival, Verdict


def comparisons(
    panel: Panel, cells: Cells, listed: Mapping[str, Listing], organisms: Sequence[str]
) -> list[Comparison]:
    """Compare every entry of kind ``method`` with its two rivals, for each organism and for all.

    Metrics that only stand behind a drawing are not compared: nobody would read hundreds of verdicts on them.
    The rival is the baseline (the placebo) with the best estimate *on the report cases* in the same scope.
    Choosing it after the fact favours the rival, so a win is harder to get than against a rival named in
    advance. Placebos of a method are its own runs on the clean twin, and every placebo that names it or names
    none. Verdicts hold for one comparison at a time; they are not corrected for the number of comparisons.
    """
    methods = sorted({label for (label, _), cell in cells.items() if cell.kind == "method"})
    baselines = sorted({label for (label, _), cell in cells.items() if cell.kind == "baseline"})
    placebos = sorted({label for (label, _), cell in cells.items() if cell.kind == "placebo"})
    scopes: list[tuple[str, Sequence[str]]] = [("all", organisms), *((o, (o,)) for o in organisms)]
    found: list[Comparison | None] = []
    for spec in (spec for spec in panel.specs if not spec.drawn_only):
        for scope, members in scopes:
            for method in methods:
                own = [p for p in placebos if _stands_for(p, method, listed) and not _unaffected(spec, p)]
                sides: tuple[tuple[Rival, list[str]], ...] = (("baseline", baselines), ("placebo", own))
                for against_kind, rivals in sides:
                    pairs = _best(cells, spec, method, rivals, members)
                    found.append(_comparison(panel.job, scope, spec, against_kind, pairs))
    return [comparison for comparison in found if comparison is not None]


def compare(
    job: str, spec: MetricSpec, label: str, rivals: Iterable[str], cells: Cells, organisms: Sequence[str]
) -> Comparison | None:
    """One entry against the best of some rivals over all organisms; None if they share none."""
    return _comparison(job, "all", spec, "placebo", _best(cells, spec, label, rivals, organisms))


def _unaffected(spec: MetricSpec, placebo: str) -> bool:
    return placebo in spec.unaffected_by or (TWIN in spec.unaffected_by and placebo.endswith(TWIN))


def _stands_for(placebo: str, method: str, listed: Mapping[str, Listing]) -> bool:
    if placebo.endswith(TWIN):
        return placebo == method + TWIN
    names = listed[placebo].placebo_for if placebo in listed else ()
    return not names or method in names


Pairs = Sequence[tuple[Cell, Cell]]
"""(method, rival) on each organism where both have the metric."""


def _best(
    cells: Cells, spec: MetricSpec, method: str, rivals: Iterable[str], organisms: Sequence[str]
) -> Pairs:
    """Pair the method with its best rival: most shared organisms first, then the better mean estimate."""
    best: tuple[tuple[int, float], Pairs] | None = None
    for rival in rivals:
        pairs = [
            (cells[method, o], cells[rival, o])
            for o in organisms
            if all((name, o) in cells and spec.key in cells[name, o].values for name in (method, rival))
        ]
        if not pairs:
            continue
        mean = sum(other.values[spec.key].estimate for _, other in pairs) / len(pairs)
        rank = (len(pairs), mean if spec.better == "higher" else -mean)
        if best is None or rank > best[0]:
            best = (rank, pairs)
    return best[1] if best else ()


def _comparison(
    job: str, scope: str, spec: MetricSpec, against_kind: Rival, pairs: Pairs
) -> Comparison | None:
    if not pairs:
        return None
    width = spec.bounds[1] - spec.bounds[0]
    parts = [_difference(spec, m.values[spec.key], r.values[spec.key]) for m, r in pairs]
    whole = pooled(parts, (-width, width)) if scope == "all" else parts[0]
    return Comparison(
        job=job,
        organism=scope,
        method=pairs[0][0].label,
        metric=spec.key,
        against=pairs[0][1].label,
        against_kind=against_kind,
        difference=whole.estimate,
        low=whole.low,
        high=whole.high,
        n=sum(m.values[spec.key].n for m, _ in pairs),
        clusters=whole.clusters,
        mde=whole.detectable,
        verdict=_verdict(whole),
    )


def _difference(spec: MetricSpec, method: Value, rival: Value) -> Interval:
    """Paired difference on one organism, positive where the method is better."""
    sign = 1.0 if spec.better == "higher" else -1.0
    width = spec.bounds[1] - spec.bounds[0]
    draws = sign * (method.draws - rival.draws)
    clusters = min(method.clusters, rival.clusters)
    return within(sign * (method.estimate - rival.estimate), draws, clusters, (-width, width))


def _verdict(interval: Interval) -> Verdict:
    if interval.low > 0:
        return "wins"
    return "loses" if interval.high < 0 else "no winner"
