"""String literals of SOQL: quotes and backslash escapes, and the patterns of LIKE."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

_ESCAPE: Final = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))|([^\\])", re.DOTALL)
_CONTROLS: Final = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_THEMSELVES: Final = frozenset("\"'\\")
_LAST_OF_THEIR_KIND: Final = "\ud7ff\U0010ffff"  # behind them is no other character
_WILDCARDS: Final = frozenset("_%")  # escaped only where they are wildcards
_ANY: Final = "any characters"  # in a pattern that is taken apart, where all else is one character
_ONE: Final = "one character"


class BadEscapeError(ValueError):
    """A backslash in front of something that SOQL does not escape."""


def _characters(literal: str, *, is_pattern: bool = False) -> Iterator[tuple[str, bool]]:
    """Yield each character that *literal* means, and whether it was escaped."""
    themselves = _THEMSELVES | _WILDCARDS if is_pattern else _THEMSELVES
    body = literal[1:-1]
    position = 0
    while position < len(body):
        match = _ESCAPE.match(body, position)
        if match is None:
            raise BadEscapeError(body[position:])
        code, escaped, plain = match.groups()
        if code is not None:
            yield chr(int(code, 16)), True
        elif plain is not None:
            yield plain, False
        elif escaped.lower() in _CONTROLS:
            yield _CONTROLS[escaped.lower()], True
        elif escaped in themselves:
            yield escaped, True
        else:
            raise BadEscapeError(f"\\{escaped}")
        position = match.end()


def string_value(literal: str) -> str:
    """Return the text that a quoted *literal* stands for. Raises BadEscapeError."""
    text = "".join(character for character, _ in _characters(literal))
    # Characters beyond the first plane are written as two \u escapes.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def is_like(pattern: str, text: str | None) -> bool | None:
    """Do what SQLite's LIKE does, also in a text that has a NUL, at which that stops."""
    if text is None:
        return None
    wanted = _parts(pattern)
    here = there = 0  # how far it is in what is wanted, and in the text
    behind: int | None = None  # the last % in what is wanted
    tried = 0  # up to here the text is that %
    while there < len(text):
        part = wanted[here] if here < len(wanted) else None
        if part == _ANY:
            here += 1
            behind, tried = here, there
        elif part in {_ONE, text[there]}:
            here += 1
            there += 1
        elif behind is not None:  # one more character is the last %; those before it need no other
            tried += 1
            here, there = behind, tried
        else:
            return False
    return all(part == _ANY for part in wanted[here:])


def pattern_range(pattern: str) -> tuple[str, str] | None:
    """Return between what a text must be, the end excluded, to begin as a LIKE *pattern* does.

    None if the pattern begins with a wildcard.
    """
    begins = re.match(r"(?:\\.|[^%_\\])*", pattern, re.DOTALL)
    prefix = re.sub(r"\\(.)", r"\1", begins[0] if begins else "", flags=re.DOTALL)
    if not prefix or prefix[-1] in _LAST_OF_THEIR_KIND:
        return None
    return prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1)


@lru_cache(maxsize=32)
def _parts(pattern: str) -> tuple[str, ...]:
    """Take a pattern of LIKE apart: into characters, and ``_ONE`` and ``_ANY`` of them."""
    parts = re.findall(r"\\(.)|([%_])|(.)", pattern, re.DOTALL)
    wildcards = {"%": _ANY, "_": _ONE}
    return tuple(wildcards.get(wildcard) or escaped or plain for escaped, wildcard, plain in parts)


def like_pattern(literal: str) -> str:
    """Return a pattern for SQLite's LIKE with a backslash as escape. Raises BadEscapeError."""
    pattern = ""
    for character, escaped in _characters(literal, is_pattern=True):
        if character == "\\" or (escaped and character in "%_"):
            pattern += "\\"
        pattern += character
    return pattern.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
