"""Records, one request each, against the local org."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from twinforce import AsyncSalesforce, UpsertResult, errors


async def test_a_record_lives_its_life(salesforce: AsyncSalesforce) -> None:
    sobject = salesforce.sobject

    account_id = await sobject.create("Account", {"Name": "Acme", "Phone": "1"})
    await sobject.update("Account", account_id, {"Name": "New", "Phone": None})
    record = await sobject.get("Account", account_id)
    assert (record["Name"], record["Phone"]) == ("New", None)
    assert record["attributes"]["url"].endswith(f"/sobjects/Account/{account_id}")
    chosen = await sobject.get("Account", account_id, fields=["Name"])
    assert chosen["Name"] == "New"
    assert "Phone" not in chosen

    await sobject.delete("Account", account_id)
    with pytest.raises(errors.NotFoundError):
        await sobject.get("Account", account_id)
    with pytest.raises(errors.NotFoundError, match="ENTITY_IS_DELETED"):
        await sobject.delete("Account", account_id)


async def test_a_record_is_found_by_its_external_id(salesforce: AsyncSalesforce) -> None:
    sobject = salesforce.sobject
    data = {"Key__c": "a/b ?#é", "LastName": "Doe"}

    created = await sobject.upsert("Contact", "Key__c", data)
    again = await sobject.upsert("Contact", "Key__c", {"LastName": "Roe"}, external_id="a/b ?#é")

    assert created.created
    assert again == UpsertResult(created.id, created=False)
    record = await sobject.get("Contact", "a/b ?#é", external_id_field="Key__c")
    assert (record["Id"], record["LastName"]) == (created.id, "Roe")
    await sobject.update("Contact", "a/b ?#é", {"LastName": "Poe"}, external_id_field="Key__c")
    assert (await sobject.get("Contact", created.id or ""))["LastName"] == "Poe"
    await sobject.delete("Contact", "a/b ?#é", external_id_field="Key__c")
    with pytest.raises(errors.NotFoundError):
        await sobject.get("Contact", "a/b ?#é", external_id_field="Key__c")


async def test_python_values_arrive(salesforce: AsyncSalesforce) -> None:
    opportunity_id = await salesforce.sobject.create(
        "Opportunity",
        {"Name": "Big", "Amount": Decimal("119373.34"), "CloseDate": dt.date(2024, 2, 29)},
    )

    record = await salesforce.sobject.get("Opportunity", opportunity_id)

    assert (record["Amount"], record["CloseDate"]) == (119373.34, "2024-02-29")


async def test_a_failure_names_the_request(salesforce: AsyncSalesforce) -> None:
    with pytest.raises(errors.MalformedRequestError) as caught:
        await salesforce.sobject.create("Contact", {"FirstName": "Jon"})

    assert str(caught.value).startswith("POST sobjects/Contact: 400 REQUIRED_FIELD_MISSING")
    assert caught.value.fields == ("LastName",)


async def test_bad_input_is_refused_before_anything_is_sent(salesforce: AsyncSalesforce) -> None:
    with pytest.raises(ValueError, match="not a record id"):
        await salesforce.sobject.get("Account", "../User/005000000000000")
    with pytest.raises(TypeError, match=r"Account\.Tags is a set"):
        await salesforce.sobject.create("Account", {"Name": "x", "Tags": {1}})

    assert salesforce.api_usage is None
