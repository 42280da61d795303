"""The time zone of who asks: what day it is there, and what the clock shows."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, tzinfo
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

GMT: Final = "GMT"


@cache
def zone_of(name: str | None) -> tzinfo:
    """Return the zone with the *name* that a User has in TimeZoneSidKey.

    It is GMT where the system knows none of that name.
    """
    try:
        return ZoneInfo(name) if name and name != GMT else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def local_text(text: str | None, zone: str) -> str | None:
    """Return what the clock in *zone* shows at the stored datetime *text*; a function of SQLite."""
    if text is None:
        return None
    moment = datetime.fromisoformat(text[:19]).replace(tzinfo=UTC)
    try:
        return moment.astimezone(zone_of(zone)).isoformat()[:19]
    except OverflowError:  # beyond the first or the last day of all
        return text


def midnight(day: date, zone: tzinfo) -> datetime:
    """Return the moment, in UTC, at which *day* begins in *zone*."""
    return datetime.combine(day, time(), zone).astimezone(UTC)
