"""Records that are reached from others by a relationship."""

from __future__ import annotations

import attrs
import pytest

from tests.local.caller import Caller
from twinforce.local import LocalOrg

NOT_FOUND = [{"message": "The requested resource does not exist", "errorCode": "NOT_FOUND"}]


@attrs.frozen
class Family:
    grandparent: str
    account: str
    contact: str


@pytest.fixture
def family(call: Caller) -> Family:
    grandparent = call.create("Account", Name="Holding")
    account = call.create("Account", Name="Acme", ParentId=grandparent)
    contact = call.create("Contact", LastName="Doe", AccountId=account)
    call.create("Contact", LastName="Roe", AccountId=account)
    return Family(grandparent, account, contact)


def test_a_parent_is_a_record(call: Caller, family: Family) -> None:
    answer = call("GET", f"sobjects/Contact/{family.contact}/Account")
    assert answer.status == 200
    assert answer.body == call.get("Account", family.account)
    assert next(iter(answer.body)) == "attributes"


def test_fields_of_a_parent_can_be_chosen(call: Caller, family: Family) -> None:
    answer = call("GET", f"sobjects/contact/{family.contact}/ACCOUNT?fields=name")
    assert answer.body == {
        "attributes": {
            "type": "Account",
            "url": f"/services/data/v67.0/sobjects/Account/{family.account}",
        },
        "Name": "Acme",
        "Id": family.account,
    }


def test_children_are_a_page_of_a_query(call: Caller, family: Family) -> None:
    answer = call("GET", f"sobjects/Account/{family.account}/Contacts?fields=LastName,Id")
    assert answer.status == 200
    soql = f"SELECT LastName, Id FROM Contact WHERE AccountId = '{family.account}'"
    assert answer.body == call.query(soql)
    assert (answer.body["totalSize"], answer.body["done"]) == (2, True)
    whole = call("GET", f"sobjects/Account/{family.account}/Contacts").body["records"][0]
    assert whole == call.get("Contact", family.contact)


def test_no_children_are_an_empty_page(call: Caller, family: Family) -> None:
    answer = call("GET", f"sobjects/Account/{family.account}/Opportunities")
    empty = {"totalSize": 0, "done": True, "records": []}
    assert (answer.status, answer.body) == (200, empty)


def test_many_children_come_in_pages() -> None:
    with LocalOrg(page_size=2) as org:
        call = Caller(org)
        account = call.create("Account", Name="A")
        for name in "ABCDE":
            call.create("Contact", LastName=name, AccountId=account)
        page = call("GET", f"sobjects/Account/{account}/Contacts?fields=LastName").body
        names = [record["LastName"] for record in page["records"]]
        assert (names, page["totalSize"], page["done"]) == (["A", "B"], 5, False)
        while not page["done"]:
            path = page["nextRecordsUrl"].removeprefix("/services/data/v67.0/")
            page = call("GET", path).body
            names += [record["LastName"] for record in page["records"]]
        assert names == list("ABCDE")


def test_the_caller_may_ask_for_another_page_size(call: Caller) -> None:
    account = call.create("Account", Name="A")
    for number in range(201):
        call.create("Contact", LastName=str(number), AccountId=account)
    path = f"sobjects/Account/{account}/Contacts?fields=Id"
    page = call("GET", path, Sforce_Query_Options="batchSize=200").body
    assert (len(page["records"]), page["done"]) == (200, False)


def test_several_relationships_can_be_followed(call: Caller, family: Family) -> None:
    path = f"sobjects/Contact/{family.contact}"
    assert call("GET", f"{path}/Account/Parent?fields=Name").body["Name"] == "Holding"
    profile = call("GET", f"{path}/Account/Parent/Owner/Profile?fields=Name").body
    assert profile["Name"] == "System Administrator"
    children = call("GET", f"{path}/Account/Parent/ChildAccounts?fields=Name").body
    assert [record["Name"] for record in children["records"]] == ["Acme"]


def test_five_parents_are_the_most(call: Caller, family: Family) -> None:
    path = f"sobjects/Account/{family.account}" + "/Owner" + "/CreatedBy" * 4
    assert call("GET", path).status == 200
    assert call("GET", f"{path}/CreatedBy").status == 404


@pytest.mark.parametrize(
    "path",
    [
        "Account/Parent/Parent",
        "Account/Contacts/Owner",
        "ReportsTo",
        "Accounts",
        "AccountId",
        "LastName",
        "Owner/Nope",
    ],
)
def test_what_is_not_there_is_not_found(call: Caller, family: Family, path: str) -> None:
    answer = call("GET", f"sobjects/Contact/{family.contact}/{path}")
    assert (answer.status, answer.body) == (404, NOT_FOUND)


def test_a_record_that_is_not_there_has_no_relatives(call: Caller, family: Family) -> None:
    call("DELETE", f"sobjects/Contact/{family.contact}")
    for path in (
        f"Contact/{family.contact}/Account",
        "Contact/003Lo0000000009IAA/Account",
        "Account/001Lo0000000009IAA/Contacts",
        f"Nope/{family.contact}/Account",
    ):
        answer = call("GET", f"sobjects/{path}")
        assert (answer.status, answer.body) == (404, NOT_FOUND)


def test_an_unknown_field_is_refused(call: Caller, family: Family) -> None:
    for path in (f"Contact/{family.contact}/Account", f"Account/{family.account}/Contacts"):
        answer = call("GET", f"sobjects/{path}?fields=Nope")
        assert (answer.status, answer.body[0]["errorCode"]) == (400, "INVALID_FIELD")


def test_relationships_are_there_since_36(call: Caller, family: Family) -> None:
    path = f"sobjects/Contact/{family.contact}/Account"
    assert call.at("36.0")("GET", path).status == 200
    answer = call.at("35.0")("GET", path)
    assert (answer.status, answer.body[0]["errorCode"]) == (404, "NOT_FOUND")
    results = call.batch(("GET", f"v36.0/{path}"), ("GET", f"v35.0/{path}")).body["results"]
    assert [result["statusCode"] for result in results] == [200, 404]


def test_custom_relationships_have_names_too(org: LocalOrg, call: Caller) -> None:
    org.add_object("Order__c")
    org.add_field(
        "Order__c",
        "Buyer__c",
        "Lookup",
        reference_to="Account",
        child_relationship_name="Orders",
    )
    account = call.create("Account", Name="A")
    order = call.create("Order__c", Name="1", Buyer__c=account)
    assert call("GET", f"sobjects/Order__c/{order}/Buyer__r?fields=Name").body["Name"] == "A"
    orders = call("GET", f"sobjects/Account/{account}/Orders__r?fields=Name").body
    assert [record["Name"] for record in orders["records"]] == ["1"]


def test_a_parent_can_be_updated_and_deleted(call: Caller, family: Family) -> None:
    path = f"sobjects/Contact/{family.contact}/Account/Parent"
    assert call("PATCH", path, {"Name": "New"}).status == 204
    assert call.get("Account", family.grandparent)["Name"] == "New"
    assert call("PATCH", path, {"Nope": 1}).status == 400
    assert call("DELETE", path).status == 204
    assert call("GET", f"sobjects/Account/{family.grandparent}").status == 404
    assert call("DELETE", path).status == 404


def test_children_are_only_read(call: Caller, family: Family) -> None:
    path = f"sobjects/Account/{family.account}/Contacts"
    for method in ("PATCH", "DELETE", "POST"):
        answer = call(method, path, {"LastName": "x"})
        assert (answer.status, answer.body[0]["errorCode"]) == (405, "METHOD_NOT_ALLOWED")
    assert call.get("Contact", family.contact)["LastName"] == "Doe"


def test_an_external_id_is_still_one(org: LocalOrg, call: Caller) -> None:
    org.add_field("Account", "Key__c", "Text", external_id=True)
    call.create("Account", Name="A", Key__c="Contacts")
    assert call("GET", "sobjects/Account/Key__c/Contacts").body["Name"] == "A"


def test_a_batch_can_read_relatives(call: Caller, family: Family) -> None:
    parent, children, nothing, update = call.batch(
        ("GET", f"v67.0/sobjects/Contact/{family.contact}/Account?fields=Name"),
        ("GET", f"v67.0/sobjects/Account/{family.account}/Contacts?fields=LastName"),
        ("GET", f"v67.0/sobjects/Contact/{family.contact}/ReportsTo"),
        ("PATCH", f"v67.0/sobjects/Contact/{family.contact}/Account", {"Name": "New"}),
    ).body["results"]
    assert parent["result"]["Name"] == "Acme"
    assert [record["LastName"] for record in children["result"]["records"]] == ["Doe", "Roe"]
    assert (nothing["statusCode"], nothing["result"][0]["errorCode"]) == (404, "NOT_FOUND")
    assert update == {"statusCode": 204, "result": None}
