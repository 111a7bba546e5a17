"""MMLU as CSV: question, four options, key (Hendrycks et al., arXiv 2009.03300)."""

import csv
import io
from collections.abc import Sequence

from assay.core.errors import BadOption
from assay.core.exam import Question
from assay.organisms.reading.fields import Unusable
from assay.organisms.unlearning.files.asked import NoKey, thrice

LETTERS = "ABCD"
CELLS = 2 + len(LETTERS)


def rows_of(text: str, where: str) -> list[tuple[int, list[str]]]:
    """The rows of a CSV file with their numbers from 1, without empty rows and a line of names.

    Raises:
        BadOption: the text is no CSV, or its keys are numbers that do not count from 0.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        rows = [(number, [cell.strip() for cell in row]) for number, row in enumerate(reader, start=1)]
    except csv.Error as error:
        raise BadOption(f"{where}: not CSV (line {reader.line_num}: {error})") from error
    rows = [(number, row) for number, row in rows if any(row)]
    if not rows:
        raise BadOption(f"{where}: the file is empty")
    first = [cell.casefold() for cell in rows[0][1]]
    named = first[0] == "question" and first[-1] in ("answer", "key", "letter")
    keys = {row[-1] for _, row in rows if len(row) == CELLS}
    from_0 = "0" in keys or (named and first[1].endswith("0") and "4" not in keys)
    if keys & set("1234") and not from_0:  # counted from 1 every key would be wrong
        raise BadOption(
            f"{where}: the keys are numbers and none is 0, so that they may count from 1; give letters A to D"
        )
    return rows[1:] if named else rows


def read_row(row: Sequence[str]) -> tuple[Question, ...]:
    """The questions of one row.

    Raises:
        NoKey: the last cell names no option, or there is no such cell.
        Unusable: there are fewer or more cells, one is empty, or options are equal.
    """
    if len(row) == CELLS - 1:
        raise NoKey("it has no key: 5 cells, and the sixth should be the letter of the right option")
    if len(row) != CELLS:
        cells = f"{len(row)} cell{'s' * (len(row) != 1)}"
        raise Unusable(f"it has {cells}; question, A, B, C, D and the right letter make {CELLS}")
    words, *options, key = row
    for name, cell in zip(("question", *(f"option {letter}" for letter in LETTERS)), row, strict=False):
        if not cell:
            raise Unusable(f"its {name} is empty")
    return thrice(words, options, _right(key))


def _right(key: str) -> int:
    if len(key) == 1 and (place := LETTERS.find(key.upper())) >= 0:
        return place
    if key in ("0", "1", "2", "3"):
        return int(key)
    found = f"'{key}'" if key else "the last cell is empty and"
    raise NoKey(f"it has no key: {found} is none of A, B, C, D")
