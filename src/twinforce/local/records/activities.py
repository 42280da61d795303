"""What Salesforce works out itself when a Task or an Event is saved.

Source: Object Reference, Task and Event.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from ..errors import ApiError
from ..store.tables import Row
from ..store.values import datetime_text, parse_datetime
from .refusals import required_missing
from .saving import Saving

_DAY: Final = 24 * 60
_LONGEST: Final = 14 * _DAY
_ACCOUNT: Final = "001"  # the key prefixes of what an activity is about
_OPPORTUNITY: Final = "006"


def task(saving: Saving) -> Row:
    row, changed = saving.row, saving.changed
    values: Row = {"AccountId": _account(saving)}
    if "Priority" in changed:
        priority = saving.implied("Priority") or {}
        values["IsHighPriority"] = int(bool(priority.get("isHighPriority")))
    if "Status" in changed:
        closed = bool((saving.implied("Status") or {}).get("isClosed"))
        values["IsClosed"] = int(closed)
        values["CompletedDateTime"] = (
            (row.get("CompletedDateTime") or saving.now) if closed else None
        )
    if row.get("TaskSubtype") is None:
        values["TaskSubtype"] = "Task"
    return values


def event(saving: Saving) -> Row:
    """Have start, end, duration and dates agree, whichever of them the caller gave."""
    row = saving.row
    start = _start(saving)
    duration = _duration(saving, start)
    if start is None or duration is None:
        missing = {"DurationInMinutes": duration, "ActivityDateTime": start}
        raise required_missing([name for name, value in missing.items() if value is None])
    if not 0 <= duration <= _LONGEST:
        message = f"Duration must be between 0 and {_LONGEST} minutes"
        raise ApiError("FIELD_INTEGRITY_EXCEPTION", message, fields=["DurationInMinutes"])
    # The last day of an event that takes whole days is the day of its end.
    end = start + timedelta(minutes=duration - (_DAY if row.get("IsAllDayEvent") else 0))
    return {
        "AccountId": _account(saving),
        "ActivityDate": datetime_text(start)[:10],
        "ActivityDateTime": datetime_text(start),
        "DurationInMinutes": duration,
        "EndDate": datetime_text(end)[:10],
        "EndDateTime": datetime_text(end),
        "EventSubtype": row.get("EventSubtype") or "Event",
        "StartDateTime": datetime_text(start),
    }


def _start(saving: Saving) -> datetime | None:
    row, changed = saving.row, saving.changed
    whole_days = bool(row.get("IsAllDayEvent"))
    given = {name for name in ("StartDateTime", "ActivityDateTime") if name in changed}
    if whole_days and "ActivityDate" in changed and not given:
        return _midnight(row.get("ActivityDate"))
    moments = {_moment(row, name) for name in given} - {None}
    if len(moments) > 1:
        message = "StartDateTime and ActivityDateTime must be the same, or one of them left out"
        raise ApiError("FIELD_INTEGRITY_EXCEPTION", message, fields=sorted(given))
    start = next(iter(moments), None) or _moment(row, "StartDateTime")
    if start is not None and whole_days:
        return start.replace(hour=0, minute=0, second=0)
    return start


def _duration(saving: Saving, start: datetime | None) -> int | None:
    """Return the length in minutes that the fields tell of."""
    row, changed = saving.row, saving.changed
    whole_days = bool(row.get("IsAllDayEvent"))
    given = row.get("DurationInMinutes") if "DurationInMinutes" in changed else None
    end = _moment(row, "EndDateTime") if "EndDateTime" in changed else None
    if end is not None and start is not None:
        if whole_days:
            between = ((end.date() - start.date()).days + 1) * _DAY
        else:
            between = int((end - start).total_seconds()) // 60
        if given is not None and given != between:
            message = "DurationInMinutes must be the time between StartDateTime and EndDateTime"
            fields = ["DurationInMinutes", "EndDateTime"]
            raise ApiError("FIELD_INTEGRITY_EXCEPTION", message, fields=fields)
        return between
    if given is None:
        given = row.get("DurationInMinutes")
    if given is None and whole_days:
        return _DAY
    return int(given) if isinstance(given, int | float) else None


def _moment(row: Row, name: str) -> datetime | None:
    value = row.get(name)
    return parse_datetime(value) if isinstance(value, str) else None


def _midnight(day: object) -> datetime | None:
    return parse_datetime(f"{day}T00:00:00Z") if isinstance(day, str) else None


def _account(saving: Saving) -> str | None:
    """Return the account of what an activity is about, else that of the contact it is with."""
    what_id, who_id = saving.row.get("WhatId"), saving.row.get("WhoId")
    what, who = saving.parents(what_id), saving.parents(who_id)
    if isinstance(what_id, str) and what_id.startswith(_ACCOUNT):
        return what_id
    if isinstance(what_id, str) and what_id.startswith(_OPPORTUNITY) and what:
        return _text(what.get("AccountId"))
    return _text((who or {}).get("AccountId"))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
