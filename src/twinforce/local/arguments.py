"""What users pass to the org in Python, checked: the error names *what* it is and what it may be.

A wrong type is a TypeError, a value that is not allowed a ValueError.
"""

from __future__ import annotations

from typing import Any


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


def whole_number(what: str, value: Any, lowest: int, highest: int | None = None) -> int:
    wanted = f"from {lowest} to {highest}" if highest is not None else f"of at least {lowest}"
    if isinstance(value, bool) or not isinstance(value, int):
        message = f"{what} must be a whole number (int) {wanted}, not {type(value).__name__}"
        raise TypeError(message)
    if value < lowest or (highest is not None and value > highest):
        message = f"{what} must be a whole number {wanted}, not {value}"
        raise ValueError(message)
    return value
