"""A field of an sObject: what Salesforce's describe call says of it, as a value.

Only what differs from field to field is kept; what follows from the type stands in :data:`TYPES`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib import resources
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
    "combobox": FieldType("xsd:string", is_text=True, groupable=False),
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
    "location": FieldType("urn:location", sortable=False, groupable=False),
    "encryptedstring": FieldType(
        "xsd:string", is_text=True, sortable=False, groupable=False, filterable=False
    ),
    "base64": FieldType("xsd:base64Binary", sortable=False, groupable=False, filterable=False),
}

# The compound types, and what their values are put together from.
COMPOUND_PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "address": (
        "City",
        "Country",
        "GeocodeAccuracy",
        "Latitude",
        "Longitude",
        "PostalCode",
        "State",
        "Street",
    ),
    "location": ("Latitude", "Longitude"),
}
_DIGITS_OF_A_FLOAT: Final = 15
# What a display format of an auto number may have of the day on which a record is created.
_DAY_PARTS: Final = {"{YYYY}": "%Y", "{YY}": "%y", "{MM}": "%m", "{DD}": "%d"}
_NUMBER_PART: Final = re.compile(r"\{(0+)\}")
# Longer text is kept out of line by Salesforce, which then neither filters nor sorts it.
LONGEST_FILTERABLE_TEXT: Final = 255


@attrs.frozen
class PicklistValue:
    """A value of a picklist; *extra* is what a standard value implies, such as a probability.

    *label* is what a user reads, which for most is the value itself.
    """

    value: str
    extra: Mapping[str, Any] = attrs.field(factory=dict[str, Any])
    label: str = attrs.field(default=attrs.Factory(lambda self: self.value, takes_self=True))
    active: bool = True

    @classmethod
    def from_json(cls, data: str | Mapping[str, Any]) -> PicklistValue:
        if isinstance(data, str):
            return cls(data)
        extra = dict(data)
        value = extra.pop("value")
        return cls(value, label=extra.pop("label", value), extra=extra)


@attrs.frozen
class Field:
    """A field as its sObject's describe call shows it; *type* is a key of :data:`TYPES`.

    *setup_type* is what Setup calls the type, if the field is custom. *described* holds attributes
    of describe that do not follow from the others.
    """

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
    setup_type: str | None = None
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
    described: Mapping[str, Any] = attrs.field(factory=dict[str, Any])

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
        return self.type in COMPOUND_PARTS

    @property
    def parts(self) -> Mapping[str, str]:
        """The keys of a compound value, and the names of the fields that they are read from."""
        parts = COMPOUND_PARTS[self.type]
        if self.type == "address":
            before, after = self.name.removesuffix("Address"), ""
        else:
            before, after = f"{self.name[:-1]}", "__s"
        return {part[0].lower() + part[1:]: before + part + after for part in parts}

    @property
    def is_blob(self) -> bool:
        """Whether the value is binary data; records show the URL of it instead."""
        return self.type == "base64"

    @property
    def has_column(self) -> bool:
        """Whether the table of the sObject holds the value."""
        return not (self.is_compound or self.is_blob)

    @property
    def has_big_integers(self) -> bool:
        """Whether the values are integers of which a float cannot tell all apart."""
        return self.type == "double" and self.scale == 0 and self.precision > _DIGITS_OF_A_FLOAT

    @property
    def column_type(self) -> str:
        """The type of the column; without one SQLite stores floats and integers as they are."""
        return "" if self.has_big_integers else self.traits.column

    @property
    def is_polymorphic(self) -> bool:
        """Whether its parents may be of several sObjects."""
        several = len(self.reference_to) > 1
        return bool(self.described.get("polymorphicForeignKey", several))

    def numbered(self, number: int, day: date) -> str:
        """Return the value of an auto number: ``A-{YYYY}-{000}`` makes A-2024-007 of 7."""
        pattern = self.auto_number or "{0}"
        for part, code in _DAY_PARTS.items():
            pattern = pattern.replace(part, day.strftime(code))
        return _NUMBER_PART.sub(lambda zeros: str(number).zfill(len(zeros[1])), pattern)

    @property
    def filterable(self) -> bool:
        derived = self.traits.filterable and not self.is_long_text
        return bool(self.described.get("filterable", derived))

    @property
    def sortable(self) -> bool:
        derived = self.traits.sortable and not self.is_long_text
        return bool(self.described.get("sortable", derived))

    @property
    def groupable(self) -> bool:
        kept_apart = self.is_long_text or self.calculated or self.auto_number is not None
        derived = self.traits.groupable and not kept_apart
        return bool(self.described.get("groupable", derived))

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
    """Make a field of an entry in the tables under ``objects/``; keys are those of describe.

    Picklist values that several fields share stand in ``picklists.json``, by the name that is here.
    """
    values = {_JSON_NAMES[key]: value for key, value in data.items() if key in _JSON_NAMES}
    described = {key: value for key, value in data.items() if key not in _JSON_NAMES}
    if "picklist_values" in values:
        choices = values["picklist_values"]
        if isinstance(choices, str):
            choices = _shared_picklists()[choices]
        values["picklist_values"] = tuple(map(PicklistValue.from_json, choices))
    if "reference_to" in values:
        values["reference_to"] = tuple(values["reference_to"])
    return Field(described=described, **values)


@cache
def _shared_picklists() -> dict[str, list[str | dict[str, Any]]]:
    source = resources.files("twinforce.local.schema") / "picklists.json"
    return dict(json.loads(source.read_text("utf-8")))
