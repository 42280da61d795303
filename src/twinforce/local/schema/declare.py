"""Custom objects and fields, declared in the words of Setup and of the metadata API."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs

from .fields import Field, PicklistValue
from .sobjects import SObject, id_field, system_fields

_CUSTOM_NAME: Final = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*(?:__[A-Za-z](?:_?[A-Za-z0-9])*)?__c")


@attrs.frozen
class Declared:
    """A type of custom field: its type in describe, its defaults, and the options it takes."""

    type: str
    defaults: Mapping[str, Any] = attrs.field(factory=dict[str, Any])
    options: frozenset[str] = frozenset()


_KEY = frozenset({"unique", "external_id"})
_TEXT_KEY = _KEY | {"length", "case_sensitive"}
_NUMERIC = frozenset({"precision", "scale"})
_CHOICE = frozenset({"values", "restricted"})
_PARENT = frozenset({"reference_to", "child_relationship_name"})

FIELD_TYPES: Final[Mapping[str, Declared]] = {
    "AutoNumber": Declared(
        "string",
        {
            "length": 30,
            "auto_number": "{0000}",
            "createable": False,
            "updateable": False,
            "defaulted_on_create": True,
        },
        frozenset({"display_format", "external_id"}),
    ),
    "Checkbox": Declared(
        "boolean", {"default_value": False, "nillable": False, "defaulted_on_create": True}
    ),
    "Currency": Declared("currency", {"precision": 18, "scale": 2}, _NUMERIC),
    "Date": Declared("date"),
    "DateTime": Declared("datetime"),
    "Email": Declared("email", {"length": 80}, _KEY),
    "Html": Declared("textarea", {"length": 32_768, "html_formatted": True}, frozenset({"length"})),
    "LongTextArea": Declared("textarea", {"length": 32_768}, frozenset({"length"})),
    "Lookup": Declared("reference", {"length": 18}, _PARENT),
    "MasterDetail": Declared(
        "reference",
        {"length": 18, "nillable": False, "updateable": False, "cascade_delete": True},
        _PARENT,
    ),
    "MultiselectPicklist": Declared("multipicklist", {"length": 4099}, _CHOICE),
    "Number": Declared("double", {"precision": 18, "scale": 0}, _NUMERIC | _KEY),
    "Percent": Declared("percent", {"precision": 18, "scale": 2}, _NUMERIC),
    "Phone": Declared("phone", {"length": 40}),
    "Picklist": Declared("picklist", {"length": 255}, _CHOICE),
    "Text": Declared("string", {"length": 255}, _TEXT_KEY),
    "TextArea": Declared("textarea", {"length": 255}),
    "Time": Declared("time"),
    "Url": Declared("url", {"length": 255}),
}


def custom_field(
    name: str,
    type: str,  # noqa: A002 - the word of Setup
    *,
    label: str | None,
    required: bool,
    default: Any,
    options: Mapping[str, Any],
) -> Field:
    """Return the custom field that a declaration means; see ``LocalOrg.add_field``.

    Raises ValueError for a name that no custom field can have, an unknown type, or an option that
    fields of this type do not have.
    """
    check_custom_name(name)
    declared = FIELD_TYPES.get(type)
    if declared is None:
        message = f"{type!r} is not a type of field; the types are {', '.join(FIELD_TYPES)}"
        raise ValueError(message)
    given = {option: value for option, value in options.items() if value is not None}
    foreign = sorted(given.keys() - declared.options)
    if foreign:
        has = ", ".join(sorted(declared.options)) or "none of them"
        message = f"a {type} field does not take {', '.join(foreign)}; of these it takes {has}"
        raise ValueError(message)
    values = {**declared.defaults, "custom": True, **_field_options(name, given)}
    if declared.type == "reference" and "reference_to" not in values:
        message = f"a {type} field needs reference_to=, the sobject that it points to"
        raise ValueError(message)
    if required and declared.type != "boolean":
        values["nillable"] = False
    if default is not None:
        values |= {"default_value": default, "defaulted_on_create": True}
    return Field(name=name, label=label or spoken(name), type=declared.type, **values)


def _field_options(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Translate the options of a declaration into those of a Field."""
    values = dict(given)
    if "display_format" in values:
        values["auto_number"] = values.pop("display_format")
    if "restricted" in values:
        values["restricted_picklist"] = values.pop("restricted")
    if "values" in values:
        values["picklist_values"] = tuple(PicklistValue(value) for value in values.pop("values"))
    if "reference_to" in values:
        values["reference_to"] = (values["reference_to"],)
        values["relationship_name"] = name[:-1] + "r"
        child = values.get("child_relationship_name")
        if child is not None and not child.endswith("__r"):
            values["child_relationship_name"] = f"{child}__r"
    if values.get("external_id"):
        values["id_lookup"] = True
    return values


def custom_object(
    name: str,
    key_prefix: str,
    *,
    label: str | None,
    label_plural: str | None,
    name_format: str | None,
) -> SObject:
    """Return a custom object with the fields that every one has; see ``LocalOrg.add_object``."""
    check_custom_name(name)
    label = label or spoken(name)
    sobject = SObject(name, label, label_plural or f"{label}s", key_prefix, custom=True)
    title = Field(
        name="Name",
        label=f"{label} Name",
        type="string",
        length=80,
        name_field=True,
        id_lookup=True,
        defaulted_on_create=True,
        nillable=name_format is None,
        createable=name_format is None,
        updateable=name_format is None,
        auto_number=name_format,
    )
    owner = Field(
        name="OwnerId",
        label="Owner ID",
        type="reference",
        length=18,
        nillable=False,
        defaulted_on_create=True,
        reference_to=("User",),
        relationship_name="Owner",
    )
    fields: Iterable[Field] = (id_field("Record ID"), title, owner, *system_fields(deletable=True))
    for field in fields:
        sobject.put(field)
    return sobject


def check_custom_name(name: str) -> None:
    if not _CUSTOM_NAME.fullmatch(name) or len(name) > 80:
        message = f"{name!r} is not a custom name: letters, digits and single _, ending in __c"
        raise ValueError(message)


def spoken(name: str) -> str:
    """The label that a name suggests: ``Order_Line__c`` is an Order Line."""
    return name.removesuffix("__c").replace("_", " ").strip()
