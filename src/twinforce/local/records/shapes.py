"""How the API shows a record: its attributes, its URLs, the values of its fields."""

from __future__ import annotations

from typing import Any

from ..schema import Field, SObject
from ..store.tables import Row
from ..store.values import Stored, json_value


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
    """Return the value of a compound *field*: an address or a location."""
    parts = {key: row.get(name) for key, name in field.parts.items()}
    return parts if any(value is not None for value in parts.values()) else None


def record_json(sobject: SObject, row: Row) -> dict[str, Any]:
    """Return all fields of a record, but for blobs."""
    return {field.name: field_json(field, row) for field in sobject.fields if not field.is_blob}
