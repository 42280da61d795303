"""SELECT of records: which fields, parents and children the answer shows of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import attrs

from ..errors import ApiError, not_implemented
from ..schema import Field
from . import ast
from .errors import malformed, no_such_column, no_such_relationship, no_such_type, soql_error
from .functions import DATE_FUNCTIONS, call_expression
from .names import NAME, Names, Place, Relationships
from .plan import Branches, Cell, Context, Expression, Node, Plan

_MOST_FIELDS_ROWS: Final = 200
_FIELDS_SINCE: Final = 51.0
_TYPEOF_SINCE: Final = 46.0

PlanChild = Callable[[ast.ChildQuery], tuple[str, Plan]]


@attrs.define
class Selecting:
    """Reads the SELECT list of *query*; *plan_child* makes the plan of a query within it."""

    query: ast.Query
    text: str
    context: Context
    names: Names
    plan_child: PlanChild
    columns: list[str] = attrs.field(init=False, factory=list[str])

    def select(self) -> Node:
        root = Node(self.names.sobject, self._column('t0."Id"'))
        for item in self.query.select:
            if isinstance(item, ast.ChildQuery):
                self._children(root, item)
            elif isinstance(item, ast.TypeOf):
                self._type_of(root, item)
            elif isinstance(item.value, ast.Call):
                self._call(root, item.value, item.alias)
            elif item.alias is not None:
                reason = "only aggregate expressions use field aliasing"
                raise malformed(self.text, item.value.positions[-1], reason)
            else:
                self._path(root, item.value)
        return root

    def _column(self, expression: str) -> int:
        self.columns.append(expression)
        return len(self.columns) - 1

    # ---- fields, and parents on the way to them ----

    def _path(self, root: Node, path: ast.Path) -> None:
        relationships, field = self.names.resolve(path)
        node = self._node(root, relationships, path.positions[0])
        self._field(node, self.names.place(relationships), field)

    def _node(self, root: Node, relationships: Relationships, position: int) -> Node:
        """Return the shape of the parent that *relationships* lead to from *root*."""
        node = root
        for depth in range(1, len(relationships) + 1):
            place = self.names.place(relationships[:depth])
            name = _relationship(place)
            child = node.items.get(name)
            if child is None:
                child = Node(
                    place.sobject, self._column(place.link), place.reference, place.alias is None
                )
                if place.alias is not None:  # a parent that is not there has no id
                    self.columns[-1] = f'{place.alias}."Id"'
                node.items[name] = child
            if not isinstance(child, Node):
                reason = f"duplicate relationship selected: {name}"
                raise malformed(self.text, position, reason)
            node = child
        return node

    def _field(self, node: Node, place: Place, field: Field) -> None:
        names: Iterable[str] = (field.name,) if field.has_column else ()
        if field.is_compound:
            names = field.parts.values()
        fields = [place.sobject.field(name) for name in names]
        indexes = tuple(
            self._column("NULL" if part is None else place.column(part)) for part in fields
        )
        self._put(node, field.name, Cell(field, indexes))

    def _put(self, node: Node, name: str, cell: Cell) -> None:
        if name in node.items:
            raise ApiError("INVALID_FIELD", f"duplicate field selected: {name}")
        node.items[name] = cell

    # ---- functions ----

    def _call(self, root: Node, call: ast.Call, alias: str | None) -> None:
        if call.name.upper() == "FIELDS":
            self._fields(root, call, alias)
            return
        expression = self._scalar(call)
        if call.name.upper() in DATE_FUNCTIONS:
            reason = f"Field must be grouped or aggregated: {expression.label}"
            raise malformed(self.text, call.position, reason)
        cell = Cell(
            expression.field, (self._column(expression.sql),), expression.show, expression.label
        )
        if alias is not None:
            self._put(root, alias, cell)
            return
        path = _innermost(call)
        relationships, field = self.names.resolve(path)
        self._put(self._node(root, relationships, path.positions[0]), field.name, cell)

    def _scalar(self, value: ast.Value) -> Expression:
        if isinstance(value, ast.Path):
            return self.names.expression(value)
        return call_expression(self.names, value, self._scalar)

    def _fields(self, root: Node, call: ast.Call, alias: str | None) -> None:
        """``FIELDS(ALL)``, ``FIELDS(STANDARD)`` and ``FIELDS(CUSTOM)``."""
        if self.context.version < _FIELDS_SINCE:
            reason = "The SOQL FIELDS function is not supported in this version of the API"
            raise soql_error(self.text, call.position, "UNSUPPORTED_API_VERSION", reason)
        if alias is not None:
            reason = "only aggregate expressions use field aliasing"
            raise malformed(self.text, call.position, reason)
        group, limit = str(call.arguments[0]).upper(), self.query.limit
        if group != "STANDARD" and (limit is None or limit > _MOST_FIELDS_ROWS):
            reason = f"The SOQL FIELDS function must have a LIMIT of at most {_MOST_FIELDS_ROWS}"
            raise malformed(self.text, call.position, reason)
        place = self.names.place(())
        for field in self.names.sobject.fields:
            if group == "ALL" or field.custom == (group == "CUSTOM"):
                self._field(root, place, field)

    # ---- children ----

    def _children(self, root: Node, item: ast.ChildQuery) -> None:
        name, plan = self.plan_child(item)
        if name in root.items:
            reason = f"duplicate relationship selected: {name}"
            raise malformed(self.text, item.position, reason)
        root.items[name] = plan

    # ---- TYPEOF ----

    def _type_of(self, root: Node, item: ast.TypeOf) -> None:
        """Select what is wanted of a parent whose sObject is known only when the query runs."""
        if self.context.version < _TYPEOF_SINCE:
            raise not_implemented(f"TYPEOF before version {_TYPEOF_SINCE}")
        *steps, last = zip(item.path.names, item.path.positions, strict=True)
        before = self.names.start(steps)
        relationships = self.names.follow(before, (last,))
        place = self.names.place(relationships)
        if place.sobject is not NAME:
            reason = f"'{last[0]}' is not a polymorphic relationship, which TYPEOF needs"
            raise malformed(self.text, last[1], reason)
        owner = self._node(root, before, item.position)
        name = _relationship(place)
        if name in owner.items:
            reason = f"duplicate relationship selected: {name}"
            raise malformed(self.text, item.position, reason)
        branches = Branches(self._column(place.link), {}, None)
        for sobject_name, values in item.when:
            node = self._branch(relationships, sobject_name, values, item)
            if node.sobject.name in branches.nodes:
                reason = f"duplicate WHEN in TYPEOF: {node.sobject.name}"
                raise malformed(self.text, item.position, reason)
            branches.nodes[node.sobject.name] = node
        if item.otherwise:
            otherwise = Node(NAME, branches.id_index, place.reference, is_name=True)
            self._branch_fields(otherwise, place, item.otherwise, item)
            branches = attrs.evolve(branches, otherwise=otherwise)
        owner.items[name] = branches

    def _branch(
        self,
        relationships: Relationships,
        name: str,
        values: tuple[ast.Value, ...],
        item: ast.TypeOf,
    ) -> Node:
        sobject = self.context.schema.get(name)
        parents = self.names.place(relationships).parents
        if sobject is None or sobject not in parents:
            raise no_such_type(self.text, item.position, name)
        place = self.names.place(relationships, sobject)
        node = Node(sobject, self._column(f'{place.alias}."Id"'), place.reference)
        self._branch_fields(node, place, values, item)
        return node

    def _branch_fields(
        self, node: Node, place: Place, values: tuple[ast.Value, ...], item: ast.TypeOf
    ) -> None:
        for value in values:
            if not isinstance(value, ast.Path) or len(value.names) != 1:
                reason = "TYPEOF takes the names of fields, without paths and functions"
                raise malformed(self.text, item.position, reason)
            field = node.sobject.field(value.names[0])
            if field is None:
                raise no_such_column(
                    self.text, value.positions[0], value.names[0], node.sobject.name
                )
            self._field(node, place, field)


def child_of(text: str, context: Context, names: Names, item: ast.ChildQuery) -> tuple[str, Field]:
    """Return the name of the relationship that the query *item* is over, and its lookup field."""
    path = item.query.sources[0].path
    before = tuple(zip(path.names[:-1], path.positions[:-1], strict=True))
    if names.start(list(before)) != ():  # FROM Account.Contacts is the same as FROM Contacts
        raise no_such_relationship(text, item.position, str(path))
    child = context.schema.child(names.sobject, path.names[-1])
    if child is None or child.field.child_relationship_name is None:
        raise no_such_relationship(text, item.position, str(path))
    return child.field.child_relationship_name, child.field


def _relationship(place: Place) -> str:
    if place.reference is None or place.reference.relationship_name is None:
        raise AssertionError(place)
    return place.reference.relationship_name


def _innermost(call: ast.Call) -> ast.Path:
    """Return the field that *call*, which has been checked, is of."""
    [value] = call.arguments
    if isinstance(value, ast.Call):
        return _innermost(value)
    assert isinstance(value, ast.Path)  # noqa: S101 - it has been checked
    return value
