"""Parents of many sObjects, TYPEOF, and the names that FROM gives."""

from __future__ import annotations

from typing import Any

import pytest

from tests.local.caller import Caller
from twinforce.local import LocalOrg

BASE = "/services/data/v67.0/sobjects"


@pytest.fixture
def ids(call: Caller) -> dict[str, str]:
    """Three tasks: of an account and a contact, of a case and a lead, and of nothing."""
    account = call.create("Account", Name="Acme", Phone="1")
    contact = call.create("Contact", FirstName="Jo", LastName="Doe", Email="jo@example.com")
    lead = call.create("Lead", LastName="Lee", Company="Lee Ltd", Title="Boss")
    case = call.create("Case", Subject="Help")
    call.create("Task", Subject="A", WhatId=account, WhoId=contact)
    call.create("Task", Subject="B", WhatId=case, WhoId=lead)
    call.create("Task", Subject="C")
    return {"Account": account, "Contact": contact, "Lead": lead, "Case": case}


def subjects(call: Caller, condition: str) -> str:
    records = call.query(f"SELECT Subject FROM Task {condition}")["records"]
    return "".join(record["Subject"] for record in records)


def test_a_parent_of_any_sobject_is_read_as_a_name(call: Caller, ids: dict[str, str]) -> None:
    soql = "SELECT What.Name, what.type, Who.FirstName, Who.Email, Who.Title, Who.Id FROM Task"
    records = call.query(f"{soql} ORDER BY Subject")["records"]
    of_a, of_b, of_c = ({key: record[key] for key in ("What", "Who")} for record in records)
    assert of_a == {
        "What": {
            "attributes": {"type": "Name", "url": f"{BASE}/Account/{ids['Account']}"},
            "Name": "Acme",
            "Type": "Account",
        },
        "Who": {
            "attributes": {"type": "Name", "url": f"{BASE}/Contact/{ids['Contact']}"},
            "FirstName": "Jo",
            "Email": "jo@example.com",
            "Title": None,
            "Id": ids["Contact"],
        },
    }
    number = call.get("Case", ids["Case"], "CaseNumber")["CaseNumber"]
    assert (of_b["What"]["Name"], of_b["What"]["Type"]) == (number, "Case")
    assert (of_b["Who"]["Email"], of_b["Who"]["Title"]) == (None, "Boss")
    assert of_c == {"What": None, "Who": None}


@pytest.mark.usefixtures("ids")
@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("WHERE What.Type = 'account'", "A"),
        ("WHERE What.Type IN ('Account', 'Case') ORDER BY What.Type", "AB"),
        ("WHERE What.Type != 'Account'", "BC"),
        ("WHERE Who.Name LIKE '%DOE'", "A"),
        ("WHERE Who.Name = null", "C"),
        ("WHERE What.Name = 'Acme' AND Who.Type = 'Contact'", "A"),
        ("WHERE Owner.Name = 'Local Admin' AND Owner.IsActive = true ORDER BY Subject", "ABC"),
        ("WHERE Owner.Profile.Name = 'System Administrator' ORDER BY Subject", "ABC"),
        ("ORDER BY Who.Name NULLS LAST", "AB" + "C"),
        ("ORDER BY Who.LastName DESC NULLS FIRST", "CBA"),
    ],
)
def test_what_is_known_of_any_parent_can_be_compared(
    call: Caller, condition: str, found: str
) -> None:
    assert subjects(call, condition) == found


@pytest.mark.usefixtures("ids")
def test_groups_of_parents(call: Caller) -> None:
    soql = "SELECT What.Type, COUNT(Id) n FROM Task GROUP BY What.Type ORDER BY What.Type"
    records = call.query(soql)["records"]
    found = [(record["Type"], record["n"]) for record in records]
    assert found == [(None, 1), ("Account", 1), ("Case", 1)]


def test_typeof_selects_by_the_sobject_of_the_parent(call: Caller, ids: dict[str, str]) -> None:
    soql = (
        "SELECT Subject, TYPEOF What WHEN account THEN Phone, NAME WHEN Opportunity THEN Amount "
        "ELSE Name, Type END, TYPEOF Who WHEN Lead THEN Company END FROM Task ORDER BY Subject"
    )
    of_a, of_b, of_c = call.query(soql)["records"]
    assert of_a["What"] == {
        "attributes": {"type": "Account", "url": f"{BASE}/Account/{ids['Account']}"},
        "Phone": "1",
        "Name": "Acme",
    }
    assert of_b["What"]["attributes"] == {"type": "Name", "url": f"{BASE}/Case/{ids['Case']}"}
    assert of_b["What"]["Type"] == "Case"
    assert of_a["Who"] is None  # a contact, of which nothing is asked
    assert of_b["Who"]["Company"] == "Lee Ltd"
    assert (of_c["What"], of_c["Who"]) == (None, None)
    assert list(of_a) == ["attributes", "Subject", "What", "Who"]


def test_typeof_in_a_query_of_children_and_of_a_parent(call: Caller, ids: dict[str, str]) -> None:
    soql = "SELECT (SELECT TYPEOF Who WHEN Contact THEN LastName END FROM Tasks) FROM Account"
    [account] = call.query(soql)["records"]
    [task] = account["Tasks"]["records"]
    assert task["Who"]["LastName"] == "Doe"
    call.create("Attachment", ParentId=ids["Case"], Name="a.txt", Body="YWJj")
    soql = "SELECT TYPEOF Parent WHEN Case THEN Subject END FROM Attachment"
    [attachment] = call.query(soql)["records"]
    assert attachment["Parent"]["Subject"] == "Help"


@pytest.mark.parametrize(
    ("soql", "code", "word", "reason"),
    [
        (
            "SELECT What.Industry FROM Task",
            "INVALID_FIELD",
            "Industry",
            "No such column 'Industry' on entity 'Name'.",
        ),
        (
            "SELECT What.Owner.Name FROM Task",
            "INVALID_FIELD",
            "Owner",
            "Didn't understand relationship 'Owner' in field path.",
        ),
        (
            "SELECT TYPEOF Owner WHEN User THEN Name END FROM Account",
            "MALFORMED_QUERY",
            "Owner",
            "'Owner' is not a polymorphic relationship, which TYPEOF needs",
        ),
        (
            "SELECT TYPEOF Nothing WHEN User THEN Name END FROM Task",
            "INVALID_FIELD",
            "Nothing",
            "Didn't understand relationship 'Nothing' in field path.",
        ),
        (
            "SELECT TYPEOF What WHEN User THEN Name END FROM Task",
            "INVALID_TYPE",
            "What",
            "sObject type 'User' is not supported.",
        ),
        (
            "SELECT TYPEOF What WHEN Account THEN Nam END FROM Task",
            "INVALID_FIELD",
            "Nam",
            "No such column 'Nam' on entity 'Account'.",
        ),
        (
            "SELECT TYPEOF What WHEN Account THEN Owner.Name END FROM Task",
            "MALFORMED_QUERY",
            "What",
            "TYPEOF takes the names of fields, without paths and functions",
        ),
        (
            "SELECT What.Name, TYPEOF What WHEN Account THEN Phone END FROM Task",
            "MALFORMED_QUERY",
            "What WHEN",
            "duplicate relationship selected: What",
        ),
        (
            "SELECT TYPEOF What WHEN Account THEN Phone END, What.Name FROM Task",
            "MALFORMED_QUERY",
            "What.Name",
            "duplicate relationship selected: What",
        ),
        (
            "SELECT TYPEOF What WHEN Case THEN Subject END FROM Task GROUP BY WhatId",
            "MALFORMED_QUERY",
            "What",
            "Grouped query cannot use TYPEOF in the SELECT list",
        ),
    ],
)
def test_what_cannot_be_read_of_such_a_parent_is_refused(
    call: Caller, soql: str, code: str, word: str, reason: str
) -> None:
    error = call.refused(soql)
    assert error["errorCode"] == code
    _, excerpt, caret, _, said = error["message"].split("\n")
    assert said.startswith(reason)
    assert excerpt[caret.index("^") :].startswith(word)


@pytest.mark.parametrize(
    "soql",
    [
        "SELECT c.LastName, a.Name FROM Contact c, c.Account a WHERE a.Name = 'A' AND c.LastName > 'A'",
        "SELECT LastName, Account.Name FROM Contact AS c, Contact.Account a WHERE a.Name = 'A'",
        "SELECT LastName, b.Account.Name FROM Contact b, b.Account.Owner o WHERE o.Name LIKE 'Local%'",
    ],
)
def test_from_may_name_parents(call: Caller, soql: str) -> None:
    call.create("Contact", LastName="X", AccountId=call.create("Account", Name="A"))
    [record] = call.query(soql)["records"]
    del record["attributes"]
    assert record["LastName"] == "X"
    assert record["Account"]["Name"] == "A"


def test_from_names_nothing_that_is_not_there(call: Caller) -> None:
    for soql, word in (
        ("SELECT Id FROM Contact c, d.Account a", "d."),
        ("SELECT Id FROM Contact c, c.Accounts a", "Accounts"),
        ("SELECT Id FROM Contact, Account", "Account"),
        ("SELECT Id FROM Contact c, c", "c"),
    ):
        error = call.refused(soql)
        assert error["errorCode"] == "INVALID_FIELD"
        _, excerpt, caret, _, _ = error["message"].split("\n")
        assert excerpt[caret.index("^") :].startswith(word)


def test_a_parent_that_is_in_no_org_is_not_there(call: Caller) -> None:
    error = call.refused("SELECT JigsawCompany.Name FROM Account")
    assert error["errorCode"] == "INVALID_FIELD"
    assert "Didn't understand relationship 'JigsawCompany' in field path." in error["message"]


def test_a_path_goes_through_five_parents_at_most(call: Caller) -> None:
    child = None
    for name in "ABCDEFG":
        child = call.create("Account", Name=name, ParentId=child)
    path = "Parent." * 5 + "Name"
    [record] = call.query(f"SELECT {path} FROM Account WHERE Id = '{child}'")["records"]
    value: Any = record
    for _ in range(5):
        value = value["Parent"]
    assert value["Name"] == "B"
    error = call.refused(f"SELECT Parent.{path} FROM Account")
    assert error["errorCode"] == "MALFORMED_QUERY"
    assert "5 parents at most" in error["message"]


def test_every_relationship_of_every_sobject_can_be_followed(org: LocalOrg, call: Caller) -> None:
    for sobject in org._schema:
        if sobject.name == "ContentDocumentLink":  # asks for a filter, which test_soql.py has
            continue
        parents = [field for field in sobject.fields if field.relationship_name]
        selected = ["Id", *(f"{it.relationship_name}.Id" for it in parents if it.reference_to)]
        selected += {
            f"(SELECT Id FROM {name})"
            for child in org._schema.children(sobject)
            if (name := child.field.child_relationship_name)
        }
        page = call.query(f"SELECT {', '.join(selected)} FROM {sobject.name}")
        assert page["done"]
        for record in page["records"]:
            assert len(record) == len(selected) + 1
