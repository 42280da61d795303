"""Field values: from JSON to what is stored, from what is stored to JSON.

Dates and datetimes are stored as the text that Salesforce answers with (UTC, so that text order is
time order), booleans as 0 and 1, numbers as numbers.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, Final

from ..errors import ApiError
from ..schema import Field
from .ids import long_id

Stored = str | int | float | bytes | memoryview | None

_NUMBER: Final = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_DATETIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:?\d\d)?", re.ASCII
)
_TIME: Final = re.compile(r"((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(\.\d{1,3})?Z?", re.ASCII)
_EMAIL: Final = re.compile(
    r"[^\s@<>,;:\"()\[\]\\]+@[^\s@<>,;:\"()\[\]\\]+\.[^\s@.<>,;:\"()\[\]\\]+"
)
_LAST_EXACT_FLOAT: Final = 2**53  # up to here, floats tell all integers apart
_BEYOND_INTEGERS: Final = 10**18  # no field has more digits than integers below
_FIRST_YEAR: Final = 1700  # of the dates that Salesforce keeps
_LAST_YEAR: Final = 4000
_BETWEEN_LINES: Final = re.compile(r"\s+", re.ASCII)
# Salesforce trims the text fields that are one line; a text area keeps what it was given.
_TRIMMED: Final = frozenset({"string", "phone", "email", "url", "picklist", "combobox"})


class WrongTypeError(Exception):
    """A JSON value that cannot be a value of the field, whatever the record."""


def datetime_text(moment: datetime) -> str:
    """Format as ``2024-01-01T00:00:00.000+0000``; Salesforce keeps whole seconds."""
    return moment.astimezone(UTC).isoformat()[:19] + ".000+0000"


def parse_datetime(text: str) -> datetime | None:
    """Read a datetime of the API, into UTC; so is one without an offset. None if it is not one."""
    match = _DATETIME.fullmatch(text)
    if match is None:
        return None
    day, clock, offset = match.groups()
    try:
        return datetime.fromisoformat(f"{day}T{clock}{offset or 'Z'}").astimezone(UTC)
    except (ValueError, OverflowError):  # no such day, or none in UTC
        return None


def casefold(text: Any) -> Any:
    """The form in which text is compared; also registered as a function of SQLite.

    It has as many characters as *text*, which ``_`` in a LIKE counts: ß does not become ss.
    """
    if not isinstance(text, str):
        return text
    folded = text.casefold()
    return folded if len(folded) == len(text) else "".join(map(_folded, text))


def _folded(character: str) -> str:
    forms = (character.casefold(), character.lower(), character)
    return next(form for form in forms if len(form) == 1)


def stored_value(field: Field, value: Any) -> Stored:
    """Return what is stored for a JSON *value* of *field*.

    Raises WrongTypeError for a value of another type, ApiError for one that *field* refuses.
    """
    if (value is None or value == "") and field.type != "boolean":
        return None
    return _CONVERTERS.get(field.type, _text)(field, value)


def _text(field: Field, value: Any) -> Stored:
    if not isinstance(value, str):
        raise WrongTypeError
    text = value.strip() if field.type in _TRIMMED else value
    if field.length and len(text) > field.length:
        message = f"{field.label}: data value too large: {text} (max length={field.length})"
        raise ApiError("STRING_TOO_LONG", message, fields=[field.name])
    return text or None


def _email(field: Field, value: Any) -> Stored:
    text = _text(field, value)
    if isinstance(text, str) and not _EMAIL.fullmatch(text):
        message = f"{field.label}: invalid email address: {text}"
        raise ApiError("INVALID_EMAIL_ADDRESS", message, fields=[field.name])
    return text


def _picklist(field: Field, value: Any) -> Stored:
    text = _text(field, value)
    if text is None or not isinstance(text, str):
        return text
    known = {casefold(choice.value): choice.value for choice in field.picklist_values}
    chosen = text.split(";") if field.type == "multipicklist" else [text]
    stripped = filter(None, map(str.strip, chosen))
    parts = [known.get(casefold(part), part) for part in stripped]
    if field.restricted_picklist and known:
        for part in parts:
            if casefold(part) not in known:
                message = f"{field.label}: bad value for restricted picklist field: {part}"
                code = "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
                raise ApiError(code, message, fields=[field.name])
    return ";".join(dict.fromkeys(parts)) or None


def _boolean(field: Field, value: Any) -> Stored:
    if value is None or value == "":
        # A checkbox is never empty: JSON may say so, but no record can.
        message = f"{field.label}: value not of required type: "
        raise ApiError("INVALID_TYPE_ON_FIELD_IN_RECORD", message, fields=[field.name])
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return int(value.lower() == "true")
    raise WrongTypeError


def _decimal(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise WrongTypeError
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise WrongTypeError
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:  # an exponent beyond what decimals carry
        raise WrongTypeError from None
    if not number.is_finite():
        raise WrongTypeError
    return number


def _number(field: Field, value: Any) -> Stored:
    number = _decimal(value)
    whole_digits = field.digits or field.precision - field.scale
    try:
        rounded = number.quantize(Decimal(1).scaleb(-field.scale), rounding=ROUND_HALF_UP)
    except InvalidOperation:  # more digits than decimals carry: beyond what a double tells apart
        rounded = number
    limit = _degrees(field)
    # Only now, for 999.999 may be rounded to a number with a digit more.
    if (rounded and rounded.adjusted() >= whole_digits) or (limit and abs(rounded) > limit):
        message = f"{field.label}: value outside of valid range on numeric field: {value}"
        raise ApiError("NUMBER_OUTSIDE_VALID_RANGE", message, fields=[field.name])
    return exact_number(rounded) if field.has_big_integers else float(rounded)


def exact_number(number: Decimal) -> int | float:
    """Return *number* as a float, but as an int where a float would be another number."""
    is_big = _LAST_EXACT_FLOAT < abs(number) < _BEYOND_INTEGERS
    return int(number) if is_big and number == number.to_integral_value() else float(number)


def _degrees(field: Field) -> int | None:
    """Return how far from 0 a *field* of a place on earth may be; None for other fields."""
    if field.compound_field_name is None:
        return None
    name = field.name.removesuffix("__s")
    return 90 if name.endswith("Latitude") else 180 if name.endswith("Longitude") else None


def _integer(field: Field, value: Any) -> Stored:
    number = _decimal(value)
    if number != number.to_integral_value():
        raise WrongTypeError
    checked = _number(field, value)
    return None if checked is None else int(checked)


def _date(field: Field, value: Any) -> Stored:
    if not isinstance(value, str):
        raise WrongTypeError
    if parse_datetime(value) is not None:
        value = value[:10]
    if not _DATE.fullmatch(value):  # Python reads other forms of ISO 8601 too
        raise WrongTypeError
    try:
        day = datetime.fromisoformat(value)
    except ValueError:
        raise WrongTypeError from None
    _check_year(field, day)
    return day.date().isoformat()


def _datetime(field: Field, value: Any) -> Stored:
    moment = parse_datetime(value) if isinstance(value, str) else None
    if moment is None:
        raise WrongTypeError
    _check_year(field, moment)
    return datetime_text(moment)


def _check_year(field: Field, moment: datetime) -> None:
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        weekday, month, day, clock, year = moment.ctime().split()
        shown = f"{weekday} {month} {day:0>2} {clock} GMT {year}"
        message = f"{field.label}: invalid date: {shown}"
        raise ApiError("FIELD_INTEGRITY_EXCEPTION", message, fields=[field.name])


def _time(field: Field, value: Any) -> Stored:
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise WrongTypeError
    return f"{match[1]}{(match[2] or '.').ljust(4, '0')}Z"


def _reference(field: Field, value: Any) -> Stored:
    if not isinstance(value, str):
        raise WrongTypeError
    record_id = long_id(value.strip())
    if record_id is None:
        message = f"{field.label}: id value of incorrect type: {value}"
        raise ApiError("MALFORMED_ID", message, fields=[field.name])
    return record_id


def _base64(field: Field, value: Any) -> Stored:
    if not isinstance(value, str):
        raise WrongTypeError
    try:
        return base64.b64decode(_BETWEEN_LINES.sub("", value), validate=True)
    except (binascii.Error, ValueError):
        raise WrongTypeError from None


_CONVERTERS: Final[Mapping[str, Callable[[Field, Any], Stored]]] = {
    "id": _reference,
    "reference": _reference,
    "email": _email,
    "picklist": _picklist,
    "multipicklist": _picklist,
    "boolean": _boolean,
    "int": _integer,
    "double": _number,
    "currency": _number,
    "percent": _number,
    "date": _date,
    "datetime": _datetime,
    "time": _time,
    "base64": _base64,
}


def json_value(field: Field, stored: Stored) -> Any:
    """Return what the API answers for what is stored."""
    if field.type == "boolean":
        return bool(stored)
    if field.type == "int" and isinstance(stored, float):
        return int(stored)
    return stored


def json_token(value: Any) -> str:
    """Describe a JSON value as Salesforce's parser names it in its errors."""
    if value is None:
        return "VALUE_NULL value null"
    if isinstance(value, bool):
        return f"VALUE_{str(value).upper()} value {str(value).lower()}"
    if isinstance(value, int):
        return f"VALUE_NUMBER_INT value {value}"
    if isinstance(value, float):
        return f"VALUE_NUMBER_FLOAT value {value}"
    if isinstance(value, str):
        return f"VALUE_STRING value {value}"
    return "START_OBJECT value {" if isinstance(value, dict) else "START_ARRAY value ["
