"""What a caller sent for a record, checked field by field, in the form of the store."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import attrs

from ..errors import ApiError
from ..schema import Field, SObject
from ..store.tables import Row
from ..store.values import Stored, WrongTypeError, stored_value
from .references import References
from .refusals import id_in_data, no_such_column, read_only, two_references, wrong_type


@attrs.frozen
class DuplicateOptions:
    """What ``Sforce-Duplicate-Rule-Header`` says; *version* is that of the URLs in an answer."""

    allow_save: bool = False
    include_record_details: bool = False
    version: str = "67.0"


@attrs.frozen
class RecordData:
    """The fields of a record as a caller sent them; *source* is the JSON they came in.

    *blobs* came beside it, by the names of their fields.
    """

    fields: Mapping[str, Any]
    source: bytes
    blobs: Mapping[str, memoryview] = attrs.field(factory=dict[str, memoryview])
    duplicates: DuplicateOptions = DuplicateOptions()

    def location(self, name: str) -> str:
        """Say where the value of the field *name* stands, as Salesforce's parser does."""
        text = self.source.decode("utf-8", "replace")
        match = re.search(rf'"{re.escape(name)}"\s*:\s*', text)
        before = text[: match.end() if match else 1]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        return f"[line:{line}, column:{column}]"


def checked(sobject: SObject, data: RecordData, references: References, *, creating: bool) -> Row:
    """Return what is to be stored, by the canonical field names. Raises ApiError."""
    values: Row = {}
    closed: list[str] = []
    sent: dict[str, str] = {}
    for name, value in data.fields.items():
        if name == "attributes":
            continue
        field = _meant(sobject, name, value)
        if sent.setdefault(field.name, name).lower() != name.lower():
            raise two_references(field)
        if not (field.createable if creating else field.updateable):
            closed.append(field.name)
        elif field.name.lower() != name.lower():
            values[field.name] = references.by_key(sobject, field, name, value)
        else:
            values[field.name] = _stored(sobject, field, name, data, references)
    for name, content in data.blobs.items():
        field = _blob_field(sobject, name, values)
        if field.createable if creating else field.updateable:
            values[field.name] = content
        else:
            closed.append(field.name)
    if closed:
        raise read_only(closed)
    return values


def _meant(sobject: SObject, name: str, value: Any) -> Field:
    """Find the field that a caller gives a *value*, a lookup by its relationship too."""
    field = sobject.field(name)
    if field is None and isinstance(value, dict):
        field = sobject.reference(name)
    if field is None:
        raise no_such_column(name, sobject)
    if field.name == "Id":
        raise id_in_data()
    return field


def _stored(
    sobject: SObject, field: Field, name: str, data: RecordData, references: References
) -> Stored:
    value = data.fields[name]
    try:
        stored = stored_value(field, value)
    except WrongTypeError:
        raise wrong_type(field, value, f" at {data.location(name)}") from None
    if field.type == "reference" and isinstance(stored, str):
        references.check(sobject, field, stored)
    return stored


def _blob_field(sobject: SObject, name: str, values: Row) -> Field:
    """Find the field that a binary part is for."""
    field = sobject.field(name)
    if field is None:
        raise no_such_column(name, sobject)
    if not field.is_blob:
        message = f"{sobject.name}.{field.name} holds no binary data, so it cannot be a binary part"
        raise ApiError("INVALID_FIELD", message, fields=[field.name])
    if field.name in values:
        message = f"{field.name} must be given once: in the JSON, or as a binary part"
        raise ApiError("INVALID_FIELD", message, fields=[field.name])
    return field
