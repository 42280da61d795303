# Generated from tests/_async/test_query.py by scripts/make_sync.py.
# Change that file, never this one, and then run `scripts/test -s twins -- --write`.
"""Queries are complete, batched or not."""

from __future__ import annotations

import pytest

from twinforce import Salesforce, SubrequestState, errors

COUNT = 450
PAGE = 200


@pytest.fixture
def accounts(salesforce: Salesforce) -> list[str]:
    """Create more accounts than two pages hold, and give their names."""
    names = [f"Account {number:03}" for number in range(COUNT)]
    with salesforce.composite.batch(autoraise=True) as batch:
        for name in names:
            batch.sobject.create("Account", {"Name": name})
    return names


def test_a_query_goes_from_page_to_page(salesforce: Salesforce, accounts: list[str]) -> None:
    query = salesforce.query("SELECT Name FROM Account ORDER BY Name")

    assert [record["Name"] for record in query] == accounts
    assert [record["Name"] for record in query.all()] == accounts


def test_a_query_fetches_no_page_before_it_is_needed(
    salesforce: Salesforce, accounts: list[str]
) -> None:
    assert salesforce.api_usage is not None
    before = salesforce.api_usage.used

    for record in salesforce.query("SELECT Name FROM Account ORDER BY Name"):
        assert record["Name"] == accounts[0]
        break

    assert salesforce.api_usage.used == before + 1


def test_a_batched_query_is_complete(salesforce: Salesforce, accounts: list[str]) -> None:
    with salesforce.composite.batch() as batch:
        query = batch.query("SELECT Name FROM Account ORDER BY Name")
        few = batch.query("SELECT Name FROM Account ORDER BY Name LIMIT 3")

    assert [record["Name"] for record in query.records] == accounts
    assert (query.total_size, query.complete, query.next_records_url) == (COUNT, True, None)
    assert query.state is SubrequestState.SUCCEEDED
    assert len(query.result["records"]) == PAGE
    assert len(few.records) == 3
    assert batch.request_count == 3


def test_only_the_first_page_is_had_on_demand(salesforce: Salesforce, accounts: list[str]) -> None:
    with salesforce.composite.batch() as batch:
        query = batch.query("SELECT Name FROM Account ORDER BY Name", first_page_only=True)

    assert [record["Name"] for record in query.records] == accounts[:PAGE]
    assert (query.total_size, query.complete) == (COUNT, False)
    assert query.next_records_url is not None
    assert batch.request_count == 1
    page = salesforce.request("GET", query.next_records_url)
    assert b"Account 200" in page.body


def test_deleted_records_are_found_on_demand(salesforce: Salesforce) -> None:
    doomed = salesforce.sobject.create("Account", {"Name": "Doomed"})
    salesforce.sobject.delete("Account", doomed)
    soql = "SELECT Id, IsDeleted FROM Account"

    with salesforce.composite.batch() as batch:
        living = batch.query(soql)
        every = batch.query(soql, include_all_records=True)

    assert living.records == []
    assert [record["IsDeleted"] for record in every.records] == [True]
    assert len(salesforce.query(soql, include_all_records=True).all()) == 1


def test_a_count_has_a_size_and_no_records(salesforce: Salesforce, accounts: list[str]) -> None:
    with salesforce.composite.batch() as batch:
        query = batch.query("SELECT COUNT() FROM Account")

    assert (query.total_size, query.records, query.complete) == (len(accounts), [], True)


def test_a_query_that_salesforce_refuses_raises_its_reason(
    salesforce: Salesforce,
) -> None:
    with pytest.raises(errors.MalformedRequestError, match="No such column 'Nam'"):
        salesforce.query("SELECT Nam FROM Account").all()


def test_a_query_shows_what_it_asks(salesforce: Salesforce) -> None:
    assert "GET query?q=SELECT%20Id" in repr(salesforce.query("SELECT Id FROM Account"))


def test_a_query_tells_how_many_records_there_are(salesforce: Salesforce) -> None:
    for number in range(3):
        salesforce.sobject.create("Account", {"Name": f"Acme {number}"})

    assert salesforce.query("SELECT COUNT() FROM Account").total_size() == 3
    assert salesforce.query("SELECT Id FROM Account LIMIT 2").total_size() == 2
