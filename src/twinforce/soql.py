"""SOQL with values put in safely: a value is always one literal, and nothing gets out of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum
from string import Formatter
from typing import Final, LiteralString, TypeAlias
from uuid import UUID

from ._core import urls

Scalar: TypeAlias = str | bool | int | float | Decimal | date | datetime | time | UUID | Enum | None
Value: TypeAlias = Scalar | Sequence[Scalar] | AbstractSet[Scalar]

_ESCAPES: Final = str.maketrans(
    {code: f"\\u{code:04x}" for code in (*range(0x20), *range(0x7F, 0xA0))}
    | {"\\": r"\\", "'": r"\'", '"': r"\"", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\f": r"\f"}
)
_WILDCARDS: Final = str.maketrans({"%": r"\%", "_": r"\_"})
_GLUES: Final = re.compile(r"[\w.']")
_BEFORE_A_PATTERN: Final = re.compile(r"(?i)\bLIKE\s*\Z")
_BEFORE_A_LIST: Final = re.compile(r"(?i)\b(?:IN|INCLUDES|EXCLUDES)\s*\Z")


def soql(template: LiteralString, /, *values: Value, **named: Value) -> str:
    r"""Put values into the places of a query, each as one literal of SOQL.

    A place is ``{}``, or ``{name}`` for a value that is given by name; braces that are meant,
    within quotes, are doubled. A value is a str (an id, say), None, bool, int, float, Decimal,
    date, aware datetime (to the millisecond), naive time, UUID or Enum (its value); behind ``IN``,
    a list, tuple or set of these. Within the quotes of a pattern, ``{:like}`` or ``{name:like}``
    puts in a str whose ``%`` and ``_`` mean themselves; ``LIKE {}`` takes a whole pattern.

    >>> soql("SELECT Id FROM Contact WHERE LastName = {} AND Title LIKE '{:like}%'", "O'Hara", "5%")
    "SELECT Id FROM Contact WHERE LastName = 'O\\'Hara' AND Title LIKE '5\\%%'"

    Raises TypeError for a value of which SOQL has no literal, or none for its place, and ValueError
    for one that no literal can hold (a naive datetime, NaN, an empty list) or a template that
    cannot be read or does not fit the values.

    Source: SOQL and SOSL Reference, Quoted String Escape Sequences, and Date Formats and Date
    Literals in WHERE.
    """
    if not isinstance(template, str):
        raise TypeError(f"the template must be a str, not {type(template).__name__}")
    try:
        parts = list(Formatter().parse(template))
    except ValueError as error:
        raise ValueError(
            f"the template cannot be read ({error}): a place is {{}}, {{name}} or {{:like}}, and a "
            "brace that is meant is doubled"
        ) from None
    places = _Places(values, named)
    query = _Query()
    for text, name, spec, conversion in parts:
        query.add_text(text)
        if name is None:
            continue
        if conversion or spec not in ("", "like") or not (name == "" or name.isidentifier()):
            place = name + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "")
            raise ValueError(
                f"{{{place}}} is no place for a value; one is {{}}, {{name}} or {{:like}}"
            )
        value, shown = places.take(name)
        if spec:
            query.add_pattern(value, shown)
        else:
            query.add_literal(value, shown)
    places.check_all_used()
    return query.finished()


class _Places:
    """Gives each place of a template its value, once by position, or by name."""

    def __init__(self, values: Sequence[Value], named: Mapping[str, Value]) -> None:
        self._values = values
        self._named = named
        self._taken = 0
        self._used: set[str] = set()

    def take(self, name: str) -> tuple[object, str]:
        """Give the value for the place *name*, and how to call it."""
        if name == "":
            if self._taken == len(self._values):
                raise ValueError(
                    f"the template has more places than the {self._taken} values that were given"
                )
            value = self._values[self._taken]
            self._taken += 1
            shown = f"the value {self._taken}"
        elif name in self._named:
            value = self._named[name]
            self._used.add(name)
            shown = f"the value {name}"
        else:
            raise ValueError(f"no value was given for the place {{{name}}}; pass it by name")
        return _without_enum(value), shown

    def check_all_used(self) -> None:
        unused = [name for name in self._named if name not in self._used]
        unused += [str(number + 1) for number in range(self._taken, len(self._values))]
        if unused:
            raise ValueError(f"the template has no place for the values {', '.join(unused)}")


class _Query:
    """A query as far as it is written, which knows where in it a quote of the template is open."""

    def __init__(self) -> None:
        self._text = ""
        self._quote: int | None = None
        self._ends_in_literal = False

    def add_text(self, text: str) -> None:
        """Add a piece of the template."""
        if self._ends_in_literal and _GLUES.match(text):
            raise ValueError(f"there must be a space between a value and {text[:10]!r} after it")
        if text:
            self._ends_in_literal = False
        characters = enumerate(text, start=len(self._text))
        for place, character in characters:
            if character == "'":
                self._quote = place if self._quote is None else None
            elif character in "{}" and self._quote is None:
                raise ValueError(
                    "a brace stands outside of quotes, where SOQL has none; in FIND {…} of SOSL, "
                    "values need another form, which soql() does not write"
                )
            elif character == "\\" and self._quote is not None and next(characters, None) is None:
                raise ValueError(
                    "a backslash of the template stands right before a value or its end; double it"
                )
        self._text += text

    def add_literal(self, value: object, name: str) -> None:
        """Add a whole literal."""
        if self._quote is not None:
            raise ValueError(
                f"{name} stands within quotes: leave these out, as it brings its own, or use "
                "{:like} in a pattern of LIKE"
            )
        if self._ends_in_literal or _GLUES.match(self._text[-1:]):
            raise ValueError(f"there must be a space before {name}")
        self._text += _literal(value, name, in_list=_BEFORE_A_LIST.search(self._text) is not None)
        self._ends_in_literal = True

    def add_pattern(self, value: object, name: str) -> None:
        """Add a part of the pattern that a LIKE of the template has in quotes."""
        before = self._text[: self._quote]
        if self._quote is None or not _BEFORE_A_PATTERN.search(before):
            raise ValueError(
                f"{{:like}}, for {name}, belongs within the quotes of a pattern, as in "
                "Name LIKE '{:like}%'; for a whole value use {}"
            )
        if not isinstance(value, str):
            raise TypeError(f"{name}, for {{:like}}, must be a str, not {type(value).__name__}")
        self._text += _escaped(value, name).translate(_WILDCARDS)

    def finished(self) -> str:
        if self._quote is not None:
            raise ValueError("the template has a quote that is never closed")
        return self._text


def _without_enum(value: object) -> object:
    return value.value if isinstance(value, Enum) else value


def _escaped(value: str, name: str) -> str:
    # A subclass may show itself as something else than what it holds.
    return urls.whole(str.__str__(value), name).translate(_ESCAPES)


def _literal(value: object, name: str, *, in_list: bool) -> str:
    if not isinstance(value, Sequence | AbstractSet) or isinstance(
        value, str | bytes | bytearray | memoryview
    ):
        if in_list:
            raise TypeError(f"{name} stands behind IN, so it must be a list; put it in one")
        return _scalar(value, name)
    if not in_list:
        raise TypeError(
            f"{name} is a {type(value).__name__}, which brings its own parentheses and stands "
            "right behind IN, NOT IN, INCLUDES or EXCLUDES only"
        )
    items = [_scalar(_without_enum(item), f"{name}[{n}]") for n, item in enumerate(value)]
    if not items:
        raise ValueError(
            f"{name} is empty, and SOQL has no empty list: IN would find nothing, so leave out the "
            "query; NOT IN would keep everything, so leave out the condition"
        )
    return f"({','.join(items)})"


def _scalar(value: object, name: str) -> str:
    match value:
        case None:
            return "null"
        case str():
            return f"'{_escaped(value, name)}'"
        case bool():
            return "true" if value else "false"
        case int() | float() | Decimal():
            return urls.number(value, name)
        case datetime():
            return _instant(value, name)
        case date():
            return date.isoformat(value)
        case time():
            return _time(value, name)
        case UUID():
            return f"'{UUID.__str__(value)}'"
        case _:
            kind = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
            raise TypeError(
                f"{name} is a {kind}, of which SOQL has no literal; use str, int, float, bool, "
                "None, Decimal, date, an aware datetime, time, UUID, Enum, or a list of these"
            )


def _instant(value: datetime, name: str) -> str:
    # A plain one of a subclass, such as that of pandas, whose methods may do as they like.
    instant = datetime.combine(datetime.date(value), datetime.timetz(value))
    if instant.utcoffset() is None:
        raise ValueError(
            f"{name}, the datetime {value}, has no time zone, so its instant is unknown; give it "
            "one, e.g. value.replace(tzinfo=datetime.UTC)"
        )
    try:
        instant = instant.astimezone(UTC)
    except OverflowError:
        raise ValueError(
            f"{name}, the datetime {value}, has no year from 1 to 9999 in UTC"
        ) from None
    timespec = "milliseconds" if instant.microsecond else "seconds"
    return instant.replace(tzinfo=None).isoformat(timespec=timespec) + "Z"


def _time(value: time, name: str) -> str:
    if value.tzinfo is not None:
        raise ValueError(
            f"{name}, the time {value}, has a time zone, and a Time field has none; take it off: "
            "value.replace(tzinfo=None)"
        )
    return time.isoformat(value, timespec="milliseconds") + "Z"
