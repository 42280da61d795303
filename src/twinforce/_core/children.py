"""The lists of children within records (``SELECT …, (SELECT … FROM Contacts) FROM Account``)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import attrs

from ..errors import MalformedResponseError
from . import urls
from .json import Record
from .replies import QueryPage

_SUBQUERY = re.compile(r"\(\s*SELECT\b", re.IGNORECASE)


def may_be_selected(soql: str) -> bool:
    """Tell whether the records of *soql* may hold lists of children; it spares looking for them."""
    return _SUBQUERY.search(soql) is not None


@attrs.frozen
class ChildList:
    """A list within a record, of which *known* is there and more comes from *next_path*."""

    record: Record
    field: str
    known: dict[str, Any]
    next_path: str

    def extend(self, page: QueryPage) -> tuple[ChildList, ...]:
        """Add *page*, the answer to :attr:`next_path`; give what is still to be fetched of it.

        To do so again does no harm. Raises :class:`MalformedResponseError` if it does not end.
        """
        if page.next_path == self.next_path or (page.next_path and not page.records):
            raise MalformedResponseError(f"the query does not end: {self.next_path} comes again")
        known = {name: item for name, item in self.known.items() if name != "nextRecordsUrl"}
        known["records"] = [*known["records"], *page.records]
        known["done"] = page.next_path is None
        deeper = tuple(incomplete(page.records))
        if page.next_path is not None:
            known["nextRecordsUrl"] = f"{urls.DATA}/{page.next_path}"
            deeper += (ChildList(self.record, self.field, known, page.next_path),)
        self.record[self.field] = known
        return deeper


def incomplete(records: Iterable[Record]) -> Iterator[ChildList]:
    """Find the lists of children in *records*, at any depth, of which there is more.

    Raises :class:`MalformedResponseError` for one that has no next page that can be trusted.
    """
    for record in records:
        for field, value in record.items():
            if not isinstance(value, dict) or not isinstance(value.get("records"), list):
                continue
            if value.get("done") is False:
                yield ChildList(record, field, value, _next_path(field, value))
            yield from incomplete(value["records"])


def _next_path(field: str, known: dict[str, Any]) -> str:
    try:
        return urls.next_records_path(known.get("nextRecordsUrl"))
    except ValueError as error:
        raise MalformedResponseError(
            f"the list {field} is not done, and its next page cannot be read: {error}"
        ) from error
