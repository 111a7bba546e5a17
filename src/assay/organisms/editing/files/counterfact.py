"""CounterFact, as the evaluation code of ROME and MEMIT reads it (github.com/kmeng01/rome)."""

from assay.core.edit import Edit, Probe
from assay.organisms.editing.files.draft import Draft, plain_document
from assay.organisms.reading.fields import Record, Unusable, text, texts

KNOWN_BY = ("requested_rewrite",)


def read_counterfact(record: Record) -> Draft:
    """One CounterFact record.

    ``prompt`` has ``{}`` where the subject goes. Neighbours keep ``target_true``. Generation prompts are left
    out: they are openings for free text, and no word is their answer.

    Raises:
        Unusable: a field is missing or empty, or the prompt has no place for the subject.
    """
    subject = text(record, "requested_rewrite", "subject")
    frame = text(record, "requested_rewrite", "prompt")
    old = text(record, "requested_rewrite", "target_true", "str")
    new = text(record, "requested_rewrite", "target_new", "str")
    rewrite = record["requested_rewrite"]
    relation = rewrite.get("relation_id", "") if isinstance(rewrite, dict) else ""
    if "{}" not in frame and subject not in frame:
        raise Unusable(f"the prompt '{frame}' has no '{{}}' for the subject '{subject}'")
    prompt = frame.replace("{}", subject)
    return Draft(
        Edit(prompt, subject, old, new, str(relation), plain_document(prompt, old)),
        (
            Probe("efficacy", prompt, new, old),
            *(Probe("paraphrase", other, new, old) for other in texts(record, "paraphrase_prompts")),
            *(Probe("neighbourhood", other, old, new) for other in texts(record, "neighborhood_prompts")),
        ),
    )
