# Generated from tests/_async/test_sobject.py by scripts/make_sync.py.
# Change that file, never this one, and then run `scripts/test -s twins -- --write`.
"""Records, one request each, against the local org."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from twinforce import Salesforce, UpsertResult, errors


def test_a_record_lives_its_life(salesforce: Salesforce) -> None:
    sobject = salesforce.sobject

    account_id = sobject.create("Account", {"Name": "Acme", "Phone": "1"})
    sobject.update("Account", account_id, {"Name": "New", "Phone": None})
    record = sobject.get("Account", account_id)
    assert (record["Name"], record["Phone"]) == ("New", None)
    assert record["attributes"]["url"].endswith(f"/sobjects/Account/{account_id}")
    chosen = sobject.get("Account", account_id, fields=["Name"])
    assert chosen["Name"] == "New"
    assert "Phone" not in chosen

    sobject.delete("Account", account_id)
    with pytest.raises(errors.NotFoundError):
        sobject.get("Account", account_id)
    with pytest.raises(errors.NotFoundError, match="ENTITY_IS_DELETED"):
        sobject.delete("Account", account_id)


def test_a_record_is_found_by_its_external_id(salesforce: Salesforce) -> None:
    sobject = salesforce.sobject
    data = {"Key__c": "a/b ?#é", "LastName": "Doe"}

    created = sobject.upsert("Contact", "Key__c", data)
    again = sobject.upsert("Contact", "Key__c", {"LastName": "Roe"}, external_id="a/b ?#é")

    assert created.created
    assert again == UpsertResult(created.id, created=False)
    record = sobject.get("Contact", "a/b ?#é", external_id_field="Key__c")
    assert (record["Id"], record["LastName"]) == (created.id, "Roe")
    sobject.update("Contact", "a/b ?#é", {"LastName": "Poe"}, external_id_field="Key__c")
    assert (sobject.get("Contact", created.id or ""))["LastName"] == "Poe"
    sobject.delete("Contact", "a/b ?#é", external_id_field="Key__c")
    with pytest.raises(errors.NotFoundError):
        sobject.get("Contact", "a/b ?#é", external_id_field="Key__c")


def test_python_values_arrive(salesforce: Salesforce) -> None:
    opportunity_id = salesforce.sobject.create(
        "Opportunity",
        {"Name": "Big", "Amount": Decimal("119373.34"), "CloseDate": dt.date(2024, 2, 29)},
    )

    record = salesforce.sobject.get("Opportunity", opportunity_id)

    assert (record["Amount"], record["CloseDate"]) == (119373.34, "2024-02-29")


def test_a_failure_names_the_request(salesforce: Salesforce) -> None:
    with pytest.raises(errors.MalformedRequestError) as caught:
        salesforce.sobject.create("Contact", {"FirstName": "Jon"})

    assert str(caught.value).startswith("POST sobjects/Contact: 400 REQUIRED_FIELD_MISSING")
    assert caught.value.fields == ("LastName",)


def test_bad_input_is_refused_before_anything_is_sent(salesforce: Salesforce) -> None:
    with pytest.raises(ValueError, match="not a record id"):
        salesforce.sobject.get("Account", "../User/005000000000000")
    with pytest.raises(TypeError, match=r"Account\.Tags is a set"):
        salesforce.sobject.create("Account", {"Name": "x", "Tags": {1}})

    assert salesforce.api_usage is None
