"""Counts the work that SQLite does for an org, which a clock would only guess."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from twinforce.local import LocalOrg

_AT_ONCE: Final = 50


@contextmanager
def counted_steps(org: LocalOrg) -> Iterator[list[int]]:
    """Yield a list whose sum is the number of SQLite's steps in the block."""
    steps: list[int] = []
    connection = org._store._connection

    def count() -> int:
        steps.append(_AT_ONCE)
        return 0

    connection.set_progress_handler(count, _AT_ONCE)
    try:
        yield steps
    finally:
        connection.set_progress_handler(None, 0)
