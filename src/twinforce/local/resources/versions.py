"""The versions of the REST API that the org speaks."""

from __future__ import annotations

import re
from typing import Final

from .. import arguments

MIN_VERSION: Final = 34.0
MAX_VERSION: Final = 67.0

_SEGMENT: Final = re.compile(r"v(\d{2}\.0)", re.ASCII)
_SEASONS: Final = ("Summer", "Winter", "Spring")


def version_of(segment: str) -> str | None:
    """Return the version that a path segment such as ``v67.0`` names, if the org speaks it."""
    match = _SEGMENT.fullmatch(segment)
    if match is None or not MIN_VERSION <= float(match[1]) <= MAX_VERSION:
        return None
    return match[1]


def spoken_version(version: str) -> str:
    """Check the version that a client of the org is to use."""
    if version_of(f"v{arguments.text('version', version)}") is None:
        message = (
            f"version must be from {MIN_VERSION} to {MAX_VERSION}, which the local org speaks, "
            f"not {version!r}"
        )
        raise ValueError(message)
    return version


def versions() -> list[dict[str, str]]:
    """The answer of ``/services/data``, oldest first."""
    return [
        {
            "label": _label(number),
            "url": f"/services/data/v{number}.0",
            "version": f"{number}.0",
        }
        for number in range(int(MIN_VERSION), int(MAX_VERSION) + 1)
    ]


def _label(number: int) -> str:
    """Three releases a year, of which the winter one bears the next year's number."""
    since = number - 34
    year = 15 + (since + 2) // 3
    return f"{_SEASONS[since % 3]} '{year}"
