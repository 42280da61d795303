"""Creating, changing and deleting records, with everything that Salesforce checks on the way."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

import attrs

from .errors import ApiError, no_such_external_id, resource_not_found
from .files import VERSION, Files
from .ids import long_id, looks_like_id, make_id
from .rules import derived
from .schema import Field, Schema, SObject
from .store import Row, Store
from .values import (
    Stored,
    WrongTypeError,
    address_parts,
    datetime_text,
    json_token,
    json_value,
    stored_value,
)


@attrs.frozen
class RecordData:
    """The fields of a record as a caller sent them; *source* is the JSON they came in.

    *blobs* came beside it, by the names of their fields.
    """

    fields: Mapping[str, Any]
    source: bytes
    blobs: Mapping[str, memoryview] = attrs.field(factory=dict[str, memoryview])

    def location(self, name: str) -> str:
        """Say where the value of the field *name* stands, as Salesforce's parser does."""
        text = self.source.decode("utf-8", "replace")
        match = re.search(rf'"{re.escape(name)}"\s*:\s*', text)
        before = text[: match.end() if match else 1]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        return f"[line:{line}, column:{column}]"


class Records:
    """The records of an org. *user_id* is who creates and changes them; *clock* tells when."""

    def __init__(
        self, schema: Schema, store: Store, clock: Callable[[], datetime], user_id: str
    ) -> None:
        self._schema = schema
        self._store = store
        self._clock = clock
        self._user_id = user_id
        self._files = Files(schema, store, self._insert)

    def create(self, sobject: SObject, data: RecordData) -> str:
        """Create a record and return its id. Raises ApiError if the data is refused."""
        if not sobject.createable:
            raise _not_allowed("create", sobject)
        values = self._checked(sobject, data, creating=True)
        missing = [field.name for field in sobject.required if values.get(field.name) is None]
        if sobject.name == VERSION:
            missing += self._files.missing(values)
        if missing:
            raise _required_missing(missing)
        # Where a field may not be empty, nothing asks for the default, as leaving it out does.
        optional = {field.name for field in sobject.fields if field.nillable}
        given = {k: value for k, value in values.items() if value is not None or k in optional}
        with self._store.transaction():
            if sobject.name == VERSION:
                return self._files.create(given)
            return self._insert(sobject, given)

    def update(self, sobject: SObject, record_id: str, data: RecordData) -> None:
        """Change the fields in *data*. Raises ApiError if there is no such record."""
        if not sobject.updateable:
            raise _not_allowed("update", sobject)
        values = self._checked(sobject, data, creating=False)
        row = self._existing(sobject, record_id)
        emptied = [
            name
            for name, value in values.items()
            if value is None and (field := sobject.field(name)) and not field.nillable
        ]
        if emptied:
            raise _required_missing(emptied)
        with self._store.transaction():
            self._check_unique(sobject, values, record_id)
            now = datetime_text(self._clock())
            changes: Row = {**values, **self._stamp(now)}
            changed = {name for name, value in values.items() if row.get(name) != value}
            changes.update(derived(sobject, {**row, **changes}, changed, now))
            self._store.update(sobject, record_id, changes)
            self._files.updated(sobject, row, changes)

    def delete(self, sobject: SObject, record_id: str) -> None:
        """Put a record, and what cannot be without it, into the recycle bin."""
        if not sobject.deletable:
            raise _not_allowed("delete", sobject)
        self._existing(sobject, record_id)
        with self._store.transaction():
            self._delete(sobject, record_id)

    def find(self, sobject: SObject, field: Field, value: str) -> list[str]:
        """Return the ids of the records whose *field* has *value*, as it stands in a URL."""
        try:
            wanted = stored_value(field, value)
        except (WrongTypeError, ApiError):
            return []
        return [] if wanted is None else self._store.find(sobject, field, wanted)

    def get(self, sobject: SObject, record_id: str) -> Row:
        """Return a record's columns. Raises ApiError (404) if it is not there or was deleted."""
        row = self._store.get(sobject, record_id)
        if row is None or row["IsDeleted"]:
            raise resource_not_found()
        return row

    def recent(self, sobject: SObject, limit: int = 10) -> Iterator[Row]:
        for record_id in self._store.recent(sobject, limit):
            yield self.get(sobject, record_id)

    def blob(self, sobject: SObject, record_id: str, field: Field) -> bytes:
        """Return the binary data in *field*. Raises ApiError (404) if there is none."""
        self.get(sobject, record_id)
        content = self._store.blob(record_id, field)
        if content is None:
            raise resource_not_found()
        return content

    def _existing(self, sobject: SObject, record_id: str) -> Row:
        row = self._store.get(sobject, record_id)
        if row is None:
            raise _invalid_cross_reference(404)
        if row["IsDeleted"]:
            raise _entity_is_deleted()
        return row

    def _checked(self, sobject: SObject, data: RecordData, *, creating: bool) -> Row:
        """Return what is to be stored, by the canonical field names."""
        values: Row = {}
        read_only: list[str] = []
        for name, value in data.fields.items():
            if name == "attributes":
                continue
            field = sobject.field(name)
            if field is None:
                parent = sobject.reference(name)
                if parent is None or not isinstance(value, dict):
                    raise no_such_column(name, sobject)
                values[parent.name] = self._parent_by_key(parent, name, value)
            elif field.name == "Id":
                message = "The Id field should not be specified in the sobject data."
                raise ApiError("INVALID_FIELD", message, fields=["Id"])
            elif not (field.createable if creating else field.updateable):
                read_only.append(field.name)
            else:
                values[field.name] = self._stored(field, name, data)
        for name, content in data.blobs.items():
            field = _blob_field(sobject, name, values)
            if field.createable if creating else field.updateable:
                values[field.name] = content
            else:
                read_only.append(field.name)
        if read_only:
            message = (
                f"Unable to create/update fields: {', '.join(read_only)}. Please check the "
                "security settings of this field and verify that it is read/write for your "
                "profile or permission set."
            )
            raise ApiError("INVALID_FIELD_FOR_INSERT_UPDATE", message, fields=read_only)
        return values

    def _stored(self, field: Field, name: str, data: RecordData) -> Stored:
        value = data.fields[name]
        try:
            stored = stored_value(field, value)
        except WrongTypeError:
            message = (
                f"Cannot deserialize instance of {field.type} from {json_token(value)} "
                f"or request may be missing a required field at {data.location(name)}"
            )
            raise ApiError("JSON_PARSER_ERROR", message) from None
        if field.type == "reference" and isinstance(stored, str):
            self._check_reference(field, stored)
        return stored

    def _check_reference(self, field: Field, record_id: str) -> None:
        parent = self._schema.by_prefix(record_id[:3])
        if parent is None or parent.name not in field.reference_to:
            message = f"{field.label}: id value of incorrect type: {record_id}"
            raise ApiError("MALFORMED_ID", message, fields=[field.name])
        row = self._store.get(parent, record_id)
        if row is None:
            raise _invalid_cross_reference(400)
        if row["IsDeleted"]:
            raise _entity_is_deleted(400)

    def _parent_by_key(self, reference: Field, name: str, key: Mapping[str, Any]) -> str:
        """Find the parent that ``{"Account": {"ExternalId__c": "x"}}`` means."""
        named = {field: value for field, value in key.items() if field != "attributes"}
        for parent_name in reference.reference_to:
            parent = self._schema[parent_name]
            for key_name, value in named.items():
                field = parent.field(key_name)
                if len(named) != 1 or field is None or not field.is_key:
                    continue
                found = self.find(parent, field, str(value))
                if len(found) == 1:
                    return found[0]
                outcome = "more than one record found" if found else "not found"
                message = (
                    f"Foreign key external ID: {value} {outcome} "
                    f"for field {field.name} in entity {parent.name}"
                )
                raise ApiError("INVALID_FIELD", message, fields=[])
        message = f"{name} must be an object with exactly one external ID field of its sobject"
        raise ApiError("INVALID_FIELD", message, fields=[name])

    def _insert(self, sobject: SObject, values: Row) -> str:
        self._check_unique(sobject, values, None)
        now = datetime_text(self._clock())
        record_id = make_id(sobject.key_prefix, self._store.next_number(sobject.key_prefix))
        row: Row = {
            "Id": record_id,
            **self._defaults(sobject),
            **values,
            "CreatedDate": now,
            "CreatedById": self._user_id,
            **self._stamp(now),
        }
        given = {name for name, value in row.items() if value is not None}
        row.update(derived(sobject, row, given, now))
        self._store.insert(sobject, row)
        return record_id

    def _defaults(self, sobject: SObject) -> Row:
        row: Row = {}
        for field in sobject.fields:
            if field.auto_number is not None:
                number = self._store.next_number(f"{sobject.name}.{field.name}".lower())
                row[field.name] = _formatted(field.auto_number, number)
            elif field.name == "OwnerId":
                row[field.name] = self._user_id
            elif field.default_value is not None:
                row[field.name] = stored_value(field, field.default_value)
        return row

    def _check_unique(self, sobject: SObject, values: Row, own_id: str | None) -> None:
        for name, value in values.items():
            field = sobject.field(name)
            if field is None or not field.unique or value is None:
                continue
            for record_id in self._store.find(sobject, field, value):
                if record_id != own_id:
                    message = (
                        f"duplicate value found: {name} duplicates value "
                        f"on record with id: {record_id[:15]}"
                    )
                    raise ApiError("DUPLICATE_VALUE", message, fields=[])

    def _stamp(self, now: str) -> Row:
        """Return the fields that tell of the last change."""
        return {
            "LastModifiedDate": now,
            "LastModifiedById": self._user_id,
            "SystemModstamp": now,
        }

    def _delete(self, sobject: SObject, record_id: str) -> None:
        stamp = self._stamp(datetime_text(self._clock()))
        self._store.update(sobject, record_id, {"IsDeleted": 1, **stamp})
        for child in self._schema.children(sobject):
            for child_id in self._store.find(child.sobject, child.field, record_id):
                if child.field.restricted_delete:
                    raise _in_use(sobject, child.sobject)
                if child.field.cascade_delete:
                    self._delete(child.sobject, child_id)
                else:
                    self._store.update(child.sobject, child_id, {child.field.name: None})


def record_url(sobject: SObject, record_id: str, version: str) -> str:
    return f"/services/data/v{version}/sobjects/{sobject.name}/{record_id}"


def attributes(sobject: SObject, record_id: str, version: str) -> dict[str, str]:
    """Return the ``attributes`` with which the JSON of a record begins."""
    return {"type": sobject.name, "url": record_url(sobject, record_id, version)}


def blob_url(sobject: SObject, record_id: str, field: Field, version: str) -> str:
    """Return where the binary data in *field* is: what a record shows instead of it."""
    return f"{record_url(sobject, record_id, version)}/{field.name}"


def field_json(field: Field, row: Row) -> Any:
    """Return the value of *field*, but for blobs, in a record as the API answers it."""
    if field.is_compound:
        return address_json(field, row)
    return json_value(field, row.get(field.name))


def address_json(field: Field, row: Row) -> dict[str, Stored] | None:
    parts = {key: row.get(name) for key, name in address_parts(field).items()}
    return parts if any(value is not None for value in parts.values()) else None


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


def no_such_column(name: str, sobject: SObject) -> ApiError:
    message = f"No such column '{name}' on sobject of type {sobject.name}"
    return ApiError("INVALID_FIELD", message)


def checked_id(sobject: SObject, text: str) -> str:
    """Return *text*, the last part of a record's URL, as an 18 character id of *sobject*."""
    if not looks_like_id(text):
        raise no_such_external_id(text)
    record_id = long_id(text)
    if record_id is None or not record_id.startswith(sobject.key_prefix):
        raise ApiError("MALFORMED_ID", f"malformed id {text}", fields=["Id"])
    return record_id


def _formatted(pattern: str, number: int) -> str:
    """Fill an auto number's display format: ``A-{0000}`` and 7 make A-0007."""
    before, _, rest = pattern.partition("{")
    zeros, _, after = rest.partition("}")
    return f"{before}{str(number).zfill(len(zeros))}{after}"


def _required_missing(names: list[str]) -> ApiError:
    message = f"Required fields are missing: [{', '.join(names)}]"
    return ApiError("REQUIRED_FIELD_MISSING", message, fields=names)


def _invalid_cross_reference(status: int) -> ApiError:
    message = "invalid cross reference id"
    return ApiError("INVALID_CROSS_REFERENCE_KEY", message, status=status, fields=[])


def _entity_is_deleted(status: int = 404) -> ApiError:
    return ApiError("ENTITY_IS_DELETED", "entity is deleted", status=status, fields=[])


def _in_use(sobject: SObject, child: SObject) -> ApiError:
    message = (
        f"Your attempt to delete this {sobject.label} could not be completed because it is "
        f"associated with the following {child.label_plural.lower()}."
    )
    return ApiError("DELETE_FAILED", message, fields=[])


def _not_allowed(what: str, sobject: SObject) -> ApiError:
    message = f"entity type {sobject.name} does not support {what}"
    return ApiError("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message, fields=[])
