"""Makes objects and fields of what source declares; see :mod:`.source` for its files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import attrs

from .declare import FIELD_TYPES, check_owner, custom_field, custom_object, is_reserved
from .fields import Field, PicklistValue
from .sobjects import Schema, SObject
from .source import Element, Source

_CUSTOM: Final = "__c"
# What ends in these is no table of records, or is one of another system.
_OTHER_KINDS: Final = {
    "__mdt": "a custom metadata type",
    "__e": "a platform event",
    "__b": "a big object",
    "__x": "an external object",
    "__kav": "a knowledge article",
}
# Activities are stored as what they are; the last of these lends them its name as children.
_OWNERS: Final = {"Activity": ("Event", "Task")}
_UNKNOWN_TYPES: Final = frozenset(
    {"ExternalLookup", "IndirectLookup", "MetadataRelationship", "ArrayType", "File", "Note"}
)
# Where the standard value sets are used.
_STANDARD_VALUE_SETS: Final[dict[str, tuple[str, ...]]] = {
    "AccountOwnership": ("Account.Ownership",),
    "AccountRating": ("Account.Rating", "Lead.Rating"),
    "AccountType": ("Account.Type",),
    "CampaignMemberStatus": ("CampaignMember.Status",),
    "CampaignStatus": ("Campaign.Status",),
    "CampaignType": ("Campaign.Type",),
    "CaseOrigin": ("Case.Origin",),
    "CasePriority": ("Case.Priority",),
    "CaseReason": ("Case.Reason",),
    "CaseStatus": ("Case.Status",),
    "CaseType": ("Case.Type",),
    "ContactRole": ("OpportunityContactRole.Role",),
    "Industry": ("Account.Industry", "Lead.Industry"),
    "LeadSource": (
        "Account.AccountSource",
        "Contact.LeadSource",
        "Lead.LeadSource",
        "Opportunity.LeadSource",
    ),
    "LeadStatus": ("Lead.Status",),
    "OpportunityStage": ("Opportunity.StageName",),
    "OpportunityType": ("Opportunity.Type",),
    "Product2Family": ("Product2.Family",),
    "QuantityUnitOfMeasure": ("Product2.QuantityUnitOfMeasure",),
    "Salutation": ("Contact.Salutation", "Lead.Salutation"),
    "TaskPriority": ("Task.Priority",),
    "TaskStatus": ("Task.Status",),
}
# What a standard value implies, by the words of source and of the tables of objects.
_IMPLIED: Final = {
    "closed": "isClosed",
    "converted": "isConverted",
    "highPriority": "isHighPriority",
    "won": "isWon",
}
_TOGETHER: Final = "if source in another folder declares it, load both together"
_NO_FORMULAS: Final = (
    "the local org runs no formulas; add_validation_rule() takes a function instead"
)
_QUOTED: Final = re.compile(r"""'([^'\\]*)'|"([^"\\]*)\"""")
_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?", re.ASCII)


class Metadata:
    """What *source* adds to *schema*, checked; nothing of it has been added yet.

    *objects* are new or declared before, *fields* those of each object, *replaced* standard fields
    with other picklist values, *record_types* records of RecordType. *skipped* says what is not
    taken, and why.
    """

    def __init__(self, source: Source, schema: Schema) -> None:
        self._source = source
        self._schema = schema
        self.skipped: list[str] = []
        self._told: set[str] = set()  # objects of which nothing is taken, as has been said
        self.objects = list(self._objects())
        self._names = {sobject.name.lower(): sobject.name for sobject in (*schema, *self.objects)}
        self.fields: dict[str, list[Field]] = {}
        for owner, field in self._fields():
            self.fields.setdefault(owner, []).append(field)
        self.replaced = list(self._replaced())
        self.record_types = list(self._record_types())
        self._skip_validation_rules()

    def _skip(self, element: Element, what: str, reason: str) -> None:
        self.skipped.append(f"{element.path}: {what}: {reason}")

    # ---- objects ----

    def _objects(self) -> Iterator[SObject]:
        seen: dict[str, Element] = {}
        for name, element in self._source.objects:
            reason = self._not_an_object(name, element)
            if reason is not None:
                self._skip(element, name, reason)
                self._told.add(name)
            elif name.endswith(_CUSTOM) and element.child("label") is not None:
                known = seen.setdefault(name.lower(), element)
                element.check_same(name, known)
                if known is element:
                    yield _object(name, element)

    def _not_an_object(self, name: str, element: Element) -> str | None:
        for ending, kind in _OTHER_KINDS.items():
            if name.endswith(ending):
                return f"the local org has no use for {kind}"
        if element.text("customSettingsType") is not None:
            return "the local org has no custom settings"
        if is_reserved(name):
            return "in a local org no object's name begins with sqlite_"
        if not name.endswith(_CUSTOM) and name not in _OWNERS and self._schema.get(name) is None:
            return "the local org does not have this standard object"
        return None

    # ---- fields ----

    def _fields(self) -> Iterator[tuple[str, Field]]:
        seen: dict[tuple[str, str], Element] = {}
        lacking: dict[str, list[tuple[str, Element]]] = {}
        for owner, name, element in self._source.fields:
            owners = self._owners(owner, "fields", element)
            if owners and not name.endswith(_CUSTOM):  # standard fields are as they are
                if not any(self._has(it, name) for it in owners):
                    lacking.setdefault(owner, []).append((f"{owner}.{name}", element))
                continue
            for canonical in owners:
                known = seen.setdefault((canonical, name.lower()), element)
                element.check_same(f"{owner}.{name}", known)
                if known is not element:
                    continue
                field = self._field(canonical, name, element)
                if field is not None and canonical != self._names[owners[-1].lower()]:
                    field = attrs.evolve(field, child_relationship_name=None)
                if field is not None:
                    yield canonical, field
        for fields in lacking.values():
            paths = list(dict.fromkeys(path for path, _ in fields))
            these = "this standard field" if len(paths) == 1 else "these standard fields"
            self._skip(fields[0][1], ", ".join(paths), f"the local org does not have {these}")

    def _owners(self, owner: str, parts: str, element: Element) -> list[str]:
        """Name the objects whose *parts* source calls those of *owner*; none, if it is skipped."""
        if owner in self._told:
            return []
        owners = _OWNERS.get(owner, (owner,))
        if any(it.lower() not in self._names for it in owners):
            kind = next((it for end, it in _OTHER_KINDS.items() if owner.endswith(end)), None)
            reason = f"the local org has no use for {kind}" if kind else "no file declares it"
            self._skip(element, f"the {parts} of {owner}", reason)
            self._told.add(owner)
            return []
        return [self._names[it.lower()] for it in owners]

    def _has(self, sobject: str, field: str) -> bool:
        known = self._schema.get(sobject)
        own = [known] if known is not None else [it for it in self.objects if it.name == sobject]
        return any(it.field(field) is not None for it in own)

    def _field(self, owner: str, name: str, element: Element) -> Field | None:
        kind = element.needed("type")
        if kind in _UNKNOWN_TYPES:
            self._skip(element, f"{owner}.{name}", f"the local org has no fields of type {kind}")
            return None
        if kind not in FIELD_TYPES:
            raise element.error("type", f"is {kind!r}, which is not a type of field")
        options = _options(kind, element)
        if "reference_to" in FIELD_TYPES[kind].options:
            parent = element.needed("referenceTo")
            canonical = self._names.get(parent.lower())
            if canonical is None:
                reason = f"there is no object {parent} to refer to; {_TOGETHER}"
                self._skip(element, f"{owner}.{name}", reason)
                return None
            options["reference_to"] = canonical
        default, formula = _default(kind, element)
        if "values" in FIELD_TYPES[kind].options:
            choices = self._choices(f"{owner}.{name}", element)
            if choices is None:
                return None
            options |= {"values": choices.values, "restricted": choices.restricted}
            default = ";".join(choices.chosen) or default
        try:
            check_owner(owner, name, kind)
            field = custom_field(
                name,
                kind,
                label=element.text("label"),
                required=bool(element.boolean("required")),
                default=default,
                options=options,
                help_text=element.text("inlineHelpText"),
            )
        except (TypeError, ValueError) as error:
            raise ValueError(f"{element.path}: {error}") from error
        described = {**field.described, **_described(kind, element)}
        field = attrs.evolve(field, described=described)
        if formula is not None:
            self._skip(
                element, f"{owner}.{name}", f"its default is a formula, {formula}; it has none here"
            )
            described = {**described, "defaultValueFormula": formula}
            field = attrs.evolve(field, described=described, defaulted_on_create=True)
        return field

    def _record_types(self) -> Iterator[dict[str, Any]]:
        for owner, name, element in self._source.record_types:
            for canonical in self._owners(owner, "record types", element):
                record_type = {
                    "SobjectType": canonical,
                    "DeveloperName": name,
                    "Name": element.needed("label"),
                    "Description": element.text("description"),
                    "IsActive": element.boolean("active") is not False,
                }
                for field in self._schema["RecordType"].fields:
                    if len(str(record_type.get(field.name) or "")) > field.length > 0:
                        reason = f"has a {field.name} of more than {field.length} characters"
                        raise ValueError(f"{element.path}: {name} {reason}")
                yield record_type

    def _skip_validation_rules(self) -> None:
        for owner, name, element in self._source.validation_rules:
            is_active = element.boolean("active") is not False
            if self._owners(owner, "validation rules", element) and is_active:
                self._skip(element, f"{owner}.{name}", _NO_FORMULAS)

    # ---- picklists ----

    def _choices(self, path: str, element: Element) -> _Choices | None:
        """Read the values of the field *path*; None if it is skipped, as their set is not there."""
        value_set = element.child("valueSet")
        if value_set is None:
            old = element.child("picklist")  # up to version 37.0
            if old is None:
                raise ValueError(f"{element.path}: <{element.name}> has no <valueSet>")
            return _choices(old, "picklistValues", bool(old.boolean("restrictedPicklist")))
        restricted = value_set.boolean("restricted")
        name = value_set.text("valueSetName")
        if name is None:
            definition = value_set.child("valueSetDefinition")
            if definition is None:
                raise value_set.error("valueSetDefinition", "is missing")
            return _choices(definition, "value", bool(restricted))
        shared = self._source.global_values.get(name)
        if shared is not None:
            return _choices(shared, "customValue", restricted is not False)
        for _, field in self._fields_of(name):
            plain = tuple(attrs.evolve(it, extra={}) for it in field.picklist_values)
            return _Choices(plain, bool(restricted), ())
        self._skip(element, path, f"there is no value set {name}; {_TOGETHER}")
        return None

    def _fields_of(self, standard_value_set: str) -> Iterator[tuple[str, Field]]:
        for path in _STANDARD_VALUE_SETS.get(standard_value_set, ()):
            owner, _, name = path.partition(".")
            field = self._schema[owner].field(name)
            if field is not None:
                yield owner, field

    def _replaced(self) -> Iterator[tuple[str, Field]]:
        for name, element in self._source.standard_values.items():
            choices = _choices(element, "standardValue", restricted=False)
            if name not in _STANDARD_VALUE_SETS:
                self._skip(element, name, "no field of the local org has these values")
            for owner, field in self._fields_of(name) if choices.values else ():
                default = next(iter(choices.chosen), None)
                yield (
                    owner,
                    attrs.evolve(
                        field,
                        picklist_values=choices.values,
                        default_value=default,
                        defaulted_on_create=default is not None,
                    ),
                )


def _options(kind: str, element: Element) -> dict[str, Any]:
    """Read the options of a field of the type *kind*; a no to what it cannot be is nothing."""
    taken = FIELD_TYPES[kind].options
    formula = element.text("formula")
    options: dict[str, Any] = {}
    for option, (name, read) in _OPTIONS.items():
        value = read(element, name)
        if value is None or (formula is not None and option not in {"precision", "scale"}):
            continue
        if option in taken or value is True:
            options[option] = value
    return options if formula is None else {**options, "formula": formula}


def _described(kind: str, element: Element) -> dict[str, Any]:
    """Read what describe tells of a field and nothing else depends on."""
    described: dict[str, Any] = {}
    if kind == "EncryptedText":
        described["mask"] = "X" if element.text("maskChar") == "X" else "*"
        described["maskType"] = element.text("maskType") or "all"
    elif kind == "MasterDetail":
        described["relationshipOrder"] = element.number("relationshipOrder") or 0
        described["writeRequiresMasterRead"] = bool(element.boolean("writeRequiresMasterRead"))
    elif kind == "Location":
        in_decimal = element.boolean("displayLocationInDecimal")
        described["displayLocationInDecimal"] = bool(in_decimal)
    return described


def _default(kind: str, element: Element) -> tuple[Any, str | None]:
    """Return the default of a field and, where it is no literal, its formula."""
    text = element.text("defaultValue")
    if text is None or element.text("formula") or not FIELD_TYPES[kind].takes_default:
        return None, None
    if kind == "Checkbox":
        return bool(element.boolean("defaultValue")), None
    quoted = _QUOTED.fullmatch(text)
    if quoted:
        return (quoted[1] or quoted[2] or None), None
    if _NUMBER.fullmatch(text) and kind in {"Currency", "Number", "Percent"}:
        # In source a percent is written as the fraction that it is.
        return (float(text) * 100 if kind == "Percent" else text), None
    return None, text


_OPTIONS: Final[dict[str, tuple[str, Callable[[Element, str], Any]]]] = {
    "length": ("length", Element.number),
    "precision": ("precision", Element.number),
    "scale": ("scale", Element.number),
    "unique": ("unique", Element.boolean),
    "external_id": ("externalId", Element.boolean),
    "case_sensitive": ("caseSensitive", Element.boolean),
    "child_relationship_name": ("relationshipName", Element.text),
    "delete_constraint": ("deleteConstraint", Element.text),
    "display_format": ("displayFormat", Element.text),
    "reparentable": ("reparentableMasterDetail", Element.boolean),
    "visible_lines": ("visibleLines", Element.number),
}


def _object(name: str, element: Element) -> SObject:
    title = element.child("nameField")
    name_format = None
    if title is not None and title.text("type") == "AutoNumber":
        name_format = title.text("displayFormat") or "{0}"
    try:
        sobject = custom_object(
            name,
            label=element.text("label"),
            label_plural=element.text("pluralLabel"),
            name_format=name_format,
        )
    except (TypeError, ValueError) as error:
        raise ValueError(f"{element.path}: {error}") from error
    label = None if title is None else title.text("label")
    own_name = sobject.name_field
    if label is not None and own_name is not None:
        sobject.put(attrs.evolve(own_name, label=label))
    return sobject


@attrs.frozen
class _Choices:
    """The values of a picklist: whether it takes no others, and which are *chosen* by default."""

    values: tuple[PicklistValue, ...]
    restricted: bool
    chosen: tuple[str, ...]


def _choices(element: Element, name: str, restricted: bool) -> _Choices:
    active = [it for it in element.children(name) if it.boolean("isActive") is not False]
    return _Choices(
        tuple(map(_choice, active)),
        restricted,
        tuple(it.needed("fullName") for it in active if it.boolean("default")),
    )


def _choice(value: Element) -> PicklistValue:
    extra: dict[str, Any] = {}
    for name, implied in _IMPLIED.items():
        if (flag := value.boolean(name)) is not None:
            extra[implied] = flag
    if (category := value.text("forecastCategory")) is not None:
        extra = {"isClosed": False, "isWon": False, **extra, "forecastCategory": category}
    if (probability := value.number("probability")) is not None:
        extra["probability"] = probability
    name = value.needed("fullName")
    return PicklistValue(name, label=value.text("label") or name, extra=extra)
