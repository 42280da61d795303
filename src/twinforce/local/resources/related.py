"""What is found behind a record's URL: related records, by their relationships, and binary data.

Source: REST API Developer Guide, sObject Relationships and sObject Blob Get.
"""

from __future__ import annotations

from typing import Final

import attrs

from ..errors import ApiError, no_such_external_id, not_in_a_batch, resource_not_found
from ..records.records import Records, checked_id
from ..schema import Schema, SObject
from ..schema.sobjects import Child
from ..server.http import Call, Reply
from .queries import Queries
from .reading import page_size, record_data, record_reply, wanted_fields

MOST_PARENTS: Final = 5

_SINCE: Final = 36.0


@attrs.frozen
class _Record:
    """Where a path of relationships leads: to one record."""

    sobject: SObject
    id: str


@attrs.frozen
class _Children:
    """Where a path of relationships leads: to the children of a record."""

    child: Child
    parent_id: str


class Related:
    """Serves ``sobjects/{sobject}/{id}/{relationship}``, and further relationships behind it."""

    def __init__(self, schema: Schema, records: Records, queries: Queries) -> None:
        self._schema = schema
        self._records = records
        self._queries = queries

    def get(self, call: Call, name: str, record_id: str, *path: str) -> Reply:
        sobject = self._schema.get(name)
        blob = sobject.field(path[0]) if sobject is not None and len(path) == 1 else None
        if sobject is not None and blob is not None and blob.is_blob:
            if call.in_batch:
                raise not_in_a_batch()
            content = self._records.blob(sobject, checked_id(sobject, record_id), blob)
            return Reply(200, content)
        target = self._target(call, name, record_id, path)
        if isinstance(target, _Record):
            return record_reply(self._records, target.sobject, target.id, call)
        return Reply(200, self._page(call, target))

    def update(self, call: Call, name: str, record_id: str, *path: str) -> Reply:
        target = self._one(call, name, record_id, path)
        self._records.update(target.sobject, target.id, record_data(call))
        return Reply(204)

    def delete(self, call: Call, name: str, record_id: str, *path: str) -> Reply:
        target = self._one(call, name, record_id, path)
        self._records.delete(target.sobject, target.id)
        return Reply(204)

    def _one(self, call: Call, name: str, record_id: str, path: tuple[str, ...]) -> _Record:
        target = self._target(call, name, record_id, path)
        if isinstance(target, _Children):
            message = f"HTTP Method '{call.method}' not allowed. Allowed are HEAD,GET"
            raise ApiError("METHOD_NOT_ALLOWED", message, status=405)
        return target

    def _target(
        self, call: Call, name: str, record_id: str, path: tuple[str, ...]
    ) -> _Record | _Children:
        """Follow *path* from a record. Raises ApiError (404) where there is nothing."""
        sobject = self._schema.get(name)
        if sobject is None:
            raise resource_not_found()
        if call.version_number < _SINCE:
            raise no_such_external_id(record_id)
        here = _Record(sobject, checked_id(sobject, record_id))
        for depth, relationship in enumerate(path, 1):
            row = self._records.get(here.sobject, here.id)
            reference = here.sobject.reference(relationship)
            if reference is None or depth > MOST_PARENTS:
                child = self._schema.child(here.sobject, relationship)
                if child is None or depth < len(path):
                    raise resource_not_found()
                return _Children(child, here.id)
            parent_id = row[reference.name]
            if not isinstance(parent_id, str):
                raise resource_not_found()
            parent = self._schema.by_prefix(parent_id[:3])
            if parent is None:
                raise resource_not_found()
            here = _Record(parent, parent_id)
        return here

    def _page(self, call: Call, target: _Children) -> dict[str, object]:
        sobject, lookup = target.child.sobject, target.child.field
        names = dict.fromkeys(field.name for field in wanted_fields(sobject, call))
        soql = (
            f"SELECT {', '.join(names)} FROM {sobject.name} "
            f"WHERE {lookup.name} = '{target.parent_id}'"
        )
        return self._queries.run(soql, call.version, with_deleted=False, page_size=page_size(call))
