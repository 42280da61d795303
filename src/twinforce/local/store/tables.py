"""The rows of an org in SQLite: one table for each sObject, one column for each field."""

from __future__ import annotations

import os
import re
import sqlite3
import time
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, closing, suppress
from functools import cache
from pathlib import Path
from typing import Any, Final

from ..schema import Field, SObject, standard_schema
from ..soql.text import is_like
from ..soql.zones import local_text
from .transactions import StoreError, Transactions
from .values import Stored, casefold, stored_value

Row = dict[str, Stored]

# Rows of every table can be in the recycle bin, though only deletable sObjects show it.
_COMMON_COLUMNS: Final = ('"Id" TEXT NOT NULL UNIQUE', '"IsDeleted" INTEGER NOT NULL DEFAULT 0')
_IN_MEMORY: Final = ":memory:"  # the name that SQLite has for it
_NUMBERS: Final = "_numbers"  # the first table that is made, so the file of an org has it
_BLOBS: Final = "_blobs"  # what the fields of binary data hold, by record and field
DECLARATIONS: Final = "_declarations"  # what the custom fields are, by sObject and field
_OLD_COLUMN: Final = "_old_column"
_VERSION: Final = 1  # of the file, in SQLite's user_version
_BUSY_SECONDS: Final = 30.0  # how long another process may hold the file
_LOOK_AGAIN_SECONDS: Final = 0.01
_FIRST_ANALYSIS: Final = 1_000  # after so many new rows, and then whenever there are twice as many
_ROWS_TO_ANALYSE: Final = 400  # of each index, so that it takes milliseconds
# Nobody asks who made or changed a record so often that each write should pay for an index of it.
_NOT_INDEXED: Final = frozenset({"Id", "CreatedById", "LastModifiedById"})
_INDEXED: Final = frozenset({"CreatedDate", "SystemModstamp"})
_NO_DIGITS: Final = re.compile(r"\D+")
_TOO_COMPLEX: Final = re.compile("too large|too complex|too many|overflow|at most")


class TooComplexError(Exception):
    """A statement that is beyond a limit of SQLite."""


def quoted(name: str) -> str:
    """Quote a table or column; names come from the schema, which allows letters, digits and _."""
    return f'"{name}"'


class Store:
    """A SQLite database that holds an org's records.

    *path* is a file, or None for an org in memory. A file is written ahead and synced on each
    commit, so what was answered as done is still done after a crash. The caller serialises calls;
    several processes may have the same file open, and their transactions come one after the other.

    Raises OSError for a file that cannot be opened or written, ValueError for one that is
    something else than an org; that one is left as it is.
    """

    def __init__(self, path: str | Path | None) -> None:
        self.path = _checked_path(path)
        if self.path is not None and self.path != _IN_MEMORY:
            _make_private(self.path)
        try:
            self._open(self.path or _IN_MEMORY)
        except (sqlite3.OperationalError, StoreError) as error:
            message = (
                f"the org's file {self.path!r} cannot be used: {error}; "
                "its folder must exist, and both must be writable"
            )
            raise OSError(message) from error
        except sqlite3.DatabaseError as error:
            message = (
                f"{self.path!r} is not the file of a local org: {error}; "
                "pass a new path, or that of a file that LocalOrg made"
            )
            raise ValueError(message) from error

    def _open(self, database: str) -> None:
        self._inserted = 0
        self._next_analysis = _FIRST_ANALYSIS
        self._connection = sqlite3.connect(
            database, isolation_level=None, check_same_thread=False, timeout=_BUSY_SECONDS
        )
        # An org that nobody closes, in a notebook say, closes itself when it is gone.
        weakref.finalize(self, self._connection.close).atexit = False
        self._transactions = Transactions(self._connection, self._analyse)
        try:
            self._set_up()
        except BaseException:
            self._connection.close()
            raise

    def _set_up(self) -> None:
        run = self._connection.execute
        tables = {name for (name,) in run("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if tables and _NUMBERS not in tables:
            message = "it is the database of another program"
            raise sqlite3.DatabaseError(message)
        self._write_ahead()
        run("PRAGMA synchronous=FULL")
        run(f"PRAGMA analysis_limit={_ROWS_TO_ANALYSE}")
        run("PRAGMA case_sensitive_like=ON")  # where case does not count, both sides are folded
        self._connection.create_function("casefold", 1, casefold, deterministic=True)
        self._connection.create_function("digits", 1, _digits, deterministic=True)
        self._connection.create_function("local_text", 2, local_text, deterministic=True)
        self._connection.create_function("is_like", 2, is_like, deterministic=True)
        with self.transaction():
            run(
                f"CREATE TABLE IF NOT EXISTS {_NUMBERS} "
                "(sequence TEXT PRIMARY KEY, last INTEGER NOT NULL)"
            )
            run(
                f"CREATE TABLE IF NOT EXISTS {_BLOBS} (record TEXT NOT NULL, field TEXT NOT NULL, "
                "content BLOB NOT NULL, PRIMARY KEY (record, field))"
            )
            run(
                f"CREATE TABLE IF NOT EXISTS {DECLARATIONS} "
                "(field TEXT PRIMARY KEY, declaration TEXT NOT NULL)"
            )
            [(version,)] = run("PRAGMA user_version")
            if version < _VERSION:
                self._upgrade()

    def _write_ahead(self) -> None:
        """Switch to a write-ahead log; SQLite itself does not wait for others who are about to."""
        last_try = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode=WAL")
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > last_try:
                    raise
                time.sleep(_LOOK_AGAIN_SECONDS)
            else:
                return

    def _upgrade(self) -> None:
        """Bring a file of an earlier release to what this one expects; a new one stays as it is.

        Sequences of auto numbers were named in the case of their declaration, and text was folded
        in another way, in which its indexes are ordered.
        """
        run = self._connection.execute
        run(
            f"INSERT INTO {_NUMBERS} SELECT lower(sequence), MAX(last) FROM {_NUMBERS} "
            "WHERE sequence LIKE '%.%' GROUP BY lower(sequence) "
            "ON CONFLICT (sequence) DO UPDATE SET last = MAX(last, excluded.last)"
        )
        run(f"DELETE FROM {_NUMBERS} WHERE sequence LIKE '%.%' AND sequence <> lower(sequence)")
        run("REINDEX")
        run(f"PRAGMA user_version={_VERSION}")

    def close(self) -> None:
        self._connection.close()

    @property
    def is_busy(self) -> bool:
        """Whether something is being written, or a request answered."""
        return self._transactions.running

    def together(self) -> AbstractContextManager[None]:
        """Commit all that a block writes at its end; see :meth:`Transactions.together`."""
        return self._transactions.together()

    def transaction(self) -> AbstractContextManager[None]:
        """Write all that a block writes, or nothing; see :meth:`Transactions.one`."""
        return self._transactions.one()

    def attempt(self) -> AbstractContextManager[None]:
        """Undo what a block writes if it raises; see :meth:`Transactions.attempt`."""
        return self._transactions.attempt()

    def if_undone(self, restore: Callable[[], None]) -> None:
        """Call *restore* if what is written is undone; see :meth:`Transactions.if_undone`."""
        self._transactions.if_undone(restore)

    def _analyse(self) -> None:
        """Let SQLite find out which indexes tell rows apart: that of an owner does not, say."""
        if self._inserted >= self._next_analysis:
            self._next_analysis = 2 * self._inserted
            self._connection.execute("ANALYZE")

    def prepare_standard(self, sobjects: Iterable[SObject]) -> None:
        """Prepare the standard *sobjects*; those of all orgs in memory are copies of one."""
        if self.path is None and hasattr(self._connection, "serialize"):
            with closing(sqlite3.connect(_IN_MEMORY)) as template:
                template.deserialize(_standard_tables())
                template.backup(self._connection)
            return
        with self.transaction():
            for sobject in sobjects:
                self.prepare(sobject)

    def serialized(self) -> bytes:
        """Return all that is stored as SQLite would write it into a file."""
        return self._connection.serialize()

    def prepare(self, sobject: SObject) -> None:
        """Make the table of *sobject*, or add the columns that it does not have yet."""
        with self.transaction():
            self._prepare(sobject)

    def _prepare(self, sobject: SObject) -> None:
        table = quoted(sobject.name)
        stored = [field for field in sobject.fields if field.has_column]
        columns = {row[1].lower(): row[2] for row in self.rows(f"PRAGMA table_info({table})")}
        run = self._connection.execute
        if not columns:
            own = [_column(field) for field in stored if field.name not in {"Id", "IsDeleted"}]
            run(f"CREATE TABLE {table} ({', '.join([*_COMMON_COLUMNS, *own])})")
        else:
            for field in stored:
                column_type = columns.get(field.name.lower())
                if column_type is None:
                    self._add_column(sobject, field)
                elif column_type == "REAL" and not field.column_type:
                    self._untype_column(sobject, field)
        for field in stored:
            if field.name in _NOT_INDEXED:
                continue  # the column of Id is unique, so it has an index
            is_named = field.name_field or field.name in _INDEXED
            if is_named or field.type == "reference" or field.is_key or field.unique:
                self.index(sobject, field)

    def _add_column(self, sobject: SObject, field: Field) -> None:
        table = quoted(sobject.name)
        self._connection.execute(f"ALTER TABLE {table} ADD COLUMN {_column(field)}")
        if not (field.custom or field.nillable or field.default_value is None):
            # The records of an earlier release have what new ones have that say nothing of it.
            self._connection.execute(
                f"UPDATE {table} SET {quoted(field.name)} = ?",
                (stored_value(field, field.default_value),),
            )

    def _untype_column(self, sobject: SObject, field: Field) -> None:
        """Have a column keep integers that earlier releases rounded to what a float can be."""
        run, table, column = self._connection.execute, quoted(sobject.name), quoted(field.name)
        run(f"DROP INDEX IF EXISTS {quoted(f'{sobject.name}.{field.name}')}")
        run(f"ALTER TABLE {table} RENAME COLUMN {column} TO {_OLD_COLUMN}")
        run(f"ALTER TABLE {table} ADD COLUMN {_column(field)}")
        run(f"UPDATE {table} SET {column} = {_OLD_COLUMN}")
        run(f"ALTER TABLE {table} DROP COLUMN {_OLD_COLUMN}")

    def index(self, sobject: SObject, field: Field) -> None:
        """Have the records with a value of *field* found without looking at all of them."""
        self._connection.execute(
            f"CREATE INDEX IF NOT EXISTS {quoted(f'{sobject.name}.{field.name}')} "
            f"ON {quoted(sobject.name)} ({comparable(field)})"
        )

    def next_number(self, sequence: str, *, first: int = 1) -> int:
        """Count up *sequence*; numbers are never given twice, whatever is deleted."""
        rows = self.rows(
            f"INSERT INTO {_NUMBERS} VALUES (?, ?) "
            "ON CONFLICT (sequence) DO UPDATE SET last = last + 1 RETURNING last",
            (sequence, first),
        )
        return int(rows[0][0])

    def number_of(self, name: str, sequence: str) -> int:
        """Return the number that *name* was given once, or give it the next of *sequence*."""
        with self.transaction():
            known = self.rows(f"SELECT last FROM {_NUMBERS} WHERE sequence = ?", (name,))
            if known:
                return int(known[0][0])
            number = self.next_number(sequence)
            return self.next_number(name, first=number)

    def rows(self, sql: str, parameters: Sequence[Stored] = ()) -> list[tuple[Any, ...]]:
        """Run *sql* and return all rows. Raises TooComplexError if SQLite finds it too large."""
        try:
            return self._connection.execute(sql, parameters).fetchall()
        except sqlite3.OperationalError as error:
            if _TOO_COMPLEX.search(str(error)):
                raise TooComplexError from error
            raise

    def matching(
        self,
        sql: str,
        parameters: Sequence[Stored],
        matches: Callable[[list[str]], bool],
    ) -> list[tuple[Any, ...]]:
        """Run *sql*, whose function ``found`` is *matches*, over texts with a NUL between them."""
        failures: list[Exception] = []

        def found(text: str) -> bool:
            try:
                return matches(text.split("\0"))
            except Exception as error:
                failures.append(error)  # SQLite would only tell that there was one
                raise

        self._connection.create_function("found", 1, found)
        try:
            return self.rows(sql, parameters)
        except sqlite3.OperationalError as error:
            if failures:
                raise failures[0] from error
            raise

    def insert(self, sobject: SObject, row: Mapping[str, Stored]) -> None:
        self._inserted += 1
        columns = self._without_blobs(str(row["Id"]), row)
        names = ", ".join(map(quoted, columns))
        marks = ", ".join("?" * len(columns))
        self._connection.execute(
            f"INSERT INTO {quoted(sobject.name)} ({names}) VALUES ({marks})",
            tuple(columns.values()),
        )

    def update(self, sobject: SObject, record_id: str, changes: Mapping[str, Stored]) -> None:
        columns = self._without_blobs(record_id, changes)
        assignments = ", ".join(f"{quoted(column)} = ?" for column in columns)
        self._connection.execute(
            f'UPDATE {quoted(sobject.name)} SET {assignments} WHERE "Id" = ?',
            (*columns.values(), record_id),
        )

    def _without_blobs(self, record_id: str, row: Mapping[str, Stored]) -> Row:
        """Store what is binary in *row*, and return the rest."""
        columns: Row = {}
        for name, value in row.items():
            if isinstance(value, bytes | memoryview):
                self._write_blob(record_id, name, value)
            else:
                columns[name] = value
        return columns

    def _write_blob(self, record_id: str, field: str, content: bytes | memoryview) -> None:
        # Room is made first and filled then, so that SQLite does not take a copy before.
        cursor = self._connection.execute(
            f"INSERT OR REPLACE INTO {_BLOBS} VALUES (?, ?, zeroblob(?))",
            (record_id, field, len(content)),
        )
        row = cursor.lastrowid
        if row is None:
            raise AssertionError(record_id)
        with self._connection.blobopen(_BLOBS, "content", row) as blob:
            blob.write(content)

    def blob(self, record_id: str, field: Field) -> bytes | None:
        """Return the binary data in *field* of a record."""
        rows = self.rows(
            f"SELECT content FROM {_BLOBS} WHERE record = ? AND field = ?", (record_id, field.name)
        )
        return rows[0][0] if rows else None

    def get(self, sobject: SObject, record_id: str) -> Row | None:
        """Return all columns of a record, deleted or not."""
        cursor = self._connection.execute(
            f'SELECT * FROM {quoted(sobject.name)} WHERE "Id" = ?', (record_id,)
        )
        values = cursor.fetchone()
        if values is None:
            return None
        # A file keeps the spelling of the declaration that made the column, of any time before.
        fields = [(name, sobject.field(name)) for name, *_ in cursor.description]
        names = [name if field is None else field.name for name, field in fields]
        return dict(zip(names, values, strict=True))

    def find(self, sobject: SObject, field: Field, value: Stored) -> list[str]:
        """Return the ids of the records, not deleted, whose *field* has *value*."""
        wanted = casefold(value) if field.ignores_case else value
        rows = self.rows(
            f'SELECT "Id" FROM {quoted(sobject.name)} '
            f'WHERE {comparable(field)} = ? AND "IsDeleted" = 0 ORDER BY rowid',
            (wanted,),
        )
        return [row[0] for row in rows]

    def ids(self, sobject: SObject) -> list[str]:
        """Return the ids of all records that are not deleted."""
        table = quoted(sobject.name)
        return [row[0] for row in self.rows(f'SELECT "Id" FROM {table} WHERE "IsDeleted" = 0')]

    def recent(self, sobject: SObject, limit: int) -> list[str]:
        """Return the ids of the records that were changed last."""
        order = '"SystemModstamp" DESC, ' if sobject.field("SystemModstamp") else ""
        rows = self.rows(
            f'SELECT "Id" FROM {quoted(sobject.name)} WHERE "IsDeleted" = 0 '
            f"ORDER BY {order}rowid DESC LIMIT ?",
            (limit,),
        )
        return [row[0] for row in rows]


@cache
def _standard_tables() -> bytes:
    """Return a database that has the tables of the standard sObjects, which take long to make."""
    with closing(Store(None)) as store:
        with store.transaction():
            for sobject in standard_schema():
                store.prepare(sobject)
        return store.serialized()


def _checked_path(path: Any) -> str | None:
    if path is None:
        return None
    if not isinstance(path, str | Path):
        message = f"path must be a str or a Path, not {type(path).__name__}"
        raise TypeError(message)
    if not str(path):
        message = "path must not be empty; leave it out for an org in memory"
        raise ValueError(message)
    return str(path)


def _make_private(path: str) -> None:
    """Make the file, if there is none, so that only its owner may read it: it has tokens in it."""
    # Whatever is wrong with the path, SQLite says when it opens it. Beside the file, what SQLite
    # writes ahead may be read by whom the file lets.
    with suppress(OSError, ValueError):
        os.close(os.open(os.path.realpath(path), os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _digits(text: str | None) -> str:
    return _NO_DIGITS.sub("", text or "")


def _column(field: Field) -> str:
    """Return the definition of the column that holds *field*."""
    # A new checkbox is unticked in the rows that exist; every other new field is empty.
    default = f" DEFAULT {int(bool(field.default_value))}" if field.type == "boolean" else ""
    return f"{quoted(field.name)} {field.column_type}{default}"


def comparable(field: Field, column: str | None = None) -> str:
    """Return the SQL in which *field* is compared: text ignores case, ids do not."""
    expression = quoted(field.name) if column is None else column
    return f"casefold({expression})" if field.ignores_case else expression
