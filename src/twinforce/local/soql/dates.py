"""Date literals: ``LAST_WEEK`` or ``NEXT_N_MONTHS:3`` as a range of days.

The org's weeks begin on Sunday, and its fiscal year is the calendar year, so fiscal literals mean
the same as the others.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Final

Range = tuple[date, date]

_DAY: Final = timedelta(days=1)
_FISCAL: Final = "(?:FISCAL_(?=QUARTER|YEAR))?"
_LITERAL: Final = re.compile(
    rf"(?P<which>LAST|THIS|NEXT)_{_FISCAL}(?P<unit>WEEK|MONTH|QUARTER|YEAR)"
    rf"|(?P<span>LAST|NEXT)_N_{_FISCAL}(?P<units>DAY|WEEK|MONTH|QUARTER|YEAR)S:(?P<count>\d+)"
    rf"|N_{_FISCAL}(?P<back>DAY|WEEK|MONTH|QUARTER|YEAR)S_AGO:(?P<ago>\d+)"
)
_DAYS: Final = {"YESTERDAY": -1, "TODAY": 0, "TOMORROW": 1}
_UP_TO_NOW: Final = re.compile(r"LAST_90_DAYS|LAST_N_DAYS:\d+")
_NINETY: Final = {"LAST_90_DAYS": "LAST_N_DAYS:90", "NEXT_90_DAYS": "NEXT_N_DAYS:90"}


def date_range(literal: str, today: date) -> Range | None:
    """Return the first day of *literal* and the day after its last; None if there is no such one.

    *literal* is in upper case. Raises OverflowError for days that no calendar has.
    """
    literal = _NINETY.get(literal, literal)
    if literal in _DAYS:
        day = today + _DAYS[literal] * _DAY
        return day, day + _DAY
    match = _LITERAL.fullmatch(literal)
    if match is None:
        return None
    if match["which"]:
        start, step = _START[match["unit"]](today), {"LAST": -1, "THIS": 0, "NEXT": 1}
        offset = step[match["which"]]
        return _moved(match["unit"], start, offset), _moved(match["unit"], start, offset + 1)
    if match["back"]:
        start, ago = _START[match["back"]](today), int(match["ago"])
        return _moved(match["back"], start, -ago), _moved(match["back"], start, 1 - ago)
    unit, count = match["units"], int(match["count"])
    start = _START[unit](today)
    if match["span"] == "LAST":
        # Days run up to now, so they include today; the longer units are whole ones before this.
        return _moved(unit, start, -count), start + _DAY if unit == "DAY" else start
    return _moved(unit, start, 1), _moved(unit, start, count + 1)


def runs_up_to_now(literal: str) -> bool:
    """Tell whether *literal*, in upper case, is a span of days that today ends."""
    return _UP_TO_NOW.fullmatch(literal) is not None


def _moved(unit: str, start: date, count: int) -> date:
    if unit in {"DAY", "WEEK"}:
        return start + count * (7 if unit == "WEEK" else 1) * _DAY
    months = start.year * 12 + start.month - 1
    months += count * {"MONTH": 1, "QUARTER": 3, "YEAR": 12}[unit]
    if not 12 <= months < 12 * 10_000:
        message = f"{count} {unit.lower()}s from {start} is beyond the calendar"
        raise OverflowError(message)
    return date(months // 12, months % 12 + 1, 1)


_START: Final[dict[str, Callable[[date], date]]] = {
    "DAY": lambda day: day,
    "WEEK": lambda day: day - (day.isoweekday() % 7) * _DAY,
    "MONTH": lambda day: day.replace(day=1),
    "QUARTER": lambda day: day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1),
    "YEAR": lambda day: day.replace(month=1, day=1),
}
