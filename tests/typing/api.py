"""What the type checkers must see of the API. Checked, never run."""

from __future__ import annotations

from typing import Any, assert_type

from twinforce import (
    AccessToken,
    ApiUsage,
    ApiVersion,
    AsyncBatch,
    AsyncQuery,
    AsyncSalesforce,
    Batch,
    CreateSubrequest,
    DeleteSubrequest,
    GetSubrequest,
    Query,
    QuerySubrequest,
    RequestSubrequest,
    Response,
    Salesforce,
    UpdateSubrequest,
    UpsertResult,
    UpsertSubrequest,
)


def blocking(salesforce: Salesforce) -> None:
    with salesforce.composite.batch() as batch:
        assert_type(batch, Batch)
        assert_type(batch.query("SELECT Id FROM Account"), QuerySubrequest)
        assert_type(batch.sobject.create("Account", {"Name": "x"}), CreateSubrequest)
        assert_type(batch.sobject.get("Account", "001"), GetSubrequest)
        assert_type(batch.sobject.update("Account", "001", {}), UpdateSubrequest)
        assert_type(batch.sobject.upsert("Account", "Key__c", {}), UpsertSubrequest)
        assert_type(batch.sobject.delete("Account", "001"), DeleteSubrequest)
        assert_type(batch.request("GET", "limits"), RequestSubrequest)
    assert_type(batch.execute(), None)
    assert_type(salesforce.sobject.create("Account", {}), str)
    assert_type(salesforce.sobject.get("Account", "001"), dict[str, Any])
    assert_type(salesforce.sobject.upsert("Account", "Key__c", {}), UpsertResult)
    assert_type(salesforce.query("SELECT Id FROM Account"), Query)
    assert_type(salesforce.query("SELECT Id FROM Account").all(), list[dict[str, Any]])
    for record in salesforce.query("SELECT Id FROM Account"):
        assert_type(record, dict[str, Any])
    assert_type(salesforce.versions(), list[ApiVersion])
    assert_type(salesforce.request("GET", "limits"), Response)
    assert_type(salesforce.api_usage, ApiUsage | None)


async def awaiting(salesforce: AsyncSalesforce) -> None:
    async with salesforce.composite.batch() as batch:
        assert_type(batch, AsyncBatch)
        assert_type(batch.query("SELECT Id FROM Account"), QuerySubrequest)
        assert_type(batch.sobject.create("Account", {"Name": "x"}), CreateSubrequest)
    assert_type(await batch.execute(), None)
    assert_type(await salesforce.sobject.create("Account", {}), str)
    assert_type(await salesforce.sobject.get("Account", "001"), dict[str, Any])
    assert_type(await salesforce.sobject.upsert("Account", "Key__c", {}), UpsertResult)
    assert_type(salesforce.query("SELECT Id FROM Account"), AsyncQuery)
    assert_type(await salesforce.query("SELECT Id FROM Account").all(), list[dict[str, Any]])
    async for record in salesforce.query("SELECT Id FROM Account"):
        assert_type(record, dict[str, Any])
    assert_type(await salesforce.versions(), list[ApiVersion])
    assert_type(await salesforce.request("GET", "limits"), Response)


def results(
    query: QuerySubrequest,
    create: CreateSubrequest,
    get: GetSubrequest,
    update: UpdateSubrequest,
    upsert: UpsertSubrequest,
) -> None:
    assert_type(query.records, list[dict[str, Any]])
    assert_type(query.total_size, int)
    assert_type(query.complete, bool)
    assert_type(create.id, str)
    assert_type(get.record, dict[str, Any])
    assert_type(update.id, str | None)
    assert_type(upsert.id, str | None)
    assert_type(upsert.created, bool)
    assert_type(create.status_code, int)
    update.record  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    create.records  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


def mistakes() -> None:
    Salesforce("https://acme.my.salesforce.com", "00D...")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Salesforce("https://acme.my.salesforce.com", AccessToken("00D..."), timeout=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
