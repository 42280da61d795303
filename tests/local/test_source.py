"""Custom objects and fields from the source of a Salesforce project."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.local.caller import Caller
from tests.local.sources import OBJECT, Write, described
from twinforce.local import LocalOrg


def test_objects_and_fields_are_declared_whatever_the_order_of_their_files(
    org: LocalOrg, call: Caller, project: Path, write: Write, field: Write
) -> None:
    # A comes before Z in the folder, and refers to it.
    write("a/objects/A__c/A__c.object-meta.xml", "CustomObject", "<label>A</label>")
    field(
        "A__c",
        "Z__c",
        "Lookup",
        "<referenceTo>Z__c</referenceTo><relationshipName>As</relationshipName>",
    )
    write("z/objects/Z__c/Z__c.object-meta.xml", "CustomObject", OBJECT)
    field("Z__c", "Amount__c", "Currency", "<precision>16</precision><scale>2</scale>")
    field("Account", "Score__c", "Number", "<precision>4</precision><scale>1</scale>")

    loaded = org.load_metadata(project)

    assert loaded.objects == ("A__c", "Z__c")
    assert set(loaded.fields) == {"A__c.Z__c", "Account.Score__c", "Z__c.Amount__c"}
    assert loaded.skipped == ()
    parent = call.create("Z__c", Amount__c=12.345)
    call.create("A__c", Name="child", Z__c=parent)
    [record] = call.query("SELECT Name, Z__r.Name, Z__r.Amount__c FROM A__c")["records"]
    assert (record["Z__r"]["Name"], record["Z__r"]["Amount__c"]) == ("I-0001", 12.35)
    [above] = call.query("SELECT (SELECT Name FROM As__r) FROM Z__c")["records"]
    assert above["As__r"]["totalSize"] == 1
    number = described(call, "Account", "Score__c")
    assert (number["type"], number["precision"], number["scale"]) == ("double", 4, 1)
    plural = call("GET", "sobjects/Z__c/describe").body["labelPlural"]
    assert (plural, described(call, "Z__c", "Name")["label"]) == ("Invoices", "Number")


def test_a_package_for_the_metadata_api_has_all_of_an_object_in_one_file(
    org: LocalOrg, call: Caller, project: Path, write: Write
) -> None:
    write(
        "src/objects/Invoice__c.object",
        "CustomObject",
        OBJECT
        + """
        <fields><fullName>Paid__c</fullName><label>Paid</label><type>Checkbox</type>
            <defaultValue>true</defaultValue></fields>
        <fields><fullName>State__c</fullName><label>State</label><type>Picklist</type>
            <picklist><picklistValues><fullName>Open</fullName><default>true</default></picklistValues>
            <picklistValues><fullName>Done</fullName><default>false</default></picklistValues>
            <sorted>false</sorted></picklist></fields>
        """,
    )
    write(
        "src/objects/Account.object",
        "CustomObject",
        """<fields><fullName>Tier__c</fullName><label>Tier</label><type>Text</type><length>5</length>
        </fields><fields><fullName>Industry</fullName></fields>""",
    )
    loaded = org.load_metadata(str(project))
    assert loaded.fields == ("Account.Tier__c", "Invoice__c.Paid__c", "Invoice__c.State__c")
    invoice = call.get("Invoice__c", call.create("Invoice__c"))
    assert (invoice["Paid__c"], invoice["State__c"]) == (True, "Open")


KINDS: list[tuple[str, str, dict[str, Any]]] = [
    (
        "Text",
        """<length>12</length><unique>true</unique><externalId>true</externalId>
        <caseSensitive>true</caseSensitive><required>true</required>
        <inlineHelpText>How to</inlineHelpText>""",
        {
            "type": "string",
            "length": 12,
            "unique": True,
            "externalId": True,
            "idLookup": True,
            "caseSensitive": True,
            "nillable": False,
            "inlineHelpText": "How to",
        },
    ),
    (
        "Text",
        "<length>12</length><defaultValue>&quot;new&quot;</defaultValue>",
        {"defaultValueFormula": '"new"', "defaultedOnCreate": True},
    ),
    (
        "Checkbox",
        "<defaultValue>false</defaultValue><externalId>false</externalId><unique>false</unique>",
        {"type": "boolean", "nillable": False, "defaultValue": False},
    ),
    (
        "Percent",
        "<precision>5</precision><scale>1</scale><defaultValue>0.25</defaultValue>",
        {"type": "percent", "defaultValueFormula": "0.25", "precision": 5, "scale": 1},
    ),
    (
        "EncryptedText",
        "<length>20</length><maskChar>X</maskChar><maskType>lastFour</maskType>",
        {"type": "encryptedstring", "encrypted": True, "mask": "X", "maskType": "lastFour"},
    ),
    (
        "Number",
        "<formula>Amount__c * 2</formula><precision>18</precision><scale>2</scale>",
        {
            "type": "double",
            "calculated": True,
            "calculatedFormula": "Amount__c * 2",
            "createable": False,
            "updateable": False,
        },
    ),
    (
        "Text",
        "<formula>Name &amp; 'x'</formula><unique>false</unique>",
        {"type": "string", "length": 1300, "calculated": True},
    ),
    (
        "Summary",
        "<summaryOperation>count</summaryOperation><summaryForeignKey>A__c.B__c</summaryForeignKey>",
        {"type": "double", "calculated": True, "createable": False},
    ),
    ("Html", "<length>32768</length>", {"htmlFormatted": True, "extraTypeInfo": "richtextarea"}),
    ("LongTextArea", "<length>5000</length>", {"type": "textarea", "filterable": False}),
    (
        "AutoNumber",
        "<displayFormat>N-{00}</displayFormat><externalId>true</externalId>",
        {"autoNumber": True, "externalId": True},
    ),
    (
        "Lookup",
        "<referenceTo>contact</referenceTo><deleteConstraint>Restrict</deleteConstraint>",
        {"referenceTo": ["Contact"], "relationshipName": "F__r", "restrictedDelete": True},
    ),
    (
        "Lookup",
        "<referenceTo>Contact</referenceTo><required>true</required>",
        {"nillable": False, "restrictedDelete": True, "cascadeDelete": False},
    ),
    (
        "MultiselectPicklist",
        """<valueSet><valueSetDefinition><sorted>true</sorted>
        <value><fullName>a</fullName><default>true</default><label>Alpha</label></value>
        <value><fullName>b</fullName><default>true</default></value>
        <value><fullName>c</fullName><isActive>false</isActive></value>
        </valueSetDefinition></valueSet>""",
        {"type": "multipicklist", "defaultValue": "a;b", "restrictedPicklist": False},
    ),
]


@pytest.mark.parametrize(("kind", "content", "attributes"), KINDS)
def test_a_field_is_described_as_its_file_declares_it(
    org: LocalOrg,
    call: Caller,
    project: Path,
    field: Write,
    kind: str,
    content: str,
    attributes: dict[str, Any],
) -> None:
    field("Account", "F__c", kind, content)
    assert org.load_metadata(project).skipped == ()
    body = described(call, "Account", "F__c")
    assert {name: body[name] for name in attributes} == attributes
    assert body["custom"] is True


def test_what_a_formula_would_calculate_is_empty_and_read_only(
    org: LocalOrg, call: Caller, project: Path, field: Write
) -> None:
    field("Account", "Twice__c", "Number", "<formula>2 * 2</formula>")
    field("Account", "Is__c", "Checkbox", "<formula>TRUE</formula>")
    org.load_metadata(project)
    account = call.get("Account", call.create("Account", Name="A"))
    assert (account["Twice__c"], account["Is__c"]) == (None, False)
    answer = call("POST", "sobjects/Account", {"Name": "A", "Twice__c": 4})
    assert answer.body[0]["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"


def test_a_default_fills_in_where_it_is_a_literal(
    org: LocalOrg, call: Caller, project: Path, field: Write
) -> None:
    text = "<length>9</length><defaultValue>&apos;new&apos;</defaultValue>"
    field("Account", "State__c", "Text", text)
    share = "<precision>5</precision><scale>1</scale><defaultValue>0.25</defaultValue>"
    field("Account", "Share__c", "Percent", share)
    now = "<required>true</required><defaultValue>NOW()</defaultValue>"
    field("Account", "Since__c", "DateTime", now)
    org.load_metadata(project)
    account = call.get("Account", call.create("Account", Name="A"))
    assert (account["State__c"], account["Share__c"], account["Since__c"]) == ("new", 25.0, None)


def test_an_auto_number_may_show_the_day(project: Path, write: Write) -> None:
    write(
        "objects/Stay__c/Stay__c.object-meta.xml",
        "CustomObject",
        """<label>Stay</label><nameField><type>AutoNumber</type><label>Number</label>
        <displayFormat>{DD}{MM}{YY}-{000}/{YYYY}</displayFormat></nameField>""",
    )
    with LocalOrg(clock=lambda: datetime(2024, 1, 31, tzinfo=UTC)) as org:
        org.load_metadata(project)
        call = Caller(org)
        assert call.get("Stay__c", call.create("Stay__c"))["Name"] == "310124-001/2024"


def test_a_detail_has_two_masters_at_most(
    org: LocalOrg, project: Path, write: Write, field: Write
) -> None:
    write("objects/Line__c/Line__c.object-meta.xml", "CustomObject", "<label>Line</label>")
    for master in ("Account", "Contact", "Case"):
        content = f"<referenceTo>{master}</referenceTo><relationshipName>Lines</relationshipName>"
        field("Line__c", f"{master}__c", "MasterDetail", content)
    with pytest.raises(ValueError, match=r"only custom objects have them, at most 2 each"):
        org.load_metadata(project)


def test_a_geolocation_is_put_together_from_its_parts(
    org: LocalOrg, call: Caller, project: Path, field: Write
) -> None:
    field(
        "Account",
        "Place__c",
        "Location",
        "<scale>5</scale><displayLocationInDecimal>true</displayLocationInDecimal>",
    )
    org.load_metadata(project)
    account = call.create("Account", Name="A", Place__Latitude__s=48.1, Place__Longitude__s=11.5)
    record = call.get("Account", account)
    assert record["Place__c"] == {"latitude": 48.1, "longitude": 11.5}
    assert record["Place__Latitude__s"] == 48.1
    [found] = call.query("SELECT Place__c FROM Account WHERE Place__Latitude__s > 48")["records"]
    assert found["Place__c"]["longitude"] == 11.5
    compound = described(call, "Account", "Place__c")
    assert (compound["type"], compound["createable"]) == ("location", False)
    part = described(call, "Account", "Place__Longitude__s")
    assert (part["compoundFieldName"], part["type"]) == ("Place__c", "double")


def test_a_detail_belongs_to_its_master(
    org: LocalOrg, call: Caller, project: Path, write: Write, field: Write
) -> None:
    write("objects/Line__c/Line__c.object-meta.xml", "CustomObject", "<label>Line</label>")
    content = (
        "<referenceTo>Account</referenceTo><relationshipName>Lines</relationshipName>"
        "<reparentableMasterDetail>true</reparentableMasterDetail><relationshipOrder>1</relationshipOrder>"
    )
    field("Line__c", "Account__c", "MasterDetail", content)
    org.load_metadata(project)
    master = described(call, "Line__c", "Account__c")
    assert (master["updateable"], master["relationshipOrder"], master["cascadeDelete"]) == (
        True,
        1,
        True,
    )
    assert call("POST", "sobjects/Line__c", {}).body[0]["fields"] == ["Account__c"]
    account = call.create("Account", Name="A")
    line = call.create("Line__c", Account__c=account)
    assert "OwnerId" not in call.get("Line__c", line)
    assert call("DELETE", f"sobjects/Account/{account}").status == 204
    assert call("GET", f"sobjects/Line__c/{line}").status == 404


def test_users_have_hierarchies(org: LocalOrg, call: Caller, project: Path, field: Write) -> None:
    field("User", "Mentor__c", "Hierarchy", "<referenceTo>User</referenceTo>")
    org.load_metadata(project)
    assert described(call, "User", "Mentor__c")["referenceTo"] == ["User"]
    with pytest.raises(ValueError, match="only User can have a Hierarchy"):
        org.add_field("Account", "Mentor__c", "Hierarchy")


def test_value_sets_may_be_shared(
    org: LocalOrg, call: Caller, project: Path, write: Write, field: Write
) -> None:
    values = (
        "<customValue><fullName>{}</fullName><default>{}</default><label>{}</label></customValue>"
    )
    write(
        "globalValueSets/Colours.globalValueSet-meta.xml",
        "GlobalValueSet",
        values.format("R", "false", "Red") + values.format("G", "true", "Green"),
    )
    shared = "<valueSet><valueSetName>Colours</valueSetName></valueSet>"
    field("Account", "Colour__c", "Picklist", shared)
    field("Contact", "Colour__c", "Picklist", shared)
    standard = (
        "<valueSet><restricted>true</restricted><valueSetName>Industry</valueSetName></valueSet>"
    )
    field("Contact", "Trade__c", "Picklist", standard)
    org.load_metadata(project)
    colour = described(call, "Contact", "Colour__c")
    assert [(it["value"], it["label"]) for it in colour["picklistValues"]] == [
        ("R", "Red"),
        ("G", "Green"),
    ]
    assert (colour["restrictedPicklist"], colour["defaultValue"]) == (True, "G")
    answer = call("POST", "sobjects/Account", {"Name": "A", "Colour__c": "Blue"})
    assert answer.body[0]["errorCode"] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    trades = [it["value"] for it in described(call, "Contact", "Trade__c")["picklistValues"]]
    assert "Agriculture" in trades


def test_a_standard_value_set_replaces_the_values_of_its_fields(
    org: LocalOrg, call: Caller, project: Path, write: Write
) -> None:
    write(
        "standardValueSets/OpportunityStage.standardValueSet-meta.xml",
        "StandardValueSet",
        """<sorted>false</sorted>
        <standardValue><fullName>Lead in</fullName><default>false</default><closed>false</closed>
            <forecastCategory>Pipeline</forecastCategory><probability>15</probability><won>false</won></standardValue>
        <standardValue><fullName>Signed</fullName><default>false</default><closed>true</closed>
            <forecastCategory>Closed</forecastCategory><probability>100</probability><won>true</won></standardValue>
        <standardValue><fullName>Gone</fullName><default>false</default><isActive>false</isActive></standardValue>""",
    )
    org.load_metadata(project)
    stages = described(call, "Opportunity", "StageName")["picklistValues"]
    assert [stage["value"] for stage in stages] == ["Lead in", "Signed"]
    signed = call.create("Opportunity", Name="O", StageName="Signed", CloseDate="2024-01-31")
    record = call.get("Opportunity", signed)
    assert (record["IsWon"], record["IsClosed"], record["Probability"]) == (True, True, 100.0)


def test_record_types_are_records(org: LocalOrg, call: Caller, project: Path, write: Write) -> None:
    content = "<fullName>{0}</fullName><active>{1}</active><label>The {0}</label>"
    for name, active in (("Person", "true"), ("Former", "false")):
        place = f"objects/Account/recordTypes/{name}.recordType-meta.xml"
        write(place, "RecordType", content.format(name, active))
    write(
        "src/objects/Invoice__c.object",
        "CustomObject",
        f"{OBJECT}<recordTypes>{content.format('Final', 'true')}</recordTypes>",
    )
    org.load_metadata(project)
    org.load_metadata(project)
    soql = "SELECT Id, Name, IsActive FROM RecordType WHERE SobjectType = 'Account' ORDER BY Name"
    former, person = call.query(soql)["records"]
    assert (former["Name"], former["IsActive"], person["Name"]) == (
        "The Former",
        False,
        "The Person",
    )
    account = call.create("Account", Name="A", RecordTypeId=person["Id"])
    [found] = call.query("SELECT Id FROM Account WHERE RecordType.DeveloperName = 'Person'")[
        "records"
    ]
    assert found["Id"] == account
    infos = call("GET", "sobjects/Account/describe").body["recordTypeInfos"]
    assert [(info["developerName"], info["available"], info["master"]) for info in infos] == [
        ("Former", False, False),
        ("Person", True, False),
        ("Master", True, True),
    ]
    assert infos[1]["urls"]["layout"].endswith(f"/describe/layouts/{person['Id']}")
    assert described(call, "Invoice__c", "RecordTypeId")["referenceTo"] == ["RecordType"]


def test_the_fields_of_activities_are_those_of_tasks_and_events(
    org: LocalOrg, call: Caller, project: Path, field: Write
) -> None:
    field("Activity", "Mood__c", "Text", "<length>10</length>")
    content = "<referenceTo>Account</referenceTo><relationshipName>Visits</relationshipName>"
    field("Activity", "Visit__c", "Lookup", content)
    loaded = org.load_metadata(project)
    assert loaded.fields == ("Event.Mood__c", "Event.Visit__c", "Task.Mood__c", "Task.Visit__c")
    children = call("GET", "sobjects/Account/describe").body["childRelationships"]
    assert [
        child["childSObject"] for child in children if child["relationshipName"] == "Visits__r"
    ] == ["Task"]
    task = call.create("Task", Subject="S", Mood__c="good")
    assert call.get("Task", task)["Mood__c"] == "good"


@pytest.mark.parametrize(
    ("kind", "content", "reason"),
    [
        (
            "Text",
            "<length>many</length>",
            "<length> in <CustomField> must be a whole number, not 'many'",
        ),
        ("Text", "<length>300</length>", "length of F__c must be a whole number from 1 to 255"),
        (
            "Text",
            "<length>9</length><unique>yes</unique>",
            "<unique> in <CustomField> must be true or",
        ),
        (
            "Checkbox",
            "<defaultValue>maybe</defaultValue>",
            "<defaultValue> in <CustomField> must be",
        ),
        ("Checkbox", "<externalId>true</externalId>", "a Checkbox field does not take external_id"),
        ("Textual", "", "<type> in <CustomField> is 'Textual', which is not a type of field"),
        ("Lookup", "", "<CustomField> has no <referenceTo>"),
        (
            "Lookup",
            "<referenceTo>Account</referenceTo><deleteConstraint>Never</deleteConstraint>",
            "delete_constraint of F__c must be one of SetNull, Restrict, Cascade, not 'Never'",
        ),
        ("Picklist", "", "<CustomField> has no <valueSet>"),
        ("Picklist", "<valueSet/>", "<valueSetDefinition> in <valueSet> is missing"),
        (
            "Picklist",
            "<valueSet><valueSetDefinition><value/></valueSetDefinition></valueSet>",
            "<value> has no <fullName>",
        ),
        (
            "MasterDetail",
            "<referenceTo>Contact</referenceTo>",
            "Account.F__c cannot be a MasterDetail: only custom objects have them",
        ),
    ],
)
def test_source_that_salesforce_would_refuse_is_refused_whole(
    org: LocalOrg, call: Caller, project: Path, field: Write, kind: str, content: str, reason: str
) -> None:
    field("Account", "Afore__c", "Text", "<length>5</length>")
    field("Account", "F__c", kind, content)
    with pytest.raises(ValueError, match=r"F__c") as caught:
        org.load_metadata(project)
    assert reason in str(caught.value)
    if kind != "MasterDetail":
        assert str(project / "objects/Account/fields/F__c.field-meta.xml") in str(caught.value)
    fields = call("GET", "sobjects/Account/describe").body["fields"]
    assert not [one for one in fields if one["custom"]]


LAUGHS = (
    '<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;&lol;">]>',
    '<!DOCTYPE x [<!ENTITY file SYSTEM "file:///etc/passwd">]>',
    '<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd">',
)


@pytest.mark.parametrize("head", LAUGHS)
def test_a_document_type_is_refused(org: LocalOrg, project: Path, write: Write, head: str) -> None:
    write("objects/A__c/A__c.object-meta.xml", "CustomObject", "<label>&lol2;</label>", head=head)
    with pytest.raises(ValueError, match=r"A__c.object-meta.xml: it has a document type"):
        org.load_metadata(project)


def test_what_is_not_source_is_refused(org: LocalOrg, project: Path, write: Write) -> None:
    complaint = r"^the folder '.*force-app' cannot be read: No such file or directory; name the"
    with pytest.raises(FileNotFoundError, match=complaint):
        org.load_metadata(project)
    nothing: Any = 5
    with pytest.raises(TypeError, match="a folder of source must be a str or a Path, not int"):
        org.load_metadata(nothing)
    write("objects/A__c/A__c.object-meta.xml", "CustomObject", "<label>A</wrong>")
    with pytest.raises(ValueError, match=r"A__c.object-meta.xml: mismatched tag"):
        org.load_metadata(project)
    write("objects/A__c/A__c.object-meta.xml", "CustomField", "<label>A</label>")
    with pytest.raises(
        ValueError, match="it holds a <CustomField>, where a <CustomObject> belongs"
    ):
        org.load_metadata(project)


def test_source_may_be_loaded_again_and_an_org_opened_again(
    tmp_path: Path, project: Path, write: Write, field: Write
) -> None:
    write("objects/Invoice__c/Invoice__c.object-meta.xml", "CustomObject", OBJECT)
    field("Invoice__c", "Amount__c", "Currency", "<precision>16</precision><scale>2</scale>")
    with LocalOrg(tmp_path / "org.db") as org:
        assert org.load_metadata(project) == org.load_metadata(project)
        invoice = Caller(org).create("Invoice__c", Amount__c=5)
    field("Invoice__c", "Note__c", "TextArea")
    with LocalOrg(tmp_path / "org.db") as org:
        org.load_metadata(project)
        record = Caller(org).get("Invoice__c", invoice)
        assert (record["Amount__c"], record["Note__c"]) == (5.0, None)
    field("Invoice__c", "Amount__c", "Currency", "<precision>10</precision><scale>2</scale>")
    with LocalOrg() as org:
        org.load_metadata(project)
        field("Invoice__c", "Amount__c", "Text", "<length>5</length>")
        with pytest.raises(
            ValueError, match="Amount__c has been declared already, and differently"
        ):
            org.load_metadata(project)


def test_a_record_type_that_is_too_long_is_refused(
    org: LocalOrg, call: Caller, project: Path, write: Write
) -> None:
    write("objects/A__c/A__c.object-meta.xml", "CustomObject", "<label>A</label>")
    place = "objects/A__c/recordTypes/Long.recordType-meta.xml"
    write(place, "RecordType", f"<fullName>Long</fullName><label>{'x' * 81}</label>")
    with pytest.raises(
        ValueError, match=r"Long.recordType-meta.xml: Long has a Name of more than 80"
    ):
        org.load_metadata(project)
    assert call("GET", "sobjects/A__c/describe").status == 404


def test_one_declaration_in_two_files_is_refused(
    org: LocalOrg, project: Path, write: Write, field: Write
) -> None:
    write("a/objects/A__c/A__c.object-meta.xml", "CustomObject", "<label>A</label>")
    write("b/objects/A__c/A__c.object-meta.xml", "CustomObject", "<label>B</label>")
    with pytest.raises(ValueError, match=r"b/.*: A__c is in .*a/objects/A__c"):
        org.load_metadata(project)


def test_source_whose_record_type_a_rule_refuses_declares_nothing(
    org: LocalOrg, call: Caller, project: Path, write: Write, field: Write
) -> None:
    write("objects/A__c/A__c.object-meta.xml", "CustomObject", "<label>A</label>")
    field("Account", "Note__c", "TextArea")
    place = "objects/Account/recordTypes/Big.recordType-meta.xml"
    write(place, "RecordType", "<fullName>Big</fullName><label>Big</label>")
    write(
        "standardValueSets/Industry.standardValueSet-meta.xml",
        "StandardValueSet",
        "<standardValue><fullName>Toys</fullName></standardValue>",
    )
    allowed: list[str] = []
    org.add_validation_rule("RecordType", lambda _: not allowed, message="No.")
    with pytest.raises(ValueError, match=r"the record type Big of Account: No\."):
        org.load_metadata(project)
    assert call("GET", "sobjects/A__c/describe").status == 404
    fields = call("GET", "sobjects/Account/describe").body["fields"]
    names = {field["name"]: field for field in fields}
    assert "Note__c" not in names
    assert len(names["Industry"]["picklistValues"]) > 1
    assert call("GET", "query?q=SELECT+FIELDS(ALL)+FROM+Account+LIMIT+1").status == 200
    allowed.append("Big")
    org.load_metadata(project)
    account = call.create("Account", Name="Acme", Note__c="n", Industry="Toys")
    assert call.get("Account", account)["Note__c"] == "n"


def test_an_unknown_encoding_is_refused(org: LocalOrg, project: Path) -> None:
    project.mkdir()
    project.joinpath("A__c.object").write_text('<?xml version="1.0" encoding="foo-bar"?><a/>')
    with pytest.raises(ValueError, match=r"A__c.object: .*foo-bar"):
        org.load_metadata(project)


def test_a_number_of_many_digits_is_refused(org: LocalOrg, project: Path, field: Write) -> None:
    field("Account", "A__c", "Text", f"<length>{'9' * 5_000}</length>")
    with pytest.raises(ValueError, match=r"A__c.*<length> in <CustomField> must be .{,80}$"):
        org.load_metadata(project)


@pytest.mark.parametrize("kind", ["Number", "Percent"])
def test_a_default_of_many_digits_is_refused(
    org: LocalOrg, project: Path, field: Write, kind: str
) -> None:
    scale = "<precision>18</precision><scale>2</scale>"
    field("Account", "A__c", kind, f"{scale}<defaultValue>{'9' * 5_000}</defaultValue>")
    with pytest.raises(ValueError, match=r"A__c.field-meta.xml: .*A__c"):
        org.load_metadata(project)


def test_an_object_that_sqlite_has_no_room_for_is_skipped(
    org: LocalOrg, project: Path, write: Write, field: Write
) -> None:
    write("objects/Sqlite__c/Sqlite__c.object-meta.xml", "CustomObject", "<label>A</label>")
    field("Sqlite__c", "Note__c", "TextArea")
    loaded = org.load_metadata(project)
    assert (loaded.objects, loaded.fields, len(loaded.skipped)) == ((), (), 1)
    assert "no object's name begins with sqlite_" in loaded.skipped[0]


def test_more_fields_than_salesforce_allows_are_refused(
    org: LocalOrg, call: Caller, project: Path, write: Write
) -> None:
    def fields(count: int) -> str:
        return "".join(
            f"<fields><fullName>F{number}__c</fullName><type>Date</type></fields>"
            for number in range(count)
        )

    write("Account.object", "CustomObject", fields(901))
    with pytest.raises(ValueError, match=r"Account would have 901 custom fields; .* allows 900"):
        org.load_metadata(project)
    write("Account.object", "CustomObject", fields(898))
    org.load_metadata(project)
    org.add_field("Account", "F0__c", "Date")
    org.add_field("Account", "F898__c", "Date")
    with pytest.raises(ValueError, match="902 custom fields"):
        org.add_field("Account", "Place__c", "Location", scale=2)
    account = call.create("Account", Name="Acme", F898__c="2024-01-31")
    assert call.get("Account", account)["F898__c"] == "2024-01-31"
