"""What describe calls tell of the objects."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.local.caller import Caller
from twinforce.local import LocalOrg

PREFIXES = {
    "Account": "001",
    "Contact": "003",
    "Opportunity": "006",
    "Lead": "00Q",
    "Case": "500",
    "User": "005",
    "Attachment": "00P",
    "ContentDocument": "069",
    "ContentVersion": "068",
}


def fields_of(call: Caller, sobject: str) -> dict[str, dict[str, object]]:
    answer = call("GET", f"sobjects/{sobject}/describe")
    assert answer.status == 200
    return {field["name"]: field for field in answer.body["fields"]}


def test_describe_global_lists_the_objects(org: LocalOrg, call: Caller) -> None:
    org.add_object("Widget__c")
    body = call("GET", "sobjects/").body
    assert (body["encoding"], body["maxBatchSize"]) == ("UTF-8", 200)
    prefixes = {sobject["name"]: sobject["keyPrefix"] for sobject in body["sobjects"]}
    assert prefixes.items() >= PREFIXES.items()
    widget = next(sobject for sobject in body["sobjects"] if sobject["name"] == "Widget__c")
    assert (widget["custom"], widget["label"]) == (True, "Widget")
    assert widget["urls"]["describe"] == "/services/data/v67.0/sobjects/Widget__c/describe"


@pytest.mark.parametrize(
    ("sobject", "required"),
    [
        ("Account", {"Name"}),
        ("Contact", {"LastName"}),
        ("Lead", {"LastName", "Company"}),
        ("Opportunity", {"Name", "StageName", "CloseDate"}),
        ("Case", set()),
        ("Attachment", {"ParentId", "Name", "Body"}),
        ("ContentVersion", set()),
    ],
)
def test_an_object_requires_what_salesforce_requires(
    call: Caller, sobject: str, required: set[str]
) -> None:
    wanted = {
        name
        for name, field in fields_of(call, sobject).items()
        if field["createable"] and not field["nillable"] and not field["defaultedOnCreate"]
    }
    assert wanted == required


def test_a_field_is_described_in_full(call: Caller) -> None:
    fields = fields_of(call, "Contact")
    account_id = fields["AccountId"]
    assert len(account_id) == 57
    assert account_id["type"] == "reference"
    assert account_id["referenceTo"] == ["Account"]
    assert account_id["relationshipName"] == "Account"
    assert account_id["soapType"] == "tns:ID"
    assert (fields["LastName"]["length"], fields["LastName"]["byteLength"]) == (80, 240)
    assert fields["Description"]["filterable"] is False
    assert fields["Email"]["idLookup"] is True
    stages = fields_of(call, "Opportunity")["StageName"]["picklistValues"]
    assert isinstance(stages, list)
    assert stages[0] == {
        "active": True,
        "defaultValue": False,
        "label": "Prospecting",
        "validFor": None,
        "value": "Prospecting",
    }


def test_a_default_value_is_marked(call: Caller) -> None:
    priority = fields_of(call, "Case")["Priority"]
    assert isinstance(priority["picklistValues"], list)
    defaults = {choice["value"]: choice["defaultValue"] for choice in priority["picklistValues"]}
    assert defaults == {"High": False, "Medium": True, "Low": False}
    assert priority["defaultValue"] == "Medium"


def test_children_are_described_with_what_becomes_of_them(call: Caller) -> None:
    children = call("GET", "sobjects/Account/describe").body["childRelationships"]
    by_name = {
        (child["childSObject"], child["relationshipName"]): child
        for child in children
        if child["relationshipName"]
    }
    assert by_name["Contact", "Contacts"]["cascadeDelete"] is True
    assert by_name["Case", "Cases"]["restrictedDelete"] is True
    assert by_name["Account", "ChildAccounts"]["field"] == "ParentId"


def test_basic_info_shows_recent_records(call: Caller) -> None:
    first, second = (call.create("Account", Name=name) for name in "AB")
    call("DELETE", f"sobjects/Account/{first}")
    body = call("GET", "sobjects/Account").body
    assert body["objectDescribe"]["keyPrefix"] == "001"
    assert [item["Id"] for item in body["recentItems"]] == [second]
    assert list(body["recentItems"][0]) == ["attributes", "Id", "Name"]


def test_the_whole_user_needs_its_own_fields(org: LocalOrg, call: Caller) -> None:
    profile = call.query("SELECT Id FROM Profile")["records"][0]["Id"]
    answer = call("POST", "sobjects/User", {"LastName": "Doe"})
    assert answer.body[0]["fields"] == [
        "Username",
        "Email",
        "Alias",
        "TimeZoneSidKey",
        "LocaleSidKey",
        "EmailEncodingKey",
        "ProfileId",
        "LanguageLocaleKey",
    ]
    user = call.create(
        "User",
        LastName="Doe",
        Username="doe@example.com",
        Email="doe@example.com",
        Alias="doe",
        TimeZoneSidKey="GMT",
        LocaleSidKey="en_US",
        EmailEncodingKey="UTF-8",
        ProfileId=profile,
        LanguageLocaleKey="en_US",
    )
    account = call.create("Account", Name="A", OwnerId=user)
    [record] = call.query("SELECT Owner.Name, Owner.Profile.Name FROM Account")["records"]
    assert record["Owner"]["Profile"]["Name"] == "System Administrator"
    assert record["Owner"]["Name"] == "Doe"
    assert call.get("Account", account)["OwnerId"] == user


def test_binary_data_is_described(org: LocalOrg, call: Caller) -> None:
    org.add_object("Widget__c")
    body = fields_of(call, "Attachment")["Body"]
    assert (body["type"], body["soapType"]) == ("base64", "xsd:base64Binary")
    assert [body[name] for name in ("filterable", "groupable", "sortable", "updateable")] == [
        False,
        False,
        False,
        True,
    ]
    assert fields_of(call, "ContentVersion")["VersionData"]["updateable"] is False
    parent = fields_of(call, "Attachment")["ParentId"]
    assert parent["namePointing"] is True
    assert parent["referenceTo"] == [
        "Account",
        "Campaign",
        "Case",
        "Contact",
        "Event",
        "Lead",
        "Opportunity",
        "Product2",
        "Task",
        "Widget__c",
    ]


def test_not_everything_is_searchable(call: Caller) -> None:
    sobjects = call("GET", "sobjects").body["sobjects"]
    hidden = {sobject["name"] for sobject in sobjects if not sobject["searchable"]}
    assert hidden == {
        "Attachment",
        "CampaignMember",
        "ContentDocumentLink",
        "OpportunityContactRole",
        "OpportunityLineItem",
        "Organization",
        "Profile",
        "RecordType",
    }


KEY_PREFIXES = {
    "Campaign": "701",
    "CampaignMember": "00v",
    "ContentDocumentLink": "06A",
    "Event": "00U",
    "Group": "00G",
    "Note": "002",
    "OpportunityContactRole": "00K",
    "OpportunityLineItem": "00k",
    "Organization": "00D",
    "Pricebook2": "01s",
    "PricebookEntry": "01u",
    "Product2": "01t",
    "Profile": "00e",
    "RecordType": "012",
    "Task": "00T",
    "UserRole": "00E",
}


def test_every_object_can_be_described_read_and_referred_to(call: Caller) -> None:
    sobjects = call("GET", "sobjects").body["sobjects"]
    prefixes = {sobject["name"]: sobject["keyPrefix"] for sobject in sobjects}
    assert prefixes == {**PREFIXES, **KEY_PREFIXES}
    for name in prefixes:
        fields = fields_of(call, name)
        for field in fields.values():
            parents = field["referenceTo"]
            assert isinstance(parents, list)
            assert set(parents) <= prefixes.keys(), f"{name}.{field['name']}"
            assert bool(parents) is (field["type"] == "reference")
            assert len(field) == 57
            if field["compoundFieldName"] and field["compoundFieldName"] != "Name":
                assert field["compoundFieldName"] in fields
        unfiltered = name != "ContentDocumentLink"
        condition = (
            "" if unfiltered else f"WHERE LinkedEntityId = '{prefixes['User']}Lo0000000001IAA'"
        )
        selected = [str(it["name"]) for it in fields.values() if it["type"] != "base64"]
        assert call.query(f"SELECT {', '.join(selected)} FROM {name} {condition}")["done"] is True


def test_relationship_names_lead_to_one_field_each(call: Caller) -> None:
    for sobject in call("GET", "sobjects").body["sobjects"]:
        body = call("GET", f"sobjects/{sobject['name']}/describe").body
        parents = [it["relationshipName"] for it in body["fields"] if it["relationshipName"]]
        children = [it["relationshipName"] for it in body["childRelationships"]]
        named = [name for name in children if name]
        assert len(parents) == len(set(parents)), sobject["name"]
        assert len(named) == len(set(named)), sobject["name"]


def test_an_org_has_one_organization_and_it_is_the_org(org: LocalOrg, call: Caller) -> None:
    soql = (
        "SELECT Id, Name, InstanceName, IsSandbox, TrialExpirationDate, NamespacePrefix, "
        "OrganizationType FROM Organization"
    )
    [record] = call.query(soql)["records"]
    assert record["Id"] == org.org_id
    assert (record["OrganizationType"], record["IsSandbox"]) == ("Developer Edition", False)
    answer = call("POST", "sobjects/Organization", {"Name": "Second"})
    assert answer.body[0]["errorCode"] == "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"
    assert call("DELETE", f"sobjects/Organization/{org.org_id}").status == 400


def test_the_parents_of_an_activity_are_those_that_there_are(org: LocalOrg, call: Caller) -> None:
    org.add_object("Widget__c")
    fields = fields_of(call, "Task")
    assert fields["WhoId"]["referenceTo"] == ["Contact", "Lead"]
    assert fields["WhatId"]["referenceTo"] == [
        "Account",
        "Campaign",
        "Case",
        "Opportunity",
        "Product2",
        "Widget__c",
    ]
    widget = call.create("Widget__c", Name="W")
    contact = call.create("Contact", LastName="C")
    task = call.get("Task", call.create("Task", WhatId=widget, WhoId=contact))
    assert (task["Status"], task["Priority"]) == ("Not Started", "Normal")
    user = call.query("SELECT Id FROM User")["records"][0]["Id"]
    answer = call("POST", "sobjects/Task", {"WhatId": user})
    assert answer.body[0]["errorCode"] in {"MALFORMED_ID", "FIELD_INTEGRITY_EXCEPTION"}


def test_a_queue_may_own_a_case(call: Caller) -> None:
    assert fields_of(call, "Case")["OwnerId"]["referenceTo"] == ["Group", "User"]
    queue = call.create("Group", Name="Support", Type="Queue")
    case = call.create("Case", OwnerId=queue)
    [record] = call.query("SELECT Owner.Name, Owner.Type FROM Case")["records"]
    assert record["Owner"]["Name"] == "Support"
    assert call.get("Case", case)["OwnerId"] == queue


def test_a_file_of_an_earlier_release_gets_what_is_new(tmp_path: Path) -> None:
    path = tmp_path / "org.db"
    with LocalOrg(path) as org:
        account = Caller(org).create("Account", Name="Kept")
    with closing(sqlite3.connect(path)) as database:
        database.executescript(
            "DROP TABLE Organization; DROP TABLE Pricebook2; DROP TABLE Task;"
            "ALTER TABLE Account DROP COLUMN Tradestyle;"
            'ALTER TABLE "User" DROP COLUMN BadgeText;'
        )
    with LocalOrg(path) as org:
        call = Caller(org)
        assert call.get("Account", account)["Tradestyle"] is None
        assert call.query("SELECT Id FROM Organization")["totalSize"] == 1
        assert call.query("SELECT Name FROM Pricebook2")["records"][0]["Name"] == (
            "Standard Price Book"
        )
        assert call.query("SELECT BadgeText FROM User")["totalSize"] == 1
        call.create("Task", WhatId=account)
