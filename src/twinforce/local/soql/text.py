"""String literals of SOQL: quotes and backslash escapes, and the patterns of LIKE."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_ESCAPE: Final = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))|([^\\])", re.DOTALL)
_CONTROLS: Final = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_THEMSELVES: Final = frozenset("\"'\\_%")


class BadEscapeError(ValueError):
    """A backslash in front of something that SOQL does not escape."""


def _characters(literal: str) -> Iterator[tuple[str, bool]]:
    """Yield each character that *literal* means, and whether it was escaped."""
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
        elif escaped in _THEMSELVES:
            yield escaped, True
        else:
            raise BadEscapeError(f"\\{escaped}")
        position = match.end()


def string_value(literal: str) -> str:
    """Return the text that a quoted *literal* stands for. Raises BadEscapeError."""
    text = "".join(character for character, _ in _characters(literal))
    # Characters beyond the first plane are written as two \u escapes.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def like_pattern(literal: str) -> str:
    """Return a pattern for SQLite's LIKE with a backslash as escape. Raises BadEscapeError."""
    pattern = ""
    for character, escaped in _characters(literal):
        if character == "\\" or (escaped and character in "%_"):
            pattern += "\\"
        pattern += character
    return pattern.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
