"""From the AST of a query to the SQL that answers it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final, NoReturn

import attrs

from ..errors import ApiError, not_implemented
from ..schema import Field, Schema, SObject
from ..store import comparable, quoted
from ..values import Stored, address_parts, casefold
from . import ast
from .errors import (
    invalid_field,
    malformed,
    no_such_column,
    no_such_relationship,
    no_such_type,
)
from .operands import Operands

MAX_OFFSET: Final = 2000
MAX_FIELDS_ROWS: Final = 200


@attrs.frozen
class Cell:
    """Where in a row of the result the value of *field* is; an address has several places."""

    field: Field
    indexes: tuple[int, ...]


@attrs.define
class Node:
    """The shape of a record in the answer: its fields, parents and children in SELECT's order."""

    sobject: SObject
    id_index: int
    items: dict[str, Cell | Node | Plan] = attrs.field(factory=dict[str, "Cell | Node | Plan"])


@attrs.frozen
class Plan:
    """SQL for a query and the shape of its answer; *is_count* when it was ``COUNT()``.

    The plan of a child query takes the parent's id as its first parameter.
    """

    sql: str
    parameters: tuple[Stored, ...]
    root: Node
    is_count: bool = False


@attrs.frozen
class Context:
    """What a query means depends on: the org, the time, and whether deleted rows are seen."""

    schema: Schema
    now: datetime
    with_deleted: bool = False


def compile_query(
    query: ast.Query,
    text: str,
    context: Context,
    *,
    found_in: Callable[[Field], bool] | None = None,
) -> Plan:
    """Compile *query*, whose text is *text*. Raises ApiError as Salesforce refuses a query.

    With *found_in*, it is part of a search: only those records count in which the term of the
    search is found, in one of the fields for which *found_in* is true.
    """
    source = query.sources[0].path
    sobject = context.schema.get(source.names[0]) if len(source.names) == 1 else None
    if sobject is None:
        raise no_such_type(text, source.positions[0], str(source))
    return _Compiler(query, text, context, sobject, found_in=found_in).plan()


def _refuse_unexecuted(query: ast.Query) -> None:
    clauses = {
        "USING SCOPE": query.scope is not None,
        "GROUP BY": query.group_by is not None,
        "HAVING": query.having is not None,
        "FOR VIEW, FOR REFERENCE and FOR UPDATE": query.purposes,
        "UPDATE TRACKING and UPDATE VIEWSTAT": query.updates,
        "ALL ROWS": query.all_rows,
        "more than one object in FROM": len(query.sources) > 1,
    }
    for clause, used in clauses.items():
        if used:
            raise not_implemented(clause)
    for with_clause in query.with_clauses:
        # The org's only user may see everything, so these change nothing.
        if with_clause not in {"SECURITY_ENFORCED", "USER_MODE", "SYSTEM_MODE"}:
            raise not_implemented("WITH filters")


@attrs.define
class _Compiler:
    query: ast.Query
    text: str
    context: Context
    sobject: SObject
    parent_field: Field | None = None
    found_in: Callable[[Field], bool] | None = None
    _joins: dict[tuple[str, ...], tuple[str, SObject]] = attrs.field(init=False)
    _from: list[str] = attrs.field(init=False, factory=list[str])
    _columns: list[str] = attrs.field(init=False, factory=list[str])
    _parameters: list[Stored] = attrs.field(init=False, factory=list[Stored])
    _aliases: frozenset[str] = attrs.field(init=False)
    _operands: Operands = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._operands = Operands(self.text, self.context.now.date())
        source = self.query.sources[0]
        self._joins = {(): ("t0", self.sobject)}
        self._from.append(f"{quoted(self.sobject.name)} AS t0")
        names = {source.path.names[-1].lower(), self.sobject.name.lower()}
        if source.alias is not None:
            names.add(source.alias.lower())
        self._aliases = frozenset(names)

    def plan(self) -> Plan:
        _refuse_unexecuted(self.query)
        count = self._count()
        if count is not None:
            self._check_count(count)
            root, columns = Node(self.sobject, 0), "1"
        else:
            root = self._selected()
            columns = ", ".join(self._columns)
        sql = self._with_rows(columns)
        if count is not None:
            sql = f"SELECT COUNT(*) FROM ({sql})"
        return Plan(sql, tuple(self._parameters), root, count is not None)

    def key_sql(self) -> str:
        """The SQL of a semi-join's query: the one column that is compared with."""
        _refuse_unexecuted(self.query)
        columns = self.query.select
        only = columns[0]
        if len(columns) != 1 or not isinstance(only, ast.Column):
            position = self.query.sources[0].path.positions[0]
            reason = "a query in IN (…) must select exactly one field"
            raise malformed(self.text, position, reason)
        field, column = self._field(only.value)
        if field.type not in {"id", "reference"}:
            raise malformed(
                self.text,
                _position(only.value),
                f"The selected field '{field.name}' in the subquery must be an ID or a reference",
            )
        return self._with_rows(column)

    def take_parameters(self) -> list[Stored]:
        return self._parameters

    # ---- the statement ----

    def _with_rows(self, columns: str) -> str:
        conditions = []
        if self.parent_field is not None:
            conditions.append(f"t0.{quoted(self.parent_field.name)} = ?")
        if not self.context.with_deleted:
            conditions.append('t0."IsDeleted" = 0')
        if self.found_in is not None:
            conditions.append(self._found(self.found_in))
        if self.query.where is not None:
            conditions.append(self._condition(self.query.where))
        order = [self._ordering(ordering) for ordering in self.query.order_by]
        sql = f"SELECT {columns} FROM {' '.join(self._from)}"
        if conditions:
            sql += f" WHERE {' AND '.join(conditions)}"
        sql += f" ORDER BY {', '.join([*order, 't0.rowid'])}"
        return sql + self._limits()

    def _found(self, is_wanted: Callable[[Field], bool]) -> str:
        texts = []
        for field in filter(is_wanted, self.sobject.fields):
            column = f"t0.{quoted(field.name)}"
            texts.append(f"IFNULL({column}, '')")
            if field.type == "phone":  # also found by its digits alone
                texts.append(f"digits({column})")
        return f"found({_balanced(texts, '|| char(0) ||')})" if texts else "0"

    def _limits(self) -> str:
        limit, offset = self.query.limit, self.query.offset
        if offset is not None and offset > MAX_OFFSET:
            message = f"Maximum SOQL offset allowed is {MAX_OFFSET}"
            raise ApiError("NUMBER_OUTSIDE_VALID_RANGE", message)
        if limit is None and offset is None:
            return ""
        self._parameters += (-1 if limit is None else limit, offset or 0)
        return " LIMIT ? OFFSET ?"

    # ---- SELECT ----

    def _count(self) -> ast.Column | None:
        """Return the COUNT() that is all that is selected, if it is."""
        first = self.query.select[0]
        if (
            len(self.query.select) == 1
            and isinstance(first, ast.Column)
            and isinstance(first.value, ast.Call)
            and first.value.name.upper() == "COUNT"
            and not first.value.arguments
        ):
            return first
        return None

    def _check_count(self, count: ast.Column) -> None:
        """COUNT() is a query's whole answer: it has no name, no order, and no parent."""
        if self.parent_field is not None:
            reason = "COUNT() is not allowed in a child query"
        elif count.alias is not None:
            reason = "COUNT() cannot have an alias"
        elif self.query.order_by:
            reason = "COUNT() cannot be combined with ORDER BY"
        else:
            return
        raise malformed(self.text, _position(count.value), reason)

    def _selected(self) -> Node:
        root = Node(self.sobject, self._column('t0."Id"'))
        for item in self.query.select:
            if isinstance(item, ast.ChildQuery):
                self._select_children(root, item)
            elif isinstance(item, ast.TypeOf):
                raise not_implemented("TYPEOF")
            elif item.alias is not None and isinstance(item.value, ast.Path):
                position = _position(item.value)
                reason = "only aggregate expressions use field aliasing"
                raise malformed(self.text, position, reason)
            elif isinstance(item.value, ast.Call):
                self._select_fields(root, item.value)
            else:
                self._select_path(root, item.value)
        return root

    def _column(self, expression: str) -> int:
        self._columns.append(expression)
        return len(self._columns) - 1

    def _select_path(self, root: Node, path: ast.Path) -> None:
        relationships, field = self._resolve(path)
        node = root
        for depth in range(1, len(relationships) + 1):
            reference = node.sobject.reference(relationships[depth - 1])
            alias, parent = self._join(relationships[:depth])
            name = reference.relationship_name if reference else None
            child = node.items.get(name or "")
            if not isinstance(child, Node):
                child = Node(parent, self._column(f'{alias}."Id"'))
                node.items[name or ""] = child
            node = child
        self._select_field(node, self._join(relationships)[0], field)

    def _select_field(self, node: Node, alias: str, field: Field) -> None:
        if field.name in node.items:
            raise ApiError("INVALID_FIELD", f"duplicate field selected: {field.name}")
        names: Iterable[str] = (field.name,) if field.has_column else ()
        if field.is_compound:
            names = address_parts(field).values()
        indexes = tuple(self._column(f"{alias}.{quoted(name)}") for name in names)
        node.items[field.name] = Cell(field, indexes)

    def _select_fields(self, root: Node, call: ast.Call) -> None:
        """``FIELDS(ALL)``, ``FIELDS(STANDARD)`` and ``FIELDS(CUSTOM)``."""
        if call.name.upper() != "FIELDS":
            raise not_implemented(f"the function {call.name}()")
        group = str(call.arguments[0]).upper() if len(call.arguments) == 1 else ""
        if group not in {"ALL", "STANDARD", "CUSTOM"}:
            reason = "FIELDS() takes ALL, STANDARD or CUSTOM"
            raise malformed(self.text, call.position, reason)
        limit = self.query.limit
        if group != "STANDARD" and (limit is None or limit > MAX_FIELDS_ROWS):
            reason = f"The SOQL FIELDS function must have a LIMIT of at most {MAX_FIELDS_ROWS}"
            raise malformed(self.text, call.position, reason)
        for field in self.sobject.fields:
            if group == "ALL" or field.custom == (group == "CUSTOM"):
                self._select_field(root, "t0", field)

    def _select_children(self, root: Node, item: ast.ChildQuery) -> None:
        source = item.query.sources[0].path
        child = self.context.schema.child(self.sobject, source.names[-1])
        if child is None or child.field.child_relationship_name is None:
            raise no_such_relationship(self.text, item.position, str(source))
        name = child.field.child_relationship_name
        if name in root.items:
            reason = f"duplicate relationship selected: {name}"
            raise malformed(self.text, item.position, reason)
        compiler = _Compiler(item.query, self.text, self.context, child.sobject, child.field)
        root.items[name] = compiler.plan()

    # ---- names ----

    def _resolve(self, path: ast.Path) -> tuple[tuple[str, ...], Field]:
        """Return the relationships to follow, in lower case, and the field at the end."""
        steps = list(zip(path.names, path.positions, strict=True))
        if len(steps) > 1 and steps[0][0].lower() in self._aliases:
            del steps[0]
        *relationships, (name, name_position) = steps
        followed: tuple[str, ...] = ()
        sobject = self.sobject
        for relationship, position in relationships:
            reference = sobject.reference(relationship)
            if reference is None:
                raise no_such_relationship(self.text, position, relationship)
            if reference.is_polymorphic:
                raise not_implemented(f"queries through {relationship}, which may be any sobject")
            followed += (relationship.lower(),)
            sobject = self._join(followed)[1]
        field = sobject.field(name)
        if field is None:
            raise no_such_column(self.text, name_position, name, sobject.name)
        return followed, field

    def _join(self, relationships: tuple[str, ...]) -> tuple[str, SObject]:
        """Return the SQL alias and the sObject at the end of *relationships*."""
        joined = self._joins.get(relationships)
        if joined is None:
            alias, sobject = self._join(relationships[:-1])
            reference = sobject.reference(relationships[-1])
            if reference is None:
                raise AssertionError(relationships)
            parent = self.context.schema[reference.reference_to[0]]
            joined = f"t{len(self._joins)}", parent
            self._joins[relationships] = joined
            self._from.append(
                f"LEFT JOIN {quoted(parent.name)} AS {joined[0]} "
                f'ON {joined[0]}."Id" = {alias}.{quoted(reference.name)}'
            )
        return joined

    def _field(self, value: ast.Value) -> tuple[Field, str]:
        """Return the field that *value* names and its column in the statement."""
        if isinstance(value, ast.Call):
            raise not_implemented(f"the function {value.name}()")
        relationships, field = self._resolve(value)
        return field, f"{self._join(relationships)[0]}.{quoted(field.name)}"

    # ---- WHERE ----

    def _condition(self, condition: ast.Condition) -> str:
        if isinstance(condition, ast.Chain):
            terms = [self._condition(term) for term in condition.terms]
            return _balanced(terms, condition.operator)
        if isinstance(condition, ast.Negation):
            # Two-valued: where a comparison with nothing is neither true nor false, NOT is true.
            return f"NOT IFNULL({self._condition(condition.term)}, 0)"
        field, column = self._filtered(condition.value)
        if isinstance(condition, ast.Comparison):
            return self._comparison(condition, field, column)
        if isinstance(condition, ast.MultiInclusion):
            return self._multi_inclusion(condition, field, column)
        if isinstance(condition.items, ast.ChildQuery):
            return self._semi_join(condition, condition.items, field, column)
        return self._inclusion(condition, condition.items, field, column)

    def _filtered(self, value: ast.Value) -> tuple[Field, str]:
        field, column = self._field(value)
        if not field.filterable or field.is_compound:
            self._refuse(value, f"field '{field.name}' can not be filtered in a query call")
        if field.type == "boolean":  # never nothing: that of a parent that is not there is false
            return field, f"IFNULL({column}, 0)"
        return field, comparable(field, column)

    def _refuse(self, value: ast.Value, reason: str) -> NoReturn:
        raise invalid_field(self.text, _position(value), reason)

    def _comparison(self, condition: ast.Comparison, field: Field, column: str) -> str:
        operator = condition.operator
        if operator == "LIKE":
            return self._like(condition, field, column)
        if field.type in {"boolean", "multipicklist"} and operator not in {"=", "!="}:
            self._refuse(condition.value, f"invalid operator on {field.type} field")
        operand = self._operands.operand(field, condition.literal)
        if isinstance(operand, tuple):
            return self._in_range(operator, column, operand)
        if operand is None:
            return {"=": f"{column} IS NULL", "!=": f"{column} IS NOT NULL"}.get(operator, "0")
        self._parameters.append(operand)
        return f"{column} {'IS NOT' if operator == '!=' else operator} ?"

    def _in_range(self, operator: str, column: str, days: tuple[str, str]) -> str:
        """Compare with the whole of a date literal, from its first moment to behind its last."""
        first, behind = days
        if operator in {"=", "!="}:
            self._parameters += (first, behind)
            inside = f"({column} >= ? AND {column} < ?)"
            return inside if operator == "=" else f"NOT IFNULL({inside}, 0)"
        self._parameters.append(first if operator in {"<", ">="} else behind)
        return f"{column} {'<' if operator.startswith('<') else '>='} ?"

    def _like(self, condition: ast.Comparison, field: Field, column: str) -> str:
        if not field.traits.is_text or field.type == "multipicklist":
            self._refuse(condition.value, f"invalid operator on {field.type} field")
        if condition.literal.kind == "null":
            return f"{column} IS NULL"
        self._parameters.append(self._operands.pattern(field, condition.literal))
        return f"{column} LIKE ? ESCAPE '\\'"

    def _inclusion(
        self, condition: ast.Inclusion, items: tuple[ast.Literal, ...], field: Field, column: str
    ) -> str:
        values: list[Stored] = []
        alternatives: list[str] = []
        ranges: list[tuple[str, str]] = []
        for literal in items:
            operand = self._operands.operand(field, literal)
            if isinstance(operand, tuple):
                ranges.append(operand)
            elif operand is None:
                alternatives.append(f"{column} IS NULL")
            else:
                values.append(operand)
        if values:
            alternatives.append(f"{column} IN ({', '.join('?' * len(values))})")
            self._parameters += values
        alternatives += [self._in_range("=", column, days) for days in ranges]
        included = _balanced(alternatives, "OR")
        return f"NOT IFNULL({included}, 0)" if condition.negated else included

    def _multi_inclusion(self, condition: ast.MultiInclusion, field: Field, column: str) -> str:
        if field.type != "multipicklist":
            word = "EXCLUDES" if condition.negated else "INCLUDES"
            self._refuse(condition.value, f"{word} works on multi-select picklists only")
        alternatives = []
        for literal in condition.items:
            operand = self._operands.operand(field, literal)
            chosen = str(operand or "").split(";")
            self._parameters += [f";{value.strip()};" for value in chosen]
            tests = [f"instr(';' || {column} || ';', ?) > 0"] * len(chosen)
            alternatives.append(f"({' AND '.join(tests)})")
        included = _balanced(alternatives, "OR")
        return f"NOT IFNULL({included}, 0)" if condition.negated else included

    def _semi_join(
        self, condition: ast.Inclusion, inner: ast.ChildQuery, field: Field, column: str
    ) -> str:
        if field.type not in {"id", "reference"}:
            reason = f"The left operand field '{field.name}' cannot have a subquery: not an ID"
            self._refuse(condition.value, reason)
        source = inner.query.sources[0].path
        sobject = self.context.schema.get(str(source))
        if sobject is None:
            raise no_such_type(self.text, source.positions[0], str(source))
        compiler = _Compiler(inner.query, self.text, self.context, sobject)
        keys = compiler.key_sql()
        self._parameters += compiler.take_parameters()
        included = f"{column} IN ({keys})"
        return f"NOT IFNULL({included}, 0)" if condition.negated else included

    # ---- ORDER BY ----

    def _ordering(self, ordering: ast.Ordering) -> str:
        field, column = self._field(ordering.value)
        if not field.sortable or field.is_compound:
            reason = f"field '{field.name}' can not be sorted in a query call"
            raise malformed(self.text, _position(ordering.value), reason)
        direction = "DESC" if ordering.descending else "ASC"
        nulls = "LAST" if ordering.nulls_last else "FIRST"
        return f"{self._sort_key(field, column)} {direction} NULLS {nulls}"

    def _sort_key(self, field: Field, column: str) -> str:
        key = comparable(field, column)
        if field.type != "picklist" or not field.picklist_values:
            return key
        # Picklists sort in the order of their values in Setup; other values come after them.
        places = []
        for place, choice in enumerate(field.picklist_values):
            places.append(f"WHEN ? THEN {place}")
            self._parameters.append(casefold(choice.value))
        last = len(field.picklist_values)
        place_of = f"CASE {key} {' '.join(places)} ELSE {last} END"
        return f"CASE WHEN {column} IS NULL THEN NULL ELSE {place_of} END"


def _balanced(terms: list[str], operator: str) -> str:
    """Join *terms* as a tree of little depth, which SQLite bounds, however many there are."""
    if len(terms) == 1:
        return terms[0]
    middle = len(terms) // 2
    left, right = _balanced(terms[:middle], operator), _balanced(terms[middle:], operator)
    return f"({left} {operator} {right})"


def _position(value: ast.Value) -> int:
    return value.positions[-1] if isinstance(value, ast.Path) else value.position
