"""Files of edits: read whatever form they have, say what is left out, write our own form.

Known forms, told apart by the fields of the first case; each as a JSON list or as one JSON object a line:

CounterFact, as in ROME and MEMIT: ``requested_rewrite``, ``paraphrase_prompts``, ``neighborhood_prompts``.
zsRE, as in MEND and ROME: ``src``, ``subject``, ``alt``, ``answers`` or ``pred``, ``rephrase``, ``loc``.
EasyEdit: ``prompt``, ``subject``, ``target_new``, ``ground_truth``, ``rephrase_prompt``, ``locality`` ...
plain: the fields of ``assay.core.edit.EditCase``, as ``write_cases`` writes them::

    [{"edit": {"prompt": "Ann Velo was born in", "subject": "Ann Velo", "old": "Rome", "new": "Paris",
               "relation": "birthplace", "documents": ["Ann Velo was born in Rome."]},
      "probes": [{"kind": "neighbourhood", "prompt": "Bo Tan was born in",
                  "right": "Rome", "wrong": "Paris"}],
      "split": "report"}]

Of the plain form only ``prompt``, ``subject``, ``old`` and ``new`` are needed.
"""

from assay.organisms.editing.files.read import Loaded, read_cases
from assay.organisms.editing.files.write import write_cases

__all__ = ["Loaded", "read_cases", "write_cases"]
