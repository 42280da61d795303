"""What users pass to the org in Python, checked: the error names *what* it is and what it may be.

A wrong type is a TypeError, a value that is not allowed a ValueError.
"""

from __future__ import annotations

import errno
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson

_HEADER_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e]*")
_FRAMING: Final = frozenset(
    {"connection", "content-encoding", "content-length", "transfer-encoding"}
)


def text(what: str, value: Any) -> str:
    if not isinstance(value, str):
        message = f"{what} must be text (str), not {type(value).__name__}"
        raise TypeError(message)
    return value


def boolean(what: str, value: Any) -> bool:
    if not isinstance(value, bool):
        message = f"{what} must be True or False, not {type(value).__name__}"
        raise TypeError(message)
    return value


def host(what: str, value: Any) -> str:
    if not text(what, value):
        message = f"{what} must not be empty; leave it out for 127.0.0.1"
        raise ValueError(message)
    try:
        value.encode("idna")
    except UnicodeError:
        understood = False
    else:
        understood = value.isprintable()
    if not understood:
        message = f"{what} must be a name or an address of this machine, not {value!r}"
        raise ValueError(message)
    return str(value)


def whole_number(what: str, value: Any, lowest: int, highest: int | None = None) -> int:
    wanted = f"from {lowest} to {highest}" if highest is not None else f"of at least {lowest}"
    if isinstance(value, bool) or not isinstance(value, int):
        message = f"{what} must be a whole number (int) {wanted}, not {type(value).__name__}"
        raise TypeError(message)
    if value < lowest or (highest is not None and value > highest):
        message = f"{what} must be a whole number {wanted}, not {value}"
        raise ValueError(message)
    return value


def path(what: str, value: Any) -> Path:
    if not isinstance(value, str | Path):
        message = f"{what} must be a str or a Path, not {type(value).__name__}"
        raise TypeError(message)
    return Path(value)


def read_file(what: str, file: Path, hint: str = "") -> bytes:
    """Read *file*; the error says what it is and, as a *hint*, what to do.

    Only files and folders are opened: what else there is, such as a pipe, may never end.
    """
    try:
        mode = file.stat().st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        return file.read_bytes()
    except OSError as error:
        raise unreadable(what, file, error, hint) from error
    except ValueError as error:  # with a NUL it is the name of no file
        message = f"the {what} {str(file)!r} cannot be read: {error}"
        raise ValueError(message) from error


def unreadable(what: str, place: str | Path, error: OSError, hint: str = "") -> OSError:
    return retold(error, f"the {what} {str(place)!r} cannot be read: {error.strerror}{hint}")


def retold(error: OSError, message: str) -> OSError:
    """Return *error* as a sentence: of the same type, with the same number."""
    told = type(error)(message)
    told.errno = error.errno
    return told


def json_value(what: str, value: Any) -> Any:
    """Check what is to be sent: bytes as they are, all else as JSON."""
    if not isinstance(value, bytes):
        try:
            orjson.dumps(value)
        except TypeError as error:
            message = f"{what} must be a JSON value, text (str) or bytes: {error}"
            raise TypeError(message) from None
    return value


def answer_headers(headers: Any) -> dict[str, str]:
    """Return the headers of a scripted answer, names in lower case."""
    if not isinstance(headers, Mapping):
        message = f"the headers of an answer must be a dict, not {type(headers).__name__}"
        raise TypeError(message)
    checked: dict[str, str] = {}
    for name, value in headers.items():
        text("the name of a header", name)
        text(f"the value of the header {name!r}", value)
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            message = f"the header {name!r} holds characters that a header cannot carry"
            raise ValueError(message)
        if name.lower() in _FRAMING:
            message = f"the header {name} is set by the local org, from the body; leave it out"
            raise ValueError(message)
        checked[name.lower()] = value
    return checked
