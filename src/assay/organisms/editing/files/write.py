"""Write cases in the plain form."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from assay.core.edit import EditCase
from assay.core.errors import CannotWrite


def write_cases(cases: Sequence[EditCase], path: Path) -> None:
    """Write cases to a JSON file that ``read_cases`` reads back as they were.

    Raises:
        CannotWrite: the file cannot be written.
    """
    try:
        path.write_text(
            json.dumps([asdict(case) for case in cases], indent=1, ensure_ascii=False) + "\n", "utf-8"
        )
    except OSError as error:
        raise CannotWrite(f"cannot write {path}: {error.strerror}") from error
