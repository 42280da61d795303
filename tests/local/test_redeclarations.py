"""An org's file remembers its custom fields: what is in them has to fit what they are declared as."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.local.caller import Caller
from twinforce.local import LocalOrg
from twinforce.local.store.tables import comparable

Opened = Callable[[], AbstractContextManager[LocalOrg]]


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    return lambda: LocalOrg(tmp_path / "org.db")


def stored(opened: Opened, kind: str, *values: Any, **options: Any) -> list[str]:
    """Declare Account.F__c in a new file, and make a record for each of *values*."""
    with opened() as org:
        org.add_field("Account", "F__c", kind, **options)
        return [Caller(org).create("Account", Name="Acme", F__c=value) for value in values]


CONTACT = {"reference_to": "Contact"}
COLOURS = {"values": ["Red", "Green"], "restricted": True}


@pytest.mark.parametrize(
    ("before", "value", "after", "reason"),
    [
        (("Text", {}), "x", ("Number", {}), "declared as Text(255), and the value 'x' .* Number"),
        (("Text", {}), "true", ("Checkbox", {}), "'true' of the record 001.* Checkbox"),
        (("Text", {}), "5", ("Number", {}), "'5' .* does not fit Number(18, 0)"),
        (("Checkbox", {}), False, ("Text", {}), "declared as Checkbox, .*False .* Text(255)"),
        (("Number", {}), 5, ("Text", {}), "5.0 .* does not fit Text(255)"),
        (("Date", {}), "2024-01-31", ("DateTime", {}), "'2024-01-31' .* DateTime"),
        (("DateTime", {}), "2024-01-31T09:30:00Z", ("Date", {}), "declared as DateTime"),
        (("Text", {"length": 5}), "abcde", ("Text", {"length": 4}), "Text(5), .* fit Text(4)"),
        (("Number", {"scale": 2}), 1.25, ("Number", {"scale": 1}), "1.25 .* Number(18, 1)"),
        (("Number", {}), 1000, ("Number", {"precision": 3}), "1000.0 .* Number(3, 0)"),
        (("Text", {}), "nobody", ("Email", {}), "'nobody' .* Email"),
        (("Text", {}), "x", ("Text", {"formula": "Name"}), "'x' .* formula"),
        (("Text", {}), "x", ("Lookup", CONTACT), "'x' .* Lookup(Contact)"),
    ],
)
def test_a_declaration_that_does_not_fit_the_data_is_refused(
    opened: Opened,
    before: tuple[str, dict[str, Any]],
    value: Any,
    after: tuple[str, dict[str, Any]],
    reason: str,
) -> None:
    [record_id] = stored(opened, before[0], value, **before[1])
    wanted = reason.replace("(", r"\(").replace(")", r"\)")
    with opened() as org:
        with pytest.raises(ValueError, match=wanted) as refusal:
            org.add_field("Account", "f__c", after[0], **after[1])
        said = str(refusal.value)
        assert said.startswith("Account.f__c has been declared as ")
        assert said.endswith("declare it as before, begin with a new file, or declare a new field")
        org.add_field("Account", "F__c", before[0], **before[1])
        kept = Caller(org).get("Account", record_id)["F__c"]
        assert kept == value or str(kept).startswith(str(value)[:19])


def test_a_lookup_keeps_its_parent(opened: Opened) -> None:
    with opened() as org:
        org.add_field("Account", "F__c", "Lookup", reference_to="Contact")
        contact = Caller(org).create("Contact", LastName="Doe")
        Caller(org).create("Account", Name="Acme", F__c=contact)
    reason = re.escape(f"Lookup(Contact), and the value '{contact}' of the record")
    with opened() as org:
        with pytest.raises(ValueError, match=reason):
            org.add_field("Account", "F__c", "Lookup", reference_to="Case")
        with pytest.raises(ValueError, match=reason):
            org.add_field("Account", "F__c", "Text")


def test_what_is_in_the_recycle_bin_has_to_fit_too(opened: Opened) -> None:
    [record_id] = stored(opened, "Text", "x")
    with opened() as org:
        Caller(org)("DELETE", f"sobjects/Account/{record_id}")
        with pytest.raises(ValueError, match="declared as Text"):
            org.add_field("Account", "F__c", "Number")


def test_a_place_on_earth_becomes_nothing_else(opened: Opened) -> None:
    with opened() as org:
        org.add_field("Account", "F__c", "Location", scale=5)
        Caller(org).create("Account", Name="Acme", F__Latitude__s=1.5)
    with opened() as org:
        with pytest.raises(ValueError, match=r"declared as Location\(18, 5\), and the value 1\.5"):
            org.add_field("Account", "F__c", "Text")
        with pytest.raises(ValueError, match=r"does not fit Location\(18, 0\)"):
            org.add_field("Account", "F__c", "Location", scale=0)
        org.add_field("Account", "F__c", "Location", scale=1)


@pytest.mark.parametrize(
    ("before", "value", "after"),
    [
        (("Text", {}), "x", {"label": "Other", "help_text": "Helps", "default": "y"}),
        (("Text", {}), "x", {"required": True, "external_id": True, "unique": True}),
        (("Text", {"length": 5}), "abcde", {"length": 200}),
        (("Text", {"length": 200}), "abcde", {"length": 5}),
        (("Number", {"precision": 5}), 12345, {"precision": 18, "scale": 2}),
        (("Picklist", COLOURS), "Red", {"values": ["red", "Blue", "Green"], "restricted": True}),
        (("Picklist", COLOURS), "Red", {"values": ["Blue"], "restricted": True}),
    ],
)
def test_a_declaration_that_fits_the_data_is_taken(
    opened: Opened, before: tuple[str, dict[str, Any]], value: Any, after: dict[str, Any]
) -> None:
    kind, options = before
    [record_id] = stored(opened, kind, value, **options)
    for _ in range(2):
        with opened() as org:
            org.add_field("Account", "F__c", kind, **after)
            assert Caller(org).get("Account", record_id)["F__c"] == value


@pytest.mark.parametrize(
    ("before", "value", "after", "options"),
    [
        ("Text", "Red", "Picklist", COLOURS),
        ("Picklist", "Red", "Text", {"length": 3}),
        ("Text", "doe@example.com", "Email", {}),
        ("Number", 5, "Currency", {}),
        ("Text", "abc", "LongTextArea", {}),
    ],
)
def test_another_type_that_fits_the_data_is_taken(
    opened: Opened, before: str, value: Any, after: str, options: dict[str, Any]
) -> None:
    more = COLOURS if before == "Picklist" else {}
    [record_id] = stored(opened, before, value, **more)
    with opened() as org:
        org.add_field("Account", "F__c", after, **options)
        call = Caller(org)
        assert call.get("Account", record_id)["F__c"] == value
        assert call("PATCH", f"sobjects/Account/{record_id}", {"F__c": value}).status == 204


@pytest.mark.parametrize(
    ("kind", "options", "value"),
    [
        ("Number", {"scale": 2}, 1.5),
        ("Checkbox", {}, True),
        ("Location", {}, None),
        ("Lookup", {"reference_to": "Account"}, None),
    ],
)
def test_a_field_that_is_empty_may_become_anything(
    opened: Opened, kind: str, options: dict[str, Any], value: Any
) -> None:
    [record_id] = stored(opened, "Text", None, external_id=True)
    with opened() as org:
        org.add_field("Account", "F__c", kind, **options)
        call = Caller(org)
        assert call.get("Account", record_id)["F__c"] == (False if kind == "Checkbox" else None)
        if value is not None:
            other = call.create("Account", Name="Acme", F__c=value)
            assert call.get("Account", other)["F__c"] == value
            typed = call.query(f"SELECT Id FROM Account WHERE F__c = {str(value).lower()}")
            assert [record["Id"] for record in typed["records"]] == [other]


def test_a_place_that_is_empty_may_become_text(opened: Opened) -> None:
    assert stored(opened, "Location") == []
    with opened() as org:
        org.add_field("Account", "F__c", "Text")
        record_id = Caller(org).create("Account", Name="Acme", F__c="x")
        assert Caller(org).get("Account", record_id)["F__c"] == "x"


def test_duplicates_keep_a_field_from_being_unique(opened: Opened) -> None:
    first, second = stored(opened, "Text", "x", "X")
    with opened() as org:
        reason = f"F__c cannot be unique: the records {first} and {second} both have 'x'"
        with pytest.raises(ValueError, match=f"Account.{reason}.* new file"):
            org.add_field("Account", "F__c", "Text", unique=True)
        org.add_field("Account", "F__c", "Text", unique=True, case_sensitive=True)
    with opened() as org, pytest.raises(ValueError, match=f"Account.{reason}"):
        org.add_field("Account", "F__c", "Text", unique=True)


def test_a_duplicate_in_the_recycle_bin_is_none(opened: Opened) -> None:
    first, second = stored(opened, "Text", "x", "x")
    with opened() as org:
        Caller(org)("DELETE", f"sobjects/Account/{first}")
        org.add_field("Account", "F__c", "Text", unique=True)
        error = Caller(org)("POST", "sobjects/Account", {"Name": "Acme", "F__c": "x"}).body[0]
        assert (error["errorCode"], second[:15] in error["message"]) == ("DUPLICATE_VALUE", True)


def test_a_field_that_tells_case_apart_now_is_still_found_by_an_index(opened: Opened) -> None:
    stored(opened, "Text", "x", external_id=True)
    with opened() as org:
        org.add_field("Account", "F__c", "Text", external_id=True, case_sensitive=True)
        field = org._schema["Account"].field("F__c")
        assert field is not None
        [step] = org._store.rows(
            f'EXPLAIN QUERY PLAN SELECT "Id" FROM "Account" WHERE {comparable(field)} = ?', ("x",)
        )
        assert step[3].startswith("SEARCH Account USING INDEX")


def test_a_custom_object_keeps_its_fields_too(opened: Opened) -> None:
    with opened() as org:
        org.add_object("Widget__c")
        org.add_field("Widget__c", "F__c", "Text")
        Caller(org).create("Widget__c", F__c="x")
    with opened() as org:
        org.add_object("widget__c", label="Widget", label_plural="Widgets")
        with pytest.raises(ValueError, match=r"widget__c\.F__c .* Text\(255\)"):
            org.add_field("Widget__c", "F__c", "Date")


SOURCE = """<CustomField xmlns="http://soap.sforce.com/2006/04/metadata">
    <fullName>F__c</fullName> <label>F</label> <type>{}</type>
</CustomField>"""
OBJECT = """<CustomObject xmlns="http://soap.sforce.com/2006/04/metadata">
    <label>Widget</label> <pluralLabel>Widgets</pluralLabel>
    <nameField><label>Name</label> <type>Text</type></nameField>
</CustomObject>"""


def test_source_that_does_not_fit_declares_nothing(opened: Opened, tmp_path: Path) -> None:
    [record_id] = stored(opened, "Text", "x")
    source = tmp_path / "objects"
    field = source / "Account/fields/F__c.field-meta.xml"
    widget = source / "Widget__c/Widget__c.object-meta.xml"
    for path, content in ((field, SOURCE.format("Date")), (widget, OBJECT)):
        path.parent.mkdir(parents=True)
        path.write_text(content)
    with opened() as org:
        with pytest.raises(ValueError, match=r"Account\.F__c .* Text\(255\)"):
            org.load_metadata(source)
        call = Caller(org)
        assert call("GET", "sobjects/Widget__c/describe").status == 404
        assert call("GET", f"sobjects/Account/{record_id}?fields=F__c").status == 400


def test_a_file_of_an_earlier_release_takes_the_first_declaration(opened: Opened) -> None:
    stored(opened, "Text", "x")
    with opened() as org:
        org._store.rows("DROP TABLE _declarations")
    with opened() as org:
        org.add_field("Account", "F__c", "TextArea")
    with opened() as org, pytest.raises(ValueError, match="declared as TextArea"):
        org.add_field("Account", "F__c", "Number")
