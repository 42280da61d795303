"""What a field is compared with: the literals of a query as values of the field's type."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, tzinfo
from decimal import Decimal
from typing import Final

import attrs

from ..errors import ApiError, not_implemented
from ..schema import Field
from ..store.ids import long_id
from ..store.values import Stored, casefold, datetime_text, exact_number, parse_datetime
from . import ast
from .dates import date_range
from .errors import invalid_field, malformed, soql_error
from .text import like_pattern, string_value
from .zones import midnight

_FRACTION: Final = re.compile(r"\.(\d+)")


@attrs.frozen
class Operands:
    """Reads the literals of the query *text*; date literals count from *today* in *zone*."""

    text: str
    today: date
    zone: tzinfo

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
        return exact_number(Decimal(literal.text))

    def pattern(self, field: Field, literal: ast.Literal) -> str:
        """Return the pattern that *field* must be LIKE, with a backslash as its escape."""
        return self._text(field, literal, like_pattern)

    def _text(self, field: Field, literal: ast.Literal, read: Callable[[str], str]) -> str:
        self._expect(field, literal, "string")
        text = read(literal.text)
        return casefold(text) if field.ignores_case else text

    def _id(self, field: Field, literal: ast.Literal) -> Stored:
        self._expect(field, literal, "string")
        text = string_value(literal.text)
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
                return self._range(field, literal, days)
        self._expect(field, literal, field.type)
        written = literal.text.upper()
        moment = parse_datetime(written if "T" in written else f"{written}T00:00:00Z")
        if moment is None:
            raise invalid_field(self.text, literal.position, f"invalid date: {literal.text}")
        if field.type == "date":
            return literal.text
        # Stored datetimes have whole seconds; what is compared with them may be between two.
        fraction = _FRACTION.search(written)
        thousandths = fraction[1][:3].ljust(3, "0") if fraction else "000"
        return datetime_text(moment).replace(".000+", f".{thousandths}+")

    def _days(self, literal: ast.Literal) -> tuple[date, date] | None:
        try:
            return date_range(literal.text.upper(), self.today)
        except (OverflowError, ValueError):
            raise self._beyond(literal) from None

    def _range(
        self, field: Field, literal: ast.Literal, days: tuple[date, date]
    ) -> tuple[str, str]:
        if field.type == "date":
            return days[0].isoformat(), days[1].isoformat()
        try:
            first, behind = (datetime_text(midnight(day, self.zone)) for day in days)
        except OverflowError:
            raise self._beyond(literal) from None
        return first, behind

    def _beyond(self, literal: ast.Literal) -> ApiError:
        reason = f"{literal.text} is beyond the calendar"
        return invalid_field(self.text, literal.position, reason)

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
