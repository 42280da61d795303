"""Running queries: pages of records in the shape that the query resource answers with."""

from __future__ import annotations

import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import count, islice
from typing import Any, Final

import attrs
import orjson

from ..errors import ApiError
from ..records.shapes import address_json, attributes, blob_url, record_url
from ..schema import Schema
from ..soql.columns import column_metadata
from ..soql.compiler import compile_query
from ..soql.plan import Branches, Cell, Context, Groups, Node, Plan
from ..soql.zones import GMT
from ..store.ids import make_id
from ..store.tables import Store, TooComplexError
from ..store.values import json_value

_LOCATOR_PREFIX: Final = "01g"
_CURSORS: Final = 62**8  # to begin with; ids have room for many more
_LOCATOR: Final = re.compile(r"(\w+)-(\d{1,9})", re.ASCII)
# Salesforce drops the oldest cursors of a user too, so that forgotten ones do not pile up. One
# answer may need many, for the children of each of its records, and they go together.
_MOST_ANSWERS: Final = 100
_MOST_ROWS: Final = 200_000  # of all cursors; those of the last answer stay, however many there are
_LONGEST: Final = 100_000


@attrs.frozen
class _Cursor:
    """The rows of a query whose answer did not fit on one page."""

    plan: Plan
    rows: Sequence[tuple[Any, ...]]
    page_size: int
    answer: int = 0


class Queries:
    """Answers the queries of the user with the id *user_id*, which may be changed.

    *page_size* is how many records a page holds unless the caller says.
    """

    def __init__(
        self,
        schema: Schema,
        store: Store,
        clock: Callable[[], datetime],
        page_size: int,
        user_id: str,
    ) -> None:
        self._schema = schema
        self._store = store
        self._clock = clock
        self._page_size = page_size
        self.user_id = user_id  # who asks
        self._cursors: OrderedDict[str, _Cursor] = OrderedDict()
        self._answer = 0
        self._held_rows = 0
        # From anywhere, so that no other process, nor one before, has given out the same.
        self._next_cursor = count(secrets.randbelow(_CURSORS))

    def run(
        self, text: str, version: str, *, with_deleted: bool, page_size: int | None
    ) -> dict[str, Any]:
        """Run the SOQL *text* and return the first page. Raises ApiError if it is refused."""
        plan, rows = self._found(text, version, with_deleted=with_deleted)
        if plan.is_count:
            return {"totalSize": rows[0][0], "done": True, "records": []}
        cursor = _Cursor(plan, rows, page_size or self._page_size)
        if isinstance(plan.root, Groups) and len(rows) > cursor.page_size:
            message = (
                "Aggregate query does not support queryMore(), "
                "use LIMIT to restrict the results to a single batch"
            )
            raise ApiError("EXCEEDED_ID_LIMIT", message)
        return self._answered(cursor, None, 0, version)

    def columns(self, text: str, version: str) -> dict[str, Any]:
        """Tell what the columns of the query *text* are. Raises ApiError if it is refused."""
        plan, _ = self._found(text, version, with_deleted=False)
        return column_metadata(plan)

    def context(self, version: str, *, with_deleted: bool = False) -> Context:
        """Return what a query depends on that is compiled now."""
        user = self._store.get(self._schema["User"], self.user_id) or {}
        zone = str(user.get("TimeZoneSidKey") or GMT)
        now = self._clock().astimezone(UTC)
        return Context(self._schema, now, self.user_id, zone, float(version), with_deleted)

    def _found(
        self, text: str, version: str, *, with_deleted: bool
    ) -> tuple[Plan, Sequence[tuple[Any, ...]]]:
        from ..soql.parser import parse  # the parser library takes a while to load

        if len(text) > _LONGEST:
            message = f"SOQL statements can not be longer than {_LONGEST} characters"
            raise ApiError("MALFORMED_QUERY", message)
        try:
            plan = compile_query(
                parse(text), text, self.context(version, with_deleted=with_deleted)
            )
            return plan, self._store.rows(plan.sql, plan.parameters)
        except (RecursionError, TooComplexError) as error:
            message = "The query is too complicated: nest or combine fewer conditions"
            raise ApiError("QUERY_TOO_COMPLICATED", message) from error

    def next_page(self, locator: str, version: str, *, page_size: int | None) -> dict[str, Any]:
        """Return the page that a ``nextRecordsUrl`` ends with: a cursor's id, ``-``, an offset."""
        match = _LOCATOR.fullmatch(locator)
        cursor_id, start = (match[1], int(match[2])) if match is not None else ("", 0)
        cursor = self._cursors.get(cursor_id)
        if cursor is None or start >= len(cursor.rows):
            raise ApiError("INVALID_QUERY_LOCATOR", "invalid query locator")
        if page_size is not None:
            cursor = attrs.evolve(cursor, page_size=page_size)
        self._remember(cursor_id, cursor)
        return self._answered(cursor, cursor_id, start, version)

    def records(
        self, plan: Plan, rows: Sequence[tuple[Any, ...]], version: str
    ) -> list[dict[str, Any]]:
        """Show *rows*, the records that *plan* found."""
        return self._rows(plan.root, rows, version, self._page_size)

    def _answered(
        self, cursor: _Cursor, cursor_id: str | None, start: int, version: str
    ) -> dict[str, Any]:
        known = len(self._cursors)
        page = self._page(cursor, cursor_id, start, version)
        added = len(self._cursors) - known
        self._answer += added > 0
        in_use = added + (cursor_id is not None)
        while len(self._cursors) > in_use and self._are_too_many():
            _, forgotten = self._cursors.popitem(last=False)
            self._held_rows -= len(forgotten.rows)
        return page

    def _are_too_many(self) -> bool:
        oldest = next(iter(self._cursors.values()))
        return self._held_rows > _MOST_ROWS or oldest.answer < self._answer - _MOST_ANSWERS

    def _page(
        self, cursor: _Cursor, cursor_id: str | None, start: int, version: str
    ) -> dict[str, Any]:
        rows = cursor.rows[start : start + cursor.page_size]
        records = self._rows(cursor.plan.root, rows, version, cursor.page_size)
        return self._page_of(cursor, cursor_id, start, records, version)

    def _page_of(
        self,
        cursor: _Cursor,
        cursor_id: str | None,
        start: int,
        records: list[dict[str, Any]],
        version: str,
    ) -> dict[str, Any]:
        end = start + cursor.page_size
        page: dict[str, Any] = {"totalSize": len(cursor.rows), "done": end >= len(cursor.rows)}
        if not page["done"]:
            if cursor_id is None:
                cursor_id = make_id(_LOCATOR_PREFIX, next(self._next_cursor))
                self._remember(cursor_id, cursor)
            page["nextRecordsUrl"] = f"/services/data/v{version}/query/{cursor_id}-{end}"
        return {**page, "records": records}

    def _remember(self, cursor_id: str, cursor: _Cursor) -> None:
        if cursor_id not in self._cursors:
            self._held_rows += len(cursor.rows)
        self._cursors[cursor_id] = attrs.evolve(cursor, answer=self._answer)
        self._cursors.move_to_end(cursor_id)

    def _rows(
        self, root: Node | Groups, rows: Sequence[tuple[Any, ...]], version: str, page_size: int
    ) -> list[dict[str, Any]]:
        """Show *rows*, each of which is a record or a group."""
        if isinstance(root, Groups):
            return [_group(root, row) for row in rows]
        parent_ids = [row[root.id_index] for row in rows]
        children = {
            name: self._children(item, parent_ids, version, page_size)
            for name, item in root.items.items()
            if isinstance(item, Plan)
        }
        records = []
        for row in rows:
            record = self._record(root, row, version)
            if record is not None:
                own = {name: pages.get(row[root.id_index]) for name, pages in children.items()}
                records.append(record | own)
        return records

    def _record(self, node: Node, row: tuple[Any, ...], version: str) -> dict[str, Any] | None:
        """Show a record, but for its children, whose places are left empty."""
        record_id = row[node.id_index]
        if record_id is None:
            return None
        record: dict[str, Any] = {"attributes": self._attributes(node, record_id, version)}
        for name, item in node.items.items():
            if isinstance(item, Node):
                record[name] = self._record(item, row, version)
            elif isinstance(item, Branches):
                branch = self._branch(item, row[item.id_index])
                record[name] = None if branch is None else self._record(branch, row, version)
            elif isinstance(item, Plan):
                record[name] = None
            elif item.field.is_blob:
                record[name] = blob_url(node.sobject, record_id, item.field, version)
            else:
                record[name] = _cell_value(item, row)
        return record

    def _attributes(self, node: Node, record_id: str, version: str) -> dict[str, str]:
        named = attributes(node.sobject, record_id, version)
        sobject = self._schema.by_prefix(record_id[:3]) if node.is_name else None
        if sobject is not None:
            named["url"] = record_url(sobject, record_id, version)
        return named

    def _branch(self, branches: Branches, record_id: str | None) -> Node | None:
        sobject = self._schema.by_prefix((record_id or "")[:3])
        name = "" if sobject is None else sobject.name
        return branches.nodes.get(name, branches.otherwise)

    def _children(
        self, plan: Plan, parent_ids: list[str], version: str, page_size: int
    ) -> dict[str, dict[str, Any]]:
        """Return the first page of the children of each parent that has some.

        They are found together, so that a query within theirs runs once.
        """
        found: dict[str, list[tuple[Any, ...]]] = {}
        for ids in [[it] for it in parent_ids] if plan.is_limited else [parent_ids]:
            parameters = (orjson.dumps(ids).decode(), *plan.parameters)
            for row in self._store.rows(plan.sql, parameters):
                found.setdefault(row[-1], []).append(row)
        wanted = {parent_id: part for parent_id, rows in found.items() if (part := rows[plan.part])}
        cursors = {parent_id: _Cursor(plan, rows, page_size) for parent_id, rows in wanted.items()}
        first = [row for rows in wanted.values() for row in rows[:page_size]]
        records = iter(self._rows(plan.root, first, version, page_size))
        return {
            parent_id: self._page_of(
                cursor, None, 0, list(islice(records, min(page_size, len(cursor.rows)))), version
            )
            for parent_id, cursor in cursors.items()
        }


def _group(groups: Groups, row: tuple[Any, ...]) -> dict[str, Any]:
    shown = {name: _cell_value(cell, row) for name, cell in groups.items.items()}
    return {"attributes": {"type": "AggregateResult"}, **shown}


def _cell_value(cell: Cell, row: tuple[Any, ...]) -> Any:
    if cell.show is not None:
        return cell.show(row[cell.indexes[0]])
    if not cell.field.is_compound:
        return json_value(cell.field, row[cell.indexes[0]])
    names = cell.field.parts.values()
    values = (row[index] for index in cell.indexes)
    return address_json(cell.field, dict(zip(names, values, strict=True)))
