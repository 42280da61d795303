"""Custom objects and fields, declared in the words of Setup and of the metadata API."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final

import attrs

from .. import arguments
from ..errors import ApiError
from ..values import WrongTypeError, json_value, stored_value
from .fields import Field, PicklistValue
from .sobjects import SObject, id_field, system_fields

_CUSTOM_NAME: Final = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*(?:__[A-Za-z](?:_?[A-Za-z0-9])*)?__c")
_CHILD_NAME: Final = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*(?:__r)?")
_DISPLAY_FORMAT: Final = re.compile(r"[^{}]*\{0+\}[^{}]*")
_LONGEST_DISPLAY_FORMAT: Final = 30
_LONGEST_CHOICE: Final = 255
_LONGEST_CUSTOM_NAME: Final = 80

# Takes what an argument is called in errors and its value; returns what the field gets of it.
Check = Callable[[str, Any], Any]


def _from_to(lowest: int, highest: int) -> Check:
    return partial(arguments.whole_number, lowest=lowest, highest=highest)


def _choices(what: str, values: Any) -> tuple[PicklistValue, ...]:
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        message = f"{what} must be a list of texts, not {type(values).__name__}"
        raise TypeError(message)
    taken: set[str] = set()
    choices: list[PicklistValue] = []
    for value in values:
        choice = arguments.text(what, value)
        if not choice or choice != choice.strip() or len(choice) > _LONGEST_CHOICE:
            message = (
                f"{what} must be texts of 1 to {_LONGEST_CHOICE} characters, "
                f"without spaces around them, not {choice!r}"
            )
            raise ValueError(message)
        if choice.casefold() in taken:
            message = f"{what} must differ, in more than case, but {choice!r} stands twice"
            raise ValueError(message)
        taken.add(choice.casefold())
        choices.append(PicklistValue(choice))
    if not choices:
        message = f"{what} must be at least one"
        raise ValueError(message)
    return tuple(choices)


def _joinable_choices(what: str, values: Any) -> tuple[PicklistValue, ...]:
    choices = _choices(what, values)
    for choice in choices:
        if ";" in choice.value:
            message = f"{what}: {choice.value!r} has a semicolon, which stands between values"
            raise ValueError(message)
    return choices


def _child_name(what: str, value: Any) -> str:
    name = arguments.text(what, value)
    if not _CHILD_NAME.fullmatch(name):
        message = f"{what} must be letters, digits and single _, not {name!r}"
        raise ValueError(message)
    return name if name.endswith("__r") else f"{name}__r"


def _display_format(what: str, value: Any) -> str:
    pattern = arguments.text(what, value)
    if not _DISPLAY_FORMAT.fullmatch(pattern) or len(pattern) > _LONGEST_DISPLAY_FORMAT:
        message = (
            f"{what} must have one {{0000}}, for the number, and no other braces, in at most "
            f"{_LONGEST_DISPLAY_FORMAT} characters, as in A-{{0000}}, not {pattern!r}"
        )
        raise ValueError(message)
    return pattern


@attrs.frozen
class Declared:
    """A type of custom field: its type in describe, its defaults, and the options it takes."""

    type: str
    defaults: Mapping[str, Any] = attrs.field(factory=dict[str, Any])
    options: Mapping[str, Check] = attrs.field(factory=dict[str, Check])
    needs: str | None = None
    takes_default: bool = True


_KEY: Final[Mapping[str, Check]] = {
    "unique": arguments.boolean,
    "external_id": arguments.boolean,
}
_NUMERIC: Final[Mapping[str, Check]] = {"precision": _from_to(1, 18), "scale": _from_to(0, 18)}
_LONG: Final[Mapping[str, Check]] = {"length": _from_to(256, 131_072)}
_CHOICE: Final[Mapping[str, Check]] = {"values": _choices, "restricted": arguments.boolean}
_PARENT: Final[Mapping[str, Check]] = {
    "reference_to": arguments.text,
    "child_relationship_name": _child_name,
}

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
        {"display_format": _display_format, "external_id": arguments.boolean},
        takes_default=False,
    ),
    "Checkbox": Declared(
        "boolean", {"default_value": False, "nillable": False, "defaulted_on_create": True}
    ),
    "Currency": Declared("currency", {"precision": 18, "scale": 2}, _NUMERIC),
    "Date": Declared("date"),
    "DateTime": Declared("datetime"),
    "Email": Declared("email", {"length": 80}, _KEY),
    "Html": Declared("textarea", {"length": 32_768, "html_formatted": True}, _LONG),
    "LongTextArea": Declared("textarea", {"length": 32_768}, _LONG),
    "Lookup": Declared(
        "reference", {"length": 18}, _PARENT, needs="reference_to", takes_default=False
    ),
    "MasterDetail": Declared(
        "reference",
        {"length": 18, "nillable": False, "updateable": False, "cascade_delete": True},
        _PARENT,
        needs="reference_to",
        takes_default=False,
    ),
    "MultiselectPicklist": Declared(
        "multipicklist",
        {"length": 4099},
        {**_CHOICE, "values": _joinable_choices},
        needs="values",
    ),
    "Number": Declared("double", {"precision": 18, "scale": 0}, {**_NUMERIC, **_KEY}),
    "Percent": Declared("percent", {"precision": 18, "scale": 2}, _NUMERIC),
    "Phone": Declared("phone", {"length": 40}),
    "Picklist": Declared("picklist", {"length": 255}, _CHOICE, needs="values"),
    "Text": Declared(
        "string",
        {"length": 255},
        {**_KEY, "length": _from_to(1, 255), "case_sensitive": arguments.boolean},
    ),
    "TextArea": Declared("textarea", {"length": 255}),
    "Time": Declared("time"),
    "Url": Declared("url", {"length": 255}),
}


# What a value of a type looks like in Python, where that is not text.
_LOOKS: Final[Mapping[str, str]] = {
    "boolean": "True or False",
    "currency": "a number",
    "date": 'a date such as "2024-01-31"',
    "datetime": 'a time such as "2024-01-31T09:30:00Z"',
    "double": "a number",
    "percent": "a number",
    "time": 'a time such as "09:30:00Z"',
}
# The words of describe for the options that Setup calls otherwise.
_OF_DESCRIBE: Final[Mapping[str, str]] = {
    "display_format": "auto_number",
    "restricted": "restricted_picklist",
    "values": "picklist_values",
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

    Raises ValueError or TypeError for a name that no custom field can have, an unknown type, an
    option that fields of this type do not have or need, or a value that an option cannot have.
    """
    check_custom_name(name)
    declared = FIELD_TYPES.get(arguments.text(f"type of {name}", type))
    if declared is None:
        message = f"{name}: {type!r} is not a type of field; the types are {', '.join(FIELD_TYPES)}"
        raise ValueError(message)
    values = {
        **declared.defaults,
        "custom": True,
        "label": _label(f"label of {name}", label) or spoken(name),
        **_field_options(name, type, declared, options),
    }
    if arguments.boolean(f"required of {name}", required) and declared.type != "boolean":
        values["nillable"] = False
    field = Field(name=name, type=declared.type, **values)
    if field.scale > field.precision:
        message = (
            f"scale of {name} must be at most its precision, {field.precision}, not {field.scale}"
        )
        raise ValueError(message)
    if default is None:
        return field
    if not declared.takes_default:
        message = f"{name}: a field of the type {type} does not take default"
        raise ValueError(message)
    value = _default(field, default)
    return attrs.evolve(field, default_value=value, defaulted_on_create=True)


def _field_options(
    name: str, kind: str, declared: Declared, options: Mapping[str, Any]
) -> dict[str, Any]:
    """Check the options of a declaration and translate them into those of a Field."""
    given = {option: value for option, value in options.items() if value is not None}
    foreign = sorted(given.keys() - declared.options.keys())
    if foreign:
        has = ", ".join(sorted(declared.options)) or "none of them"
        message = (
            f"{name}: a {kind} field does not take {', '.join(foreign)}; of these it takes {has}"
        )
        raise ValueError(message)
    if declared.needs is not None and declared.needs not in given:
        message = f"{name}: a {kind} field needs {declared.needs}="
        raise ValueError(message)
    values = {
        _OF_DESCRIBE.get(option, option): declared.options[option](f"{option} of {name}", value)
        for option, value in given.items()
    }
    if "reference_to" in values:
        values["reference_to"] = (values["reference_to"],)
        values["relationship_name"] = name[:-1] + "r"
    if values.get("external_id"):
        values["id_lookup"] = True
    return values


def _default(field: Field, value: Any) -> Any:
    """Return *value* as the API answers it once a record of *field* has it."""
    what = f"default of {field.name}"
    try:
        stored = stored_value(field, value)
    except WrongTypeError:
        message = f"{what} must be {_LOOKS.get(field.type, 'text')}, not {value!r}"
        # A str may be a value of every type, a float of every number but for NaN and infinity.
        kind = ValueError if isinstance(value, str | float) else TypeError
        raise kind(message) from None
    except ApiError as error:
        message = f"{what}: {error.message}"
        raise ValueError(message) from None
    if stored is None:
        message = f"{what} must not be empty; leave it out for none"
        raise ValueError(message)
    return json_value(field, stored)


def _label(what: str, label: Any) -> str | None:
    return None if label is None else arguments.text(what, label)


def custom_object(
    name: str,
    *,
    label: str | None,
    label_plural: str | None,
    name_format: str | None,
) -> SObject:
    """Return a custom object with the fields that every one has; see ``LocalOrg.add_object``.

    The key prefix is the org's to give.
    """
    check_custom_name(name)
    label = _label(f"label of {name}", label) or spoken(name)
    plural = _label(f"label_plural of {name}", label_plural) or f"{label}s"
    if name_format is not None:
        name_format = _display_format(f"name_format of {name}", name_format)
    sobject = SObject(name, label, plural, key_prefix="", custom=True)
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
    arguments.text("a custom name", name)
    if not _CUSTOM_NAME.fullmatch(name) or len(name) > _LONGEST_CUSTOM_NAME:
        message = f"{name!r} is not a custom name: letters, digits and single _, ending in __c"
        raise ValueError(message)


def spoken(name: str) -> str:
    """The label that a name suggests: ``Order_Line__c`` is an Order Line."""
    return name.removesuffix("__c").replace("_", " ").strip()
