"""What an operation is on the wire: written once, sent alone or put into a batch."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any, Generic, TypeVar

import attrs

from ..errors import SalesforceError
from . import json, replies, urls
from .json import Record
from .replies import Limits, QueryPage, Reply, UpsertResult
from .urls import ExternalId

T = TypeVar("T")

METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
READS = ("GET", "HEAD")
_RECORDS = re.compile(r"(/services/data/v[0-9]+\.[0-9]/)?sobjects/")
_SHOWN = 160


@attrs.frozen
class Operation(Generic[T]):
    """A REST request, and how its result is read.

    *path* is relative to the version, unless *version* pins one. *body* is JSON.
    """

    method: str
    path: str
    body: bytes | None
    read: Callable[[Reply], T]
    version: str | None = None

    @property
    def reads_only(self) -> bool:
        """Whether it changes nothing, so that an answer that got lost leaves no doubt."""
        return self.method in READS

    @property
    def idempotent(self) -> bool:
        """Whether it does no harm twice."""
        return is_idempotent(self.method, self.path)

    def is_fulfilled_by(self, error: SalesforceError) -> bool:
        """Tell whether *error*, of another try, means that the first one did the work."""
        return self.method == "DELETE" and error.error_code == "ENTITY_IS_DELETED"

    def batch_url(self, default_version: str) -> str:
        """Give the url of a subrequest: from the version on, as the documentation has it."""
        return f"v{self.version or default_version}/{self.path}"

    def target(self, default_version: str) -> str:
        """Give the path and query of a request of its own."""
        return f"{urls.DATA}/{self.batch_url(default_version)}"

    def describe(self) -> str:
        """Name it for people, in one line."""
        shown = self.path if len(self.path) <= _SHOWN else self.path[:_SHOWN] + "…"
        return f"{self.method} {shown}"


def is_idempotent(method: str, path: str) -> bool:
    """Tell whether a request does no harm twice: it reads, or it sets or deletes one record.

    That holds for records (PATCH by id or external id, DELETE); what other resources make of a
    method is their own affair. *path* is below the version, or from ``/services`` on.
    """
    if method in READS:
        return True
    return method in ("DELETE", "PATCH") and _RECORDS.match(path) is not None


def query(soql: str, *, include_all_records: bool = False) -> Operation[QueryPage]:
    """Run SOQL; with *include_all_records*, deleted and archived records too (queryAll)."""
    resource = "queryAll" if flag(include_all_records, "include_all_records") else "query"
    path = f"{resource}?q={urls.segment(urls.text(soql, 'the SOQL'), 'the SOQL')}"
    return Operation("GET", path, None, replies.query_page)


def next_page(next_path: str) -> Operation[QueryPage]:
    """Fetch the page of a query that :class:`QueryPage` names as the next."""
    version, path = urls.split_version(next_path)
    return Operation("GET", path, None, replies.query_page, version)


def limits() -> Operation[Limits]:
    return Operation("GET", "limits", None, replies.limits)


def create(sobject: str, data: Mapping[str, object]) -> Operation[str]:
    path = f"sobjects/{urls.sobject_name(sobject)}"
    return Operation("POST", path, _fields(data, sobject), replies.created_id)


def get(
    sobject: str,
    id: ExternalId,
    *,
    fields: Iterable[str] | None = None,
    external_id_field: str | None = None,
) -> Operation[Record]:
    path = _row(sobject, id, external_id_field)
    if fields is not None:
        path += f"?fields={urls.field_list(fields)}"
    return Operation("GET", path, None, replies.record)


def update(
    sobject: str,
    id: ExternalId,
    data: Mapping[str, object],
    *,
    external_id_field: str | None = None,
) -> Operation[None]:
    path = _row(sobject, id, external_id_field)
    if external_id_field is not None:
        path += "?updateOnly=true"
    return Operation("PATCH", path, _fields(data, sobject), replies.nothing)


def upsert(
    sobject: str,
    external_id_field: str,
    data: Mapping[str, object],
    *,
    external_id: ExternalId | None = None,
    update_only: bool = False,
) -> Operation[UpsertResult]:
    fields = _mapping(data, sobject)
    key = urls.field_name(external_id_field)
    # Field names ignore case in Salesforce, and the body must not hold the key under any spelling.
    own = [name for name in fields if _is_named(name, key)]
    values = [fields[name] for name in own] + ([] if external_id is None else [external_id])
    if not values:
        raise ValueError(
            f"the data has no {key} to find the {sobject} by; add it or pass external_id="
        )
    texts = {urls.external_id(value, key) for value in values}
    if len(texts) > 1:
        shown = " and ".join(sorted(map(repr, texts)))
        raise ValueError(f"two different values for the external id {key} were given: {shown}")
    body = _fields({name: item for name, item in fields.items() if name not in own}, sobject)
    option = "?updateOnly=true" if flag(update_only, "update_only") else ""
    path = _row(sobject, texts.pop(), key) + option
    return Operation("PATCH", path, body, replies.upserted)


def delete(
    sobject: str, id: ExternalId, *, external_id_field: str | None = None
) -> Operation[None]:
    return Operation("DELETE", _row(sobject, id, external_id_field), None, replies.nothing)


def request(method: str, path: str, body: object = None) -> Operation[Any]:
    """Make any other request. *path* is encoded already; *body* becomes JSON."""
    version, rest = urls.split_version(path)
    return Operation(verb(method), rest, json_body(body), replies.anything, version)


def json_body(body: object) -> bytes | None:
    """Write the body of a request as JSON; None for no body."""
    return None if body is None else json.encode(body, "body")


def verb(method: str) -> str:
    """Check the name of an HTTP method; case does not matter."""
    known = urls.text(method, "the method").upper()
    if known not in METHODS:
        raise ValueError(f"the method must be one of {', '.join(METHODS)}, not {method!r}")
    return known


def flag(value: bool, name: str) -> bool:
    """Give *value* back, if it is True or False; a text such as "no" would count as True."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, not {value!r}")
    return value


def _is_named(name: object, key: str) -> bool:
    plain = name.value if isinstance(name, Enum) else name
    return isinstance(plain, str) and plain.lower() == key.lower()


def _row(sobject: str, id: ExternalId, external_id_field: str | None) -> str:
    name = urls.sobject_name(sobject)
    if external_id_field is None:
        return f"sobjects/{name}/{urls.record_id(id)}"
    field = urls.field_name(external_id_field)
    return f"sobjects/{name}/{field}/{urls.segment(urls.external_id(id, field), field)}"


def _mapping(data: Mapping[str, object], sobject: str) -> Mapping[str, object]:
    if not isinstance(data, Mapping):
        raise TypeError(
            f"the data of {sobject} must be a dict of fields, not {type(data).__name__}"
        )
    return data


def _fields(data: Mapping[str, object], sobject: str) -> bytes:
    return json.encode(_mapping(data, sobject), sobject)
