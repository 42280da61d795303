"""What a field is compared with: the literals of a query as values of the field's type."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import attrs

from ..errors import not_implemented
from ..ids import long_id
from ..schema import Field
from ..values import Stored, casefold, datetime_text, parse_datetime
from . import ast
from .dates import date_range
from .errors import invalid_field, malformed, soql_error
from .text import BadEscapeError, like_pattern, string_value


@attrs.frozen
class Operands:
    """Reads the literals of the query *text*; date literals count from *today*."""

    text: str
    today: date

    def operand(self, field: Field, literal: ast.Literal) -> Stored | tuple[str, str]:
        """Return what *field* is compared with; for a date literal its first and next moment.

        Raises ApiError for a literal that is not of the field's type.
        """
        if literal.kind == "null":
            return 0 if field.type == "boolean" else None
        if literal.kind == "currency":
            raise not_implemented("currency literals")
        if field.type in {"id", "reference"}:
            return self._id(field, literal)
        if field.traits.is_text:
            return self._text(field, literal, string_value) or None
        if field.type == "boolean":
            self._expect(field, literal, "boolean")
            return int(literal.text == "true")
        if field.type in {"date", "datetime"}:
            return self._date(field, literal)
        if field.type == "time":
            self._expect(field, literal, "time")
            clock, _, fraction = literal.text.upper().removesuffix("Z").partition(".")
            return f"{clock}.{fraction[:3].ljust(3, '0')}Z"
        self._expect(field, literal, "number")
        return float(literal.text)

    def pattern(self, field: Field, literal: ast.Literal) -> str:
        """Return the pattern that *field* must be LIKE, with a backslash as its escape."""
        return self._text(field, literal, like_pattern)

    def _text(self, field: Field, literal: ast.Literal, read: Callable[[str], str]) -> str:
        self._expect(field, literal, "string")
        text = self._unescaped(literal, read)
        return casefold(text) if field.ignores_case else text

    def _unescaped(self, literal: ast.Literal, read: Callable[[str], str]) -> str:
        try:
            return read(literal.text)
        except BadEscapeError as error:
            reason = f"Invalid string literal: illegal escape sequence {error}"
            raise malformed(self.text, literal.position, reason) from None

    def _id(self, field: Field, literal: ast.Literal) -> Stored:
        self._expect(field, literal, "string")
        text = self._unescaped(literal, string_value)
        if not text:
            return None
        record_id = long_id(text)
        if record_id is None:
            code, reason = "INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {text}"
            raise soql_error(self.text, literal.position, code, reason)
        return record_id

    def _date(self, field: Field, literal: ast.Literal) -> Stored | tuple[str, str]:
        if literal.kind == "date_literal":
            days = self._days(literal)
            if days is not None:
                midnight = "" if field.type == "date" else "T00:00:00.000+0000"
                return days[0].isoformat() + midnight, days[1].isoformat() + midnight
        self._expect(field, literal, field.type)
        written = literal.text.upper()
        moment = parse_datetime(written if "T" in written else f"{written}T00:00:00Z")
        if moment is None:
            raise invalid_field(self.text, literal.position, f"invalid date: {literal.text}")
        return literal.text if field.type == "date" else datetime_text(moment)

    def _days(self, literal: ast.Literal) -> tuple[date, date] | None:
        try:
            return date_range(literal.text.upper(), self.today)
        except (OverflowError, ValueError):
            reason = f"{literal.text} is beyond the calendar"
            raise invalid_field(self.text, literal.position, reason) from None

    def _expect(self, field: Field, literal: ast.Literal, kind: str) -> None:
        """Check that *literal* is of the *kind* with which *field* can be compared."""
        if literal.kind == kind:
            return
        if literal.kind == "date_literal" and kind not in {"date", "datetime"}:
            raise malformed(self.text, literal.position, f"unexpected token: '{literal.text}'")
        quotes = "should be" if kind == "string" else "should not be"
        name = {"datetime": "dateTime", "number": field.type}.get(kind, kind)
        reason = (
            f"value of filter criterion for field '{field.name}' must be of type {name} "
            f"and {quotes} enclosed in quotes"
        )
        raise invalid_field(self.text, literal.position, reason)
