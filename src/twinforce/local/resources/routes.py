"""The REST resources under ``/services/data/vXX.X/``, without HTTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import attrs

from ..errors import ApiError, no_such_external_id, not_implemented, resource_not_found
from ..records.records import Records, checked_id
from ..records.shapes import attributes, record_url
from ..schema import Field, Schema, SObject
from ..schema.describe import describe_sobject, describe_summary
from ..server.http import Call, Reply
from ..store.ids import looks_like_id
from ..store.tables import Row
from .changes import Changes
from .parameterized import sosl_of
from .queries import Queries
from .reading import page_size, record_data, record_reply
from .related import MOST_PARENTS, Related
from .searches import Searches
from .usage import ApiUsage

Handler = Callable[..., Reply]

_MOST_RECENT: Final = 200
# Resources of an sObject that the local org does not have.
_UNSERVED: Final = (
    "deleted",
    "updated",
    "listviews",
    "quickActions",
    "describe/{what}",
    "describe/{what}/{id}",
)


@attrs.frozen
class Route:
    """A resource: a pattern of path segments and what each method does.

    ``{…}`` takes any segment, ``{record id}`` one that looks like an id.
    """

    pattern: tuple[str, ...]
    handlers: Mapping[str, Handler]

    def match(self, segments: tuple[str, ...]) -> list[str] | None:
        """Return what the ``{…}`` of the pattern stand for, or None if it does not fit."""
        if len(segments) != len(self.pattern):
            return None
        taken: list[str] = []
        for expected, segment in zip(self.pattern, segments, strict=True):
            if expected == "{record id}" and not looks_like_id(segment):
                return None
            if expected.startswith("{"):
                taken.append(segment)
            elif expected.lower() != segment.lower():
                return None
        return taken


class Resources:
    """Finds the resource that a call is for and lets it answer."""

    def __init__(
        self,
        schema: Schema,
        records: Records,
        queries: Queries,
        searches: Searches,
        usage: ApiUsage,
        clock: Callable[[], datetime],
    ) -> None:
        self._schema = schema
        self._records = records
        self._queries = queries
        self._searches = searches
        self._usage = usage
        self._changes = Changes(clock)
        self._routes: list[Route] = []
        self.add("", GET=self.root)
        self.add("limits", GET=self.limits)
        self.add("query", GET=self.query)
        self.add("queryAll", GET=self.query_all)
        self.add("query/{locator}", GET=self.query_more)
        self.add("queryAll/{locator}", GET=self.query_more)
        self.add("search", GET=self.search)
        self.add(
            "parameterizedSearch", GET=self.parameterized_search, POST=self.parameterized_search
        )
        self.add("recent", GET=self.recent)
        self.add("sobjects", GET=self.describe_global)
        self.add("sobjects/{sobject}", GET=self.basic_info, POST=self.create)
        self.add("sobjects/{sobject}/describe", GET=self.describe)
        for unserved in _UNSERVED:
            self.add(f"sobjects/{{sobject}}/{unserved}", GET=self.unserved)
        self.add(
            "sobjects/{sobject}/{id}",
            GET=self.get,
            PATCH=self.update,
            DELETE=self.delete,
            POST=self.create_with_id,
        )
        related = Related(schema, records, queries)
        for steps in range(1, MOST_PARENTS + 2):
            self.add(
                "sobjects/{sobject}/{record id}" + "/{relationship}" * steps,
                GET=related.get,
                PATCH=related.update,
                DELETE=related.delete,
            )
        self.add(
            "sobjects/{sobject}/{field}/{value}",
            GET=self.get_by_key,
            PATCH=self.upsert,
            DELETE=self.delete_by_key,
        )

    def add(self, pattern: str, **handlers: Handler) -> None:
        """Serve the resource at *pattern*; the keywords are HTTP methods."""
        segments = tuple(part for part in pattern.split("/") if part)
        self._routes.append(Route(segments, handlers))

    def answer(self, call: Call) -> Reply:
        """Answer *call*. Raises ApiError for everything that is an error."""
        for route in self._routes:
            taken = route.match(call.segments)
            if taken is None:
                continue
            # HEAD answers as GET does; whoever speaks HTTP leaves the body out.
            handler = route.handlers.get("GET" if call.method == "HEAD" else call.method)
            if handler is None:
                raise _method_not_allowed(call.method, route)
            return handler(call, *taken)
        raise resource_not_found()

    # ---- the org ----

    def root(self, call: Call) -> Reply:
        """``GET vXX.X``: the resources there are."""
        names = sorted({route.pattern[0] for route in self._routes if route.pattern}, key=str.lower)
        listed = {name: f"/services/data/v{call.version}/{name}" for name in names}
        return Reply(200, {**listed, "identity": call.identity})

    def limits(self, _call: Call) -> Reply:
        return Reply(200, self._usage.limits())

    # ---- queries ----

    def query(self, call: Call, *, with_deleted: bool = False) -> Reply:
        text = call.query.get("q", "")
        if "explain" in call.query:
            raise not_implemented("explain=, the plan of a query")
        if not text.strip():
            raise ApiError("MALFORMED_QUERY", "A query string has to be specified")
        if call.query.get("columns", "").lower() == "true":
            return Reply(200, self._queries.columns(text, call.version))
        page = self._queries.run(
            text, call.version, with_deleted=with_deleted, page_size=page_size(call)
        )
        return Reply(200, page)

    def query_all(self, call: Call) -> Reply:
        return self.query(call, with_deleted=True)

    def query_more(self, call: Call, locator: str) -> Reply:
        page = self._queries.next_page(locator, call.version, page_size=page_size(call))
        return Reply(200, page)

    def search(self, call: Call) -> Reply:
        text = call.query.get("q", "")
        if not text.strip():
            raise ApiError("MALFORMED_SEARCH", "A search string has to be specified")
        records = self._searches.run(text, call.version)
        return Reply(200, {"searchRecords": records} if call.version_number >= 37 else records)

    def parameterized_search(self, call: Call) -> Reply:
        records = self._searches.run(sosl_of(call), call.version)
        return Reply(200, {"searchRecords": records})

    # ---- metadata ----

    def describe_global(self, call: Call) -> Reply:
        summaries = [describe_summary(sobject, call.version) for sobject in self._schema]
        described = {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": summaries}
        return self._changes.reply(call, described)

    def basic_info(self, call: Call, name: str) -> Reply:
        sobject = self._sobject(name)
        recent = [_shown(sobject, row, call.version) for row in self._records.recent(sobject)]
        summary = describe_summary(sobject, call.version)
        return Reply(200, {"objectDescribe": summary, "recentItems": recent})

    def recent(self, call: Call) -> Reply:
        """``GET recent``: what was changed last, of what has a name."""
        text = call.query.get("limit", "")
        limit = _MOST_RECENT
        if text.isascii() and text.isdigit():
            limit = int(min(float(text), limit))  # float reads thousands of digits too
        found = [
            (str(row["LastModifiedDate"]), _shown(sobject, row, call.version))
            for sobject in self._schema
            if sobject.name_field is not None and sobject.field("LastModifiedDate") is not None
            for row in self._records.recent(sobject, limit)
        ]
        found.sort(key=lambda item: item[0], reverse=True)
        return Reply(200, [record for _, record in found[:limit]])

    def describe(self, call: Call, name: str) -> Reply:
        sobject = self._sobject(name)
        return self._changes.reply(call, describe_sobject(self._schema, sobject, call.version))

    def unserved(self, _call: Call, *_taken: str) -> Reply:
        """Answer what Salesforce has, and what is no id or field to look for here."""
        raise resource_not_found()

    # ---- records ----

    def create(self, call: Call, name: str) -> Reply:
        sobject = self._sobject(name)
        record_id = self._records.create(sobject, record_data(call))
        return _created(sobject, record_id, call)

    def create_with_id(self, call: Call, name: str, literal: str) -> Reply:
        """``POST sobjects/X/Id``: an upsert without a key, which creates (since v37.0)."""
        if literal.lower() != "id" or call.version_number < 37:
            raise resource_not_found()
        return self.create(call, name)

    def get(self, call: Call, name: str, record_id: str) -> Reply:
        sobject = self._sobject(name)
        return record_reply(self._records, sobject, checked_id(sobject, record_id), call)

    def update(self, call: Call, name: str, record_id: str) -> Reply:
        sobject = self._sobject(name)
        self._records.update(
            sobject, checked_id(sobject, record_id, of_data=True), record_data(call)
        )
        return Reply(204)

    def delete(self, _call: Call, name: str, record_id: str) -> Reply:
        sobject = self._sobject(name)
        self._records.delete(sobject, checked_id(sobject, record_id))
        return Reply(204)

    def get_by_key(self, call: Call, name: str, field: str, value: str) -> Reply:
        sobject = self._sobject(name)
        found = self._records.find(sobject, _key(sobject, field), value)
        if len(found) > 1:
            return _several(sobject, found, call)
        if not found:
            raise resource_not_found()
        return record_reply(self._records, sobject, found[0], call)

    def upsert(self, call: Call, name: str, field: str, value: str) -> Reply:
        sobject = self._sobject(name)
        key = _key(sobject, field)
        data = record_data(call)
        given = next((given for given in data.fields if given.lower() == key.name.lower()), None)
        if given is not None:
            message = f"The {key.name} field should not be specified in the sobject data."
            raise ApiError("INVALID_FIELD", message, fields=[key.name])
        if not value.strip():  # it would be stored as nothing, which addresses no record
            raise resource_not_found()
        with self._records.writing():  # so that nobody creates the same record meanwhile
            found = self._records.find(sobject, key, value)
            if len(found) > 1:
                return _several(sobject, found, call)
            if found:
                self._records.update(sobject, found[0], data)
                if call.version_number < 46:
                    return Reply(204)
                return Reply(200, _saved(found[0], call, created=False))
            if call.query.get("updateOnly", "").lower() == "true" or key.name == "Id":
                raise resource_not_found()
            with_key = attrs.evolve(data, fields={**data.fields, key.name: value})
            record_id = self._records.create(sobject, with_key)
            return _created(sobject, record_id, call, created=True)

    def delete_by_key(self, call: Call, name: str, field: str, value: str) -> Reply:
        sobject = self._sobject(name)
        with self._records.writing():
            found = self._records.find(sobject, _key(sobject, field), value)
            if len(found) > 1:
                return _several(sobject, found, call)
            if not found:
                raise resource_not_found()
            self._records.delete(sobject, found[0])
            return Reply(204)

    def _sobject(self, name: str) -> SObject:
        sobject = self._schema.get(name)
        if sobject is None:
            raise resource_not_found()
        return sobject


def _shown(sobject: SObject, row: Row, version: str) -> dict[str, Any]:
    """Show a record as a list of recent ones does: by its name."""
    record_id, title = str(row["Id"]), sobject.name_field
    shown: dict[str, Any] = {"attributes": attributes(sobject, record_id, version), "Id": record_id}
    return shown if title is None else {**shown, title.name: row[title.name]}


def _key(sobject: SObject, name: str) -> Field:
    field = sobject.field(name)
    if field is None or not field.is_key:
        raise no_such_external_id(name)
    return field


def _saved(record_id: str, call: Call, *, created: bool | None) -> dict[str, Any]:
    saved: dict[str, Any] = {"id": record_id, "success": True, "errors": []}
    if created is not None and call.version_number >= 46:
        saved["created"] = created
    return saved


def _created(sobject: SObject, record_id: str, call: Call, *, created: bool | None = None) -> Reply:
    location = record_url(sobject, record_id, call.version)
    return Reply(201, _saved(record_id, call, created=created), {"location": location})


def _several(sobject: SObject, found: list[str], call: Call) -> Reply:
    return Reply(300, [record_url(sobject, record_id, call.version) for record_id in found])


def _method_not_allowed(method: str, route: Route) -> ApiError:
    allowed = [*(["HEAD"] if "GET" in route.handlers else []), *route.handlers]
    message = f"HTTP Method '{method}' not allowed. Allowed are {','.join(allowed)}"
    return ApiError("METHOD_NOT_ALLOWED", message, status=405)
