"""From the text of a query to its AST. The language itself stands in ``grammar.lark``."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import cache
from importlib import resources
from typing import Any, Final

from lark import Lark, Token, Transformer, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken, VisitError

from . import ast
from .errors import malformed
from .functions import KNOWN
from .text import BadEscapeError, like_pattern, string_value

_TOO_LARGE: Final = 2**31
_MOST_DIGITS: Final = 100
_WITH_LITERALS: Final = frozenset({"DISTANCE", "GEOLOCATION"})
_FIELD_GROUPS: Final = frozenset({"ALL", "CUSTOM", "STANDARD"})


def parse(text: str) -> ast.Query:
    """Parse a SOQL query. Raises ApiError MALFORMED_QUERY, with a caret where it went wrong."""
    parser = _parser()
    try:
        tree = parser.parse(text)
    except UnexpectedInput as error:
        raise malformed(text, *what_was_unexpected(text, error)) from None
    try:
        query: ast.Query = ToAst(text).transform(tree)
    except VisitError as error:  # what went wrong in a rule: an ApiError or a RecursionError
        raise error.orig_exc from None
    return query


@cache
def _parser() -> Lark:
    grammar = (resources.files("twinforce.local.soql") / "grammar.lark").read_text("utf-8")
    return Lark(grammar, parser="lalr", lexer="contextual")


def what_was_unexpected(text: str, error: UnexpectedInput) -> tuple[int, str]:
    if isinstance(error, UnexpectedToken) and error.token.type != "$END":
        position = error.token.start_pos or 0
        if text[position] == ":":
            return position, "Bind variables only allowed in Apex code"
        return position, f"unexpected token: '{error.token}'"
    if isinstance(error, UnexpectedCharacters):
        position = error.pos_in_stream or 0
        if text[position] == "'":
            return position, "the string that begins here has no closing quote"
        word = text[position:].split(maxsplit=1)[0]
        shown = word if word.isidentifier() else word[0]
        return position, f"unexpected token: '{shown}'"
    return len(text.rstrip()), "unexpected token: '<EOF>'"


def _is_group(arguments: list[Any]) -> bool:
    """Tell whether these are the arguments of FIELDS()."""
    return len(arguments) == 1 and str(arguments[0]).upper() in _FIELD_GROUPS


def _start(token: Any) -> int:
    return token.start_pos or 0


class ToAst(Transformer[Token, Any]):
    """One method for each rule of the grammar that the AST keeps."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def start(self, children: list[Any]) -> ast.Query:
        query: ast.Query = children[0]
        return query

    def path(self, names: list[Token]) -> ast.Path:
        for name, following in itertools.pairwise(names):
            if _start(following) != _start(name) + len(name) + 1:
                raise malformed(self._text, _start(following), "unexpected token: '.'")
        return ast.Path(tuple(map(str, names)), tuple(map(_start, names)))

    def call(self, children: list[Any]) -> ast.Call:
        name, *arguments = children
        position = self._text.index("(", _start(name))
        if name.upper() not in KNOWN:
            raise malformed(self._text, position, "unexpected token: '('")
        if not arguments and name.upper() != "COUNT":
            position = self._text.index(")", position)
            raise malformed(self._text, position, "unexpected token: ')'")
        if name.upper() == "FIELDS" and not _is_group(arguments):
            reason = "FIELDS() takes ALL, STANDARD or CUSTOM"
            raise malformed(self._text, _start(name), reason)
        for argument in arguments:
            if isinstance(argument, ast.Literal) and name.upper() not in _WITH_LITERALS:
                reason = f"unexpected token: '{argument.text}'"
                raise malformed(self._text, argument.position, reason)
        return ast.Call(str(name), tuple(arguments), _start(name))

    # ---- SELECT and FROM ----

    def alias(self, children: list[Token]) -> str:
        return str(children[0])

    def column(self, children: list[Any]) -> ast.Column:
        return ast.Column(children[0], children[1] if len(children) > 1 else None)

    def child_query(self, children: list[Any]) -> ast.ChildQuery:
        query: ast.Query = children[0]
        return ast.ChildQuery(query, query.sources[0].path.positions[0])

    def value_list(self, children: list[Any]) -> tuple[ast.Value, ...]:
        return tuple(children)

    def type_when(self, children: list[Any]) -> tuple[str, tuple[ast.Value, ...]]:
        return str(children[0]), children[1]

    def type_else(self, children: list[Any]) -> Tree[Any]:
        return Tree("type_else", children)

    def type_of(self, children: list[Any]) -> ast.TypeOf:
        path = children[0]
        otherwise: tuple[ast.Value, ...] = ()
        if isinstance(children[-1], Tree):
            otherwise = children.pop().children[0]
        return ast.TypeOf(path, tuple(children[1:]), otherwise, path.positions[0])

    def from_item(self, children: list[Any]) -> ast.Source:
        return ast.Source(children[0], children[1] if len(children) > 1 else None)

    # ---- WHERE ----

    def and_chain(self, terms: list[ast.Condition]) -> ast.Chain:
        return ast.Chain("AND", tuple(terms))

    def or_chain(self, terms: list[ast.Condition]) -> ast.Chain:
        return ast.Chain("OR", tuple(terms))

    def negation(self, children: list[ast.Condition]) -> ast.Negation:
        return ast.Negation(children[0])

    def comparison(self, children: list[Any]) -> ast.Comparison:
        value, operator, literal = children
        word = "!=" if operator == "<>" else operator.upper()
        self._check_escapes(literal, like_pattern if word == "LIKE" else string_value)
        return ast.Comparison(value, word, literal)

    def with_filter(self, children: list[Any]) -> ast.Comparison:
        _, operator, _ = children
        if operator != "=":
            raise malformed(self._text, _start(operator), f"unexpected token: '{operator}'")
        return self.comparison(children)

    def inclusion(self, children: list[Any]) -> ast.Inclusion:
        value, operator, items = children
        return ast.Inclusion(value, operator.type == "NOT_IN", items)

    def multi_inclusion(self, children: list[Any]) -> ast.MultiInclusion:
        value, operator, items = children
        return ast.MultiInclusion(value, operator.type == "EXCLUDES", items)

    def literals(self, children: list[ast.Literal]) -> tuple[ast.Literal, ...]:
        for literal in children:
            self._check_escapes(literal, string_value)
        return tuple(children)

    def _check_escapes(self, literal: ast.Literal, read: Callable[[str], str]) -> None:
        if literal.kind != "string":
            return
        try:
            read(literal.text)
        except BadEscapeError as error:
            reason = (
                f"Invalid string literal {literal.text}. "
                f"Illegal character sequence '{error}' in string literal."
            )
            raise malformed(self._text, literal.position, reason) from None

    def string(self, children: list[Token]) -> ast.Literal:
        return ast.Literal("string", str(children[0]), _start(children[0]))

    def number(self, children: list[Token]) -> ast.Literal:
        return ast.Literal("number", str(children[0]), _start(children[0]))

    def date(self, children: list[Token]) -> ast.Literal:
        return ast.Literal("date", str(children[0]), _start(children[0]))

    def datetime(self, children: list[Token]) -> ast.Literal:
        return ast.Literal("datetime", str(children[0]), _start(children[0]))

    def time(self, children: list[Token]) -> ast.Literal:
        return ast.Literal("time", str(children[0]), _start(children[0]))

    def currency(self, children: list[Token]) -> ast.Literal:
        return ast.Literal("currency", str(children[0]), _start(children[0]))

    def null(self, children: list[Token]) -> ast.Literal:
        return ast.Literal("null", "null", _start(children[0]))

    def boolean(self, children: list[Token]) -> ast.Literal:
        return ast.Literal("boolean", str(children[0]).lower(), _start(children[0]))

    def date_literal(self, children: list[Token]) -> ast.Literal:
        return ast.Literal("date_literal", ":".join(children), _start(children[0]))

    # ---- the clauses behind WHERE ----

    def category(self, children: list[Token]) -> ast.Category:
        group, operator, *names = map(str, children)
        return ast.Category(group, operator.upper(), tuple(names))

    def data_category(self, children: list[ast.Category]) -> tuple[ast.Category, ...]:
        return tuple(children)

    def rollup(self, children: list[ast.Value]) -> ast.GroupBy:
        return ast.GroupBy("rollup", tuple(children))

    def cube(self, children: list[ast.Value]) -> ast.GroupBy:
        return ast.GroupBy("cube", tuple(children))

    def group_by(self, children: list[Any]) -> Tree[Any]:
        if isinstance(children[0], ast.GroupBy):
            return Tree("group_by", [children[0]])
        return Tree("group_by", [ast.GroupBy("plain", tuple(children))])

    def ordering(self, children: list[Any]) -> ast.Ordering:
        words = [str(word).upper() for word in children[1:]]
        return ast.Ordering(children[0], "DESC" in words, "LAST" in words)

    def query(self, children: list[Tree[Any]]) -> ast.Query:
        """Every clause that is still a tree here is named after the rule it came from."""
        clauses: dict[str, list[Any]] = {str(clause.data): clause.children for clause in children}
        withs: list[Any] = [
            clause.children[0] for clause in children if clause.data == "with_clause"
        ]
        self._check_count(clauses["select_list"])
        return ast.Query(
            select=tuple(clauses["select_list"]),
            sources=tuple(clauses["from_list"]),
            scope=_word(clauses, "scope"),
            where=_only(clauses, "where"),
            with_clauses=tuple(
                str(clause).upper() if isinstance(clause, Token) else clause for clause in withs
            ),
            group_by=_only(clauses, "group_by"),
            having=_only(clauses, "having"),
            order_by=tuple(clauses.get("order_by", ())),
            limit=self.whole_number(clauses, "limit"),
            offset=self.whole_number(clauses, "offset"),
            purposes=tuple(str(word).upper() for word in clauses.get("for_clause", ())),
            updates=tuple(str(word).upper() for word in clauses.get("update", ())),
            all_rows="all_rows" in clauses,
        )

    def _check_count(self, selected: list[Any]) -> None:
        """COUNT() is all that a query selects, and has no name."""
        for item in selected:
            value = item.value if isinstance(item, ast.Column) else None
            if not isinstance(value, ast.Call) or value.arguments:
                continue
            if len(selected) > 1 or item.alias is not None:
                reason = "COUNT() must be the only element in the SELECT list"
                raise malformed(self._text, value.position, reason)

    def whole_number(self, clauses: dict[str, Any], name: str) -> int | None:
        if name not in clauses:
            return None
        number: Token = clauses[name][0]
        # Python does not read numbers of thousands of digits, so their count comes first.
        if len(number) > _MOST_DIGITS or int(number) >= _TOO_LARGE:
            reason = f"{name.upper()} {number} is not a valid integer"
            raise malformed(self._text, _start(number), reason)
        return int(number)


def _only(clauses: dict[str, Any], name: str) -> Any:
    return clauses[name][0] if name in clauses else None


def _word(clauses: dict[str, Any], name: str) -> str | None:
    return str(clauses[name][0]) if name in clauses else None
