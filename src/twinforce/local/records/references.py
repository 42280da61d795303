"""What stands in lookups: ids of records that are there, of the right sObject, and in no circle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ..errors import ApiError
from ..schema import Field, Schema, SObject
from ..store.tables import Row, Store
from ..store.values import Stored, WrongTypeError, stored_value
from .refusals import (
    circular,
    entity_is_deleted,
    inactive_owner,
    invalid_cross_reference,
    no_such_id,
    not_a_queue,
    wrong_parent,
    wrong_type,
)

_MOST_ANCESTORS: Final = 10_000


class References:
    """Checks what records are to refer to, against the records that the org has."""

    def __init__(self, schema: Schema, store: Store) -> None:
        self._schema = schema
        self._store = store

    def check(self, sobject: SObject, field: Field, record_id: str) -> None:
        """Raise ApiError if *field* of a record of *sobject* cannot refer to *record_id*."""
        parent = self._schema.by_prefix(record_id[:3])
        if parent is None:
            raise no_such_id(field, record_id)
        if parent.name not in field.reference_to:
            raise wrong_parent(field, record_id)
        row = self._store.get(parent, record_id)
        if row is None:
            raise invalid_cross_reference()
        if row["IsDeleted"]:
            raise entity_is_deleted(400)
        if field.name == "OwnerId" and row.get("IsActive") == 0:
            raise inactive_owner(sobject, record_id)
        if field.name == "OwnerId" and parent.name == "Group" and row.get("Type") != "Queue":
            raise not_a_queue()

    def check_hierarchy(self, sobject: SObject, record_id: str, changes: Row) -> None:
        """Raise ApiError if a record would become an ancestor of itself by *changes*."""
        for name, parent_id in changes.items():
            field = sobject.field(name)
            if field is None or sobject.name not in field.reference_to:
                continue
            if record_id in self._ancestors(sobject, field, parent_id):
                raise circular(field)

    def _ancestors(self, sobject: SObject, field: Field, parent_id: Stored) -> Iterator[str]:
        """Go up from *parent_id*, which is the first of them."""
        for _ in range(_MOST_ANCESTORS):
            if not isinstance(parent_id, str):
                return
            yield parent_id
            row = self._store.get(sobject, parent_id) or {}
            parent_id = row.get(field.name)

    def by_key(self, sobject: SObject, reference: Field, name: str, key: Mapping[str, Any]) -> str:
        """Return the id of the parent that ``{"Account": {"ExternalId__c": "x"}}`` means.

        The ``attributes`` of it may say which ``type`` it is, where there are several. Raises
        ApiError if there is none, or none that *reference* of a record of *sobject* can refer to.
        """
        named = {field: value for field, value in key.items() if field != "attributes"}
        for parent in self._parents(reference, key.get("attributes")):
            for key_name, value in named.items():
                field = parent.field(key_name)
                if len(named) != 1 or field is None or not field.is_key:
                    continue
                if isinstance(value, dict | list | bool):
                    raise wrong_type(field, value)
                found = [] if value is None else self.find(parent, field, str(value))
                if len(found) == 1:
                    self.check(sobject, reference, found[0])
                    return found[0]
                outcome = "more than one record found" if found else "not found"
                message = (
                    f"Foreign key external ID: {'null' if value is None else value} {outcome} "
                    f"for field {field.name} in entity {parent.name}"
                )
                raise ApiError("INVALID_FIELD", message, fields=[])
        message = f"{name} must be an object with exactly one external ID field of its sobject"
        raise ApiError("INVALID_FIELD", message, fields=[name])

    def find(self, sobject: SObject, field: Field, value: str) -> list[str]:
        """Return the ids of the records whose *field* has *value*, as it stands in a URL."""
        try:
            wanted = stored_value(field, value)
        except (WrongTypeError, ApiError):
            return []
        return [] if wanted is None else self._store.find(sobject, field, wanted)

    def _parents(self, reference: Field, attributes: Any) -> list[SObject]:
        named = attributes.get("type") if isinstance(attributes, dict) else None
        parents = [self._schema[name] for name in reference.reference_to]
        wanted = [parent for parent in parents if parent.name.lower() == str(named).lower()]
        return wanted or parents
