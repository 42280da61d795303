"""The local org, held to what real orgs answered.

Whatever differs stands in a table below with its reason. What differs and is not listed fails,
and so does what is listed and does not differ.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qs

import pytest

from tests.judges.recordings import Exchange, describes, exchanges
from tests.local.caller import Answer, Caller
from twinforce.local import LocalOrg

PERSON_ACCOUNTS: Final = "GET_sobjects_Account_PersonAccount_describe.yaml"
OLD: Final = "recorded at version 48.0; later ones say what the local org says"
NO_PARENT: Final = "it refers to an sObject that the local org does not have"
FEATURE: Final = "only in orgs with a feature that the local org does not have"
CUSTOMISED: Final = "of the recorded org alone: custom, or of a package in it"
FEWER_PARENTS: Final = "the parents are those that the local org has"
NO_PAGES: Final = "the local org has no pages for people"

# Fields of the recorded describes that ours lack, and fields that only ours have.
FIELDS_LACKING: Final = {
    "Account.ChannelProgramLevelName": FEATURE,
    "Account.ChannelProgramName": FEATURE,
    "Account.DandbCompanyId": NO_PARENT,
    "Account.History__c": CUSTOMISED,
    "Account.IsCustomerPortal": FEATURE,
    "Account.IsPartner": FEATURE,
    "Account.OperatingHoursId": NO_PARENT,
    "Account.Primary_Contact__c": CUSTOMISED,
    "Account.ns__Description__c": CUSTOMISED,
    "Account.ns__LinkedAccount__c": CUSTOMISED,
    "Case.AssetId": NO_PARENT,
    "Contact.IndividualId": NO_PARENT,
    "Lead.DandbCompanyId": NO_PARENT,
    "Lead.IndividualId": NO_PARENT,
    "Opportunity.LastAmountChangedHistoryId": NO_PARENT,
    "Opportunity.LastCloseDateChangedHistoryId": NO_PARENT,
}
RECORD_TYPES: Final = "an org shows it once it has record types; clients ask for it without looking"
HIDDEN: Final = "the recorded user's org hides it"
FIELDS_MORE: Final = {
    **{
        f"{sobject}.{field}": HIDDEN
        for sobject in ("Contact", "Lead")
        for field in ("DoNotCall", "HasOptedOutOfEmail", "HasOptedOutOfFax")
    },
    "Case.RecordTypeId": RECORD_TYPES,
    "Contact.RecordTypeId": RECORD_TYPES,
    "Lead.RecordTypeId": RECORD_TYPES,
    "Opportunity.PushCount": "newer than the recording",
    "Opportunity.RecordTypeId": RECORD_TYPES,
}
# Attributes of fields that are on both sides.
ATTRIBUTES: Final = {
    **{
        f"{field}.{attribute}": OLD
        for field in (
            "Account.AccountSource",
            "Account.Industry",
            "Account.Ownership",
            "Account.Rating",
            "Account.Type",
            "Case.Origin",
            "Case.Priority",
            "Case.Reason",
            "Case.Status",
            "Case.Type",
            "OpportunityContactRole.Role",
        )
        for attribute in ("length", "byteLength")
    },
    "Event.OwnerId.referenceTo": FEWER_PARENTS,
    "Event.WhatId.referenceTo": FEWER_PARENTS,
    "Opportunity.ContactId.relationshipName": "the object reference names it Contact",
}
# The same for the Account of a newer org, which has person accounts.
PERSON_ATTRIBUTES: Final = {
    "Account.Name.nillable": "a person has a first and a last name instead",
    "Account.Type.picklistValues": CUSTOMISED,
}
# Attributes of sObjects.
SOBJECTS: Final = {
    **{
        f"{sobject}.{attribute}": OLD
        for sobject in ("Account", "Case", "OpportunityContactRole")
        for attribute in (
            "associateEntityType",
            "associateParentEntity",
            "sobjectDescribeOption",
            "urls.defaultValues",
        )
    },
    **{
        f"{sobject}.{attribute}": NO_PAGES
        for sobject in (
            "Account",
            "Case",
            "Contact",
            "Event",
            "Lead",
            "Opportunity",
            "OpportunityContactRole",
        )
        for attribute in ("urls.uiDetailTemplate", "urls.uiEditTemplate", "urls.uiNewRecord")
    },
    "Account.recordTypeInfos": CUSTOMISED,
    "Case.mergeable": OLD,
}
# Attributes of describe global.
BY_HAND: Final = "this entry was added to the recording by hand, from another sObject's"
SUMMARIES: Final = {
    "Case.mergeable": OLD,
    "Event.feedEnabled": BY_HAND,
    "Event.keyPrefix": BY_HAND,
    "Event.mergeable": BY_HAND,
    "Event.urls.approvalLayouts": BY_HAND,
    "Event.urls.eventSeriesUpdates": BY_HAND,
    "Event.urls.listviews": BY_HAND,
    "Lead.keyPrefix": BY_HAND,
}
CHILDREN: Final[dict[str, str]] = {}
# Attributes of the custom fields of recorded orgs, declared again in ours.
CUSTOM_ATTRIBUTES: Final = {
    "npo02__SYSTEM_CUSTOM_NAMING__c.precision": "how many lines a page shows; only source tells it",
}
# What the local org does not have, and its answer: as to any resource or method that there is not.
NOT_SERVED: Final = {
    "composite": (405, "requests of the composite resource that are no batches"),
    "composite/sobjects": (404, "collections"),
    "connect/communities": (404, "another API"),
    "limits/recordCount": (404, "an estimate that no client of batches needs"),
}


def differences(found: Mapping[str, object], listed: Mapping[str, str]) -> dict[str, object]:
    """Return what was *found* and is not *listed*, and what is *listed* and was not *found*."""
    unlisted = {name: values for name, values in found.items() if name not in listed}
    vanished = {name: "differs no more" for name in listed if name not in found}
    return {**unlisted, **vanished}


@pytest.fixture(scope="module")
def org() -> Iterator[LocalOrg]:
    with LocalOrg() as org:
        yield org


@pytest.fixture(scope="module")
def ours(org: LocalOrg) -> dict[str, dict[str, Any]]:
    """Our describes of the sObjects that recordings describe."""
    call = Caller(org)
    names = {recorded["name"] for recorded in describes().values()}
    return {name: call("GET", f"sobjects/{name}/describe").body for name in names}


def real() -> dict[str, dict[str, Any]]:
    """The recorded describes by sObject, but for those of an org with person accounts."""
    return {body["name"]: body for source, body in describes().items() if source != PERSON_ACCOUNTS}


def by_name(described: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {field["name"]: field for field in described["fields"]}


def test_the_recordings_are_those_that_this_judge_was_written_for() -> None:
    assert sorted(real()) == [
        "Account",
        "Case",
        "Contact",
        "Event",
        "Lead",
        "Opportunity",
        "OpportunityContactRole",
    ]
    assert sum(exchange.resource == "query" for exchange in exchanges()) == 53


def test_the_objects_have_the_fields_of_the_real_ones(ours: dict[str, dict[str, Any]]) -> None:
    lacking, more = {}, {}
    for name, recorded in real().items():
        mine, theirs = by_name(ours[name]), by_name(recorded)
        lacking.update({f"{name}.{field}": "lacking" for field in theirs.keys() - mine.keys()})
        more.update({f"{name}.{field}": "more" for field in mine.keys() - theirs.keys()})
    assert differences(lacking, FIELDS_LACKING) == {}
    assert differences(more, FIELDS_MORE) == {}


def test_every_attribute_of_every_field_is_that_of_the_real_one(
    ours: dict[str, dict[str, Any]],
) -> None:
    found: dict[str, object] = {}
    compared = 0
    for name, recorded in real().items():
        compared += len(by_name(recorded)) * len(recorded["fields"][0])
        found.update(attributes_that_differ(ours[name], recorded))
    assert differences(found, ATTRIBUTES) == {}
    assert compared > 17_000


def test_the_account_of_a_newer_org_has_the_same_fields(ours: dict[str, dict[str, Any]]) -> None:
    found = attributes_that_differ(ours["Account"], describes()[PERSON_ACCOUNTS])
    assert differences(found, PERSON_ATTRIBUTES) == {}


def attributes_that_differ(
    mine: Mapping[str, Any], theirs: Mapping[str, Any]
) -> dict[str, tuple[Any, Any]]:
    """Compare the fields that both describes have, attribute by attribute."""
    found: dict[str, tuple[Any, Any]] = {}
    others = by_name(theirs)
    for name, field in by_name(mine).items():
        other = others.get(name, field)
        for attribute in field.keys() | other.keys():
            pair = field.get(attribute, "-"), other.get(attribute, "-")
            if pair[0] != pair[1]:
                found[f"{mine['name']}.{name}.{attribute}"] = pair
    return found


def test_the_fields_stand_in_the_order_of_the_real_ones(ours: dict[str, dict[str, Any]]) -> None:
    for name, recorded in real().items():
        mine, theirs = by_name(ours[name]), by_name(recorded)
        assert [field for field in mine if field in theirs] == [
            field for field in theirs if field in mine
        ]


def test_the_rest_of_a_describe_is_that_of_the_real_one(ours: dict[str, dict[str, Any]]) -> None:
    found: dict[str, object] = {}
    for name, recorded in real().items():
        mine, theirs = _flat(ours[name]), _flat(recorded)
        for attribute in mine.keys() | theirs.keys():
            pair = mine.get(attribute, "-"), theirs.get(attribute, "-")
            if pair[0] != pair[1]:
                found[f"{name}.{attribute}"] = pair
    assert differences(found, SOBJECTS) == {}


def _flat(described: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of an sObject itself, with its URLs as attributes, at no version."""
    flat = {
        name: _no_version(value)
        for name, value in described.items()
        if name not in {"childRelationships", "fields", "urls"}
    }
    urls = {f"urls.{name}": _no_version(url) for name, url in described["urls"].items()}
    return {**flat, **urls}


def _no_version(value: Any) -> Any:
    if isinstance(value, str):
        return re.sub(r"^/services/data/v[0-9x.]+/", "/", value)
    if isinstance(value, dict):
        return {name: _no_version(one) for name, one in value.items()}
    return [_no_version(one) for one in value] if isinstance(value, list) else value


def test_children_are_related_as_in_real_orgs(
    org: LocalOrg, ours: dict[str, dict[str, Any]]
) -> None:
    sobjects = Caller(org)("GET", "sobjects").body["sobjects"]
    have = {sobject["name"] for sobject in sobjects}
    found: dict[str, object] = {}
    for name, recorded in real().items():
        mine, theirs = (
            {
                f"{name}<{child['childSObject']}.{child['field']}": child
                for child in described["childRelationships"]
                if child["childSObject"] in have
            }
            for described in (ours[name], recorded)
        )
        for child in mine.keys() | theirs.keys():
            pair = mine.get(child, "-"), theirs.get(child, "-")
            if pair[0] != pair[1]:
                found[child] = pair
    assert differences(found, CHILDREN) == {}


def test_describe_global_says_of_each_object_what_real_orgs_say(org: LocalOrg) -> None:
    [recorded] = [exchange for exchange in exchanges() if exchange.resource == "sobjects"]
    answer = Caller(org)("GET", "sobjects")
    assert answer.status == recorded.status
    assert answer.body.keys() == recorded.body.keys()
    mine, theirs = (
        {sobject["name"]: _flat(sobject) for sobject in body["sobjects"]}
        for body in (answer.body, recorded.body)
    )
    both = mine.keys() & theirs.keys()
    assert len(both) >= 12
    found: dict[str, object] = {}
    for name in both:
        for attribute in mine[name].keys() | theirs[name].keys():
            pair = mine[name].get(attribute, "-"), theirs[name].get(attribute, "-")
            if pair[0] != pair[1]:
                found[f"{name}.{attribute}"] = pair
    assert differences(found, SUMMARIES) == {}


TYPES: Final = {
    "boolean": "Checkbox",
    "currency": "Currency",
    "date": "Date",
    "datetime": "DateTime",
    "double": "Number",
    "email": "Email",
    "multipicklist": "MultiselectPicklist",
    "percent": "Percent",
    "phone": "Phone",
    "picklist": "Picklist",
    "reference": "Lookup",
    "string": "Text",
    "textarea": "TextArea",
}


def test_a_custom_field_is_described_as_a_real_one() -> None:
    recorded: dict[str, dict[str, dict[str, Any]]] = {}
    for described in describes().values():
        fields = recorded.setdefault(described["name"], {})
        fields.update({name: it for name, it in by_name(described).items() if _is_custom(it)})
    found: dict[str, object] = {}
    compared = 0
    with LocalOrg() as org:
        for sobject, fields in recorded.items():
            for field in fields.values():
                declare(org, sobject, field)
            mine = by_name(Caller(org)("GET", f"sobjects/{sobject}/describe").body)
            for name, field in fields.items():
                compared += 1
                for attribute in field.keys() - {"referenceTo"}:
                    pair = mine[name].get(attribute, "-"), field[attribute]
                    if pair[0] != pair[1]:
                        found[f"{name}.{attribute}"] = pair
    assert differences(found, CUSTOM_ATTRIBUTES) == {}
    assert compared == 63


def _is_custom(field: Mapping[str, Any]) -> bool:
    """Tell whether *field* was declared; what is shown of a person's Contact ends in __pc."""
    return bool(field["custom"]) and not field["name"].endswith("__pc")


def declare(org: LocalOrg, sobject: str, field: Mapping[str, Any]) -> None:
    kind, options = TYPES[field["type"]], dict[str, Any]()
    default = field["defaultValue"]
    if field["defaultValueFormula"] is not None:
        default = json.loads(field["defaultValueFormula"])
    if field["type"] == "textarea" and field["length"] > 255:
        kind = "LongTextArea"
    if kind in {"LongTextArea", "Text"} and not field["calculated"]:
        options["length"] = field["length"]
    if kind in {"Currency", "Number", "Percent"}:
        options = {"precision": field["precision"], "scale": field["scale"]}
    if field["calculated"]:
        options["formula"] = field["calculatedFormula"]
    if field["picklistValues"]:
        options["values"] = [choice["value"] for choice in field["picklistValues"]]
        options["restricted"] = field["restrictedPicklist"]
    if field["referenceTo"]:
        options["reference_to"] = "Account"
    for attribute, option in (("unique", "unique"), ("externalId", "external_id")):
        if field[attribute]:
            options[option] = True
    org.add_field(
        sobject,
        field["name"],
        kind,
        label=field["label"],
        required=not field["nillable"] and kind != "Checkbox",
        default=None if field["calculated"] else default,
        help_text=field["inlineHelpText"],
        **options,
    )


# ---- answers ----


def served(resource: str) -> bool:
    return resource == "query" or bool(re.fullmatch(r"sobjects/[A-Za-z]+(/\w{18})?", resource))


def test_each_exchange_is_compared_or_known_not_to_be_served(org: LocalOrg) -> None:
    call = Caller(org)
    left = {
        exchange.resource
        for exchange in exchanges()
        if not served(exchange.resource)
        and exchange.resource != "sobjects"
        and not exchange.resource.endswith("/describe")
    }
    families = {resource: _family(resource) for resource in left}
    assert set(families.values()) == NOT_SERVED.keys()
    for exchange in exchanges():
        if exchange.resource in left:
            answer = call(exchange.method, exchange.path, exchange.sent or None)
            status, _ = NOT_SERVED[families[exchange.resource]]
            assert answer.status == status, exchange
            code = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}[status]
            assert answer.body[0]["errorCode"] == code


def _family(resource: str) -> str:
    return next(
        (
            name
            for name in sorted(NOT_SERVED, reverse=True)
            if f"{resource}/".startswith(f"{name}/")
        ),
        resource,
    )


@pytest.mark.parametrize(
    "exchange",
    [exchange for exchange in exchanges() if served(exchange.resource)],
    ids=lambda exchange: f"{exchange.method} {exchange.resource} {exchange.source[:40]}",
)
def test_an_answer_has_the_shape_of_the_real_one(exchange: Exchange) -> None:
    with LocalOrg() as org:
        call = Caller(org)
        plant(call, exchange)
        path = re.sub(r"00D0x\w{13}", org.org_id, exchange.path)
        data = {"Name": "Smith Corp."} if exchange.method == "POST" else None
        answer: Answer = call(exchange.method, path, data)
    assert answer.status == exchange.status, answer.body
    if isinstance(exchange.body, dict) and exchange.body.get("records"):
        assert answer.body["records"], "nothing was found where the real org found records"
    assert mismatch(answer.body, exchange.body) is None


NEEDED: Final[dict[str, dict[str, Any]]] = {
    "Account": {"Name": "A"},
    "Contact": {"LastName": "C"},
    "Event": {"DurationInMinutes": 30, "ActivityDateTime": "2024-01-31T09:30:00Z"},
    "Lead": {"LastName": "L", "Company": "LLC"},
    "Opportunity": {"Name": "O", "StageName": "Prospecting", "CloseDate": "2024-01-31"},
    "RecordType": {"Name": "R", "DeveloperName": "R", "SobjectType": "Account"},
}


def plant(call: Caller, exchange: Exchange) -> None:
    """Give the org the records that the real one answered with."""
    if not isinstance(exchange.body, dict):
        return
    soql = parse_qs(exchange.path.partition("?")[2]).get("q", [""])[0]
    wanted = dict(re.findall(r"where (\w+)\s*=\s*'([^']*)'", soql, re.IGNORECASE))
    for record in exchange.body.get("records", ()):
        sobject = record["attributes"]["type"]
        if sobject in NEEDED:
            created = _create(call, sobject, record, wanted)
            for child in (record.get("Opportunities") or {}).get("records", ()):
                _create(call, "Opportunity", child, {"ContactId": created})


def _create(call: Caller, sobject: str, record: Mapping[str, Any], more: Mapping[str, Any]) -> str:
    fields = by_name(call("GET", f"sobjects/{sobject}/describe").body)
    values: dict[str, Any] = dict(NEEDED[sobject])
    for name, value in record.items():
        field = fields.get(name)
        if field and field["createable"] and field["type"] != "reference" and value is not None:
            values[name] = value
    for relationship, kind in (("Who", "WhoId"), ("What", "WhatId")):
        parent = record.get(relationship)
        if parent:
            values[kind] = _create(call, parent["attributes"]["type"], parent, {})
    named = {name: value for name, value in more.items() if name in fields}
    return call.create(sobject, **{**values, **named})


def mismatch(mine: Any, theirs: Any, place: str = "body") -> str | None:
    """Say where the shapes differ, in keys, their order or kinds of values; null fits any kind."""
    if mine is None or theirs is None:
        return None
    if type(mine) is not type(theirs):
        return f"{place}: {mine!r} is not of the kind of {theirs!r}"
    if isinstance(mine, dict):
        if list(mine) != list(theirs):
            return f"{place}: {list(mine)} are not {list(theirs)}"
        found = (mismatch(mine[name], theirs[name], f"{place}.{name}") for name in mine)
        return next((one for one in found if one), None)
    if isinstance(mine, list) and theirs:
        samples = _by_type(theirs)
        for index, item in enumerate(mine):
            found_here = mismatch(item, samples.get(_type_of(item), theirs[0]), f"{place}[{index}]")
            if found_here:
                return found_here
    return None


def _by_type(items: list[Any]) -> dict[str, Any]:
    return {_type_of(item): item for item in reversed(items)}


def _type_of(item: Any) -> str:
    return (
        str(item["attributes"]["type"]) if isinstance(item, dict) and "attributes" in item else ""
    )
