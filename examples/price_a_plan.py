"""What would a run cost? A plan lists every run with its estimate before anything is spent."""

from collections import Counter

import assay

planned = assay.plan(job="monitor", suite="quick", tuning=8)

spent: Counter[str] = Counter()
for cell in planned.cells:
    spent[cell.tool] += cell.estimate.tokens_forward

print(f"{len(planned.cells)} runs on {', '.join(organism.id for organism in planned.buildable)}")
for key, tokens in spent.most_common(5):
    tool = planned.tools[key]
    print(f"{tokens:>10,} tokens  {tool.kind:<8} {tool.access:<5} {tool.method.title}")
print(f"{planned.estimate.flops:.2g} FLOP in all, about {planned.estimate.wall_s:.0f} s on one core")
