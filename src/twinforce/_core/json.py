"""The one place where Python values become JSON and JSON becomes Python values."""

from __future__ import annotations

import base64
import datetime as dt
import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import Enum
from typing import Any, TypeAlias
from uuid import UUID

import orjson

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
JsonObject: TypeAlias = dict[str, JsonValue]
# What a record holds is known only to its sObject, so its values are left to the user to name.
Record: TypeAlias = dict[str, Any]

_INT64 = range(-(2**63), 2**64)


def loads(body: bytes) -> Any:
    """Parse *body*; raises ``ValueError`` where it is not JSON."""
    return orjson.loads(body)


def encode(value: object, name: str) -> bytes:
    """Write *value*, which users know as *name*, as JSON.

    Objects and arrays may hold str, bool, None, int, float, Decimal (every digit is kept), date,
    aware datetime, UUID, Enum (its value) and bytes (base64). Anything else, NaN, infinity and
    naive datetimes raise ``TypeError`` or ``ValueError`` that name the place.
    """
    try:
        plain = _plain(value, name)
    except RecursionError:
        raise ValueError(f"{name} is nested too deeply, or holds itself") from None
    try:
        return orjson.dumps(plain)
    except TypeError as error:
        place = next(_unwritable_text(plain, name), name)
        raise ValueError(f"{place} cannot be written as JSON: {error}") from error


def envelope(parts: Mapping[str, object]) -> bytes:
    """Write an object of ours, with bodies that :func:`encode` made set in by :func:`raw`."""
    return orjson.dumps(parts)


def raw(body: bytes) -> object:
    """Mark *body* as JSON already, to be set in as it stands."""
    return orjson.Fragment(body)


def _plain(value: object, name: str) -> object:
    match value:
        case Mapping():
            return {
                key: item if type(item) is str or item is None else _plain(item, f"{name}.{key}")
                for key, item in _checked_keys(value, name)
            }
        case list() | tuple():
            return [_plain(item, f"{name}[{index}]") for index, item in enumerate(value)]
        case _:
            return _scalar(value, name)


def _checked_keys(value: Mapping[object, object], name: str) -> Iterator[tuple[str, object]]:
    for key, item in value.items():
        if not isinstance(key, str):
            raise TypeError(f"{name} has the key {key!r}; the keys of an object are strings")
        # str(key) of an Enum member would be its name, and the value is what is meant.
        yield (key.value if isinstance(key, Enum) else key), item


def _scalar(value: object, name: str) -> object:
    match value:
        case Enum():
            return _plain(value.value, name)
        case None | bool() | str():
            return value
        case int():
            return value if value in _INT64 else orjson.Fragment(str(int(value)))
        case float():
            if not math.isfinite(value):
                raise ValueError(
                    f"{name} is {value}, which JSON cannot hold; use None for no value"
                )
            return float(value)
        case Decimal():
            if not value.is_finite():
                raise ValueError(
                    f"{name} is {value}, which JSON cannot hold; use None for no value"
                )
            return orjson.Fragment(str(value))
        case dt.datetime():
            return _utc(value, name)
        case dt.date():
            return value.isoformat()
        case UUID():
            return str(value)
        case bytes() | bytearray() | memoryview():
            return base64.b64encode(value).decode("ascii")
        case _:
            raise TypeError(
                f"{name} is a {type(value).__name__}, which cannot be sent; use str, int, float, "
                "bool, None, Decimal, date, an aware datetime, UUID, Enum, bytes, a list or a dict"
            )


def _utc(value: dt.datetime, name: str) -> str:
    if value.utcoffset() is None:
        raise ValueError(
            f"{name} is a datetime without a time zone ({value.isoformat()}), so its instant is "
            "unknown; give it one, e.g. value.replace(tzinfo=datetime.UTC)"
        )
    try:
        return value.astimezone(dt.UTC).isoformat()
    except OverflowError:
        raise ValueError(
            f"{name} is a datetime out of the range that UTC can hold ({value.isoformat()})"
        ) from None


def _unwritable_text(value: object, name: str) -> Iterator[str]:
    match value:
        case dict():
            for key, item in value.items():
                yield from _unwritable_text(key, f"a key of {name}")
                yield from _unwritable_text(item, f"{name}.{key}")
        case list():
            for index, item in enumerate(value):
                yield from _unwritable_text(item, f"{name}[{index}]")
        case str():
            try:
                value.encode()
            except UnicodeEncodeError:
                # The name may hold the same surrogates, and the message has to be printable.
                yield name.encode("ascii", "backslashreplace").decode()
        case _:
            return
