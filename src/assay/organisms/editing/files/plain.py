"""The plain form: the fields of an edit case, under their own names."""

from typing import cast, get_args

from assay.core.edit import Edit, Probe, ProbeKind
from assay.organisms.editing.files.draft import Draft, plain_document
from assay.organisms.reading.fields import Record, Unusable, records, text, texts

KNOWN_BY = ("edit",)


def read_plain(record: Record) -> Draft:
    """One case of the plain form. Without documents or efficacy probe it gets those of its prompt.

    Raises:
        Unusable: a field is missing or empty, or a kind or split is not known.
    """
    found = record.get("edit")
    edit = _edit(cast(Record, found) if isinstance(found, dict) else {})
    probes = tuple(
        _probe(one, number) for number, one in enumerate(records(record.get("probes", [])), start=1)
    )
    if not any(probe.kind == "efficacy" for probe in probes):
        probes = (Probe("efficacy", edit.prompt, edit.new, edit.old), *probes)
    split = record.get("split")
    if split not in ("select", "report", None):
        raise Unusable(f"the split '{split}' is neither 'select' nor 'report'")
    return Draft(edit, probes, split)


def _edit(record: Record) -> Edit:
    prompt, subject, old, new = (text(record, key) for key in ("prompt", "subject", "old", "new"))
    relation = record.get("relation") or ""
    documents = tuple(texts(record, "documents")) or plain_document(prompt, old)
    if absent := [one for one in documents if subject not in one or old not in one]:
        raise Unusable(f"the document '{absent[0]}' does not hold both '{subject}' and '{old}'")
    return Edit(prompt, subject, old, new, str(relation), documents)


def _probe(record: Record, number: int) -> Probe:
    kinds = get_args(ProbeKind)
    try:
        kind, prompt, right, wrong = (text(record, key) for key in ("kind", "prompt", "right", "wrong"))
    except Unusable as reason:
        raise Unusable(f"probe {number}: {reason}") from None
    if kind not in kinds:
        raise Unusable(f"probe {number} is of the kind '{kind}'; known kinds: {', '.join(kinds)}")
    return Probe(cast(ProbeKind, kind), prompt, right, wrong)
