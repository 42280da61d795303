"""The one place where Python values become JSON and JSON becomes Python values."""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any, NoReturn, TypeAlias, cast
from uuid import UUID

import attrs
import orjson

# What a record holds is known only to its sObject, so its values are left to the user to name.
Record: TypeAlias = dict[str, Any]

_PLAIN = frozenset({str, int, float, bool, type(None)})
_INT64 = range(-(2**63), 2**64)


@attrs.frozen
class Json:
    """Functions of yours in place of the JSON that the client has.

    *loads* parses the bodies of answers: ``partial(json.loads, parse_float=Decimal)`` keeps the
    digits of decimals on the way in. *dumps* writes the data of a record, as a JSON object, and has
    to see to the types in it; what it writes is checked to be JSON.
    """

    loads: Callable[[bytes], Any] | None = None
    dumps: Callable[[Any], str | bytes] | None = None

    def parse(self, body: bytes) -> Any:
        """Parse *body*; raises ``ValueError`` where it is not JSON."""
        if self.loads is None:
            return loads(body)
        try:
            return self.loads(body)
        except Exception as error:
            raise ValueError(f"{type(error).__name__} of the function loads: {error}") from error

    def encode(self, value: object, name: str) -> bytes:
        """Write *value*, which users know as *name*; see :func:`encode`."""
        if self.dumps is None:
            return encode(value, name)
        try:
            text = self.dumps(value)
            if not isinstance(text, str | bytes):
                raise TypeError(f"it returned {type(text).__name__}, not str or bytes")
            written = text if isinstance(text, bytes) else text.encode()
            loads(written)
        except TypeError as error:
            raise TypeError(f"{name} cannot be written by the function dumps: {error}") from error
        except Exception as error:
            raise ValueError(f"{name} cannot be written by the function dumps: {error}") from error
        return written


DEFAULT = Json()
Fragment = orjson.Fragment


def loads(body: bytes) -> Any:
    """Parse *body*; raises ``ValueError`` where it is not JSON."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        # A text field that was cut within a surrogate pair is JSON all the same, and only the
        # standard library takes it.
        try:
            return json.loads(body, parse_constant=_no_constant)
        except RecursionError:
            raise ValueError("it is nested too deeply") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def encode(value: object, name: str) -> bytes:
    """Write *value*, which users know as *name*, as JSON.

    Objects and arrays may hold str, bool, None, int, float, Decimal (every digit is kept), date,
    aware datetime, UUID, Enum (its value), bytes (base64), and instances of dataclasses and attrs
    classes. Anything else, NaN, infinity and naive datetimes raise ``TypeError`` or ``ValueError``
    that name the place.
    """
    if type(value) is dict and _is_plain(value):
        try:
            return _compact(orjson.dumps(value))
        except TypeError:
            pass  # a key or a text that has to be seen to
    try:
        plain = _plain(value, name)
    except RecursionError:
        raise ValueError(f"{name} is nested too deeply, or holds itself") from None
    try:
        return _compact(orjson.dumps(plain))
    except TypeError as error:
        place = next(_unwritable_text(plain, name), name)
        raise ValueError(f"{place} cannot be written as JSON: {error}") from error


def _is_plain(fields: dict[object, object]) -> bool:
    """Tell whether the values of *fields* are what most are, and orjson writes as they should be.

    It has to run no code of Python's for them, which would find the record half written: the value
    of an Enum may raise, or change what is written, and that ends the process.
    """
    kinds = {*map(type, fields.values())}
    if not kinds <= _PLAIN:
        return False
    # NaN and infinity would become null.
    return float not in kinds or all(
        math.isfinite(item) for item in fields.values() if isinstance(item, float)
    )


def _compact(body: bytes) -> bytes:
    """Copy *body*: what orjson returns takes up much more memory than it is long."""
    return b"".join([body, b""])


def write(value: object) -> bytes:
    """Write an object of ours, in which a :data:`Fragment` is JSON already."""
    return orjson.dumps(value)


def _plain(value: object, name: str) -> object:
    match value:
        case Mapping():
            plain: dict[str, object] = {}
            for key, item in value.items():
                field = key if type(key) is str else _key(key, name)
                if field in plain:
                    raise ValueError(
                        f"{_printable(f'{name} holds the key {field}')} twice: as a str, and as "
                        "an Enum of that value"
                    )
                # Most values are text, and go through without a call.
                is_plain = type(item) is str or item is None
                plain[field] = item if is_plain else _plain(item, f"{name}.{field}")
            if len(plain) != len(value):
                raise ValueError(f"{name} holds the key {_twice(value, name)} twice")
            return plain
        case list() | tuple():
            return [_plain(item, f"{name}[{index}]") for index, item in enumerate(value)]
        case Enum():
            return _plain(value.value, name)
    try:
        return _scalar(value)
    except TypeError as error:
        if (fields := fields_of(value)) is not None:
            return _plain(fields, name)
        raise TypeError(f"{_printable(name)} {error}") from None
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{_printable(name)} cannot be sent: {error}") from None


def fields_of(value: object) -> dict[str, object] | None:
    """List the fields of an instance of a dataclass or an attrs class; None for anything else."""
    if isinstance(value, type):
        return None
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if attrs.has(type(value)):
        return {
            field.name: getattr(value, field.name)
            for field in attrs.fields(cast("type[attrs.AttrsInstance]", type(value)))
        }
    return None


def parse_object(text: str, name: str) -> dict[str, object]:
    """Parse *text*, which users know as *name* and which must be a JSON object, digit by digit."""

    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [key for key, _ in pairs]
            twice = next(key for key in names if names.count(key) > 1)
            raise ValueError(f"{twice!r} stands in it twice")
        return found

    try:
        found = json.loads(
            text, parse_float=_decimal, parse_constant=_no_constant, object_pairs_hook=unique
        )
    except RecursionError:
        raise ValueError(f"{name} is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"{name} is a str that is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise ValueError(  # noqa: TRY004 - a str is the right type
            f"{name} is a str of JSON that is no object, as {{...}}"
        )
    return found


def _decimal(digits: str) -> Decimal:
    try:
        return Decimal(digits)
    except InvalidOperation:
        raise ValueError(f"{digits} is beyond all numbers") from None


def _key(key: object, name: str) -> str:
    plain = key.value if isinstance(key, Enum) else key
    if not isinstance(plain, str):
        raise TypeError(
            f"{_printable(name)} has the key {key!r}; the keys of an object are strings"
        )
    return str.__str__(plain)


def _twice(value: Mapping[object, object], name: str) -> str:
    """Find a key that is there in two forms, as an Enum and as text."""
    counts = Counter(_key(key, name) for key, _ in value.items())
    return counts.most_common(1)[0][0]


def _scalar(value: object) -> object:
    match value:
        case None | bool() | str():
            return value
        case int():
            number = int(value)
            return number if number in _INT64 else orjson.Fragment(str(number))
        case float() if math.isfinite(value):
            return float(value)
        case Decimal() if value.is_finite():
            # Not str(value): a subclass, of money say, may show itself as something else.
            return orjson.Fragment(Decimal.__str__(value))
        case float() | Decimal():
            raise ValueError(f"{value} is no number that JSON has; use None for no value")
        case dt.datetime():
            return _utc(value)
        case dt.date():
            return value.isoformat()
        case UUID():
            return str(value)
        case bytes() | bytearray() | memoryview():
            return base64.b64encode(bytes(value)).decode("ascii")
        case _:
            raise TypeError(
                f"is a {type(value).__name__}, which cannot be sent; use str, int, float, bool, "
                "None, Decimal, date, an aware datetime, UUID, Enum, bytes, a list or a dict"
            )


def _utc(value: dt.datetime) -> str:
    if value.utcoffset() is None:
        raise ValueError(
            f"the datetime {value.isoformat()} has no time zone, so its instant is unknown; give "
            "it one, e.g. value.replace(tzinfo=datetime.UTC)"
        )
    return value.astimezone(dt.UTC).isoformat()


def _printable(name: str) -> str:
    """Show *name*, which is made of keys, where they may hold halves of surrogate pairs."""
    return name.encode(errors="backslashreplace").decode()


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
                yield _printable(name)
        case _:
            return
