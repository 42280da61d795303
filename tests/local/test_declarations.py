"""Declarations that cannot work are refused where they are made, by the name of the field."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import pytest

from tests.local.caller import Caller
from twinforce.local import LocalOrg


@pytest.mark.parametrize(
    ("kind", "options", "reason"),
    [
        ("Text", {"length": 0}, "length of F__c must be a whole number from 1 to 255, not 0"),
        ("Text", {"length": -1}, "from 1 to 255, not -1"),
        ("Text", {"length": 256}, "from 1 to 255, not 256"),
        ("LongTextArea", {"length": 255}, "length of F__c .* from 256 to 131072, not 255"),
        ("LongTextArea", {"length": 131_073}, "from 256 to 131072"),
        ("Html", {"length": 255}, "from 256 to 131072"),
        ("Number", {"precision": 0}, "precision of F__c must be a whole number from 1 to 18"),
        ("Number", {"precision": 30}, "from 1 to 18, not 30"),
        ("Currency", {"scale": 40}, "scale of F__c must be a whole number from 0 to 18, not 40"),
        ("Percent", {"scale": -1}, "from 0 to 18, not -1"),
        ("Number", {"precision": 4, "scale": 5}, "scale of F__c .* precision, 4, not 5"),
        ("Currency", {"precision": 1}, "scale of F__c .* precision, 1, not 2"),
        ("Picklist", {}, "F__c: a Picklist field needs values="),
        ("MultiselectPicklist", {}, "F__c: a MultiselectPicklist field needs values="),
        ("Picklist", {"values": []}, "values of F__c must be at least one"),
        ("Picklist", {"values": ["a", "b", "A"]}, "values of F__c .* 'A' stands twice"),
        ("Picklist", {"values": ["a", ""]}, "values of F__c .* not ''"),
        ("Picklist", {"values": [" a"]}, "values of F__c .* not ' a'"),
        ("Picklist", {"values": ["x" * 256]}, "values of F__c .* 255 characters"),
        ("MultiselectPicklist", {"values": ["a;b"]}, "values of F__c: 'a;b' has a semicolon"),
        ("AutoNumber", {"display_format": "A-"}, "display_format of F__c .* not 'A-'"),
        ("AutoNumber", {"display_format": "{QQ}-{0}"}, "display_format of F__c"),
        ("AutoNumber", {"display_format": "{YYYY}-{MM}"}, "display_format of F__c"),
        ("AutoNumber", {"display_format": "{0}-{0}"}, "display_format of F__c"),
        ("AutoNumber", {"display_format": "x" * 28 + "{0}"}, "display_format of F__c"),
        (
            "Lookup",
            {"reference_to": "Account", "child_relationship_name": "my children"},
            "child_relationship_name of F__c .* not 'my children'",
        ),
        ("Date", {"default": "not a date"}, "default of F__c must be a date such as .*not a date"),
        ("DateTime", {"default": "2024-13-01T00:00:00Z"}, "default of F__c must be .*T09:30:00Z"),
        ("Time", {"default": "9"}, "default of F__c must be a time"),
        ("Checkbox", {"default": "yes"}, "default of F__c must be True or False, not 'yes'"),
        ("Number", {"default": "many"}, "default of F__c must be a number, not 'many'"),
        ("Number", {"default": math.nan}, "default of F__c must be a number, not nan"),
        ("Number", {"default": math.inf}, "default of F__c must be a number, not inf"),
        ("Number", {"default": 1000, "precision": 3}, "default of F__c: .*outside of valid range"),
        ("Text", {"default": "abc", "length": 2}, "default of F__c: .*too large"),
        ("Text", {"default": ""}, "default of F__c must not be empty"),
        ("Email", {"default": "nobody"}, "default of F__c: .*invalid email address"),
        (
            "Picklist",
            {"default": "b", "values": ["a"], "restricted": True},
            "default of F__c: .*bad value for restricted picklist",
        ),
        ("Lookup", {"default": "001", "reference_to": "Account"}, "F__c: .*does not take default"),
        (
            "AutoNumber",
            {"default": "A-1"},
            "F__c: a field of the type AutoNumber does not take default",
        ),
        ("Textual", {}, "F__c: 'Textual' is not a type of field"),
        ("Checkbox", {"length": 5}, "F__c: a Checkbox field does not take length"),
        ("Hierarchy", {}, "Account.F__c: only User can have a Hierarchy"),
        ("MasterDetail", {"reference_to": "Contact"}, "Account.F__c cannot be a MasterDetail"),
        ("Location", {"required": True}, "F__c: nobody can give it a value"),
        ("Location", {"scale": 16}, "scale of F__c .* from 0 to 15"),
        ("Summary", {"default": 5}, "F__c: a field of the type Summary does not take default"),
        ("Text", {"formula": "Name", "unique": True}, "F__c: .* formula does not take unique"),
        ("Text", {"formula": "Name", "required": True}, "F__c: nobody can give it a value"),
        ("Number", {"formula": "1", "default": 1}, "F__c: .* does not take default"),
        ("Email", {"formula": "Name"}, "F__c: a Email field does not take formula"),
        ("EncryptedText", {"length": 176}, "length of F__c .* from 1 to 175, not 176"),
        (
            "Lookup",
            {"reference_to": "Contact", "delete_constraint": "Never"},
            "delete_constraint of F__c must be one of SetNull, Restrict, Cascade",
        ),
    ],
)
def test_a_value_out_of_range_is_refused(
    org: LocalOrg, kind: str, options: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        org.add_field("Account", "F__c", kind, **options)
    Caller(org).create("Account", Name="A")


@pytest.mark.parametrize(
    ("kind", "options", "reason"),
    [
        ("Text", {"length": "10"}, "length of F__c must be a whole number .*int.*, not str"),
        ("Text", {"length": True}, "length of F__c .* not bool"),
        ("Number", {"scale": 2.0}, "scale of F__c .* not float"),
        ("Text", {"unique": 1}, "unique of F__c must be True or False, not int"),
        ("Text", {"external_id": "yes"}, "external_id of F__c must be True or False, not str"),
        ("Text", {"case_sensitive": 1}, "case_sensitive of F__c"),
        ("Text", {"required": "yes"}, "required of F__c"),
        ("Text", {"label": 5}, "label of F__c must be text"),
        ("Picklist", {"values": "abc"}, "values of F__c must be a list of texts, not str"),
        ("Picklist", {"values": 5}, "values of F__c must be a list of texts, not int"),
        ("Picklist", {"values": ["a", 1]}, "values of F__c must be text .*, not int"),
        ("Picklist", {"values": ["a"], "restricted": 1}, "restricted of F__c"),
        ("Lookup", {"reference_to": 5}, "reference_to of F__c must be text"),
        (
            "Lookup",
            {"reference_to": "Account", "child_relationship_name": 5},
            "child_relationship_name of F__c must be text",
        ),
        ("AutoNumber", {"display_format": 5}, "display_format of F__c must be text"),
        ("Date", {"default": date(2024, 1, 31)}, "default of F__c must be a date such as"),
        ("Text", {"default": 5}, "default of F__c must be text, not 5"),
        ("Checkbox", {"default": 1}, "default of F__c must be True or False, not 1"),
        ("Number", {"default": True}, "default of F__c must be a number, not True"),
        ("Text", {"help_text": 5}, "help_text of F__c must be text"),
        ("Number", {"formula": 5}, "formula of F__c must be text"),
        (None, {}, "type of F__c must be text"),
        (["Text"], {}, "type of F__c must be text"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused(
    org: LocalOrg, kind: Any, options: dict[str, Any], reason: str
) -> None:
    with pytest.raises(TypeError, match=reason):
        org.add_field("Account", "F__c", kind, **options)
    Caller(org).create("Account", Name="A")


@pytest.mark.parametrize(
    ("kind", "options", "answered", "formula"),
    [
        ("Text", {"length": 1, "default": "a"}, "a", '"a"'),
        ("Text", {"length": 255}, None, None),
        ("LongTextArea", {"length": 256}, None, None),
        ("Html", {"length": 131_072}, None, None),
        ("Number", {"precision": 18, "scale": 18, "default": "0.5"}, 0.5, "0.5"),
        ("Number", {"precision": 1, "default": 9}, 9.0, "9"),
        ("Number", {"scale": 1, "default": 1.25}, 1.3, "1.3"),
        ("Checkbox", {"default": "TRUE"}, True, None),
        ("Date", {"default": "2024-01-31T09:30:00Z"}, "2024-01-31", "DATE(2024, 1, 31)"),
        (
            "DateTime",
            {"default": "2024-01-31T10:30:00+01:00"},
            "2024-01-31T09:30:00.000+0000",
            'DATETIMEVALUE("2024-01-31 09:30:00")',
        ),
        ("Time", {"default": "09:30:00Z"}, "09:30:00.000Z", 'TIMEVALUE("09:30:00.000")'),
        ("Picklist", {"values": iter(["Red", "Green"]), "default": "green"}, "Green", None),
        ("MultiselectPicklist", {"values": ("a", "b"), "default": "b;A"}, "b;a", None),
        ("AutoNumber", {"display_format": "A-{000}"}, "A-001", None),
    ],
)
def test_what_salesforce_allows_is_taken_and_the_default_reads_as_written(
    org: LocalOrg,
    call: Caller,
    kind: str,
    options: dict[str, Any],
    answered: Any,
    formula: str | None,
) -> None:
    org.add_field("Account", "F__c", kind, **options)
    record_id = call.create("Account", Name="A")
    assert call.get("Account", record_id)["F__c"] == answered
    [field] = [
        field
        for field in call("GET", "sobjects/Account/describe").body["fields"]
        if field["name"] == "F__c"
    ]
    told = kind in {"Checkbox", "MultiselectPicklist", "Picklist"}
    assert field["defaultValue"] == (answered if told and "default" in options else None)
    assert field["defaultValueFormula"] == formula


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((None, "F__c", "Text"), "the name of an sobject must be text"),
        (("Account", None, "Text"), "a custom name must be text"),
    ],
)
def test_a_field_without_a_name_is_refused(
    org: LocalOrg, arguments: tuple[Any, Any, Any], reason: str
) -> None:
    with pytest.raises(TypeError, match=reason):
        org.add_field(*arguments)


@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [
        (None, {}, "a custom name must be text .*, not NoneType"),
        (5, {}, "a custom name must be text .*, not int"),
        ("Widget__c", {"label": 5}, "label of Widget__c must be text"),
        ("Widget__c", {"label_plural": 5}, "label_plural of Widget__c must be text"),
        ("Widget__c", {"name_format": 5}, "name_format of Widget__c must be text"),
    ],
)
def test_an_object_of_the_wrong_types_is_refused(
    org: LocalOrg, name: Any, options: dict[str, Any], reason: str
) -> None:
    with pytest.raises(TypeError, match=reason):
        org.add_object(name, **options)


def test_a_refused_object_uses_up_no_key_prefix(org: LocalOrg, call: Caller) -> None:
    with pytest.raises(ValueError, match="name_format of Widget__c"):
        org.add_object("Widget__c", name_format="W-")
    with pytest.raises(ValueError, match="'Widget' is not a custom name"):
        org.add_object("Widget")
    org.add_object("Gadget__c")
    assert call.create("Gadget__c", Name="G").startswith("a00")


def test_an_object_whose_name_sqlite_keeps_for_itself_is_refused(
    org: LocalOrg, call: Caller
) -> None:
    for name in ("Sqlite__c", "sqlite_x__c"):
        with pytest.raises(ValueError, match="no object's name begins with sqlite_"):
            org.add_object(name)
    org.add_object("Sqlite3__c")
    org.add_field("Sqlite3__c", "Sqlite_x__c", "Text", external_id=True)
    assert call.create("Sqlite3__c", Sqlite_x__c="x")


def test_a_requirement_of_the_wrong_types_is_refused(org: LocalOrg) -> None:
    names: Any = ["Name", "Amount"]
    nothing: Any = None
    with pytest.raises(TypeError, match=r"the name of a field must be text .*, not list"):
        org.require("Opportunity", names)
    with pytest.raises(TypeError, match=r"the name of an sobject must be text .*, not NoneType"):
        org.require(nothing, "Name")
    assert Caller(org)("POST", "sobjects/Opportunity", {}).body[0]["fields"] == [
        "Name",
        "StageName",
        "CloseDate",
    ]


def test_a_lookup_says_what_becomes_of_children(org: LocalOrg, call: Caller) -> None:
    org.add_object("Widget__c")
    for constraint in ("SetNull", "Restrict", "Cascade"):
        name = f"{constraint}__c"
        org.add_field(
            "Widget__c", name, "Lookup", reference_to="Account", delete_constraint=constraint
        )

    def after_deleting(constraint: str) -> tuple[int, int]:
        account = call.create("Account", Name="A")
        widget = call.create("Widget__c", Name="W", **{f"{constraint}__c": account})
        deleted = call("DELETE", f"sobjects/Account/{account}").status
        return deleted, call("GET", f"sobjects/Widget__c/{widget}").status

    assert after_deleting("SetNull") == (204, 200)
    assert after_deleting("Restrict") == (400, 200)
    assert after_deleting("Cascade") == (204, 404)


def test_help_and_formulas_are_described(org: LocalOrg, call: Caller) -> None:
    org.add_field("Account", "Twice__c", "Number", formula="Size__c * 2", help_text="Twice as much")
    [field] = [
        field
        for field in call("GET", "sobjects/Account/describe").body["fields"]
        if field["name"] == "Twice__c"
    ]
    assert (field["calculatedFormula"], field["inlineHelpText"]) == ("Size__c * 2", "Twice as much")
    assert field["calculated"] is True
    assert call.get("Account", call.create("Account", Name="A"))["Twice__c"] is None


def test_two_kinds_of_children_have_two_names(org: LocalOrg) -> None:
    org.add_object("Widget__c")
    org.add_object("Gadget__c")
    kind: dict[str, Any] = {"reference_to": "Account", "child_relationship_name": "Things"}
    org.add_field("Widget__c", "Account__c", "Lookup", **kind)
    org.add_field("Widget__c", "Account__c", "Lookup", **kind)
    reason = "Account has children that are called Things__r already, by Widget__c.Account__c"
    with pytest.raises(ValueError, match=reason):
        org.add_field("Gadget__c", "Account__c", "Lookup", **kind)
    org.add_field("Gadget__c", "Account__c", "Lookup", reference_to="Account")
