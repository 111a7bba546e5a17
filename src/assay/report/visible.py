"""Makes text from models and strangers harmless before it reaches a page, a script block or a terminal."""

import json
import math
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from assay.core.seed import fingerprint

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that a reader cannot see or that change how neighbours look (bidi, zero width, tags)."""

_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@+-]{0,79}")
_DEVICES = frozenset({"con", "prn", "aux", "nul", "index"})


def visible(text: str, *, lines: bool = False) -> str:
    r"""Show each control or invisible character as a symbol; ``lines`` keeps line breaks and tabs.

    A terminal escape cannot act, and a right-to-left override cannot reorder what a reader sees.

    >>> visible("\x1b[31mred\u202e")
    '␛[31mred‹U+202E›'
    """
    kept = "\n\t" if lines else ""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c in kept or c == " " else _symbol(c) for c in text)


def script_json(value: Any) -> str:
    r"""Write JSON that may stand inside a ``<script>`` block: nothing in it can end or open one.

    Numbers that JSON cannot hold become ``null``.

    >>> script_json({"a": "</script>", "b": float("nan")})
    '{"a":"\\u003c/script\\u003e","b":null}'
    """
    text = json.dumps(_finite(value), ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def file_stem(key: str) -> str:
    """Turn a stranger's key into a file name without path, blank or markup; keys that differ stay different.

    >>> file_stem("mean_difference@twin")
    'mean_difference@twin'
    >>> file_stem("../../etc/passwd").startswith("etc-passwd-")
    True
    """
    if _SAFE_NAME.fullmatch(key) and not key.endswith(".") and key.lower() not in _DEVICES:
        return key
    cleaned = re.sub(r"[^A-Za-z0-9_]+", "-", key).strip("-")[:60]
    # surrogates cannot be hashed as UTF-8, so the fingerprint is taken of an ASCII spelling
    return f"{cleaned or 'entry'}-{fingerprint(ascii(key))}"


def _symbol(character: str) -> str:
    """Return a printable character as it is, otherwise a picture or the code point in angle quotes."""
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    if unicodedata.category(character) in _HIDDEN:
        return f"‹U+{code:04X}›"
    return character


def _finite(value: Any) -> Any:
    """Replace what JSON cannot hold, all the way down."""
    if isinstance(value, Mapping):
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
