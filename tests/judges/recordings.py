"""Reads what real orgs answered: the recordings that the tests of CumulusCI come with.

CumulusCI is a tool of Salesforce.org's for building on Salesforce; its wheel ships its tests, and
with them the exchanges that they recorded, as YAML.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import attrs
import yaml

WHEEL: Final = "TWINFORCE_RECORDINGS"  # the environment variable that names the wheel's file

_FOLDERS: Final = ("/cassettes/", "/shared_cassettes/")
_MADE_UP: Final = ("uncompressed_cassette", "GET_sobjects_Custom__c_describe", "ManualEdit")


@attrs.frozen
class Exchange:
    """A request to an org, and what it answered; *path* is behind ``/services/data/vXX.X/``."""

    source: str
    method: str
    path: str
    sent: str | None
    status: int
    body: Any

    @property
    def resource(self) -> str:
        return self.path.partition("?")[0].strip("/")


@cache
def exchanges() -> tuple[Exchange, ...]:
    """All recorded exchanges with the REST API, but for those that were written by hand."""
    with zipfile.ZipFile(Path(os.environ[WHEEL])) as wheel:
        return tuple(
            exchange
            for name in sorted(wheel.namelist())
            if name.endswith(".yaml") and any(folder in name for folder in _FOLDERS)
            for exchange in _read(Path(name).name, wheel.read(name).decode())
            if not name.rpartition("/")[2].startswith(_MADE_UP)
        )


def _read(source: str, text: str) -> Iterator[Exchange]:
    cassette = yaml.safe_load(text)
    for recorded in cassette.get("interactions", [cassette]):
        if "include_file" in recorded:
            continue  # the file that it names is read by itself
        request, response = recorded["request"], recorded["response"]
        url = urlsplit(request["uri"])
        _, found, rest = url.path.partition("/services/data/")
        if not found:
            continue
        path = rest.partition("/")[2] + (f"?{url.query}" if url.query else "")
        body = response["body"].get("string")
        yield Exchange(
            source,
            request["method"],
            path,
            request["body"],
            response["status"]["code"],
            _json(body),
        )


def _json(body: Any) -> Any:
    try:
        return json.loads(body)
    except (TypeError, ValueError):
        return None


def describes() -> dict[str, dict[str, Any]]:
    """The full describes that were recorded, by the names of their files."""
    return {
        exchange.source: exchange.body
        for exchange in exchanges()
        if exchange.resource.endswith("/describe")
    }
