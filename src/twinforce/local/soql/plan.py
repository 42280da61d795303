"""What a query became: the SQL that answers it, and the shape of its answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import attrs

from ..schema import Field, Schema, SObject
from ..store.values import Stored
from .zones import zone_of

Shown = Callable[[Any], Any]


@attrs.frozen
class Context:
    """What a query means depends on: the org, the time, who asks and where, and what is seen."""

    schema: Schema
    now: datetime
    user_id: str
    zone: str
    version: float
    with_deleted: bool = False

    @property
    def today(self) -> date:
        """The day that it is for the user."""
        return self.now.astimezone(zone_of(self.zone)).date()


@attrs.frozen
class Expression:
    """What a value of the query is in SQL.

    *field* tells its type, and is made up for what a function returns. *key* is the SQL in which it
    is compared, *order* that by which it is sorted, *label* the value as Salesforce writes it, and
    *position* its place in the query. *show* makes the JSON of what *sql* gives, where the type of
    *field* does not say how.
    """

    field: Field
    sql: str
    key: str
    label: str
    position: int
    order: str
    show: Shown | None = None


@attrs.frozen
class Cell:
    """Where in a row of the result the value of *field* is; an address has several places.

    What *show* returns is JSON already. *label* is how the value was selected, where it is what a
    function returns.
    """

    field: Field
    indexes: tuple[int, ...]
    show: Shown | None = None
    label: str | None = None


@attrs.define
class Node:
    """The shape of a record in the answer: its fields, parents and children in SELECT's order.

    *reference* is the field through which it is a parent. Where *is_name*, it is read as the
    entity Name, and only its id tells of which sObject it is.
    """

    sobject: SObject
    id_index: int
    reference: Field | None = None
    is_name: bool = False
    items: dict[str, Cell | Node | Branches | Plan] = attrs.field(
        factory=dict[str, "Cell | Node | Branches | Plan"]
    )


@attrs.frozen
class Branches:
    """The shapes of a parent by its sObject, which TYPEOF asks for; *otherwise* of all others."""

    id_index: int
    nodes: dict[str, Node]
    otherwise: Node | None


@attrs.frozen
class Groups:
    """The shape of the row that stands for a group: its values by their names in the answer."""

    items: dict[str, Cell]


@attrs.frozen
class Plan:
    """SQL for a query and the shape of its answer; *is_count* when it was ``COUNT()``.

    The plan of a child query takes the ids of parents, as a JSON array, as its first parameter,
    and the last column is the parent's id. Where it *is_limited*, it takes one parent at a time;
    otherwise *part* is which of a parent's children are wanted.
    """

    sql: str
    parameters: tuple[Stored, ...]
    sobject: SObject
    root: Node | Groups
    is_count: bool = False
    is_limited: bool = False
    part: slice = slice(None)
