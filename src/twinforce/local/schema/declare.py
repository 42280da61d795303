"""Custom objects and fields, declared in the words of Setup and of the metadata API."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any, Final

import attrs

from .. import arguments
from ..errors import ApiError
from ..store.values import WrongTypeError, json_value, stored_value
from .fields import Field, PicklistValue
from .sobjects import SObject, id_field, system_fields

_CUSTOM_NAME: Final = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*(?:__[A-Za-z](?:_?[A-Za-z0-9])*)?__c")
_CHILD_NAME: Final = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*(?:__r)?")
_DAY: Final = r"(?:[^{}]|\{(?:YYYY|YY|MM|DD)\})*"
_DISPLAY_FORMAT: Final = re.compile(rf"{_DAY}\{{0+\}}{_DAY}")
_LONGEST_DISPLAY_FORMAT: Final = 30
_LONGEST_FORMULA_TEXT: Final = 1300
_LONGEST_CHOICE: Final = 255
_LONGEST_CUSTOM_NAME: Final = 80
_USER: Final = "User"
HIERARCHY: Final = "Hierarchy"
# What becomes of a child when its parent is deleted: it forgets the parent, keeps it from being
# deleted, or goes with it.
_DELETE_CONSTRAINTS: Final = ("SetNull", "Restrict", "Cascade")

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
        given = value if isinstance(value, PicklistValue) else None
        choice = arguments.text(what, value) if given is None else given.value
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
        choices.append(given or PicklistValue(choice))
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


def _delete_constraint(what: str, value: Any) -> str:
    if arguments.text(what, value) not in _DELETE_CONSTRAINTS:
        message = f"{what} must be one of {', '.join(_DELETE_CONSTRAINTS)}, not {value!r}"
        raise ValueError(message)
    return str(value)


def _display_format(what: str, value: Any) -> str:
    pattern = arguments.text(what, value)
    if not _DISPLAY_FORMAT.fullmatch(pattern) or len(pattern) > _LONGEST_DISPLAY_FORMAT:
        message = (
            f"{what} must have one {{0000}}, for the number, and no other braces than those of "
            f"{{YYYY}}, {{YY}}, {{MM}} and {{DD}}, in at most {_LONGEST_DISPLAY_FORMAT} "
            f"characters, as in A-{{0000}}, not {pattern!r}"
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
_FORMULA: Final[Mapping[str, Check]] = {"formula": arguments.text}
_NUMERIC: Final[Mapping[str, Check]] = {
    "precision": _from_to(1, 18),
    "scale": _from_to(0, 18),
    **_FORMULA,
}
_LONG: Final[Mapping[str, Check]] = {"length": _from_to(256, 131_072)}
_CHOICE: Final[Mapping[str, Check]] = {"values": _choices, "restricted": arguments.boolean}
_PARENT: Final[Mapping[str, Check]] = {
    "reference_to": arguments.text,
    "child_relationship_name": _child_name,
}
_READ_ONLY: Final[Mapping[str, Any]] = {"createable": False, "updateable": False}

FIELD_TYPES: Final[Mapping[str, Declared]] = {
    "AutoNumber": Declared(
        "string",
        {
            "length": 30,
            "auto_number": "{0000}",
            **_READ_ONLY,
            "defaulted_on_create": True,
        },
        {"display_format": _display_format, "external_id": arguments.boolean},
        takes_default=False,
    ),
    "Checkbox": Declared(
        "boolean",
        {"default_value": False, "nillable": False, "defaulted_on_create": True},
        _FORMULA,
    ),
    "Currency": Declared("currency", {"precision": 18, "scale": 2}, _NUMERIC),
    "Date": Declared("date", options=_FORMULA),
    "DateTime": Declared("datetime", options=_FORMULA),
    "Email": Declared("email", {"length": 80}, _KEY),
    "EncryptedText": Declared(
        "encryptedstring",
        {"length": 175, "described": {"encrypted": True, "mask": "*", "maskType": "all"}},
        {"length": _from_to(1, 175)},
        takes_default=False,
    ),
    HIERARCHY: Declared(
        "reference",
        {"length": 18},
        {"child_relationship_name": _child_name},
        takes_default=False,
    ),
    "Html": Declared("textarea", {"length": 32_768, "html_formatted": True}, _LONG),
    "Location": Declared(
        "location",
        {"scale": 15, "precision": 18, **_READ_ONLY},
        {"scale": _from_to(0, 15)},
        takes_default=False,
    ),
    "LongTextArea": Declared("textarea", {"length": 32_768}, _LONG),
    "Lookup": Declared(
        "reference",
        {"length": 18},
        {**_PARENT, "delete_constraint": _delete_constraint},
        needs="reference_to",
        takes_default=False,
    ),
    "MasterDetail": Declared(
        "reference",
        {"length": 18, "nillable": False, "updateable": False, "cascade_delete": True},
        {**_PARENT, "reparentable": arguments.boolean},
        needs="reference_to",
        takes_default=False,
    ),
    "MultiselectPicklist": Declared(
        "multipicklist",
        {"length": 4099, "precision": 4},
        {**_CHOICE, "values": _joinable_choices, "visible_lines": _from_to(3, 10)},
        needs="values",
    ),
    "Number": Declared("double", {"precision": 18, "scale": 0}, {**_NUMERIC, **_KEY}),
    "Percent": Declared("percent", {"precision": 18, "scale": 2}, _NUMERIC),
    "Phone": Declared("phone", {"length": 40}),
    "Picklist": Declared("picklist", {"length": 255}, _CHOICE, needs="values"),
    "Summary": Declared(
        "double",
        {"precision": 18, "scale": 2, "calculated": True, **_READ_ONLY},
        takes_default=False,
    ),
    "Text": Declared(
        "string",
        {"length": 255},
        {**_KEY, **_FORMULA, "length": _from_to(1, 255), "case_sensitive": arguments.boolean},
    ),
    "TextArea": Declared("textarea", {"length": 255}),
    "Time": Declared("time", options=_FORMULA),
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
# Only of these describe tells the default itself, of the others the formula of it.
_DEFAULTS_DESCRIBED: Final = frozenset({"boolean", "multipicklist", "picklist"})
# The words of describe for the options that Setup calls otherwise.
_OF_DESCRIBE: Final[Mapping[str, str]] = {
    "display_format": "auto_number",
    "reparentable": "updateable",
    "restricted": "restricted_picklist",
    "values": "picklist_values",
    "visible_lines": "precision",
}


def custom_field(
    name: str,
    type: str,  # noqa: A002 - the word of Setup
    *,
    label: str | None,
    required: bool,
    default: Any,
    options: Mapping[str, Any],
    help_text: str | None = None,
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
        "setup_type": type,
        "label": _label(f"label of {name}", label) or spoken(name),
        **_field_options(name, type, declared, options),
    }
    if help_text is not None:
        help_text = arguments.text(f"help_text of {name}", help_text)
        values["described"] = {**values.get("described", {}), "inlineHelpText": help_text}
    if arguments.boolean(f"required of {name}", required) and declared.type != "boolean":
        if values.get("calculated") or declared.type == "location":
            message = f"{name}: nobody can give it a value, so it cannot be required"
            raise ValueError(message)
        values["nillable"] = False
        values.update(_required_parent(name, type, options))
    field = Field(name=name, type=declared.type, **values)
    if field.scale > field.precision:
        message = (
            f"scale of {name} must be at most its precision, {field.precision}, not {field.scale}"
        )
        raise ValueError(message)
    if default is None:
        return field
    if not declared.takes_default or field.calculated:
        message = f"{name}: a field of the type {type} does not take default"
        raise ValueError(message)
    value = _default(field, default)
    described = field.described
    if field.type not in _DEFAULTS_DESCRIBED:
        formula = _formula_of(field, value)
        described = {**described, "defaultValue": None, "defaultValueFormula": formula}
    return attrs.evolve(field, default_value=value, defaulted_on_create=True, described=described)


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
    if kind == HIERARCHY:
        values["reference_to"] = _USER
    if "reference_to" in values:
        values["reference_to"] = (values["reference_to"],)
        values["relationship_name"] = name[:-1] + "r"
    if values.get("external_id"):
        values["id_lookup"] = True
    constraint = values.pop("delete_constraint", "SetNull")
    if constraint != "SetNull":
        values["cascade_delete" if constraint == "Cascade" else "restricted_delete"] = True
    if "formula" in values:
        values.update(_calculated(name, declared, given, values.pop("formula")))
    return values


def _required_parent(name: str, kind: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what keeps a required lookup from losing its parent: that cannot be deleted."""
    constraint = options.get("delete_constraint")
    if kind != "Lookup" or constraint == "Cascade":
        return {}
    if constraint == "SetNull":
        message = f"{name}: a required lookup is never empty; take delete_constraint Restrict"
        raise ValueError(message)
    return {"restricted_delete": True}


def _calculated(
    name: str, declared: Declared, given: Mapping[str, Any], formula: str
) -> dict[str, Any]:
    """Return what makes a field one that a formula calculates; here it is empty for ever."""
    foreign = sorted(given.keys() & {"unique", "external_id", "case_sensitive", "length"})
    if foreign:
        message = f"{name}: a field with a formula does not take {', '.join(foreign)}"
        raise ValueError(message)
    values = {
        **_READ_ONLY,
        "calculated": True,
        "defaulted_on_create": False,
        "described": {"calculatedFormula": formula, "formulaTreatNullNumberAsZero": True},
    }
    return {**values, "length": _LONGEST_FORMULA_TEXT} if declared.type == "string" else values


def check_owner(sobject: str, name: str, kind: str) -> None:
    """Raise ValueError for a field of the type *kind* in an sObject that cannot have it."""
    if kind == HIERARCHY and sobject != _USER:
        message = f"{sobject}.{name}: only User can have a Hierarchy; take a Lookup"
        raise ValueError(message)


def in_words(field: Field) -> str:
    """Write the type of a custom field as Setup has it: Text(20), Number(18, 2), Lookup(Case)."""
    kind = field.setup_type or field.type
    options = FIELD_TYPES[kind].options if kind in FIELD_TYPES else ()
    if "scale" in options:
        kind += f"({field.precision}, {field.scale})"
    elif "length" in options:
        kind += f"({field.length})"
    elif field.reference_to:
        kind += f"({', '.join(field.reference_to)})"
    return f"{kind} with a formula" if field.calculated and options else kind


def with_parts(field: Field) -> tuple[Field, ...]:
    """Return *field* and, if it is a location, the fields that it is put together from."""
    return (field, *_location_parts(field)) if field.type == "location" else (field,)


def _location_parts(field: Field) -> tuple[Field, ...]:
    return tuple(
        Field(
            name=name,
            label=f"{field.label} ({key.capitalize()})",
            type="double",
            precision=field.precision,
            scale=field.scale,
            custom=True,
            compound_field_name=field.name,
            nillable=field.nillable,
        )
        for key, name in field.parts.items()
    )


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


def _formula_of(field: Field, value: Any) -> str:
    """Write the default *value* as the formula that Setup keeps of it."""
    if isinstance(value, int | float):
        digits = Decimal(str(value)) / (100 if field.type == "percent" else 1)
        return f"{digits.normalize():f}"
    if field.type == "date":
        year, month, day = value.split("-")
        return f"DATE({year}, {int(month)}, {int(day)})"
    if field.type == "datetime":
        return f'DATETIMEVALUE("{value[:10]} {value[11:19]}")'
    if field.type == "time":
        return f'TIMEVALUE("{value[:-1]}")'
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


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
    if is_reserved(name):
        message = f"{name!r} cannot be: in a local org no object's name begins with sqlite_"
        raise ValueError(message)
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
        reference_to=("Group", "User"),
        relationship_name="Owner",
    )
    deleted, *stamps = system_fields()
    for field in (id_field("Record ID"), owner, deleted, title, *stamps):
        sobject.put(field)
    return sobject


def check_custom_name(name: str) -> None:
    arguments.text("a custom name", name)
    if not _CUSTOM_NAME.fullmatch(name) or len(name) > _LONGEST_CUSTOM_NAME:
        message = f"{name!r} is not a custom name: letters, digits and single _, ending in __c"
        raise ValueError(message)


def is_reserved(name: str) -> bool:
    """Tell whether the name of a custom object is one that SQLite keeps for tables of its own."""
    return name.lower().startswith("sqlite_")


def spoken(name: str) -> str:
    """The label that a name suggests: ``Order_Line__c`` is an Order Line."""
    return name.removesuffix("__c").replace("_", " ").strip()
