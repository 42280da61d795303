"""Reading JSON; what is wrong with it is said in the words of Salesforce's parser."""

from __future__ import annotations

import codecs
import json
import re
from typing import Any, Final

import orjson

from ..errors import ApiError

_LONGEST_EXPLAINED: Final = 2**20  # bytes: to say it in other words takes memory
_WORD: Final = re.compile(r"\w{1,256}")
_ESCAPE_OR_DELIMITER: Final = re.compile(r'\\.|["{}\[\]]', re.DOTALL)
_VALUE: Final = "expected a valid value (number, String, array, object, 'true', 'false' or 'null')"
_EXPECTED: Final = {
    "Expecting property name enclosed in double quotes": (
        "was expecting double-quote to start field name"
    ),
    "Expecting ':' delimiter": "was expecting a colon to separate field name and value",
    "Expecting ',' delimiter": "was expecting comma to separate {context} entries",
    "Expecting value": _VALUE,
    "Illegal trailing comma before end of object": "was expecting double-quote to start field name",
    "Illegal trailing comma before end of array": _VALUE,
    "Extra data": "expected the end of the input",
}


def parse_json(body: bytes) -> Any:
    """Return the value that *body* is, which may begin with the byte order mark of UTF-8.

    Raises ApiError, with the place where it goes wrong.
    """
    body = body.removeprefix(codecs.BOM_UTF8)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        reason, line, column = _wrong(body) or (error.msg, error.lineno, error.colno)
    raise ApiError("JSON_PARSER_ERROR", f"{reason} at [line:{line}, column:{column}]")


def _wrong(body: bytes) -> tuple[str, int, int] | None:
    """Say what is wrong and where; None if only the quicker parser sees it, or *body* is long."""
    if len(body) > _LONGEST_EXPLAINED:
        return None
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        before = body[: error.start].decode("utf-8", "replace")
        return f"Invalid UTF-8 start byte 0x{body[error.start]:x}", *_place(before, len(before))
    try:
        json.loads(text, parse_int=float)  # however many digits there are, float reads them
    except json.JSONDecodeError as error:
        return _in_other_words(text, error)
    except RecursionError:
        return None
    return None


def _in_other_words(text: str, error: json.JSONDecodeError) -> tuple[str, int, int]:
    position = error.pos
    if error.msg.startswith("Illegal trailing comma"):
        position += 1
    while position < len(text) and text[position].isspace() and error.msg in _EXPECTED:
        position += 1
    context = _innermost(text[:position])
    if error.msg == "Unterminated string starting at":
        reason = "Unexpected end-of-input: was expecting closing quote for a string value"
        return reason, *_place(text, len(text))
    if position >= len(text):
        reason = f"Unexpected end-of-input: expected close marker for {context}"
        return reason, *_place(text, len(text))
    char = text[position]
    if error.msg == "Invalid control character at":
        reason = (
            f"Illegal unquoted character ((CTRL-CHAR, code {ord(char)})): has to be escaped "
            "using backslash to be included in string value"
        )
    elif error.msg == "Expecting value" and (word := _WORD.match(text, position)):
        reason = f"Unrecognized token '{word[0]}': was expecting 'null', 'true', 'false' or NaN"
    elif error.msg in _EXPECTED:
        expected = _EXPECTED[error.msg].replace("{context}", context)
        reason = f"Unexpected character ('{char}' (code {ord(char)})): {expected}"
    else:
        reason = f"Unrecognized character escape '{text[position : position + 2]}'"
    # The parser has read the character already when it finds it wrong.
    return reason, *_place(text, position + 1)


def _innermost(text: str) -> str:
    """Return what is still open at the end of *text*."""
    open_ones: list[str] = []
    in_string = False
    for match in _ESCAPE_OR_DELIMITER.finditer(text):
        found = match[0]
        if found == '"':
            in_string = not in_string
        elif in_string:
            continue
        elif found in "{[":
            open_ones.append("OBJECT" if found == "{" else "ARRAY")
        elif found in "}]" and open_ones:
            open_ones.pop()
    return open_ones[-1] if open_ones else "ROOT"


def _place(text: str, position: int) -> tuple[int, int]:
    before = text[:position]
    return before.count("\n") + 1, position - before.rfind("\n")
