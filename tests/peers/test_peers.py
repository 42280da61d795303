"""Clients that others wrote, unmodified, on the served local org.

Both speak only to ``https://…salesforce.com``, so their HTTP library is given a transport that
rewrites scheme, host and port. `nox -s peers` installs them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
import requests
from requests.adapters import HTTPAdapter

from twinforce.local import LocalOrg
from twinforce.local.server import Server

# Only `nox -s peers` has them.
aiosalesforce = pytest.importorskip("aiosalesforce")
httpx = pytest.importorskip("httpx")
simple_salesforce = pytest.importorskip("simple_salesforce")

HOST = "acme.my.salesforce.com"


@pytest.fixture
def server(org: LocalOrg) -> Iterator[Server]:
    with org.serve() as server:
        yield server


def rewritten(url: str, server_url: str) -> str:
    """Point *url* at the served org."""
    return urlunsplit(urlsplit(server_url)[:2] + urlsplit(url)[2:])


class Httpx(httpx.AsyncHTTPTransport):  # type: ignore[misc, name-defined]
    def __init__(self, server_url: str) -> None:
        super().__init__()
        self.server_url = httpx.URL(server_url)

    async def handle_async_request(self, request: Any) -> Any:
        there = self.server_url
        request.url = request.url.copy_with(scheme=there.scheme, host=there.host, port=there.port)
        return await super().handle_async_request(request)


class Adapter(HTTPAdapter):
    def __init__(self, server_url: str) -> None:
        super().__init__()
        self.server_url = server_url

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        request.url = rewritten(str(request.url), self.server_url)
        return super().send(request, *args, **kwargs)


async def test_aiosalesforce(org: LocalOrg, server: Server) -> None:
    async with httpx.AsyncClient(transport=Httpx(server.url)) as http:
        grant = aiosalesforce.auth.ClientCredentialsFlow(org.client_id, org.client_secret)
        salesforce = aiosalesforce.Salesforce(http, f"https://{HOST}", grant)
        sobject = salesforce.sobject

        account_id = await sobject.create("Account", {"Name": "Acme"})
        await sobject.update("Account", account_id, {"Name": "New", "Phone": "1"})
        record = await sobject.get("Account", account_id, fields=["Name", "Phone"])
        assert (record["Name"], record["Phone"]) == ("New", "1")
        first = await sobject.upsert("Contact", "x", "Key__c", {"LastName": "Doe"})
        again = await sobject.upsert("Contact", "x", "Key__c", {"LastName": "Roe"})
        assert (first.created, again.created, first.id == again.id) == (True, False, True)
        doomed = await sobject.create("Account", {"Name": "Doomed"})
        await sobject.delete("Account", doomed)
        with pytest.raises(aiosalesforce.exceptions.NotFoundError):
            await sobject.get("Account", doomed)
        with pytest.raises(aiosalesforce.exceptions.SalesforceError, match="REQUIRED_FIELD"):
            await sobject.create("Contact", {})

        for number in range(250):
            await sobject.create("Lead", {"LastName": f"{number:03}", "Company": "Acme"})
        query = salesforce.query("SELECT Name FROM Lead ORDER BY Name")
        assert len([row async for row in query]) == 250
        assert (await salesforce.get_limits())["DailyApiRequests"]["Max"]

        async with salesforce.composite.batch(halt_on_error=False) as batch:
            query = batch.query("SELECT Id, Name FROM Account")
            contact = batch.sobject.create("Contact", {"FirstName": "Jon", "LastName": "Doe"})
            account = batch.sobject.update("Account", account_id, {"Name": "Newer"})
            got = batch.sobject.get("Account", account_id, fields=["Name"])
            upserted = batch.sobject.upsert("Contact", "y", "Key__c", {"LastName": "Poe"})
            deleted = batch.sobject.delete("Contact", again.id)
            failed = batch.sobject.create("Contact", {"FirstName": "Jon"})
        assert [row["Name"] for row in query.records] == ["New"]
        assert len(contact.id) == 18
        assert (account.status_code, account.result) == (204, None)
        assert got.record["Name"] == "Newer"
        assert upserted.created
        assert deleted.is_success
        assert (failed.status_code, failed.is_success) == (400, False)

        async with salesforce.composite.batch(halt_on_error=True) as batch:
            batch.sobject.create("Contact", {})
            halted = batch.sobject.create("Contact", {"LastName": "Doe"})
        assert halted.status_code == 412


def test_simple_salesforce(server: Server) -> None:
    with requests.Session() as session:
        session.mount("https://", Adapter(server.url))
        salesforce = simple_salesforce.Salesforce(
            instance=HOST, session_id=server.access_token, session=session, version="60.0"
        )

        account_id = salesforce.Account.create({"Name": "Acme"})["id"]
        assert salesforce.Account.update(account_id, {"Name": "New", "Phone": "1"}) == 204
        record = salesforce.Account.get(account_id)
        assert (record["Name"], record["Phone"]) == ("New", "1")
        assert salesforce.Contact.upsert("Key__c/x", {"LastName": "Doe"}) == 201
        assert salesforce.Contact.upsert("Key__c/x", {"LastName": "Roe"}) == 200
        assert salesforce.Contact.get_by_custom_id("Key__c", "x")["LastName"] == "Roe"
        doomed = salesforce.Account.create({"Name": "Doomed"})["id"]
        assert salesforce.Account.delete(doomed) == 204
        with pytest.raises(simple_salesforce.exceptions.SalesforceResourceNotFound):
            salesforce.Account.get(doomed)
        with pytest.raises(
            simple_salesforce.exceptions.SalesforceMalformedRequest, match="REQUIRED_FIELD"
        ):
            salesforce.Contact.create({})

        for number in range(250):
            salesforce.Lead.create({"LastName": f"{number:03}", "Company": "Acme"})
        found = salesforce.query_all("SELECT Name FROM Lead ORDER BY Name")
        assert (found["totalSize"], found["done"], len(found["records"])) == (250, True, 250)
        assert len(list(salesforce.query_all_iter("SELECT Name FROM Lead"))) == 250
        assert {item["name"] for item in salesforce.describe()["sobjects"]} >= {"Account", "Lead"}
        assert {item["name"] for item in salesforce.Account.describe()["fields"]} >= {"Id", "Name"}
        assert salesforce.limits()["DailyApiRequests"]["Max"]

        answer = salesforce.restful(
            "composite/batch",
            method="POST",
            json={
                "batchRequests": [
                    {"method": "GET", "url": "v60.0/query?q=SELECT+Name+FROM+Account"},
                    {
                        "method": "POST",
                        "url": "v60.0/sobjects/Contact",
                        "richInput": {"LastName": "D"},
                    },
                    {"method": "POST", "url": "v60.0/sobjects/Contact", "richInput": {}},
                ]
            },
        )
        assert answer["hasErrors"] is True
        assert [item["statusCode"] for item in answer["results"]] == [200, 201, 400]
        assert answer["results"][0]["result"]["records"][0]["Name"] == "New"
        assert salesforce.api_usage["api-usage"].used > 0
