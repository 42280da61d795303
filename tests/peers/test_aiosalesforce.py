"""aiosalesforce 0.6.2, unmodified, on the served local org.

Run: create, get, update, upsert and delete of records, and their errors; query, its pages and
deleted records; limits; Composite Batch with each of its subrequests, and halted; login by
client credentials, SOAP and JWT bearer token, refused and renewed.

Not covered, since the org does not serve it: Composite (`composite.composite`) and Bulk 2.0. It
has no search and no describe.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.peers.conftest import AsyncHttpxTransport
from twinforce.local import LocalOrg
from twinforce.local.server.web import Server

aiosalesforce = pytest.importorskip("aiosalesforce")
httpx = pytest.importorskip("httpx")
auth = pytest.importorskip("aiosalesforce.auth")
exceptions = pytest.importorskip("aiosalesforce.exceptions")

URL = "https://acme.my.salesforce.com"


@pytest.fixture
async def http(server: Server) -> AsyncIterator[Any]:
    async with httpx.AsyncClient(transport=AsyncHttpxTransport(server.url)) as http:
        yield http


@pytest.fixture
def salesforce(org: LocalOrg, http: Any) -> Any:
    grant = auth.ClientCredentialsFlow(org.client_id, org.client_secret)
    return aiosalesforce.Salesforce(http, URL, grant)


async def test_records_are_created_read_updated_and_deleted(salesforce: Any) -> None:
    sobject = salesforce.sobject
    account_id = await sobject.create("Account", {"Name": "Acme"})
    await sobject.update("Account", account_id, {"Name": "New", "Phone": "1"})
    record = await sobject.get("Account", account_id, fields=["Name", "Phone"])
    assert (record["Name"], record["Phone"]) == ("New", "1")
    assert (await sobject.get("Account", account_id))["Id"] == account_id
    await sobject.delete("Account", account_id)
    with pytest.raises(exceptions.NotFoundError):
        await sobject.get("Account", account_id)


async def test_an_upsert_creates_and_then_updates(salesforce: Any) -> None:
    sobject = salesforce.sobject
    first = await sobject.upsert("Contact", "x", "Key__c", {"LastName": "Doe"})
    again = await sobject.upsert("Contact", "x", "Key__c", {"LastName": "Roe"})
    assert (first.created, again.created, first.id == again.id) == (True, False, True)
    record = await sobject.get("Contact", "x", "Key__c", fields=["LastName"])
    assert record["LastName"] == "Roe"
    await sobject.delete("Contact", "x", "Key__c")
    with pytest.raises(exceptions.NotFoundError):
        await sobject.get("Contact", "x", "Key__c")


async def test_errors_carry_code_and_message(salesforce: Any) -> None:
    with pytest.raises(exceptions.SalesforceError) as caught:
        await salesforce.sobject.create("Contact", {})
    assert caught.value.error_code == "REQUIRED_FIELD_MISSING"
    assert caught.value.error_message == "Required fields are missing: [LastName]"
    with pytest.raises(exceptions.SalesforceError, match="No such column 'Nam'"):
        _ = [row async for row in salesforce.query("SELECT Nam FROM Account")]


async def test_queries_go_through_all_pages(salesforce: Any) -> None:
    ids = [
        await salesforce.sobject.create("Lead", {"LastName": f"{number:03}", "Company": "Acme"})
        for number in range(250)
    ]
    query = salesforce.query("SELECT Name FROM Lead ORDER BY Name")
    assert len([row async for row in query]) == 250
    await salesforce.sobject.delete("Lead", ids[0])
    soql = "SELECT Id, IsDeleted FROM Lead WHERE IsDeleted = true"
    assert [row async for row in salesforce.query(soql)] == []
    deleted = [row["Id"] async for row in salesforce.query(soql, include_all_records=True)]
    assert deleted == [ids[0]]


async def test_limits(salesforce: Any) -> None:
    before, after = [(await salesforce.get_limits())["DailyApiRequests"] for _ in range(2)]
    assert before["Remaining"] - after["Remaining"] == 1


async def test_a_batch_of_all_its_subrequests(salesforce: Any) -> None:
    account_id = await salesforce.sobject.create("Account", {"Name": "Acme"})
    known = await salesforce.sobject.upsert("Contact", "x", "Key__c", {"LastName": "Doe"})
    async with salesforce.composite.batch(halt_on_error=False) as batch:
        query = batch.query("SELECT Id, Name FROM Account WHERE Name = 'Acme'")
        contact = batch.sobject.create("Contact", {"FirstName": "Jon", "LastName": "Doe"})
        account = batch.sobject.update("Account", account_id, {"Name": "Newer"})
        got = batch.sobject.get("Account", account_id, fields=["Name"])
        keyed = batch.sobject.get("Contact", "x", "Key__c", fields=["LastName"])
        upserted = batch.sobject.upsert("Contact", "y", "Key__c", {"LastName": "Poe"})
        deleted = batch.sobject.delete("Contact", known.id)
        failed = batch.sobject.create("Contact", {"FirstName": "Jon"})
    assert [row["Name"] for row in query.records] == ["Acme"]
    assert len(contact.id) == 18
    assert (account.status_code, account.result) == (204, None)
    assert got.record["Name"] == "Newer"
    assert keyed.record["LastName"] == "Doe"
    assert upserted.created
    assert deleted.is_success
    assert (failed.status_code, failed.is_success) == (400, False)
    with pytest.raises(exceptions.SalesforceError, match="REQUIRED_FIELD_MISSING"):
        failed.raise_for_status()


async def test_a_batch_is_halted(salesforce: Any) -> None:
    async with salesforce.composite.batch(halt_on_error=True) as batch:
        batch.sobject.create("Contact", {})
        halted = batch.sobject.create("Contact", {"LastName": "Doe"})
    assert halted.status_code == 412


async def test_a_client_whose_token_expired_signs_in_again(org: LocalOrg, salesforce: Any) -> None:
    account_id = await salesforce.sobject.create("Account", {"Name": "Acme"})
    org.expire_token()
    assert (await salesforce.sobject.get("Account", account_id))["Name"] == "Acme"


async def test_soap_login(org: LocalOrg, http: Any) -> None:
    login = auth.SoapLogin(org.username, org.password, org.security_token)
    salesforce = aiosalesforce.Salesforce(http, URL, login)
    assert (await salesforce.get_limits())["DailyApiRequests"]["Max"]
    assert not login.expired

    wrong = auth.SoapLogin(org.username, "wrong", org.security_token)
    with pytest.raises(exceptions.AuthenticationError, match="Invalid username, password"):
        await aiosalesforce.Salesforce(http, URL, wrong).get_limits()


async def test_jwt_bearer_flow(
    org: LocalOrg, http: Any, private_key: str, app: str, tmp_path: Path
) -> None:
    file = tmp_path / "key.pem"
    file.write_text(private_key)
    salesforce = aiosalesforce.Salesforce(http, URL, auth.JwtBearerFlow(app, org.username, file))
    assert (await salesforce.get_limits())["DailyApiRequests"]["Max"]

    nobody = auth.JwtBearerFlow(app, "nobody@example.com", file)
    with pytest.raises(exceptions.AuthenticationError):
        await aiosalesforce.Salesforce(http, URL, nobody).get_limits()


async def test_a_wrong_secret_is_refused(org: LocalOrg, http: Any) -> None:
    grant = auth.ClientCredentialsFlow(org.client_id, "wrong")
    with pytest.raises(exceptions.AuthenticationError, match="invalid client credentials"):
        await aiosalesforce.Salesforce(http, URL, grant).get_limits()
