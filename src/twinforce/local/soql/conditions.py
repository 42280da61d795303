"""WHERE and HAVING: from conditions to SQL that is true or false as SOQL has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NoReturn

import attrs

from ..schema import Field
from ..store.values import Stored
from . import ast
from .dates import runs_up_to_now
from .errors import invalid_field, malformed
from .functions import ValueOf
from .operands import Operands
from .plan import Expression
from .text import pattern_range

_MOST_SEMI_JOINS: Final = 2

SemiJoin = Callable[[ast.Inclusion, ast.ChildQuery, Expression], str]


@attrs.define
class Conditions:
    """Writes conditions of the query *text*, and collects their *parameters*.

    *value_of* tells what a value means there, *semi_join* writes the query of ``IN (SELECT …)``.
    """

    text: str
    operands: Operands
    parameters: list[Stored]
    value_of: ValueOf
    semi_join: SemiJoin

    def sql(self, condition: ast.Condition) -> str:
        if isinstance(condition, ast.Chain):
            terms = [self.sql(term) for term in condition.terms]
            return balanced(terms, condition.operator)
        if isinstance(condition, ast.Negation):
            # Two-valued: where a comparison with nothing is neither true nor false, NOT is true.
            return f"NOT IFNULL({self.sql(condition.term)}, 0)"
        expression = self.value_of(condition.value)
        field, column = expression.field, expression.key
        if isinstance(condition, ast.Comparison):
            return self._comparison(condition, expression)
        if isinstance(condition, ast.MultiInclusion):
            return self._multi_inclusion(condition, field, column)
        if isinstance(condition.items, ast.ChildQuery):
            return self.semi_join(condition, condition.items, expression)
        return self._inclusion(condition, condition.items, field, column)

    def _refuse(self, value: ast.Value, reason: str) -> NoReturn:
        raise invalid_field(self.text, position_of(value), reason)

    def _comparison(self, condition: ast.Comparison, expression: Expression) -> str:
        operator, field, column = condition.operator, expression.field, expression.key
        if operator == "LIKE":
            return self._like(condition, expression)
        if field.type in {"boolean", "multipicklist"} and operator not in {"=", "!="}:
            self._refuse(condition.value, f"invalid operator on {field.type} field")
        operand = self.operands.operand(field, condition.literal)
        if isinstance(operand, tuple):
            if operator == ">" and runs_up_to_now(condition.literal.text.upper()):
                # Nothing but the future is behind today; who asks so wants the last days.
                self.parameters.append(operand[0])
                return f"{column} > ?"
            return self._in_range(operator, column, operand)
        if operand is None:
            return {"=": f"{column} IS NULL", "!=": f"{column} IS NOT NULL"}.get(operator, "0")
        self.parameters.append(operand)
        return f"{column} {'IS NOT' if operator == '!=' else operator} ?"

    def _in_range(self, operator: str, column: str, days: tuple[str, str]) -> str:
        """Compare with the whole of a date literal, from its first moment to behind its last."""
        first, behind = days
        if operator in {"=", "!="}:
            self.parameters += (first, behind)
            inside = f"({column} >= ? AND {column} < ?)"
            return inside if operator == "=" else f"NOT IFNULL({inside}, 0)"
        self.parameters.append(first if operator in {"<", ">="} else behind)
        return f"{column} {'<' if operator.startswith('<') else '>='} ?"

    def _like(self, condition: ast.Comparison, expression: Expression) -> str:
        field, column = expression.field, expression.key
        if not field.traits.is_text or field.type == "multipicklist":
            self._refuse(condition.value, f"invalid operator on {field.type} field")
        if condition.literal.kind == "null":
            return f"{column} IS NULL"
        pattern = self.operands.pattern(field, condition.literal)
        # SQLite reads a text up to its first NUL here.
        like = (
            f"CASE WHEN instr({expression.sql}, char(0)) THEN is_like(?, {column}) "
            f"ELSE {column} LIKE ? ESCAPE '\\' END"
        )
        limits = pattern_range(pattern)
        if limits is not None:  # for which there may be an index
            self.parameters += limits
            like = f"({column} >= ? AND {column} < ? AND {like})"
        self.parameters += (pattern, pattern)
        return like

    def _inclusion(
        self, condition: ast.Inclusion, items: tuple[ast.Literal, ...], field: Field, column: str
    ) -> str:
        values: list[Stored] = []
        alternatives: list[str] = []
        ranges: list[tuple[str, str]] = []
        for literal in items:
            operand = self.operands.operand(field, literal)
            if isinstance(operand, tuple):
                ranges.append(operand)
            elif operand is None:
                alternatives.append(f"{column} IS NULL")
            else:
                values.append(operand)
        if values:
            alternatives.append(f"{column} IN ({', '.join('?' * len(values))})")
            self.parameters += values
        alternatives += [self._in_range("=", column, days) for days in ranges]
        included = balanced(alternatives, "OR")
        return f"NOT IFNULL({included}, 0)" if condition.negated else included

    def _multi_inclusion(self, condition: ast.MultiInclusion, field: Field, column: str) -> str:
        if field.type != "multipicklist":
            word = "EXCLUDES" if condition.negated else "INCLUDES"
            self._refuse(condition.value, f"{word} works on multi-select picklists only")
        alternatives = []
        for literal in condition.items:
            operand = self.operands.operand(field, literal)
            chosen = str(operand or "").split(";")
            self.parameters += [f";{value.strip()};" for value in chosen]
            tests = [f"instr(';' || {column} || ';', ?) > 0"] * len(chosen)
            alternatives.append(f"({' AND '.join(tests)})")
        included = balanced(alternatives, "OR")
        return f"NOT IFNULL({included}, 0)" if condition.negated else included


def check_semi_joins(text: str, condition: ast.Condition) -> None:
    """Check that the semi-joins of a whole WHERE stand where Salesforce allows them.

    Source: SOQL and SOSL Reference, Semi-Joins with IN and Anti-Joins with NOT IN.
    """
    found: list[ast.Inclusion] = []
    whole = isinstance(condition, ast.Chain)
    for term in condition.terms if isinstance(condition, ast.Chain) else (condition,):
        for inclusion in _semi_joins(term):
            found.append(inclusion)
            reason = None
            if isinstance(condition, ast.Chain) and inclusion is term:
                if condition.operator == "OR":
                    reason = "Semi join sub-selects are not allowed with the 'OR' operator"
            elif whole or inclusion is not term:
                reason = (
                    "Semi join sub-selects are only allowed at the top level WHERE expressions "
                    "and not in nested WHERE expressions."
                )
            if reason is not None:
                raise malformed(text, position_of(inclusion.value), reason)
    if len(found) > _MOST_SEMI_JOINS:
        reason = f"Maximum {_MOST_SEMI_JOINS} semi join sub-selects are allowed"
        raise malformed(text, position_of(found[_MOST_SEMI_JOINS].value), reason)


def has_semi_join(condition: ast.Condition) -> bool:
    return bool(_semi_joins(condition))


def needed_paths(condition: ast.Condition) -> list[ast.Path]:
    """Return the paths whose fields must have a value wherever the whole of a WHERE is true."""
    is_and = isinstance(condition, ast.Chain) and condition.operator == "AND"
    terms = condition.terms if isinstance(condition, ast.Chain) and is_and else (condition,)
    paths = []
    for term in terms:
        if isinstance(term, ast.Comparison):
            literals: tuple[ast.Literal, ...] = (term.literal,)
            is_needed = term.operator not in {"!=", "LIKE"}
        elif isinstance(term, ast.Inclusion) and isinstance(term.items, tuple):
            literals, is_needed = term.items, not term.negated
        else:
            continue
        # A checkbox of a parent that is not there is false, and an empty text is nothing.
        has_value = all(
            literal.kind not in {"null", "boolean"} and literal.text != "''" for literal in literals
        )
        if is_needed and has_value and isinstance(term.value, ast.Path):
            paths.append(term.value)
    return paths


def _semi_joins(condition: ast.Condition) -> list[ast.Inclusion]:
    found: list[ast.Inclusion] = []
    left = [condition]
    while left:
        term = left.pop()
        if isinstance(term, ast.Chain):
            left += reversed(term.terms)
        elif isinstance(term, ast.Negation):
            left.append(term.term)
        elif isinstance(term, ast.Inclusion) and isinstance(term.items, ast.ChildQuery):
            found.append(term)
    return found


def balanced(terms: list[str], operator: str) -> str:
    """Join *terms* as a tree of little depth, which SQLite bounds, however many there are."""
    if len(terms) == 1:
        return terms[0]
    middle = len(terms) // 2
    left, right = balanced(terms[:middle], operator), balanced(terms[middle:], operator)
    return f"({left} {operator} {right})"


def position_of(value: ast.Value) -> int:
    return value.positions[-1] if isinstance(value, ast.Path) else value.position
