"""From the AST of a query to the SQL that answers it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from ..errors import ApiError, not_implemented
from ..schema import Field, SObject
from ..store.tables import quoted
from ..store.values import Stored
from . import ast
from .conditions import (
    Conditions,
    SemiJoin,
    balanced,
    check_semi_joins,
    has_semi_join,
    needed_paths,
    position_of,
)
from .errors import invalid_field, malformed, no_such_type
from .functions import ValueOf, call_expression
from .grouping import Grouping, is_grouped, refuse_in_child
from .names import Names
from .operands import Operands
from .plan import Context, Expression, Groups, Node, Plan
from .selecting import Selecting, child_of
from .zones import zone_of

MAX_OFFSET: Final = 2000
_MOST_CHILD_LEVELS: Final = 4  # below the root, so that there are five in all
_CHILD_LEVELS_SINCE: Final = 58.0
_NO_SEMI_JOIN: Final = frozenset({"Attachment", "ContentDocumentLink", "Event", "Note", "Task"})
# Who asks for links must say of what: SOQL and SOSL Reference, ContentDocumentLink.
_LINK: Final = "ContentDocumentLink"
_LINK_KEYS: Final = frozenset({"contentdocumentid", "linkedentityid"})


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


@attrs.define
class _Compiler:
    query: ast.Query
    text: str
    context: Context
    sobject: SObject
    parent_field: Field | None = None
    found_in: Callable[[Field], bool] | None = None
    depth: int = 0
    is_semi_join: bool = False
    _names: Names = attrs.field(init=False)
    _grouping: Grouping | None = attrs.field(init=False, default=None)
    _parameters: list[Stored] = attrs.field(init=False, factory=list[Stored])

    def __attrs_post_init__(self) -> None:
        self._check_clauses()
        self._names = Names(self.text, self.context, self.sobject, self.query.sources)

    def plan(self) -> Plan:
        if self._is_count():
            self._check_count()
            root: Node | Groups = Node(self.sobject, 0)
            sql = f"SELECT COUNT(*) FROM ({self._statement(['1'])})"
            return Plan(sql, tuple(self._parameters), self.sobject, root, is_count=True)
        columns: list[str] = []
        if is_grouped(self.query):
            if self.parent_field is not None or self.is_semi_join:
                raise refuse_in_child(self.text, self.query)
            self._grouping = Grouping(self.query, self.text, self._names)
            root = self._grouping.select(columns)
        else:
            selecting = Selecting(
                self.query, self.text, self.context, self._names, self._plan_child
            )
            root = selecting.select()
            columns = selecting.columns
        sql = self._statement([*columns, *self._parent_column()])
        limit, start = self.query.limit, self.query.offset or 0
        plan = Plan(sql, tuple(self._parameters), self.sobject, root)
        if self._is_cut_later():
            return attrs.evolve(plan, part=slice(start, None if limit is None else start + limit))
        return attrs.evolve(plan, is_limited=limit is not None or start > 0)

    def _is_cut_later(self) -> bool:
        """Tell whether LIMIT waits for the answer: a query within one of children runs once."""
        where = self.query.where
        return self.parent_field is not None and where is not None and has_semi_join(where)

    def _parent_column(self) -> list[str]:
        """Return what tells whose child a row is, if the query is one of children."""
        return [] if self.parent_field is None else [f"t0.{quoted(self.parent_field.name)}"]

    # ---- which clauses there are ----

    def _check_clauses(self) -> None:
        query = self.query
        if query.all_rows:
            raise malformed(self.text, self._position(), "ALL ROWS not allowed in this context")
        if query.updates:
            raise not_implemented("UPDATE TRACKING and UPDATE VIEWSTAT")
        if self.sobject.name == _LINK and self.parent_field is None and not self.is_semi_join:
            self._check_links()
        for with_clause in query.with_clauses:
            # The org's only user may see everything, so these change nothing.
            if with_clause not in {"SECURITY_ENFORCED", "USER_MODE", "SYSTEM_MODE"}:
                raise not_implemented("WITH filters")

    def _check_links(self) -> None:
        where = self.query.where
        any_of = isinstance(where, ast.Chain) and where.operator == "OR"
        terms = where.terms if isinstance(where, ast.Chain) else (where,)
        if not any_of and any(map(_is_of_one_link, terms)):
            return
        reason = (
            "Implementation restriction: ContentDocumentLink requires a filter by a single Id on "
            "ContentDocumentId or LinkedEntityId using the equals operator or multiple Id's using "
            "the IN operator."
        )
        raise malformed(self.text, self._position(), reason)

    def _position(self) -> int:
        return self.query.sources[0].path.positions[0]

    def _is_count(self) -> bool:
        """Tell whether COUNT() is all that is selected: then it is a query's whole answer."""
        first = self.query.select[0]
        return (
            len(self.query.select) == 1
            and isinstance(first, ast.Column)
            and isinstance(first.value, ast.Call)
            and first.value.name.upper() == "COUNT"
            and not first.value.arguments
        )

    def _check_count(self) -> None:
        if self.parent_field is not None or self.is_semi_join:
            raise refuse_in_child(self.text, self.query)
        if self.query.order_by:
            reason = "COUNT() cannot be combined with ORDER BY"
        elif self.query.group_by is not None:
            reason = "COUNT() cannot be combined with GROUP BY: use COUNT(fieldName)"
        else:
            return
        raise malformed(self.text, self._position(), reason)

    # ---- the statement ----

    def _statement(self, columns: list[str]) -> str:
        conditions = self._conditions()
        grouping, query = self._grouping, self.query
        group_by = ""
        if grouping is not None:
            group_by = grouping.group_sql
            if query.having is not None:
                having = self._writer(grouping.value, self._no_query_in_having)
                group_by += f" HAVING {having.sql(query.having)}"
        order_by = [self._ordering(ordering) for ordering in query.order_by]
        if grouping is None and not self.is_semi_join:
            order_by.append("t0.rowid")
        sql = f"SELECT {', '.join(columns)} FROM {self._names.from_sql}"
        if conditions:
            sql += f" WHERE {' AND '.join(conditions)}"
        sql += group_by
        if order_by:
            sql += f" ORDER BY {', '.join(order_by)}"
        return sql + self._limits()

    def _conditions(self) -> list[str]:
        conditions = []
        if self.parent_field is not None:
            link = f"t0.{quoted(self.parent_field.name)}"
            conditions.append(f"{link} IN (SELECT value FROM json_each(?))")
        if not self.context.with_deleted:
            conditions.append('t0."IsDeleted" = 0')
        if self.query.scope is not None:
            conditions += self._scope(self.query.scope)
        if self.found_in is not None:
            conditions.append(self._found(self.found_in))
        if self.query.where is not None:
            check_semi_joins(self.text, self.query.where)
            paths = needed_paths(self.query.where)
            conditions += dict.fromkeys(it for path in paths for it in self._names.present(path))
            conditions.append(self._writer(self._filtered, self._semi_join).sql(self.query.where))
        return conditions

    def _writer(self, value_of: ValueOf, semi_join: SemiJoin) -> Conditions:
        operands = Operands(self.text, self.context.today, zone_of(self.context.zone))
        return Conditions(self.text, operands, self._parameters, value_of, semi_join)

    def _no_query_in_having(
        self, condition: ast.Inclusion, _inner: ast.ChildQuery, _left: Expression
    ) -> str:
        position = position_of(condition.value)
        raise malformed(self.text, position, "Semi join sub-selects are not allowed in HAVING")

    def _filtered(self, value: ast.Value) -> Expression:
        return self._names.filtered(self._value(value))

    def _value(self, value: ast.Value) -> Expression:
        if isinstance(value, ast.Path):
            return self._names.expression(value)
        return call_expression(self._names, value, self._value)

    def _scope(self, scope: str) -> list[str]:
        if scope.lower() == "everything":
            return []
        if scope.lower() != "mine":
            raise not_implemented(f"USING SCOPE {scope}")
        if self.sobject.field("OwnerId") is None:
            reason = f"{self.sobject.name} has no owner, so USING SCOPE mine finds nothing in it"
            raise malformed(self.text, self._position(), reason)
        self._parameters.append(self.context.user_id)
        return ['t0."OwnerId" = ?']

    def _found(self, is_wanted: Callable[[Field], bool]) -> str:
        texts = []
        for field in filter(is_wanted, self.sobject.fields):
            column = f"t0.{quoted(field.name)}"
            texts.append(f"IFNULL({column}, '')")
            if field.type == "phone":  # also found by its digits alone
                texts.append(f"digits({column})")
        return f"found({balanced(texts, '|| char(0) ||')})" if texts else "0"

    def _ordering(self, ordering: ast.Ordering) -> str:
        value_of = self._value if self._grouping is None else self._grouping.ordered
        expression = value_of(ordering.value)
        field = expression.field
        if not field.sortable or field.is_compound:
            reason = f"field '{field.name}' can not be sorted in a query call"
            raise malformed(self.text, position_of(ordering.value), reason)
        direction = "DESC" if ordering.descending else "ASC"
        nulls = "LAST" if ordering.nulls_last else "FIRST"
        return f"{expression.order} {direction} NULLS {nulls}"

    def _limits(self) -> str:
        limit, offset = self.query.limit, self.query.offset
        if offset is not None and offset > MAX_OFFSET:
            message = f"Maximum SOQL offset allowed is {MAX_OFFSET}"
            raise ApiError("NUMBER_OUTSIDE_VALID_RANGE", message)
        if (limit is None and offset is None) or self._is_cut_later():
            return ""
        self._parameters += (-1 if limit is None else limit, offset or 0)
        return " LIMIT ? OFFSET ?"

    # ---- queries within the query ----

    def _plan_child(self, item: ast.ChildQuery) -> tuple[str, Plan]:
        name, field = child_of(self.text, self.context, self._names, item)
        levels = _MOST_CHILD_LEVELS if self.context.version >= _CHILD_LEVELS_SINCE else 1
        if self.depth >= levels:
            reason = f"queries of children may be nested {levels + 1} levels deep, with the first"
            raise malformed(self.text, item.position, reason)
        child = self.context.schema.child(self.sobject, name)
        if child is None:
            raise AssertionError(name)
        # The names of what is outside mean nothing in there, where the path is another.
        if item.query.offset is not None and self.query.limit != 1:
            reason = "OFFSET is not allowed in a subquery unless its parent query has LIMIT 1"
            raise malformed(self.text, item.position, reason)
        source = item.query.sources[0]
        inner_source = attrs.evolve(source, path=_last_of(source.path))
        query = attrs.evolve(item.query, sources=(inner_source, *item.query.sources[1:]))
        compiler = _Compiler(
            query, self.text, self.context, child.sobject, field, depth=self.depth + 1
        )
        return name, compiler.plan()

    def _semi_join(self, condition: ast.Inclusion, inner: ast.ChildQuery, left: Expression) -> str:
        if self.is_semi_join:
            reason = "Nesting of semi join sub-selects is not supported"
            raise malformed(self.text, position_of(condition.value), reason)
        source = inner.query.sources[0].path
        sobject = self.context.schema.get(str(source))
        if sobject is None:
            raise no_such_type(self.text, source.positions[0], str(source))
        self._check_left(condition, left, sobject)
        if sobject.name in _NO_SEMI_JOIN:
            reason = f"Entity '{sobject.name}' is not supported for semi join inner selects"
            raise malformed(self.text, source.positions[0], reason)
        compiler = _Compiler(inner.query, self.text, self.context, sobject, is_semi_join=True)
        keys = compiler.keys(condition, left, self.sobject)
        self._parameters += compiler._parameters
        included = f"{left.sql} IN ({keys})"
        return f"NOT IFNULL({included}, 0)" if condition.negated else included

    def _check_left(self, condition: ast.Inclusion, left: Expression, inner: SObject) -> None:
        if left.field.type not in {"id", "reference"}:
            reason = (
                "The left operand field in the where expression for outer query should be an id "
                f"field, cannot use: '{left.field.name}'"
            )
            raise invalid_field(self.text, position_of(condition.value), reason)
        if "." in left.label:
            reason = (
                f"The left operand '{left.label}' cannot have more than one level of relationships"
            )
            raise malformed(self.text, position_of(condition.value), reason)
        if inner is self.sobject:
            reason = "The inner and outer selects should not be on the same object type"
            raise malformed(self.text, position_of(condition.value), reason)

    def keys(self, condition: ast.Inclusion, left: Expression, outer: SObject) -> str:
        """Return the SQL of a semi-join's query: the one column that *left* is compared with."""
        query = self.query
        column = query.select[0]
        if is_grouped(query) or self._is_count():
            raise refuse_in_child(self.text, query)
        if len(query.select) != 1 or not isinstance(column, ast.Column) or column.alias:
            reason = "a query in IN (…) must select exactly one field"
            raise malformed(self.text, self._position(), reason)
        if query.order_by or query.limit is not None or query.offset is not None:
            reason = "a query in IN (…) takes no ORDER BY, LIMIT and OFFSET"
            raise malformed(self.text, self._position(), reason)
        selected = self._value(column.value)
        if selected.field.type not in {"id", "reference"}:
            reason = (
                "The selected field in the inner select should be an id field, cannot use: "
                f"'{selected.field.name}'"
            )
            raise malformed(self.text, position_of(column.value), reason)
        inner = self.sobject
        if isinstance(column.value, ast.Path):
            inner = self._names.place(self._names.resolve(column.value)[0]).sobject
        if not _parents(outer, left.field) & _parents(inner, selected.field):
            reason = (
                f"The selected field '{selected.label}' in the subquery and the left operand field "
                f"in the where expression in the outer query '{left.label}' should point to the "
                "same object type"
            )
            raise malformed(self.text, position_of(condition.value), reason)
        return self._statement([selected.sql])


def _is_of_one_link(term: ast.Condition | None) -> bool:
    is_equal = isinstance(term, ast.Comparison) and term.operator == "="
    is_in = isinstance(term, ast.Inclusion) and not term.negated
    if not isinstance(term, ast.Comparison | ast.Inclusion) or not (is_equal or is_in):
        return False
    return isinstance(term.value, ast.Path) and term.value.names[-1].lower() in _LINK_KEYS


def _parents(sobject: SObject, field: Field) -> set[str]:
    """Return the names of the sObjects whose records *field* of *sobject* may have the id of."""
    return {sobject.name} if field.type == "id" else set(field.reference_to)


def _last_of(path: ast.Path) -> ast.Path:
    return ast.Path(path.names[-1:], path.positions[-1:])
