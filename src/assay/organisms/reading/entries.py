"""The text of a file and the entries of a JSON file; what cannot be read is refused in words for people."""

import json
from pathlib import Path
from typing import cast

from assay.core.errors import BadOption


def text_of(path: Path) -> str:
    """The text of a file.

    Raises:
        BadOption: there is no such file, it is no file, or it is not UTF-8.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise BadOption(f"{path}: no such file") from None
    except OSError as error:
        raise BadOption(f"{path}: cannot be read as text ({error.strerror})") from error
    return decoded(content, str(path))


def decoded(content: bytes, where: str) -> str:
    r"""Bytes as text, every end of line as ``\n``; a byte-order mark is dropped.

    Raises:
        BadOption: the bytes are not UTF-8.

    >>> decoded(b"one\r\ntwo", "a file")
    'one\ntwo'
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadOption(
            f"{where}: cannot be read as text: it is not UTF-8 (byte {error.start + 1}: {error.reason}); "
            "save it as UTF-8"
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def entries_of(text: str, where: str) -> list[object]:
    """The entries of a JSON list, or of one JSON object a line.

    Raises:
        BadOption: the text is empty, or neither of the two.

    >>> entries_of('[{"a": 1}]', "a file")
    [{'a': 1}]
    """
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        return _lines(text, where, str(error))
    return cast(list[object], found) if isinstance(found, list) else [found]


def _lines(text: str, where: str, whole: str) -> list[object]:
    found: list[object] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            found.append(json.loads(line))
        except (ValueError, RecursionError) as error:
            # a file whose very first line fails was not meant as lines
            why = f"line {number}: {error}" if found else whole
            raise BadOption(f"{where}: neither a JSON list nor one JSON object a line ({why})") from error
    if not found:
        raise BadOption(f"{where}: the file is empty")
    return found
