"""The client: its plain resources, its address, its end."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.server import ScriptedServer, reply
from twinforce import (
    AccessToken,
    AiohttpTransport,
    ApiUsage,
    AsyncSalesforce,
    ClientCredentials,
    errors,
)
from twinforce.local import LocalOrg


async def test_the_limits_of_the_org(salesforce: AsyncSalesforce) -> None:
    limits = await salesforce.limits()

    assert limits["DailyApiRequests"]["Max"] >= limits["DailyApiRequests"]["Remaining"]


async def test_the_versions_of_the_instance(salesforce: AsyncSalesforce) -> None:
    versions = await salesforce.versions()

    assert versions[-1].url == f"/services/data/v{versions[-1].version}"
    assert salesforce.version in {version.version for version in versions}


async def test_the_use_of_the_api_is_that_of_the_latest_answer(salesforce: AsyncSalesforce) -> None:
    assert salesforce.api_usage is None
    await salesforce.limits()
    first = salesforce.api_usage
    with pytest.raises(errors.NotFoundError):
        await salesforce.request("GET", "nothing/here")
    second = salesforce.api_usage

    assert first is not None
    assert second is not None
    assert second.used == first.used + 1
    assert second.remaining == second.total - second.used


async def test_each_subrequest_counts(salesforce: AsyncSalesforce) -> None:
    await salesforce.limits()
    before = salesforce.api_usage
    async with salesforce.composite.batch() as batch:
        for _ in range(5):
            batch.request("GET", "limits")
    after = salesforce.api_usage

    assert before is not None
    assert after is not None
    assert after.used - before.used >= 5


async def test_any_other_request(salesforce: AsyncSalesforce) -> None:
    created = await salesforce.request("post", "sobjects/Account", json={"Name": "A & B"})
    found = await salesforce.request(
        "GET",
        "/services/data/v60.0/query",
        params={"q": "SELECT Name FROM Account WHERE Name = 'A & B'"},
    )
    raw = await salesforce.request("POST", "v67.0/sobjects/Account", body=b'{"Name": "C"}')

    assert created.status_code == raw.status_code == 201
    assert json.loads(found.body)["totalSize"] == 1
    assert found.headers["content-type"].startswith("application/json")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("https://evil.example/services/data/v67.0/limits", "absolute URL"),
        ("//evil.example/", "absolute URL"),
        ("sobjects/../limits", "dot segment"),
        ("query?q=SELECT Id FROM Account", "percent-encoded"),
    ],
)
async def test_a_request_goes_nowhere_else(
    salesforce: AsyncSalesforce, path: str, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        await salesforce.request("GET", path)

    assert salesforce.api_usage is None


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer x"},
        {"host": "evil.example"},
        {"X": "a\r\nY: b"},
        {"X Y": "a"},
        {"X": "é"},
    ],
)
async def test_headers_that_would_do_harm_are_refused(
    salesforce: AsyncSalesforce, headers: dict[str, str]
) -> None:
    with pytest.raises(ValueError, match="the header"):
        await salesforce.request("GET", "limits", headers=headers)


async def test_an_error_of_a_request_leaves_out_its_query(salesforce: AsyncSalesforce) -> None:
    with pytest.raises(errors.NotFoundError) as caught:
        await salesforce.request("POST", "/services/oauth2/nothing?token=00D!secret")

    assert str(caught.value).startswith("POST /services/oauth2/nothing: 404")


async def test_two_bodies_are_refused(salesforce: AsyncSalesforce) -> None:
    with pytest.raises(ValueError, match="not both"):
        await salesforce.request("POST", "sobjects/Account", json={}, body=b"{}")


async def test_a_closed_client_says_that_it_is_closed(org: LocalOrg) -> None:
    salesforce = org.async_client()
    batch = salesforce.composite.batch()
    contact = batch.sobject.create("Contact", {"LastName": "Doe"})
    await salesforce.aclose()
    await salesforce.aclose()

    with pytest.raises(errors.InvalidStateError, match="closed"):
        await salesforce.limits()
    with pytest.raises(errors.InvalidStateError, match="closed"):
        await batch.execute()
    assert not contact.done
    assert batch.request_count == 0


async def test_a_transport_of_the_user_is_left_open(server: ScriptedServer) -> None:
    server.always(reply(200, b"{}"))
    async with AiohttpTransport() as transport:
        for _ in range(2):
            async with AsyncSalesforce(
                server.url, AccessToken("00D!x"), transport=transport
            ) as salesforce:
                assert await salesforce.limits() == {}


async def test_the_use_of_the_api_stays_known(server: ScriptedServer) -> None:
    server.play(reply(200, b"{}", [("Sforce-Limit-Info", "api-usage=18/5000")]))
    server.play(reply(200, b"[]"))
    async with AsyncSalesforce(server.url, AccessToken("00D!x")) as salesforce:
        await salesforce.limits()
        await salesforce.versions()

        assert salesforce.api_usage == ApiUsage(18, 5000)


async def test_the_repr_names_the_org_and_no_secret(org: LocalOrg) -> None:
    async with AsyncSalesforce(
        "https://acme.my.salesforce.com/x", AccessToken("00D!x")
    ) as salesforce:
        assert repr(salesforce) == "<AsyncSalesforce https://acme.my.salesforce.com v67.0>"


@pytest.mark.parametrize(
    ("instance_url", "version", "reason"),
    [
        ("http://acme.my.salesforce.com", "67.0", "in the clear"),
        ("acme.my.salesforce.com", "67.0", "must look like"),
        ("https://acme.my.salesforce.com", "v67", "API version"),
    ],
)
async def test_an_address_that_cannot_be_used_is_refused(
    instance_url: str, version: str, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        AsyncSalesforce(instance_url, AccessToken("00D!x"), version=version)


@pytest.mark.parametrize("auth", ["00D!x", None, AccessToken, {"token": "00D!x"}])
async def test_what_is_no_grant_is_refused_unseen(auth: Any) -> None:
    with pytest.raises(TypeError, match="auth must be a grant, such as AccessToken") as caught:
        AsyncSalesforce("https://acme.my.salesforce.com", auth)

    assert "00D!x" not in str(caught.value)


@pytest.mark.parametrize("options", [{"timeout": 5}, {"timeout": None}, {"transport": object()}])
async def test_an_option_of_another_type_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=r"such as Timeout\(read=600\)|is no AsyncTransport"):
        AsyncSalesforce("https://acme.my.salesforce.com", AccessToken("00D!x"), **options)


@pytest.mark.parametrize(
    "options", [{"body": "text"}, {"body": [1]}, {"headers": [("a", "b")]}, {"params": ["a"]}]
)
async def test_what_a_request_cannot_carry_is_refused(
    salesforce: AsyncSalesforce, options: dict[str, Any]
) -> None:
    with pytest.raises(TypeError, match="must be"):
        await salesforce.request("POST", "sobjects/Account", **options)

    assert salesforce.api_usage is None


async def test_client_credentials_sign_in_over_http(org: LocalOrg) -> None:
    with org.serve() as server:
        grant = ClientCredentials(org.client_id, org.client_secret)
        async with AsyncSalesforce(server.url, grant) as salesforce:
            assert await salesforce.sobject.create("Account", {"Name": "Acme"})

        wrong = ClientCredentials(org.client_id, "wrong")
        async with AsyncSalesforce(server.url, wrong) as salesforce:
            with pytest.raises(errors.AuthenticationError, match="invalid_client"):
                await salesforce.limits()


async def test_a_token_that_is_refused_and_cannot_be_renewed(org: LocalOrg) -> None:
    with org.serve() as server:
        async with AsyncSalesforce(server.url, AccessToken("expired")) as salesforce:
            batch = salesforce.composite.batch()
            contact = batch.sobject.create("Contact", {"LastName": "Doe"})
            with pytest.raises(errors.AuthenticationError, match="INVALID_SESSION_ID"):
                await batch.execute()
            assert not contact.done
            assert contact.error is None
