# Generated from src/twinforce/_async/query.py by scripts/make_sync.py.
# Change that file, never this one, and then run `scripts/test -s twins -- --write`.
"""The records of a query, page after page."""

from __future__ import annotations

from collections.abc import Iterator

from .._core import operations
from .._core.json import Record
from .._core.operations import Operation
from .._core.replies import QueryPage
from .session import Session


class Query:
    """The records of a query. A page is fetched when its first record is asked for.

    Each iteration runs the query anew.
    """

    def __init__(self, session: Session, operation: Operation[QueryPage]) -> None:
        self._session = session
        self._operation = operation

    def __iter__(self) -> Iterator[Record]:
        for page in self._pages():
            for record in page.records:
                yield record

    def all(self) -> list[Record]:
        """Fetch all records and return them."""
        return [record for record in self]

    def _pages(self) -> Iterator[QueryPage]:
        operation = self._operation
        known = set[str | None]()
        while True:
            page = self._session.run(operation)
            page.check_progress(known)
            yield page
            if page.next_path is None:
                return
            known.add(page.next_path)
            operation = operations.next_page(page.next_path)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._operation.describe()}>"
