"""Answers that say when they last changed, so that who has one need not be sent it again.

Source: REST API Developer Guide, Use Conditional Requests.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

from ..server.http import Call, Reply, to_json


class Changes:
    """Remembers when answers changed, in whole seconds, as HTTP tells the time."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._known: dict[str, tuple[bytes, int]] = {}

    def reply(self, call: Call, body: Any) -> Reply:
        """Answer with *body*; with 304 if it is as it was at the time that the caller names."""
        changed = self._changed("/".join((call.version, *call.segments)).lower(), body)
        headers = {"last-modified": format_datetime(datetime.fromtimestamp(changed, UTC), True)}
        since = _seconds(call.headers.get("if-modified-since"))
        if since is not None and changed <= since:
            return Reply(304, None, headers)
        return Reply(200, body, headers)

    def _changed(self, resource: str, body: Any) -> int:
        digest = hashlib.blake2b(to_json(body), digest_size=16).digest()
        known, changed = self._known.get(resource, (b"", 0))
        if known != digest:
            # A later change within the same second gets a second of its own.
            changed = max(math.ceil(self._clock().timestamp()), changed + 1)
            self._known[resource] = digest, changed
        return changed


def _seconds(text: str | None) -> float | None:
    if not text:
        return None
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):  # no date, or none that clocks can show
        return None
