"""SOSL: from the text of a search to what is wanted of each sObject, as queries of SOQL.

The language itself stands in ``search.lark`` and ``terms.lark``.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any, Final

import attrs
from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, VisitError

from ..errors import ApiError, not_implemented
from . import ast
from .errors import as_of_search, malformed_search
from .matching import MatchFunction, ToMatch
from .parser import ToAst, what_was_unexpected

_LONGEST_TERM: Final = 10_000
_NO_LETTERS: Final = str.maketrans("", "", '*?"() ')


@attrs.frozen
class Search:
    """A whole search: the term and its place, which fields it looks in, and what it returns.

    *returning* is None where the search names no sObjects; a query there has neither term nor
    group in it.
    """

    term: str
    position: int
    group: str
    returning: tuple[ast.Query, ...] | None
    limit: int | None


def parse_search(text: str) -> Search:
    """Parse a SOSL search. Raises ApiError, with a caret where it went wrong."""
    try:
        tree = _search_parser().parse(text)
    except UnexpectedInput as error:
        raise _unexpected(text, error) from None
    try:
        search: Search = _ToSearch(text).transform(tree)
    except VisitError as error:  # what went wrong in a rule: an ApiError or a RecursionError
        if isinstance(error.orig_exc, ApiError):
            raise as_of_search(error.orig_exc) from None
        raise error.orig_exc from None
    return search


def parse_term(search: Search, text: str) -> MatchFunction:
    """Return the function that tells whether a text has the term of *search*.

    *text* is the whole search. Raises ApiError for a term that cannot be read or is too short.
    """
    if len(search.term) > _LONGEST_TERM:
        return lambda _: False
    if len(search.term.translate(_NO_LETTERS)) < 2:
        raise _too_short(search)
    try:
        tree = _term_parser().parse(search.term)
    except UnexpectedInput as error:
        position, reason = what_was_unexpected(search.term, error)
        if isinstance(error, UnexpectedCharacters):
            character = search.term[position]
            reason = f"unexpected token: '{character}', which needs a backslash before it here"
        raise malformed_search(text, search.position + position, reason) from None
    try:
        matches: MatchFunction | None = ToMatch().transform(tree)
    except VisitError as error:
        raise error.orig_exc from None
    if matches is None:
        raise _too_short(search)
    return matches


def _too_short(search: Search) -> ApiError:
    message = f"search term must be longer than one character: {search.term}"
    return ApiError("INVALID_SEARCH", message)


def _unexpected(text: str, error: UnexpectedInput) -> ApiError:
    position, reason = what_was_unexpected(text, error)
    if text[:position].strip().upper() == "FIND":
        message = "No search term found. The search term must be enclosed in braces."
        return ApiError("MALFORMED_SEARCH", message)
    return malformed_search(text, position, reason)


def _grammar(name: str) -> str:
    return (resources.files("twinforce.local.soql") / name).read_text("utf-8")


@cache
def _search_parser() -> Lark:
    grammar = _grammar("grammar.lark") + _grammar("search.lark")
    return Lark(grammar, parser="lalr", lexer="contextual", start="search")


@cache
def _term_parser() -> Lark:
    # Not contextual: AND, OR and NOT are never words, wherever they stand.
    return Lark(_grammar("terms.lark"), parser="lalr", lexer="basic")


class _ToSearch(ToAst):
    """One method for each rule of ``search.lark`` that is kept, beside those of SOQL."""

    def in_fields(self, children: list[Token]) -> Tree[Any]:
        return Tree("in_fields", [str(children[-1]).upper()])

    def field_list(self, children: list[ast.Column]) -> tuple[ast.Column, ...]:
        return tuple(children)

    def list_view(self, _children: list[Token]) -> None:
        raise not_implemented("USING LISTVIEW")

    def search_with(self, children: list[Token]) -> None:
        words = str(children[0]).split(maxsplit=2)
        raise not_implemented(" ".join(words[:2]).upper() + " in a search")

    def update(self, _children: list[Token]) -> None:
        raise not_implemented("UPDATE TRACKING and UPDATE VIEWSTAT")

    def returned(self, children: list[Any]) -> ast.Query:
        source, *rest = children
        id_alone = ast.Column(ast.Path(("Id",), source.positions[:1]), None)
        columns = rest.pop(0) if rest else (id_alone,)
        clauses: dict[str, list[Any]] = {str(clause.data): clause.children for clause in rest}
        return ast.Query(
            select=columns,
            sources=(ast.Source(source, None),),
            where=next(iter(clauses.get("where", ())), None),
            order_by=tuple(clauses.get("order_by", ())),
            limit=self.whole_number(clauses, "limit"),
            offset=self.whole_number(clauses, "offset"),
        )

    def search(self, children: list[Any]) -> Search:
        term, *rest = children
        clauses: dict[str, list[Any]] = {str(clause.data): clause.children for clause in rest}
        return Search(
            str(term)[1:-1],
            (term.start_pos or 0) + 1,
            next(iter(clauses.get("in_fields", ())), "ALL"),
            tuple(clauses["returning"]) if "returning" in clauses else None,
            self.whole_number(clauses, "limit"),
        )
