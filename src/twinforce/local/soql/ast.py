"""What a SOQL query says, as values. Positions are offsets in the query's text."""

from __future__ import annotations

from typing import Literal as OneOf

import attrs


@attrs.frozen
class Path:
    """A field, object or relationship path such as ``Account.Owner.Name``."""

    names: tuple[str, ...]
    positions: tuple[int, ...]

    def __str__(self) -> str:
        return ".".join(self.names)


@attrs.frozen
class Literal:
    """A value in the query; *text* is as written, so a string still has quotes and escapes."""

    kind: OneOf[
        "string",
        "number",
        "date",
        "datetime",
        "time",
        "currency",
        "null",
        "boolean",
        "date_literal",
    ]
    text: str
    position: int


@attrs.frozen
class Call:
    """A function applied to values: ``COUNT()``, ``toLabel(Status)``, ``FIELDS(ALL)``."""

    name: str
    arguments: tuple[Value | Literal, ...]
    position: int


Value = Path | Call


@attrs.frozen
class Column:
    """One value of the SELECT list."""

    value: Value
    alias: str | None


@attrs.frozen
class ChildQuery:
    """A query in parentheses: in the SELECT list over children, in WHERE as a semi-join."""

    query: Query
    position: int


@attrs.frozen
class TypeOf:
    """``TYPEOF What WHEN Account THEN Phone ELSE Name END``."""

    path: Path
    when: tuple[tuple[str, tuple[Value, ...]], ...]
    otherwise: tuple[Value, ...]
    position: int


@attrs.frozen
class Comparison:
    """``value operator literal``; the operator is upper-case, and ``!=`` for ``<>``."""

    value: Value
    operator: str
    literal: Literal


@attrs.frozen
class Inclusion:
    """``value IN (…)``, or ``NOT IN``, over literals or over the rows of a query."""

    value: Value
    negated: bool
    items: tuple[Literal, ...] | ChildQuery


@attrs.frozen
class MultiInclusion:
    """``value INCLUDES ('a;b', 'c')``, or ``EXCLUDES``, of a multi-select picklist."""

    value: Value
    negated: bool
    items: tuple[Literal, ...]


@attrs.frozen
class Chain:
    """Conditions that are all joined by AND, or all by OR."""

    operator: OneOf["AND", "OR"]
    terms: tuple[Condition, ...]


@attrs.frozen
class Negation:
    """``NOT condition``."""

    term: Condition


Condition = Comparison | Inclusion | MultiInclusion | Chain | Negation


@attrs.frozen
class Source:
    """An object in FROM, or one reached from it by a path."""

    path: Path
    alias: str | None


@attrs.frozen
class Ordering:
    """A value that the rows are sorted by."""

    value: Value
    descending: bool
    nulls_last: bool


@attrs.frozen
class Category:
    """A part of WITH DATA CATEGORY: a category group, AT/ABOVE/BELOW/…, and categories."""

    group: str
    operator: str
    names: tuple[str, ...]


With = str | tuple[Category, ...] | Comparison


@attrs.frozen
class GroupBy:
    """GROUP BY; *kind* tells plain grouping from ROLLUP and CUBE."""

    kind: OneOf["plain", "rollup", "cube"]
    values: tuple[Value, ...]


@attrs.frozen
class Query:
    """A whole query. A clause that is not there is None or empty."""

    select: tuple[Column | ChildQuery | TypeOf, ...]
    sources: tuple[Source, ...]
    scope: str | None = None
    where: Condition | None = None
    with_clauses: tuple[With, ...] = ()
    group_by: GroupBy | None = None
    having: Condition | None = None
    order_by: tuple[Ordering, ...] = ()
    limit: int | None = None
    offset: int | None = None
    purposes: tuple[str, ...] = ()
    updates: tuple[str, ...] = ()
    all_rows: bool = False
