"""Queries are complete, batched or not."""

from __future__ import annotations

import pytest

from twinforce import AsyncSalesforce, SubrequestState, errors

COUNT = 450
PAGE = 200


@pytest.fixture
async def accounts(salesforce: AsyncSalesforce) -> list[str]:
    """Create more accounts than two pages hold, and give their names."""
    names = [f"Account {number:03}" for number in range(COUNT)]
    async with salesforce.composite.batch(autoraise=True) as batch:
        for name in names:
            batch.sobject.create("Account", {"Name": name})
    return names


async def test_a_query_goes_from_page_to_page(
    salesforce: AsyncSalesforce, accounts: list[str]
) -> None:
    query = salesforce.query("SELECT Name FROM Account ORDER BY Name")

    assert [record["Name"] async for record in query] == accounts
    assert [record["Name"] for record in await query.all()] == accounts


async def test_a_query_fetches_no_page_before_it_is_needed(
    salesforce: AsyncSalesforce, accounts: list[str]
) -> None:
    assert salesforce.api_usage is not None
    before = salesforce.api_usage.used

    async for record in salesforce.query("SELECT Name FROM Account ORDER BY Name"):
        assert record["Name"] == accounts[0]
        break

    assert salesforce.api_usage.used == before + 1


async def test_a_batched_query_is_complete(
    salesforce: AsyncSalesforce, accounts: list[str]
) -> None:
    async with salesforce.composite.batch() as batch:
        query = batch.query("SELECT Name FROM Account ORDER BY Name")
        few = batch.query("SELECT Name FROM Account ORDER BY Name LIMIT 3")

    assert [record["Name"] for record in query.records] == accounts
    assert (query.total_size, query.complete, query.next_records_url) == (COUNT, True, None)
    assert query.state is SubrequestState.SUCCEEDED
    assert len(query.result["records"]) == PAGE
    assert len(few.records) == 3
    assert batch.request_count == 3


async def test_only_the_first_page_is_had_on_demand(
    salesforce: AsyncSalesforce, accounts: list[str]
) -> None:
    async with salesforce.composite.batch() as batch:
        query = batch.query("SELECT Name FROM Account ORDER BY Name", first_page_only=True)

    assert [record["Name"] for record in query.records] == accounts[:PAGE]
    assert (query.total_size, query.complete) == (COUNT, False)
    assert query.next_records_url is not None
    assert batch.request_count == 1
    page = await salesforce.request("GET", query.next_records_url)
    assert b"Account 200" in page.body


async def test_deleted_records_are_found_on_demand(salesforce: AsyncSalesforce) -> None:
    doomed = await salesforce.sobject.create("Account", {"Name": "Doomed"})
    await salesforce.sobject.delete("Account", doomed)
    soql = "SELECT Id, IsDeleted FROM Account"

    async with salesforce.composite.batch() as batch:
        living = batch.query(soql)
        every = batch.query(soql, include_all_records=True)

    assert living.records == []
    assert [record["IsDeleted"] for record in every.records] == [True]
    assert len(await salesforce.query(soql, include_all_records=True).all()) == 1


async def test_a_count_has_a_size_and_no_records(
    salesforce: AsyncSalesforce, accounts: list[str]
) -> None:
    async with salesforce.composite.batch() as batch:
        query = batch.query("SELECT COUNT() FROM Account")

    assert (query.total_size, query.records, query.complete) == (len(accounts), [], True)


async def test_a_query_that_salesforce_refuses_raises_its_reason(
    salesforce: AsyncSalesforce,
) -> None:
    with pytest.raises(errors.MalformedRequestError, match="No such column 'Nam'"):
        await salesforce.query("SELECT Nam FROM Account").all()


async def test_a_query_shows_what_it_asks(salesforce: AsyncSalesforce) -> None:
    assert "GET query?q=SELECT%20Id" in repr(salesforce.query("SELECT Id FROM Account"))


async def test_a_query_tells_how_many_records_there_are(salesforce: AsyncSalesforce) -> None:
    for number in range(3):
        await salesforce.sobject.create("Account", {"Name": f"Acme {number}"})

    assert await salesforce.query("SELECT COUNT() FROM Account").total_size() == 3
    assert await salesforce.query("SELECT Id FROM Account LIMIT 2").total_size() == 2
