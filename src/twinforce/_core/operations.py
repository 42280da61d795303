"""What an operation is on the wire: written once, sent alone or put into a batch."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, ClassVar, Generic, Protocol, TypeAlias, TypeVar

import attrs

from ..errors import SalesforceError
from . import replies, urls
from .blobs import Binary, Blob, Content, Multipart
from .http import Pieces
from .json import DEFAULT, Json, Record, encode, fields_of, loads, parse_object
from .replies import Describe, Limits, Outputs, QueryPage, Reply, UpsertResult
from .urls import ExternalId
from .values import value

T = TypeVar("T")


class Dataclass(Protocol):
    """An instance of a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


Data: TypeAlias = Mapping[str, object] | Dataclass | attrs.AttrsInstance | str
"""The fields of a record by API name; a str is JSON."""

METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
READS = ("GET", "HEAD")
_RECORDS = re.compile(r"(/services/data/v[0-9]+\.[0-9]/)?sobjects/")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SHOWN = 160


@value
class Operation(Generic[T]):
    """A REST request, and how its result is read.

    *path* is relative to the version, unless *version* pins one. *body* is JSON, None for
    none; with a *blob*, the request has several parts. Versions before *since* do not have it.
    """

    method: str
    path: str
    body: bytes | None
    read: Callable[[Reply], T]
    version: str | None = None
    blob: Blob | None = None
    since: float | None = None

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

    def within(self, newest: str, own: str | None = None) -> Operation[T]:
        """Give it for a batch or client of the version *newest*, pinned to its *own*, if any.

        Raises ``ValueError`` for a version that does not fit, or does not have it.
        """
        if own is not None:
            own = urls.version(own)
        pinned = own or self.version
        if pinned is not None and float(pinned) > float(newest):
            raise ValueError(
                f"a subrequest of version {pinned} does not fit into a batch of version {newest}; "
                "it may be older, not newer"
            )
        if self.since is not None and float(pinned or newest) < self.since:
            raise ValueError(
                f"{self.describe()} needs version {self.since} of the API, or a newer one, not "
                f"{pinned or newest}"
            )
        return self if own is None else attrs.evolve(self, version=own)

    def content(self) -> bytes | Pieces | None:
        """Give the body of a request of its own; in several parts if there is a blob."""
        if self.blob is None:
            return self.body
        sobject = self.path.split("/")[1].lower()
        name = "entity_content" if sobject == "contentversion" else f"entity_{sobject}"
        return Multipart(name, self.body or b"{}", [(self.blob.field, self.blob)])

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


def query(
    soql: str, *, include_all_records: bool = False, attributes: bool = True
) -> Operation[QueryPage]:
    """Run SOQL; with *include_all_records*, deleted and archived records too (queryAll)."""
    resource = "queryAll" if flag(include_all_records, "include_all_records") else "query"
    path = f"{resource}?q={urls.segment(urls.text(soql, 'the SOQL'), 'the SOQL')}"
    read = replies.query_page if attributes else replies.bare(replies.query_page)
    return Operation("GET", path, None, read)


def next_page(next_path: str, query: Operation[T]) -> Operation[T]:
    """Fetch the page of *query* that :class:`QueryPage` names as the next."""
    version, path = urls.split_version(next_path)
    return Operation("GET", path, None, query.read, version)


def search(sosl: str, *, attributes: bool = True) -> Operation[list[Record]]:
    path = f"search?q={urls.segment(urls.text(sosl, 'the SOSL'), 'the SOSL')}"
    read = replies.found if attributes else replies.bare(replies.found)
    return Operation("GET", path, None, read)


def limits() -> Operation[Limits]:
    return Operation("GET", "limits", None, replies.limits)


def describe(sobject: str) -> Operation[Describe]:
    return Operation(
        "GET", f"sobjects/{urls.sobject_name(sobject)}/describe", None, replies.describe
    )


def describe_global() -> Operation[Describe]:
    return Operation("GET", "sobjects", None, replies.describe)


def create(sobject: str, data: Data, *, json: Json = DEFAULT) -> Operation[str]:
    path = f"sobjects/{urls.sobject_name(sobject)}"
    return Operation("POST", path, _fields(data, sobject, json), replies.id_of)


def get(
    sobject: str,
    id: ExternalId,
    *,
    fields: Iterable[str] | None = None,
    external_id_field: str | None = None,
    attributes: bool = True,
) -> Operation[Record]:
    path = _row(sobject, id, external_id_field) + _only(fields)
    read = replies.record if attributes else replies.bare(replies.record)
    return Operation("GET", path, None, read)


def get_related(
    sobject: str,
    id: str,
    relationship: str,
    *,
    fields: Iterable[str] | None = None,
    attributes: bool = True,
) -> Operation[QueryPage | Record]:
    """Get the record that a lookup leads to, or the records that look up to this one.

    Source: REST API Developer Guide, sObject Relationships.
    """
    name = urls.relationship_name(relationship)
    path = f"{_row(sobject, id, None)}/{name}{_only(fields)}"
    read = replies.related if attributes else replies.bare(replies.related)
    return Operation("GET", path, None, read, since=36.0)


def update(
    sobject: str,
    id: ExternalId,
    data: Data,
    *,
    external_id_field: str | None = None,
    json: Json = DEFAULT,
) -> Operation[None]:
    path = _row(sobject, id, external_id_field)
    if external_id_field is not None:
        path += "?updateOnly=true"
    return Operation("PATCH", path, _fields(data, sobject, json), replies.nothing)


def upsert(
    sobject: str,
    external_id_field: str,
    data: Data,
    *,
    external_id: ExternalId | None = None,
    update_only: bool = False,
    json: Json = DEFAULT,
) -> Operation[UpsertResult]:
    fields = _mapping(data, urls.sobject_name(sobject))
    key = urls.field_name(external_id_field)
    # Field names ignore case in Salesforce, and the body must not hold the key under any spelling.
    own = [name for name in fields if _is_field(name, key)]
    values = [fields[name] for name in own] + ([] if external_id is None else [external_id])
    if not values:
        raise ValueError(
            f"the data has no {key} to find the {sobject} by; add it or pass external_id="
        )
    texts = {urls.external_id(value, key) for value in values}
    if len(texts) > 1:
        shown = " and ".join(sorted(map(repr, texts)))
        raise ValueError(f"two different values for the external id {key} were given: {shown}")
    rest = {name: item for name, item in fields.items() if name not in own}
    option = "?updateOnly=true" if flag(update_only, "update_only") else ""
    path = _row(sobject, texts.pop(), key) + option
    return Operation("PATCH", path, _fields(rest, sobject, json), replies.upserted)


def delete(
    sobject: str, id: ExternalId, *, external_id_field: str | None = None
) -> Operation[None]:
    return Operation("DELETE", _row(sobject, id, external_id_field), None, replies.nothing)


def create_with_blob(
    sobject: str,
    data: Data,
    *,
    blob_field: str,
    content: Content,
    filename: str,
    json: Json = DEFAULT,
) -> Operation[str]:
    blob = _blob(blob_field, content, filename)
    return attrs.evolve(create(sobject, data, json=json), blob=blob)


def update_with_blob(
    sobject: str,
    id: str,
    data: Data,
    *,
    blob_field: str,
    content: Content,
    filename: str,
    json: Json = DEFAULT,
) -> Operation[None]:
    blob = _blob(blob_field, content, filename)
    return attrs.evolve(update(sobject, id, data, json=json), blob=blob)


def invoke(
    action: str,
    inputs: Data | Sequence[Data] | None = None,
    *,
    json: Json = DEFAULT,
) -> Operation[Outputs]:
    """Invoke a standard or custom action with one input or several, or with none.

    Source: Actions Developer Guide, Invoking Actions.
    """
    path = f"actions/{urls.action_name(action)}"
    if isinstance(inputs, Sequence) and not isinstance(inputs, str):
        items: Sequence[Data] = inputs
    else:
        items = [{} if inputs is None else inputs]
    body = {"inputs": [_mapping(item, f"an input of {action}") for item in items]}
    return Operation("POST", path, json.encode(body, "inputs"), replies.outputs, since=35.0)


def request(
    method: str,
    path: str,
    body: object = None,
    *,
    binary: Binary | None = None,
    json: Json = DEFAULT,
) -> Operation[Any]:
    """Make any other request. *path* is encoded already; *body* becomes JSON."""
    version, rest = urls.split_version(path)
    blob = None
    if binary is not None:
        if not isinstance(binary, Binary):
            raise TypeError(f"binary must be a twinforce.Binary, not {type(binary).__name__}")
        blob = _blob(binary.name, binary.content, binary.filename)
    return Operation(verb(method), rest, json_body(body, json), replies.anything, version, blob)


def json_body(body: object, json: Json = DEFAULT) -> bytes | None:
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


def _row(sobject: str, id: ExternalId, external_id_field: str | None) -> str:
    name = urls.sobject_name(sobject)
    if external_id_field is None:
        return f"sobjects/{name}/{urls.record_id(id)}"
    field = urls.field_name(external_id_field)
    return f"sobjects/{name}/{field}/{urls.segment(urls.external_id(id, field), field)}"


def _is_field(name: object, field: str) -> bool:
    plain = name.value if isinstance(name, Enum) else name
    # There are other characters that are ASCII in lower case.
    return isinstance(plain, str) and plain.isascii() and plain.lower() == field.lower()


def _only(fields: Iterable[str] | None) -> str:
    return "" if fields is None else f"?fields={urls.field_list(fields)}"


def _blob(field: str, content: Content, filename: str) -> Blob:
    name = urls.text(filename, "the filename")
    if _CONTROL.search(name):
        raise ValueError(f"the filename {name!r} holds a control character")
    return Blob.of(urls.field_name(field), content, urls.whole(name, "the filename"))


def _mapping(data: Data, name: str) -> Mapping[str, object]:
    if isinstance(data, Mapping):
        return data
    if isinstance(data, str):
        return parse_object(data, f"the data of {name}")
    fields = fields_of(data)
    if fields is None:
        raise TypeError(
            f"the data of {name} must be a dict of fields, an instance of a dataclass or an attrs "
            f"class, or a str of JSON, not {type(data).__name__}"
        )
    return fields


def _fields(data: Data, sobject: str, json: Json) -> bytes:
    # A dict is one, too, but that takes long to find out.
    fields = data if type(data) is dict else _mapping(data, sobject)
    if json.dumps is None:
        return encode(fields, sobject)
    body = json.encode(fields, sobject)
    if not isinstance(loads(body), dict):
        raise ValueError(  # noqa: TRY004 - the data may be fine
            f"the function dumps wrote the data of {sobject} as no JSON object"
        )
    return body
