"""Records addressed by an external id."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.local.caller import Caller
from twinforce.local import LocalOrg


@pytest.fixture(autouse=True)
def keys(org: LocalOrg) -> None:
    org.add_field("Account", "Key__c", "Text", external_id=True)
    org.add_field("Account", "Number__c", "Number", external_id=True, unique=True)


def test_an_upsert_creates_then_updates(call: Caller) -> None:
    created = call("PATCH", "sobjects/Account/Key__c/k1", {"Name": "Acme"})
    assert created.status == 201
    record_id = created.body["id"]
    assert created.body == {"id": record_id, "success": True, "errors": [], "created": True}
    updated = call("PATCH", "sobjects/account/key__C/K1", {"Name": "Acme 2"})
    assert updated.status == 200
    assert updated.body == {"id": record_id, "success": True, "errors": [], "created": False}
    record = call.get("Account", record_id)
    assert (record["Name"], record["Key__c"]) == ("Acme 2", "k1")


def test_before_46_an_upsert_says_less(call: Caller) -> None:
    old = call.at("45.0")
    created = old("PATCH", "sobjects/Account/Key__c/k1", {"Name": "Acme"})
    assert (created.status, list(created.body)) == (201, ["id", "success", "errors"])
    updated = old("PATCH", "sobjects/Account/Key__c/k1", {"Name": "Acme 2"})
    assert (updated.status, updated.body) == (204, None)


@pytest.mark.parametrize("key", ["a/b", "..", "%2F", "a b+c", "ü€😀", "?x#y", "a&b=c", "'\"\\"])
def test_a_key_may_hold_any_character(call: Caller, key: str) -> None:
    path = f"sobjects/Account/Key__c/{quote(key, safe='')}"
    created = call("PATCH", path, {"Name": "Acme"})
    assert created.status == 201
    assert call("GET", path).body["Key__c"] == key
    assert call("DELETE", path).status == 204
    assert call("GET", path).status == 404


def test_a_number_can_be_a_key(call: Caller) -> None:
    created = call("PATCH", "sobjects/Account/Number__c/42", {"Name": "Acme"})
    assert call("GET", "sobjects/Account/Number__c/42").body["Id"] == created.body["id"]
    assert call("GET", "sobjects/Account/Number__c/many").status == 404


def test_a_key_of_several_records_answers_with_their_urls(call: Caller) -> None:
    ids = [call.create("Account", Name=name, Key__c="same") for name in ("A", "B")]
    urls = [f"/services/data/v67.0/sobjects/Account/{record_id}" for record_id in ids]
    path = "sobjects/Account/Key__c/SAME"
    for answer in (call("GET", path), call("PATCH", path, {"Name": "C"}), call("DELETE", path)):
        assert (answer.status, answer.body) == (300, urls)
    assert call.names("ORDER BY Name") == ["A", "B"]


def test_update_only_creates_nothing(call: Caller) -> None:
    answer = call("PATCH", "sobjects/Account/Key__c/k1?updateOnly=true", {"Name": "Acme"})
    assert (answer.status, answer.body[0]["errorCode"]) == (404, "NOT_FOUND")
    assert call.names("") == []
    call.create("Account", Name="Old", Key__c="k1")
    answer = call("PATCH", "sobjects/Account/Key__c/k1?updateOnly=true", {"Name": "New"})
    assert (answer.status, call.names("")) == (200, ["New"])


def test_the_key_does_not_belong_into_the_body(call: Caller) -> None:
    answer = call("PATCH", "sobjects/Account/Key__c/k1", {"Name": "Acme", "key__c": "k1"})
    assert answer.status == 400
    assert answer.body == [
        {
            "message": "The Key__c field should not be specified in the sobject data.",
            "errorCode": "INVALID_FIELD",
            "fields": ["Key__c"],
        }
    ]


@pytest.mark.parametrize("field", ["Nope__c", "Phone"])
def test_a_field_that_is_no_key_is_not_found(call: Caller, field: str) -> None:
    answer = call("GET", f"sobjects/Account/{field}/x")
    assert answer.status == 404
    assert answer.body[0]["message"] == (
        f"Provided external ID field does not exist or is not accessible: {field}"
    )


def test_a_deleted_record_is_not_found_by_its_key(call: Caller) -> None:
    record_id = call.create("Account", Name="Old", Key__c="k1")
    call("DELETE", f"sobjects/Account/{record_id}")
    created = call("PATCH", "sobjects/Account/Key__c/k1", {"Name": "New"})
    assert created.status == 201
    assert created.body["id"] != record_id


def test_posting_to_id_creates_since_37(call: Caller) -> None:
    created = call.at("37.0")("POST", "sobjects/Account/Id", {"Name": "Acme"})
    assert created.status == 201
    assert call.at("36.0")("POST", "sobjects/Account/Id", {"Name": "Acme"}).status == 404


def test_an_upsert_by_id_updates_and_never_creates(call: Caller) -> None:
    record_id = call.create("Account", Name="Old")
    assert call("PATCH", f"sobjects/Account/Id/{record_id}", {"Name": "New"}).status == 200
    assert call.names("") == ["New"]
    answer = call("PATCH", "sobjects/Account/Id/001Lo0000000009IAA", {"Name": "x"})
    assert answer.status == 404


@pytest.mark.parametrize(
    ("path", "bad", "index"), [("Key__c/%zz", "zz", 0), ("Key__c/a%4g", "4g", 1)]
)
def test_a_bad_escape_is_refused(call: Caller, path: str, bad: str, index: int) -> None:
    answer = call("GET", f"sobjects/Account/{path}")
    assert answer.status == 400
    assert answer.body[0] == {
        "message": "URLDecoder: Illegal hex characters in escape (%) pattern - "
        f'Error at index {index} in: "{bad}"',
        "errorCode": "ILLEGAL_QUERY_PARAMETER_VALUE",
    }


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
@pytest.mark.parametrize("blank", ["%20", "%20%09", "%C2%A0"])
def test_a_blank_key_addresses_no_record(call: Caller, method: str, blank: str) -> None:
    answer = call(method, f"sobjects/Account/Key__c/{blank}", {"Name": "Acme"})
    assert (answer.status, answer.body[0]["errorCode"]) == (404, "NOT_FOUND")
    assert call.names("") == []
