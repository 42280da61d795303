"""Running searches: which records have a term in their fields.

Source: SOQL and SOSL Reference, Salesforce Object Search Language.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from ..errors import ApiError
from ..schema import Field, Schema
from ..soql import ast
from ..soql.compiler import compile_query
from ..soql.errors import as_of_search
from ..soql.plan import Groups, Plan
from ..store.tables import Store, TooComplexError
from .queries import Queries

if TYPE_CHECKING:
    from ..soql.search import Search

MAX_RECORDS: Final = 2000
MAX_SOBJECTS: Final = 20

_NOT_SEARCHED: Final = frozenset({"picklist", "multipicklist"})


class Searches:
    """Answers searches; *queries* shows what they find."""

    def __init__(self, schema: Schema, store: Store, queries: Queries) -> None:
        self._schema = schema
        self._store = store
        self._queries = queries

    def run(self, text: str, version: str) -> list[dict[str, Any]]:
        """Run the SOSL *text* and return the records. Raises ApiError if it is refused."""
        from ..soql.search import parse_search  # the parser library takes a while to load

        try:
            return self._run(parse_search(text), text, version)
        except (RecursionError, TooComplexError) as error:
            message = "The search is too complicated: nest or combine fewer conditions"
            raise ApiError("QUERY_TOO_COMPLICATED", message) from error

    def _run(self, search: Search, text: str, version: str) -> list[dict[str, Any]]:
        from ..soql.matching import words_of
        from ..soql.search import parse_term

        if len(search.returning or ()) > MAX_SOBJECTS:
            message = f"A search can return at most {MAX_SOBJECTS} objects"
            raise ApiError("MALFORMED_SEARCH", message)
        matches = parse_term(search, text)
        wanted = self._everywhere() if search.returning is None else search.returning
        plans = [self._plan(query, search.group, text, version) for query in wanted]
        left = MAX_RECORDS if search.limit is None else min(search.limit, MAX_RECORDS)
        records: list[dict[str, Any]] = []
        for plan in plans:
            rows = self._store.matching(
                plan.sql, plan.parameters, lambda texts: matches([words_of(text) for text in texts])
            )[:left]
            records += self._queries.records(plan, rows, version)
            left -= len(rows)
        return records

    def _everywhere(self) -> tuple[ast.Query, ...]:
        """What is searched where a search does not say: every sObject, for its Id."""
        column = ast.Column(ast.Path(("Id",), (0,)), None)
        return tuple(
            ast.Query((column,), (ast.Source(ast.Path((sobject.name,), (0,)), None),))
            for sobject in self._schema
            if sobject.searchable
        )

    def _plan(self, query: ast.Query, group: str, text: str, version: str) -> Plan:
        context = self._queries.context(version)
        try:
            plan = compile_query(query, text, context, found_in=_GROUPS[group])
        except ApiError as error:
            raise as_of_search(error) from None
        sobject = plan.sobject
        if plan.is_count or isinstance(plan.root, Groups):
            raise ApiError("MALFORMED_SEARCH", "Aggregates are not allowed in a search")
        if not sobject.searchable:
            raise ApiError("INVALID_TYPE", f"entity type {sobject.name} does not support search")
        return plan


def _is_name(field: Field) -> bool:
    return _is_text(field) and (field.name_field or field.compound_field_name == "Name")


def _is_email(field: Field) -> bool:
    return field.type == "email"


def _is_phone(field: Field) -> bool:
    return field.type == "phone"


def _is_in_sidebar(field: Field) -> bool:
    return _is_name(field) or _is_email(field) or _is_phone(field)


def _is_text(field: Field) -> bool:
    return field.traits.is_text and field.type not in _NOT_SEARCHED


_GROUPS: Final[dict[str, Callable[[Field], bool]]] = {
    "ALL": _is_text,
    "NAME": _is_name,
    "EMAIL": _is_email,
    "PHONE": _is_phone,
    "SIDEBAR": _is_in_sidebar,
}
