"""What may stand in lookups, and what becomes of them when their parent is deleted."""

from __future__ import annotations

import pytest

from tests.local.caller import Caller
from twinforce.local import LocalOrg
from twinforce.local.store.ids import make_id


def test_a_lookup_takes_an_id_of_15_characters_and_one_in_another_case(call: Caller) -> None:
    account = call.create("Account", Name="Acme")
    for given in (account[:15], account.lower(), f" {account} "):
        contact = call.create("Contact", LastName="Doe", AccountId=given)
        assert call.get("Contact", contact)["AccountId"] == account


@pytest.mark.parametrize("wrong", ["001Lo0000000001AAA", "nobody", "001Lo000000000!"])
def test_a_lookup_refuses_what_is_no_id(call: Caller, wrong: str) -> None:
    call.create("Account", Name="Acme")
    answer = call("POST", "sobjects/Contact", {"LastName": "Doe", "AccountId": wrong})
    error = {
        "message": f"Account ID: id value of incorrect type: {wrong}",
        "errorCode": "MALFORMED_ID",
        "fields": ["AccountId"],
    }
    assert (answer.status, answer.body) == (400, [error])


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_a_url_with_a_wrong_checksum_is_refused(call: Caller, method: str) -> None:
    account = call.create("Account", Name="Acme")
    wrong = account[:15] + ("AAA" if account[15:] != "AAA" else "BAA")
    answer = call(method, f"sobjects/Account/{wrong}", {"Name": "x"} if method == "PATCH" else None)
    assert (answer.status, answer.body[0]["errorCode"]) == (400, "MALFORMED_ID")
    said = f"malformed id {wrong}"
    if method == "PATCH":
        said = f"Account ID: id value of incorrect type: {wrong}"
    assert (answer.body[0]["message"], answer.body[0]["fields"]) == (said, ["Id"])
    assert call.get("Account", account)["Name"] == "Acme"


def test_a_record_cannot_be_above_itself(call: Caller) -> None:
    top, middle, low = (call.create("Account", Name=name) for name in ("top", "middle", "low"))
    for child, parent in ((middle, top), (low, middle)):
        path = f"sobjects/Account/{child}"
        assert call("PATCH", path, {"ParentId": parent}).status == 204
    error = {
        "message": "Hierarchy Constraint Violation",
        "errorCode": "CIRCULAR_DEPENDENCY",
        "fields": ["ParentId"],
    }
    for parent in (low, middle, top):
        answer = call("PATCH", f"sobjects/Account/{top}", {"ParentId": parent})
        assert (answer.status, answer.body) == (400, [error])
    assert call("PATCH", f"sobjects/Account/{low}", {"ParentId": top}).status == 204


def test_a_custom_object_has_no_circles_either(org: LocalOrg, call: Caller) -> None:
    org.add_object("Part__c")
    org.add_field("Part__c", "Whole__c", "Lookup", reference_to="Part__c")
    whole = call.create("Part__c")
    part = call.create("Part__c", Whole__c=whole)
    answer = call("PATCH", f"sobjects/Part__c/{whole}", {"Whole__c": part})
    assert answer.body[0]["errorCode"] == "CIRCULAR_DEPENDENCY"


def test_an_inactive_user_cannot_own_records(org: LocalOrg, call: Caller) -> None:
    row = dict(org._store.get(org._schema["User"], org.user_id) or {})
    user_id = make_id("005", 99)
    org._store.insert(org._schema["User"], {**row, "Id": user_id, "IsActive": 0})
    answer = call("POST", "sobjects/Account", {"Name": "Acme", "OwnerId": user_id})
    error = {
        "message": f"operation performed with inactive user [{user_id[:15]}] as owner of account",
        "errorCode": "INACTIVE_OWNER_OR_USER",
        "fields": [],
    }
    assert (answer.status, answer.body) == (400, [error])


def test_an_inactive_user_cannot_own_records_by_any_key_either(org: LocalOrg, call: Caller) -> None:
    row = dict(org._store.get(org._schema["User"], org.user_id) or {})
    row.update(Id=make_id("005", 99), IsActive=0, Username="gone@example.com")
    org._store.insert(org._schema["User"], row)
    owner = {"Username": "gone@example.com"}
    answer = call("POST", "sobjects/Account", {"Name": "Acme", "Owner": owner})
    assert (answer.status, answer.body[0]["errorCode"]) == (400, "INACTIVE_OWNER_OR_USER")


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (None, "INVALID_FIELD"),
        (["a"], "JSON_PARSER_ERROR"),
        ({"a": "b"}, "JSON_PARSER_ERROR"),
        (True, "JSON_PARSER_ERROR"),
    ],
)
def test_a_key_that_is_no_text_finds_no_parent(
    org: LocalOrg, call: Caller, key: object, code: str
) -> None:
    org.add_field("Account", "Ext__c", "Text", external_id=True)
    for text in ("None", "['a']", "{'a': 'b'}", "True", "5"):
        call.create("Account", Name=text, Ext__c=text)
    answer = call("POST", "sobjects/Contact", {"LastName": "Doe", "Account": {"Ext__c": key}})
    assert (answer.status, answer.body[0]["errorCode"]) == (400, code)
    assert "None" not in answer.body[0]["message"]
    found = call.create("Contact", LastName="Doe", Account={"Ext__c": 5})
    assert (
        call.query(f"SELECT Account.Name FROM Contact WHERE Id = '{found}'")["records"][0][
            "Account"
        ]["Name"]
        == "5"
    )


@pytest.mark.parametrize("backwards", [False, True])
def test_a_parent_is_named_by_its_id_or_by_its_key(call: Caller, *, backwards: bool) -> None:
    admin = call.query("SELECT Id, Username FROM User")["records"][0]
    owner = {"OwnerId": admin["Id"], "Owner": {"Username": admin["Username"]}}
    given = dict(reversed(owner.items())) if backwards else owner
    answer = call("POST", "sobjects/Account", {"Name": "Acme", **given})
    message = "Cannot specify both an external ID reference Owner and a salesforce id, OwnerId"
    error = {"message": message, "errorCode": "INVALID_FIELD", "fields": []}
    assert (answer.status, answer.body) == (400, [error])


def test_of_groups_only_queues_own_records(call: Caller) -> None:
    group = call.create("Group", Name="All", DeveloperName="All", Type="Regular")
    answer = call("POST", "sobjects/Case", {"OwnerId": group})
    message = "Queue not associated with this SObject type"
    error = {"message": message, "errorCode": "INVALID_OPERATION", "fields": []}
    assert (answer.status, answer.body) == (400, [error])
    queue = call.create("Group", Name="Support", DeveloperName="Support", Type="Queue")
    case = call.create("Case", OwnerId=queue)
    assert call.get("Case", case)["OwnerId"] == queue
    other = call.create("Case")
    for kind, found in (("Queue", case), ("User", other)):
        [record] = call.query(f"SELECT Id, Owner.Type FROM Case WHERE Owner.Type = '{kind}'")[
            "records"
        ]
        assert (record["Id"], record["Owner"]["Type"]) == (found, kind)


def test_the_error_of_a_delete_names_what_is_in_the_way(call: Caller) -> None:
    account = call.create("Account", Name="Acme")
    contact = call.create(
        "Contact", Salutation="Mr.", FirstName="Josh", LastName="Davis", AccountId=account
    )
    for _ in range(2):
        call.create("Case", ContactId=contact)
    answer = call("DELETE", f"sobjects/Contact/{contact}")
    message = (
        "Your attempt to delete Mr. Josh Davis could not be completed because it is associated "
        "with the following cases.: 00000001, 00000002\n"
    )
    error = {"message": message, "errorCode": "DELETE_FAILED", "fields": []}
    assert (answer.status, answer.body) == (400, [error])
    assert call.get("Contact", contact)["AccountId"] == account


def test_an_account_with_opportunities_that_were_won_is_not_deleted(call: Caller) -> None:
    account = call.create("Account", Name="Edge Communications")
    deals = {}
    stages = ("Closed Won", "Prospecting", "closed won", "Closed Lost", "Closed Won")
    for name, stage in zip("ABCDE", stages, strict=True):
        fields = {"Name": name, "StageName": stage, "CloseDate": "2024-05-15"}
        deals[name] = call.create("Opportunity", **fields, AccountId=account)
    call.create("Case", AccountId=account)
    call("DELETE", f"sobjects/Opportunity/{deals['E']}")
    answer = call("DELETE", f"sobjects/Account/{account}")
    message = (
        "Your attempt to delete Edge Communications could not be completed because some "
        "opportunities in that account were closed won. The opportunities that could not be "
        "deleted are shown below.: A, C\n"
    )
    error = {"message": message, "errorCode": "DELETE_FAILED", "fields": []}
    assert (answer.status, answer.body) == (400, [error])
    assert call.get("Opportunity", deals["A"])["AccountId"] == account
    for name in "AC":
        assert call("DELETE", f"sobjects/Opportunity/{deals[name]}").status == 204
    assert "cases" in call("DELETE", f"sobjects/Account/{account}").body[0]["message"]


def test_a_deleted_parent_is_taken_out_of_lookups_and_masters_take_details_along(
    org: LocalOrg, call: Caller
) -> None:
    for name in ("Line__c", "Note__c", "Page__c"):
        org.add_object(name)
    org.add_field("Line__c", "Account__c", "MasterDetail", reference_to="Account")
    org.add_field("Note__c", "Account__c", "Lookup", reference_to="Account")
    org.add_field("Page__c", "Line__c", "MasterDetail", reference_to="Line__c")
    account = call.create("Account", Name="Acme")
    line = call.create("Line__c", Account__c=account)
    page = call.create("Page__c", Line__c=line)
    note = call.create("Note__c", Account__c=account)
    assert call("DELETE", f"sobjects/Account/{account}").status == 204
    assert call.get("Note__c", note)["Account__c"] is None
    for gone in (f"Line__c/{line}", f"Page__c/{page}"):
        assert call("GET", f"sobjects/{gone}").status == 404
    rows = call("GET", "queryAll?q=SELECT+Name,IsDeleted+FROM+Page__c").body["records"]
    assert [row["IsDeleted"] for row in rows] == [True]


def test_a_lookup_that_only_a_create_may_write_stays_also_by_external_id(
    org: LocalOrg, call: Caller
) -> None:
    org.add_field("Account", "Key__c", "Text", external_id=True)
    org.add_object("Line__c")
    org.add_field("Line__c", "Account__c", "MasterDetail", reference_to="Account")
    first, _ = (call.create("Account", Name=key, Key__c=key) for key in ("a", "b"))
    line = call.create("Line__c", Account__r={"Key__c": "a"})
    answer = call("PATCH", f"sobjects/Line__c/{line}", {"Account__r": {"Key__c": "b"}})
    [error] = answer.body
    assert error["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"
    assert error["fields"] == ["Account__c"]
    assert call.get("Line__c", line)["Account__c"] == first


def test_a_parent_of_several_kinds_may_say_which_it_is(org: LocalOrg, call: Caller) -> None:
    for sobject in ("Contact", "Lead"):
        org.add_field(sobject, "Key__c", "Text", external_id=True)
    call.create("Contact", LastName="Doe", Key__c="k")
    lead = call.create("Lead", LastName="Lee", Company="Acme", Key__c="k")
    who = {"attributes": {"type": "Lead"}, "Key__c": "k"}
    task = call.create("Task", Subject="Call", Who=who)
    assert call.get("Task", task)["WhoId"] == lead


def test_a_checkbox_cannot_be_empty(call: Caller) -> None:
    lead = call.create("Lead", LastName="Lee", Company="Acme")
    answer = call("PATCH", f"sobjects/Lead/{lead}", {"IsUnreadByOwner": None})
    error = {
        "message": "Unread By Owner: value not of required type: ",
        "errorCode": "INVALID_TYPE_ON_FIELD_IN_RECORD",
        "fields": ["IsUnreadByOwner"],
    }
    assert (answer.status, answer.body) == (400, [error])


def test_the_name_of_a_person_is_without_the_salutation(call: Caller) -> None:
    contact = call.create("Contact", Salutation="Ms.", FirstName="Rose", LastName="Gonzalez")
    assert call.get("Contact", contact)["Name"] == "Rose Gonzalez"
