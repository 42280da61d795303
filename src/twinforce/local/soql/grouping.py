"""Aggregates: what COUNT, SUM and the like return, and what a row is that stands for a group.

Source: SOQL and SOSL Reference, Aggregate Functions and GROUP BY.
"""

from __future__ import annotations

from typing import Final

import attrs

from ..errors import ApiError, not_implemented
from ..schema import Field
from . import ast
from .conditions import position_of
from .errors import malformed
from .functions import AGGREGATES, DATE_FUNCTIONS, call_expression, has_aggregate
from .names import Names, field_expression
from .plan import Cell, Expression, Groups

_NUMBERS: Final = frozenset({"int", "double", "currency", "percent"})
_NEVER: Final = frozenset({"boolean", "base64", "time", "address", "location", "multipicklist"})
_PLACE_DIGITS: Final = 6


def is_grouped(query: ast.Query) -> bool:
    """Tell whether rows of the answer stand for groups; that of a lone COUNT() does not."""
    if query.group_by is not None:
        return True
    selected = (item.value for item in query.select if isinstance(item, ast.Column))
    return any(map(has_aggregate, (*selected, *(ordering.value for ordering in query.order_by))))


@attrs.define
class Grouping:
    """Reads the values of a grouped *query*, whose text is *text*."""

    query: ast.Query
    text: str
    names: Names
    _groups: dict[str, Expression] = attrs.field(init=False, factory=dict[str, Expression])
    _aliases: dict[str, Expression] = attrs.field(init=False, factory=dict[str, Expression])

    def __attrs_post_init__(self) -> None:
        group_by = self.query.group_by
        if group_by is None:
            for clause, used in (("LIMIT", self.query.limit), ("OFFSET", self.query.offset)):
                if used is not None:
                    position = position_of(self._first_aggregate())
                    reason = (
                        "Non-grouped query that uses overall aggregate functions "
                        f"cannot also use {clause}"
                    )
                    raise malformed(self.text, position, reason)
            return
        if group_by.kind != "plain":
            raise not_implemented(f"GROUP BY {group_by.kind.upper()}")
        for value in group_by.values:
            self._group(value)

    def _first_aggregate(self) -> ast.Value:
        selected = (item.value for item in self.query.select if isinstance(item, ast.Column))
        ordered = (ordering.value for ordering in self.query.order_by)
        return next(filter(has_aggregate, (*selected, *ordered)))

    def _group(self, value: ast.Value) -> None:
        if has_aggregate(value):
            reason = "aggregate functions can not be used in GROUP BY"
            raise malformed(self.text, position_of(value), reason)
        expression = self._scalar(value)
        field = expression.field
        if isinstance(value, ast.Path) and (not field.groupable or field.is_compound):
            reason = f"field '{field.name}' can not be grouped in a query call"
            raise malformed(self.text, expression.position, reason)
        if isinstance(value, ast.Call) and value.name.upper() not in DATE_FUNCTIONS:
            reason = f"{value.name}() can not be used in GROUP BY"
            raise malformed(self.text, value.position, reason)
        if expression.label.lower() in self._groups:
            reason = f"duplicate grouping expression: {expression.label}"
            raise malformed(self.text, expression.position, reason)
        self._groups[expression.label.lower()] = expression

    @property
    def group_sql(self) -> str:
        keys = [expression.key for expression in self._groups.values()]
        return f" GROUP BY {', '.join(keys)}" if keys else ""

    # ---- what may stand where ----

    def value(self, value: ast.Value) -> Expression:
        """Return what *value* is of a group, in SELECT and HAVING. Raises ApiError if nothing."""
        return self._value(value, "Field")

    def ordered(self, value: ast.Value) -> Expression:
        """Return what *value*, perhaps an alias, is of a group in ORDER BY."""
        if isinstance(value, ast.Path) and len(value.names) == 1:
            known = self._aliases.get(value.names[0].lower())
            if known is not None:
                return known
        return self._value(value, "Ordered field")

    def _value(self, value: ast.Value, what: str) -> Expression:
        if isinstance(value, ast.Call) and value.name.upper() in AGGREGATES:
            return self._aggregate(value)
        if isinstance(value, ast.Call) and has_aggregate(value):
            return call_expression(self.names, value, self.value)
        expression = self._scalar(value)
        if not self._is_grouped(value, expression):
            reason = f"{what} must be grouped or aggregated: {expression.label}"
            raise malformed(self.text, expression.position, reason)
        return expression

    def _is_grouped(self, value: ast.Value, expression: Expression) -> bool:
        if expression.label.lower() in self._groups:
            return True
        # What is made of one grouped day, or of one grouped value to show it, is the same in all.
        if not isinstance(value, ast.Call) or isinstance(value.arguments[0], ast.Literal):
            return False
        return self._is_grouped(value.arguments[0], self._scalar(value.arguments[0]))

    def _scalar(self, value: ast.Value) -> Expression:
        if isinstance(value, ast.Path):
            return self.names.expression(value)
        return call_expression(self.names, value, self._scalar)

    # ---- SELECT ----

    def select(self, columns: list[str]) -> Groups:
        """Return the shape of a row, and put the SQL of its values into *columns*."""
        items: dict[str, Cell] = {}
        unnamed = 0
        for item in self.query.select:
            column = self._column(item)
            if isinstance(column.value, ast.Call) and column.value.name.upper() == "FIELDS":
                self._refuse_fields(column.value)
            expression = self.value(column.value)
            name = column.alias
            if name is None and isinstance(column.value, ast.Path):
                name = expression.field.name
            elif name is None:
                name, unnamed = f"expr{unnamed}", unnamed + 1
            if name.lower() in self._aliases:
                raise malformed(self.text, expression.position, f"duplicate alias: {name}")
            self._aliases[name.lower()] = expression
            is_text = expression.field.ignores_case and not has_aggregate(column.value)
            # Texts that differ in case are one group, and one of them stands for it.
            columns.append(f"MIN({expression.sql})" if is_text else expression.sql)
            label = None if isinstance(column.value, ast.Path) else expression.label
            items[name] = Cell(expression.field, (len(columns) - 1,), expression.show, label)
        return Groups(items)

    def _column(self, item: ast.Column | ast.ChildQuery | ast.TypeOf) -> ast.Column:
        if isinstance(item, ast.Column):
            return item
        reason = "Grouped query cannot use child relationships in the SELECT list"
        if isinstance(item, ast.TypeOf):
            reason = "Grouped query cannot use TYPEOF in the SELECT list"
        raise malformed(self.text, item.position, reason)

    def _refuse_fields(self, call: ast.Call) -> None:
        for field in self.names.sobject.fields:
            if field.name.lower() not in self._groups:
                reason = f"Field must be grouped or aggregated: {field.name}"
                raise malformed(self.text, call.position, reason)

    # ---- aggregates ----

    def _aggregate(self, call: ast.Call) -> Expression:
        name = call.name.upper()
        if not call.arguments:
            reason = "COUNT() must be the only element in the SELECT list"
            raise malformed(self.text, call.position, reason)
        argument = call.arguments[0]
        if isinstance(argument, ast.Literal) or has_aggregate(argument):
            raise malformed(self.text, call.position, f"{name}() takes one field")
        inner = self._scalar(argument)
        if isinstance(argument, ast.Call) and argument.name.upper() in DATE_FUNCTIONS:
            raise malformed(self.text, call.position, f"{name}() takes a field, not a function")
        self._check_supported(call, inner)
        if inner.label.lower() in self._groups:
            reason = f"Grouped field should not be aggregated: {inner.label}"
            raise malformed(self.text, call.position, reason)
        label = f"{name.lower()}({inner.label})"
        if name in {"COUNT", "COUNT_DISTINCT"}:
            distinct = "DISTINCT " if name == "COUNT_DISTINCT" else ""
            sql = f"COUNT({distinct}{inner.key})"
            return field_expression(Field(label, label, "int"), sql, label, call.position)
        if name in {"SUM", "AVG"}:
            return _of_numbers(name, inner, label, call.position)
        return _extreme(name, inner, label, call.position)

    def _check_supported(self, call: ast.Call, inner: Expression) -> None:
        name, field = call.name.upper(), inner.field
        supported = field.filterable and field.type not in _NEVER
        if name in {"SUM", "AVG"}:
            supported = field.type in _NUMBERS
        if not bool(field.described.get("aggregatable", supported)) or not supported:
            reason = f"field {field.name} does not support aggregate operator {name}"
            raise malformed(self.text, inner.position, reason)


def _of_numbers(name: str, inner: Expression, label: str, position: int) -> Expression:
    field = inner.field
    sql = f"{name}({inner.sql})"
    if name == "SUM" and field.type != "int":
        if field.has_big_integers:  # of which a sum may be more than an integer of SQLite
            sql = f"SUM(CAST({inner.sql} AS REAL))"
        # Numbers are binary here and decimal there, where a sum has the digits of what it sums up.
        sql = f"ROUND({sql}, {max(field.scale, 0)})"
    kind = field.type
    if kind not in {"currency", "percent"}:
        kind = "int" if name == "SUM" and kind == "int" else "double"
    return field_expression(attrs.evolve(field, name=label, type=kind), sql, label, position)


def _extreme(name: str, inner: Expression, label: str, position: int) -> Expression:
    """The least or the greatest: of a text, regardless of case; of a picklist, by its order."""
    field = inner.field
    if not field.traits.is_text:
        return field_expression(field, f"{name}({inner.sql})", label, position)
    if inner.order != inner.key:
        sql = f"{name}(printf('%0{_PLACE_DIGITS}d', {inner.order}) || {inner.sql})"
        key = f"casefold(substr({sql}, {_PLACE_DIGITS + 1}))"
        return Expression(field, sql, key, label, position, sql, _behind_place)
    sql = f"{name}({inner.key} || char(0) || {inner.sql})"
    return Expression(field, sql, f"{name}({inner.key})", label, position, sql, _behind_key)


def _behind_place(found: str | None) -> str | None:
    return None if found is None else found[_PLACE_DIGITS:]


def _behind_key(found: str | None) -> str | None:
    return None if found is None else found[len(found) // 2 + 1 :]


def refuse_in_child(text: str, query: ast.Query) -> ApiError:
    """The error that tells that *query*, which is within another, may not be grouped."""
    position = query.sources[0].path.positions[0]
    if query.group_by is not None:
        position = position_of(query.group_by.values[0])
    for item in query.select:
        if isinstance(item, ast.Column) and has_aggregate(item.value):
            position = position_of(item.value)
    return malformed(text, position, "Only root queries support aggregate expressions")
