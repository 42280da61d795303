"""What ``&columns=true`` answers of a query: its columns instead of its records.

The Salesforce CLI asks for it to know what to print.
"""

from __future__ import annotations

from typing import Any, Final

from ..schema import Field
from .plan import Branches, Cell, Groups, Node, Plan

_APEX_TYPES: Final = {
    "id": "Id",
    "reference": "Id",
    "boolean": "Boolean",
    "int": "Integer",
    "double": "Double",
    "currency": "Double",
    "percent": "Double",
    "date": "Date",
    "datetime": "Datetime",
    "time": "Time",
    "address": "Address",
    "location": "Location",
    "base64": "Blob",
}
_NUMBERS: Final = frozenset({"int", "double", "currency", "percent"})

_Column = dict[str, Any]


def column_metadata(plan: Plan) -> dict[str, Any]:
    """Return what Salesforce tells of the columns of the query that became *plan*."""
    return {
        "columnMetadata": _columns(plan),
        "entityName": plan.sobject.name,
        "groupBy": isinstance(plan.root, Groups),
        "idSelected": isinstance(plan.root, Node) and "Id" in plan.root.items,
        "keyPrefix": plan.sobject.key_prefix,
    }


def _columns(plan: Plan) -> list[_Column]:
    if plan.is_count:
        return []
    return _of_items(plan.root)


def _of_items(shape: Node | Groups) -> list[_Column]:
    columns = []
    for name, item in shape.items.items():
        if isinstance(item, Cell):
            columns.append(_of_cell(name, item, is_grouped=isinstance(shape, Groups)))
        elif isinstance(item, Plan):
            columns.append(_column(name, aggregate=True, joined=_columns(item)))
        elif isinstance(item, Branches):
            columns.append(_of_branches(name, item))
        else:
            key = item.reference.name if item.reference else None
            joined = _of_items(item)
            columns.append(_column(name, foreign_key=key, joined=joined))
    return columns


def _of_branches(name: str, branches: Branches) -> _Column:
    nodes = [*branches.nodes.values(), *([branches.otherwise] if branches.otherwise else [])]
    joined: dict[str, _Column] = {}
    for node in nodes:
        for column in _of_items(node):
            joined.setdefault(column["columnName"], column)
    key = nodes[0].reference.name if nodes and nodes[0].reference else None
    return _column(name, foreign_key=key, joined=list(joined.values()))


def _of_cell(name: str, cell: Cell, *, is_grouped: bool) -> _Column:
    computed = cell.label is not None
    return _column(
        name,
        display=cell.label,
        aggregate=is_grouped and computed,
        field=cell.field,
        writable=not is_grouped and not computed,
    )


def _column(
    name: str,
    *,
    display: str | None = None,
    aggregate: bool = False,
    field: Field | None = None,
    writable: bool = False,
    foreign_key: str | None = None,
    joined: list[_Column] | None = None,
) -> _Column:
    kind = None if field is None or aggregate else _APEX_TYPES.get(field.type, "String")
    return {
        "aggregate": aggregate,
        "apexType": kind,
        "booleanType": field is not None and field.type == "boolean",
        "columnName": name,
        "custom": field is not None and field.custom,
        "displayName": display or name,
        "foreignKeyName": foreign_key,
        "insertable": writable and field is not None and field.createable,
        "joinColumns": joined or [],
        "numberType": field is not None and field.type in _NUMBERS,
        "textType": field is not None and field.traits.is_text,
        "updatable": writable and field is not None and field.updateable,
    }
