"""Record ids: a key prefix, a number in base 62, and a suffix that makes the case redundant."""

from __future__ import annotations

import re
import string
from typing import Final

_DIGITS: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_SUFFIX: Final = string.ascii_uppercase + "012345"
_POD: Final = "Lo0"
_SHAPE: Final = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?")


def checksum(short: str) -> str:
    """Return the three characters that tell which of the 15 before them are upper case."""
    suffix = ""
    for start in (0, 5, 10):
        bits = sum(
            1 << index for index, char in enumerate(short[start : start + 5]) if "A" <= char <= "Z"
        )
        suffix += _SUFFIX[bits]
    return suffix


def make_id(key_prefix: str, number: int) -> str:
    """Return the 18 character id of the record with this *number* under *key_prefix*."""
    digits = ""
    while number:
        number, digit = divmod(number, 62)
        digits = _DIGITS[digit] + digits
    short = key_prefix + _POD + digits.rjust(9, "0")
    return short + checksum(short)


def looks_like_id(text: str) -> bool:
    return _SHAPE.fullmatch(text) is not None


def long_id(text: str) -> str | None:
    """Return the 18 character form of an id, or None if *text* is not one.

    The suffix of the long form exists so that the case of the rest may get lost on the way: where
    all of it is in one case, the other is restored. Where it is not, the suffix must agree.
    """
    if not looks_like_id(text):
        return None
    if len(text) == 15:
        return text + checksum(text)
    short, suffix = text[:15], text[15:].upper()
    restored = ""
    for index, char in enumerate(short):
        bits = _SUFFIX.find(suffix[index // 5])
        if bits < 0:
            return None
        restored += char.upper() if bits >> index % 5 & 1 else char.lower()
    if restored != short and short not in {short.lower(), short.upper()}:
        return None
    return restored + suffix if checksum(restored) == suffix else None
