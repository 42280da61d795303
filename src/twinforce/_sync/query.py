# Generated from src/twinforce/_async/query.py by scripts/make_sync.py.
# Change that file, never this one, and then run `scripts/test -s twins -- --write`.
"""The records of a query, page after page."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from .._core import children, operations
from .._core.json import Record
from .._core.operations import Operation
from .._core.replies import QueryPage
from .session import Session


class Query:
    """The records of a query. A page is fetched when its first record is asked for.

    Lists of children within records are complete. Each iteration runs the query anew.
    """

    def __init__(
        self, session: Session, operation: Operation[QueryPage], *, with_children: bool
    ) -> None:
        self._session = session
        self._operation = operation
        self._with_children = with_children

    def __iter__(self) -> Iterator[Record]:
        for page in self._pages():
            for record in page.records:
                yield record

    def all(self) -> list[Record]:
        """Fetch all records and return them."""
        return [record for record in self]

    def total_size(self) -> int:
        """Return how many records there are; for ``SELECT COUNT() FROM …``, the count.

        It fetches the first page, whatever was fetched before.
        """
        return (self._session.run(self._operation)).total_size

    def _pages(self) -> Iterator[QueryPage]:
        operation = self._operation
        known = set[str | None]()
        while True:
            page = self._session.run(operation)
            page.check_progress(known)
            if self._with_children:
                self._complete(page)
            yield page
            if page.next_path is None:
                return
            known.add(page.next_path)
            operation = self._at(page.next_path)

    def _complete(self, page: QueryPage) -> None:
        open_lists = deque(children.incomplete(page.records))
        while open_lists:
            first = open_lists.popleft()
            open_lists.extend(first.extend(self._session.run(self._at(first.next_path))))

    def _at(self, path: str) -> Operation[QueryPage]:
        return operations.next_page(path, self._operation)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._operation.describe()}>"
