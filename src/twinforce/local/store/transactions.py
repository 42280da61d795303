"""Transactions of SQLite within transactions, and several of them committed together."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..errors import ApiError


class StoreError(OSError):
    """SQLite could not write; nothing of the request is stored, also what had succeeded in it."""


class FileLockedError(ApiError, OSError):
    """Another process has been writing all the time that SQLite waited for it."""

    def __init__(self) -> None:
        message = "unable to obtain exclusive access to this record"
        super().__init__("UNABLE_TO_LOCK_ROW", message, fields=[])


class Transactions:
    """The transactions of a *connection* without its own; *finish* runs before each commit."""

    def __init__(self, connection: sqlite3.Connection, finish: Callable[[], None]) -> None:
        self._connection = connection
        self._finish = finish
        self._depth = 0  # of transactions within transactions
        self._together = 0
        self._restores: list[Callable[[], None]] = []  # to be called in the other order

    @property
    def running(self) -> bool:
        """Whether a block of :meth:`together` or :meth:`one` is being run."""
        return bool(self._together or self._depth)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Commit all that is written in the block at its end, with one sync of the file.

        The transactions in the block stay apart: one that raises leaves nothing behind, and the
        others are as they were. Raises StoreError if nothing of the block could be stored. A block
        that only reads locks nothing.
        """
        self._together += 1
        try:
            yield
            if self._together == 1 and self._depth:
                self._commit()
        except BaseException:
            if self._together == 1 and self._depth:
                self._roll_back()
            raise
        finally:
            self._together -= 1

    def if_undone(self, restore: Callable[[], None]) -> None:
        """Call *restore* if what the transaction around this writes is undone, now or later."""
        self._restores.append(restore)

    @contextmanager
    def one(self) -> Iterator[None]:
        """Write all that the block writes, or nothing if it raises; a block may be within another.

        It is committed at the end, or with the rest of what :meth:`together` keeps together.
        What the block reads no other process can change until then. Raises
        FileLockedError if another one never let this one write, StoreError if nothing of the block
        could be stored.
        """
        if self._depth == 0:
            self._begin()
            if not self._together:
                try:
                    yield
                    self._commit()
                except BaseException as error:
                    if self._depth:
                        self._roll_back()
                    if isinstance(error, sqlite3.OperationalError):
                        raise StoreError(str(error)) from error
                    raise
                return
        self._check_transaction()
        savepoint = f"s{self._depth}"
        restores = len(self._restores)
        self._connection.execute(f"SAVEPOINT {savepoint}")
        self._depth += 1
        try:
            yield
        except BaseException:
            # SQLite itself gives up the whole transaction when a disk is full, say.
            if self._connection.in_transaction:
                self._connection.execute(f"ROLLBACK TO {savepoint}")
            self._restore(restores)
            raise
        finally:
            self._depth -= 1
            if self._connection.in_transaction:
                self._connection.execute(f"RELEASE {savepoint}")

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Undo what the block writes if it raises, as :meth:`one` does, without locking the file.

        It is locked from the first write on. Other processes may write until then.
        """
        if self._depth or not self._together:
            with self.one():
                yield
            return
        try:
            yield
        except BaseException:
            if self._depth:  # since nothing was written before, all of it is the block's
                self._roll_back()
            raise

    def _begin(self) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            raise FileLockedError from error
        self._depth = 1

    def _check_transaction(self) -> None:
        if not self._connection.in_transaction:
            message = "SQLite gave the transaction up, and undid what was written before in it"
            raise StoreError(message)

    def _commit(self) -> None:
        try:
            self._finish()
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise StoreError(str(error)) from error
        self._depth = 0
        self._restores.clear()

    def _roll_back(self) -> None:
        self._depth = 0
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        self._restore(0)

    def _restore(self, kept: int) -> None:
        while len(self._restores) > kept:
            self._restores.pop()()
