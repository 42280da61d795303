"""The functions of SOQL that take one value of a record: parts of dates, labels, formats.

The org's user speaks the English of the United States and counts in its dollars, and the fiscal
year is the calendar year. Source: SOQL and SOSL Reference, Date Functions, toLabel(),
FORMAT().
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

import attrs

from ..errors import not_implemented
from ..schema import Field
from ..store.values import json_value
from . import ast
from .errors import malformed
from .names import Names, field_expression, sql_text
from .plan import Expression
from .zones import GMT, local_text

_DAY: Final = "substr({0}, 1, 10)"
_YEAR: Final = "CAST(substr({0}, 1, 4) AS INTEGER)"
_MONTH: Final = "CAST(substr({0}, 6, 2) AS INTEGER)"
_QUARTER: Final = f"(({_MONTH} + 2) / 3)"
_DAY_IN_MONTH: Final = "CAST(substr({0}, 9, 2) AS INTEGER)"
_DAY_IN_YEAR: Final = f"CAST(strftime('%j', {_DAY}) AS INTEGER)"

DATE_FUNCTIONS: Final[dict[str, str]] = {
    "CALENDAR_MONTH": _MONTH,
    "CALENDAR_QUARTER": _QUARTER,
    "CALENDAR_YEAR": _YEAR,
    "DAY_IN_MONTH": _DAY_IN_MONTH,
    "DAY_IN_WEEK": f"(CAST(strftime('%w', {_DAY}) AS INTEGER) + 1)",
    "DAY_IN_YEAR": _DAY_IN_YEAR,
    "DAY_ONLY": _DAY,
    "FISCAL_MONTH": _MONTH,
    "FISCAL_QUARTER": _QUARTER,
    "FISCAL_YEAR": _YEAR,
    "HOUR_IN_DAY": "CAST(substr({0}, 12, 2) AS INTEGER)",
    "WEEK_IN_MONTH": f"(({_DAY_IN_MONTH} + 6) / 7)",
    "WEEK_IN_YEAR": f"(({_DAY_IN_YEAR} + 6) / 7)",
}
_OF_DATETIMES: Final = frozenset({"DAY_ONLY", "HOUR_IN_DAY"})
AGGREGATES: Final = frozenset({"AVG", "COUNT", "COUNT_DISTINCT", "MAX", "MIN", "SUM"})
_SHOWN: Final = frozenset({"TOLABEL", "FORMAT", "CONVERTCURRENCY"})
_NOT_EXECUTED: Final = frozenset({"DISTANCE", "GEOLOCATION", "GROUPING"})
KNOWN: Final = (
    frozenset(DATE_FUNCTIONS) | AGGREGATES | _SHOWN | _NOT_EXECUTED | {"CONVERTTIMEZONE", "FIELDS"}
)
_WITH_LABELS: Final = frozenset({"picklist", "multipicklist"})
_NUMBERS: Final = frozenset({"int", "double", "currency", "percent"})
_FORMATTED: Final = _NUMBERS | {"date", "datetime", "time"}

ValueOf = Callable[[ast.Value], Expression]


def has_aggregate(value: ast.Value | ast.Literal) -> bool:
    """Tell whether *value* is what an aggregate function returns, also within another function."""
    return isinstance(value, ast.Call) and (
        value.name.upper() in AGGREGATES or any(map(has_aggregate, value.arguments))
    )


def call_expression(names: Names, call: ast.Call, value_of: ValueOf) -> Expression:
    """Return what *call* means in a query; *value_of* tells what its argument means."""
    name, text = call.name.upper(), names.text
    if name in _NOT_EXECUTED:
        raise not_implemented(f"the function {name}()")
    if len(call.arguments) != 1 or isinstance(call.arguments[0], ast.Literal):
        raise malformed(text, call.position, f"{call.name}() takes one field")
    argument = call.arguments[0]
    if name in DATE_FUNCTIONS:
        return _part_of_date(names, call, argument, value_of)
    if name not in _SHOWN:
        raise malformed(text, call.position, f"{call.name}() can not be used here")
    inner = value_of(argument)
    if name == "TOLABEL":
        return _with_label(text, call, inner)
    if name == "CONVERTCURRENCY":  # into the currency of the user, of which there is one
        _check_type(text, call, inner, frozenset({"currency"}))
        return attrs.evolve(inner, label=f"convertCurrency({inner.label})", position=call.position)
    _check_type(text, call, inner, _FORMATTED)

    def show(value: Any) -> str | None:
        shown = inner.show(value) if inner.show else value
        return formatted(inner.field, shown, names.context.zone)

    label = f"FORMAT({inner.label})"
    return attrs.evolve(inner, label=label, position=call.position, show=show)


def _part_of_date(
    names: Names, call: ast.Call, argument: ast.Value, value_of: ValueOf
) -> Expression:
    name, text, zone = call.name.upper(), names.text, "{}"
    if isinstance(argument, ast.Call) and argument.name.upper() == "CONVERTTIMEZONE":
        inner_argument = argument.arguments[0]
        if len(argument.arguments) != 1 or not isinstance(inner_argument, ast.Path):
            raise malformed(text, argument.position, "convertTimezone() takes one field")
        argument, zone = inner_argument, "convertTimezone({})"
    inner = value_of(argument)
    types = {"datetime"} if name in _OF_DATETIMES or zone != "{}" else {"date", "datetime"}
    _check_type(text, call, inner, frozenset(types))
    kind = "date" if name == "DAY_ONLY" else "int"
    label = f"{name}({zone.format(inner.label)})"
    moment = inner.sql
    if zone != "{}" and names.context.zone != GMT:
        moment = f"local_text({moment}, {sql_text(names.context.zone)})"
    sql = DATE_FUNCTIONS[name].format(moment)
    return field_expression(Field(label, label, kind), sql, label, call.position)


def _with_label(text: str, call: ast.Call, inner: Expression) -> Expression:
    labels = {
        choice.value: choice.label
        for choice in inner.field.picklist_values
        if choice.label != choice.value
    }
    label = f"toLabel({inner.label})"
    if inner.field.type not in _WITH_LABELS and not inner.field.name_field:
        reason = f"field '{inner.field.name}' has no labels, so toLabel() can not be used on it"
        raise malformed(text, call.position, reason)
    if not labels:
        return attrs.evolve(inner, label=label, position=call.position)

    def shown(value: str | None) -> str | None:
        if value is None:
            return None
        parts: list[str] = value.split(";")
        return ";".join(labels.get(part, part) for part in parts)

    key = inner.key
    if inner.field.type == "picklist":
        cases = " ".join(f"WHEN {sql_text(v)} THEN {sql_text(to)}" for v, to in labels.items())
        key = f"casefold(CASE {inner.sql} {cases} ELSE {inner.sql} END)"
    return attrs.evolve(inner, key=key, label=label, position=call.position, show=shown)


def _check_type(text: str, call: ast.Call, inner: Expression, types: frozenset[str]) -> None:
    if inner.field.type not in types:
        reason = f"field '{inner.label}' can not be used with {call.name}()"
        raise malformed(text, call.position, reason)


# ---- FORMAT() ----


def formatted(field: Field, value: Any, zone: str) -> str | None:
    """Write *value* of *field* as the user in *zone* reads it: ``$1,234.50``, ``5/15/2024``."""
    if value is None:
        return None
    if field.type in _NUMBERS:
        return _number(field, value)
    shown = str(json_value(field, value))
    if field.type == "date":
        return _day(date.fromisoformat(shown))
    if field.type == "datetime":
        moment = datetime.fromisoformat(local_text(shown, zone) or shown[:19])
        return f"{_day(moment)}, {_clock(moment.hour, moment.minute)}"
    return _clock(int(shown[:2]), int(shown[3:5]))


def _day(day: date) -> str:
    return f"{day.month}/{day.day}/{day.year}"


def _clock(hour: int, minute: int) -> str:
    return f"{hour % 12 or 12}:{minute:02} {'AM' if hour < 12 else 'PM'}"


def _number(field: Field, value: Any) -> str:
    scale = 0 if field.type == "int" else max(field.scale, 0)
    number = Decimal(str(value)).quantize(Decimal(1).scaleb(-scale), rounding=ROUND_HALF_UP)
    digits = f"{abs(number):,}"
    sign = "-" if number < 0 else ""
    if field.type == "currency":
        return f"{sign}${digits}"
    return f"{sign}{digits}%" if field.type == "percent" else f"{sign}{digits}"
