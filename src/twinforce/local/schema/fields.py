"""A field of an sObject: what Salesforce's describe call says of it, as a value.

Only what differs from field to field is kept; what follows from the type stands in :data:`TYPES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs


@attrs.frozen
class FieldType:
    """What all fields of one type have in common.

    *column* is the SQLite storage class. *is_text* fields are compared without regard to case.
    """

    soap_type: str
    column: str = "TEXT"
    is_text: bool = False
    sortable: bool = True
    groupable: bool = True
    filterable: bool = True


TYPES: Final[Mapping[str, FieldType]] = {
    "id": FieldType("tns:ID"),
    "reference": FieldType("tns:ID"),
    "string": FieldType("xsd:string", is_text=True),
    "textarea": FieldType("xsd:string", is_text=True),
    "phone": FieldType("xsd:string", is_text=True),
    "email": FieldType("xsd:string", is_text=True),
    "url": FieldType("xsd:string", is_text=True),
    "picklist": FieldType("xsd:string", is_text=True),
    "combobox": FieldType("xsd:string", is_text=True),
    "multipicklist": FieldType("xsd:string", is_text=True, sortable=False, groupable=False),
    "boolean": FieldType("xsd:boolean", "INTEGER"),
    "int": FieldType("xsd:int", "INTEGER"),
    "double": FieldType("xsd:double", "REAL", groupable=False),
    "currency": FieldType("xsd:double", "REAL", groupable=False),
    "percent": FieldType("xsd:double", "REAL", groupable=False),
    "date": FieldType("xsd:date"),
    "datetime": FieldType("xsd:dateTime", groupable=False),
    "time": FieldType("xsd:time", groupable=False),
    "address": FieldType("urn:address", sortable=False, groupable=False),
    "base64": FieldType("xsd:base64Binary", sortable=False, groupable=False, filterable=False),
}

# Longer text is kept out of line by Salesforce, which then neither filters nor sorts it.
LONGEST_FILTERABLE_TEXT: Final = 255


@attrs.frozen
class PicklistValue:
    """A value of a picklist; *extra* is what a standard value implies, such as a probability."""

    value: str
    extra: Mapping[str, Any] = attrs.field(factory=dict[str, Any])

    @classmethod
    def from_json(cls, data: str | Mapping[str, Any]) -> PicklistValue:
        if isinstance(data, str):
            return cls(data)
        extra = dict(data)
        return cls(extra.pop("value"), extra)


@attrs.frozen
class Field:
    """A field as its sObject's describe call shows it; *type* is a key of :data:`TYPES`."""

    name: str
    label: str
    type: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    digits: int = 0
    nillable: bool = True
    createable: bool = True
    updateable: bool = True
    defaulted_on_create: bool = False
    default_value: Any = None
    custom: bool = False
    external_id: bool = False
    id_lookup: bool = False
    unique: bool = False
    case_sensitive: bool = False
    name_field: bool = False
    calculated: bool = False
    auto_number: str | None = None
    picklist_values: tuple[PicklistValue, ...] = ()
    restricted_picklist: bool = False
    reference_to: tuple[str, ...] = ()
    relationship_name: str | None = None
    child_relationship_name: str | None = None
    cascade_delete: bool = False
    restricted_delete: bool = False
    any_custom_parent: bool = False
    compound_field_name: str | None = None
    html_formatted: bool = False
    extra_type_info: str | None = None

    @property
    def traits(self) -> FieldType:
        return TYPES[self.type]

    @property
    def ignores_case(self) -> bool:
        """Whether values that differ in case only are the same value."""
        return self.traits.is_text and not self.case_sensitive

    @property
    def is_long_text(self) -> bool:
        return self.type == "textarea" and self.length > LONGEST_FILTERABLE_TEXT

    @property
    def is_compound(self) -> bool:
        """Whether the value is put together from other fields when it is read."""
        return self.type == "address"

    @property
    def is_blob(self) -> bool:
        """Whether the value is binary data; records show the URL of it instead."""
        return self.type == "base64"

    @property
    def has_column(self) -> bool:
        """Whether the table of the sObject holds the value."""
        return not (self.is_compound or self.is_blob)

    @property
    def is_polymorphic(self) -> bool:
        """Whether its parents are of several sObjects."""
        return len(self.reference_to) > 1

    @property
    def filterable(self) -> bool:
        return self.traits.filterable and not self.is_long_text

    @property
    def sortable(self) -> bool:
        return self.traits.sortable and not self.is_long_text

    @property
    def is_key(self) -> bool:
        """Whether a record can be addressed by its value in this field."""
        return self.external_id or self.id_lookup


_JSON_NAMES: Final[Mapping[str, str]] = {
    "".join(
        part if index == 0 else part.capitalize() for index, part in enumerate(name.split("_"))
    ): name
    for name in (attribute.name for attribute in attrs.fields(Field))
}


def field_from_json(data: Mapping[str, Any]) -> Field:
    """Make a field of an entry in the tables under ``objects/``; keys are those of describe."""
    values = {_JSON_NAMES[key]: value for key, value in data.items()}
    if "picklist_values" in values:
        values["picklist_values"] = tuple(map(PicklistValue.from_json, values["picklist_values"]))
    if "reference_to" in values:
        values["reference_to"] = tuple(values["reference_to"])
    return Field(**values)
