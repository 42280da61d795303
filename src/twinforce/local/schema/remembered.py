"""What an org's file remembers of its custom fields, and whether what is in them fits.

An org makes its declarations again whenever its file is opened. One that says something else than
the last time must fit the data: text that stands in a field is no number.
"""

from __future__ import annotations

from typing import Any, Final

import attrs
import orjson

from ..errors import ApiError
from ..store.tables import DECLARATIONS, Store, comparable, quoted
from ..store.values import Stored, WrongTypeError, json_value, stored_value
from .declare import in_words, with_parts
from .fields import Field
from .sobjects import SObject

# Everything else of a declaration says nothing about what is stored already.
_NOTED: Final = (
    "name",
    "setup_type",
    "type",
    "length",
    "precision",
    "scale",
    "reference_to",
    "unique",
    "case_sensitive",
    "calculated",
)
_LONGEST_SHOWN: Final = 40
_WHAT_TO_DO: Final = "declare it as before, begin with a new file, or declare a new field"


class RememberedFields:
    """The custom fields that the file of *store* has been declared to have."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def take(self, owner: SObject, field: Field) -> None:
        """Remember the declaration of *field*, within a transaction, and make room for it.

        Raises ValueError if it was declared otherwise and what is stored does not fit. A file of a
        release that remembered nothing takes what is declared first.
        """
        key = f"{owner.name}.{field.name}".lower()
        note = orjson.dumps({name: getattr(field, name) for name in _NOTED}).decode()
        known = self._store.rows(f"SELECT declaration FROM {DECLARATIONS} WHERE field = ?", (key,))
        if known == [(note,)]:
            return
        if known:
            before = _noted(known[0][0])
            self._check_values(owner, before, field)
            self._check_unique(owner, before, field)
            self._clear(owner, before, field)
        self._store.rows(f"INSERT OR REPLACE INTO {DECLARATIONS} VALUES (?, ?)", (key, note))

    def _check_values(self, owner: SObject, before: Field, field: Field) -> None:
        columns = _columns(field)
        for name, column in _columns(before).items():
            values: list[tuple[str, Stored]] = self._store.rows(
                f'SELECT MIN("Id"), {quoted(name)} FROM {quoted(owner.name)} '
                f"WHERE {quoted(name)} IS NOT NULL GROUP BY {quoted(name)}"
            )
            for record_id, value in values:
                if name not in columns or not _fits(column, columns[name], value):
                    shown = _shown(json_value(column, value))
                    message = (
                        f"{owner.name}.{field.name} has been declared as {in_words(before)}, and "
                        f"the value {shown} of the record {record_id} does not fit "
                        f"{in_words(field)}; {_WHAT_TO_DO}"
                    )
                    raise ValueError(message)

    def _check_unique(self, owner: SObject, before: Field, field: Field) -> None:
        if not field.unique or before.traits.column != field.traits.column:
            return
        table, column = quoted(owner.name), quoted(field.name)
        twins = self._store.rows(
            f'SELECT MIN("Id"), MAX("Id") FROM {table} '
            f'WHERE {column} IS NOT NULL AND "IsDeleted" = 0 '
            f"GROUP BY {comparable(field)} HAVING COUNT(*) > 1 LIMIT 1"
        )
        for first, second in twins:
            [(value,)] = self._store.rows(f'SELECT {column} FROM {table} WHERE "Id" = ?', (first,))
            message = (
                f"{owner.name}.{field.name} cannot be unique: the records {first} and {second} "
                f"both have {_shown(value)}; change one of them, or begin with a new file"
            )
            raise ValueError(message)

    def _clear(self, owner: SObject, before: Field, field: Field) -> None:
        """Take away what is made anew: indexes, and columns of values of another kind."""
        columns = _columns(field)
        for name, column in _columns(before).items():
            self._store.rows(f"DROP INDEX IF EXISTS {quoted(f'{owner.name}.{name}')}")
            kept = columns.get(name)
            if kept is None or kept.traits.column != column.traits.column:
                self._store.rows(f"ALTER TABLE {quoted(owner.name)} DROP COLUMN {quoted(name)}")


def _noted(declaration: str) -> Field:
    note: dict[str, Any] = orjson.loads(declaration)
    return Field(label="", **{**note, "reference_to": tuple(note["reference_to"])})


def _columns(field: Field) -> dict[str, Field]:
    """The columns of *field*, by their names in lower case; a place has two."""
    return {part.name.lower(): part for part in with_parts(field) if part.has_column}


def _fits(before: Field, field: Field, value: Stored) -> bool:
    """Tell whether the org would store *value* of the field *before* in *field*, as it is.

    Picklists keep the values that they offered before, as in Setup.
    """
    if field.calculated or _parents(before) != _parents(field):
        return False
    try:
        plain = attrs.evolve(field, picklist_values=(), restricted_picklist=False)
        return stored_value(plain, json_value(before, value)) == value
    except (ApiError, WrongTypeError):
        return False


def _parents(field: Field) -> list[str]:
    return [name.lower() for name in field.reference_to]


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
