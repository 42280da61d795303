"""An org's sObjects: the standard ones come from the tables under ``objects/``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any, Final

import attrs

from .fields import Field, field_from_json

_TABLES: Final = "objects"

_SYSTEM = {"createable": False, "updateable": False, "nillable": False, "defaultedOnCreate": True}
_SYSTEM_FIELDS: Final[tuple[dict[str, Any], ...]] = (
    {"name": "IsDeleted", "label": "Deleted", "type": "boolean", "defaultValue": False},
    {"name": "CreatedDate", "label": "Created Date", "type": "datetime"},
    {
        "name": "CreatedById",
        "label": "Created By ID",
        "type": "reference",
        "length": 18,
        "referenceTo": ["User"],
        "relationshipName": "CreatedBy",
    },
    {"name": "LastModifiedDate", "label": "Last Modified Date", "type": "datetime"},
    {
        "name": "LastModifiedById",
        "label": "Last Modified By ID",
        "type": "reference",
        "length": 18,
        "referenceTo": ["User"],
        "relationshipName": "LastModifiedBy",
    },
    {"name": "SystemModstamp", "label": "System Modstamp", "type": "datetime"},
)


def id_field(label: str) -> Field:
    """The Id field that every sObject has."""
    return field_from_json(
        {**_SYSTEM, "name": "Id", "label": label, "type": "id", "length": 18, "idLookup": True}
    )


def record_type_field() -> Field:
    """The field of an sObject that says which of its record types a record is of."""
    return field_from_json(
        {
            "name": "RecordTypeId",
            "label": "Record Type ID",
            "type": "reference",
            "length": 18,
            "referenceTo": ["RecordType"],
            "relationshipName": "RecordType",
            "permissionable": False,
        }
    )


def system_fields() -> list[Field]:
    """The fields that Salesforce itself writes, IsDeleted first."""
    return [field_from_json({**_SYSTEM, **data}) for data in _SYSTEM_FIELDS]


@attrs.frozen
class Child:
    """A child relationship: records of *sobject* point here through *field*."""

    sobject: SObject
    field: Field


@attrs.define(eq=False)
class SObject:
    """An sObject and its fields. Names are looked up without regard to case.

    *described* holds attributes of describe that do not follow from the others.
    """

    name: str
    label: str
    label_plural: str
    key_prefix: str
    custom: bool = False
    createable: bool = True
    updateable: bool = True
    deletable: bool = True
    searchable: bool = True
    described: Mapping[str, Any] = attrs.field(factory=dict[str, Any])
    _fields: dict[str, Field] = attrs.field(factory=dict[str, Field])
    _before_require: dict[str, Field] = attrs.field(init=False, factory=dict[str, Field])

    @property
    def fields(self) -> tuple[Field, ...]:
        return tuple(self._fields.values())

    def field(self, name: str) -> Field | None:
        return self._fields.get(name.lower())

    def declared(self, name: str) -> Field | None:
        """The field as it was before :meth:`require` changed what a create needs."""
        return self._before_require.get(name.lower()) or self.field(name)

    def put(self, field: Field) -> None:
        """Add *field*, or put it in the place of the one with its name."""
        self._fields[field.name.lower()] = field

    def remove(self, name: str) -> None:
        """Take the field *name* away, if there is one."""
        self._fields.pop(name.lower(), None)

    def reference(self, relationship: str) -> Field | None:
        """The lookup field whose parent is read as *relationship*, if there is one."""
        wanted = relationship.lower()
        for field in self._fields.values():
            if field.relationship_name is not None and field.relationship_name.lower() == wanted:
                return field
        return None

    @property
    def name_field(self) -> Field | None:
        return next((field for field in self._fields.values() if field.name_field), None)

    @property
    def is_person(self) -> bool:
        """Whether Name is put together from a first and a last name."""
        return "lastname" in self._fields and "name" in self._fields

    @property
    def required(self) -> tuple[Field, ...]:
        """The fields that a create must give a value."""
        return tuple(
            field
            for field in self._fields.values()
            if field.createable and not field.nillable and not field.defaulted_on_create
        )

    def restorer(self) -> Callable[[], None]:
        """Return what makes the fields again what they are now."""
        fields, before_require = dict(self._fields), dict(self._before_require)

        def restore() -> None:
            self._fields, self._before_require = fields, before_require

        return restore

    def require(self, names: Iterable[str]) -> None:
        """Make exactly the fields with these *names* required on create."""
        wanted = {name.lower(): name for name in names}
        for key, name in wanted.items():
            field = self._fields.get(key)
            if field is None or not field.createable:
                message = f"{self.name} has no field {name!r} that a create could give a value"
                raise ValueError(message)
        for key, field in self._fields.items():
            if field.createable and not field.defaulted_on_create:
                self._before_require.setdefault(key, field)
                self._fields[key] = attrs.evolve(field, nillable=key not in wanted)


@attrs.frozen
class RecordType:
    """A record type of an sObject: a record of RecordType, as describe shows it."""

    id: str
    name: str
    developer_name: str
    active: bool


def _no_record_types(sobject: SObject) -> list[RecordType]:
    return []


class Schema:
    """All sObjects of an org, by name (in any case) and by key prefix.

    *record_types* finds those of an sObject, which are records.
    """

    def __init__(self) -> None:
        self.record_types: Callable[[SObject], list[RecordType]] = _no_record_types
        self._by_name: dict[str, SObject] = {}
        self._by_prefix: dict[str, SObject] = {}

    def __iter__(self) -> Iterator[SObject]:
        return iter(sorted(self._by_name.values(), key=lambda sobject: sobject.name))

    def get(self, name: str) -> SObject | None:
        return self._by_name.get(name.lower())

    def __getitem__(self, name: str) -> SObject:
        return self._by_name[name.lower()]

    def by_prefix(self, prefix: str) -> SObject | None:
        return self._by_prefix.get(prefix)

    def add(self, sobject: SObject) -> None:
        self._by_name[sobject.name.lower()] = sobject
        self._by_prefix[sobject.key_prefix] = sobject
        if sobject.custom:
            self._may_be_parent(sobject)

    def restorer(self) -> Callable[[], None]:
        """Return what makes the sObjects and their fields again what they are now."""
        by_name, by_prefix = dict(self._by_name), dict(self._by_prefix)
        restorers = [sobject.restorer() for sobject in by_name.values()]

        def restore() -> None:
            self._by_name, self._by_prefix = by_name, by_prefix
            for restore_sobject in restorers:
                restore_sobject()

        return restore

    def _may_be_parent(self, custom: SObject) -> None:
        for sobject in self:
            for field in sobject.fields:
                if field.any_custom_parent:
                    sobject.put(
                        attrs.evolve(field, reference_to=(*field.reference_to, custom.name))
                    )

    def children(self, parent: SObject) -> Iterator[Child]:
        """The fields of all sObjects that point to records of *parent*."""
        for sobject in self:
            for field in sobject.fields:
                if parent.name in field.reference_to:
                    yield Child(sobject, field)

    def child(self, parent: SObject, relationship: str) -> Child | None:
        """The child relationship of *parent* that is called *relationship*, if there is one."""
        wanted = relationship.lower()
        for child in self.children(parent):
            if (child.field.child_relationship_name or "").lower() == wanted:
                return child
        return None


def standard_schema() -> Schema:
    """The sObjects that every org has; what is done to them stays in this schema."""
    schema = Schema()
    for name in _standard_names():
        schema.add(_standard_object(name))
    return schema


def _standard_object(name: str) -> SObject:
    head, fields = _table(name)
    sobject = SObject(**head)
    for field in fields:
        sobject.put(field)
    return sobject


@cache
def _standard_names() -> tuple[str, ...]:
    folder = resources.files("twinforce.local.schema") / _TABLES
    names = (entry.name for entry in folder.iterdir() if entry.name.endswith(".json"))
    return tuple(sorted(name.removesuffix(".json") for name in names))


@cache
def _table(name: str) -> tuple[dict[str, Any], tuple[Field, ...]]:
    """Read the table of a standard object: what it is, and its fields, which never change.

    A field that Salesforce itself writes in all sObjects stands there as its name alone.
    """
    folder = resources.files("twinforce.local.schema") / _TABLES
    data = json.loads((folder / f"{name}.json").read_text("utf-8"))
    entries = data.pop("fields")
    head = {_HEAD_NAMES[key]: data.pop(key) for key in tuple(data) if key in _HEAD_NAMES}
    common = {field.name: field for field in system_fields()}
    common["Id"] = id_field(f"{head['label']} ID")
    fields = (common[it] if isinstance(it, str) else field_from_json(it) for it in entries)
    return {**head, "described": data}, tuple(fields)


_HEAD_NAMES: Final = {
    "name": "name",
    "label": "label",
    "labelPlural": "label_plural",
    "keyPrefix": "key_prefix",
    "createable": "createable",
    "updateable": "updateable",
    "deletable": "deletable",
    "searchable": "searchable",
}
