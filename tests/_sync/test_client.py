# Generated from tests/_async/test_client.py by scripts/make_sync.py.
# Change that file, never this one, and then run `scripts/test -s twins -- --write`.
"""The client: its plain resources, its address, its end."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.server import ScriptedServer, reply
from twinforce import (
    AccessToken,
    ApiUsage,
    ClientCredentials,
    RequestsTransport,
    Salesforce,
    errors,
)
from twinforce.local import LocalOrg


def test_the_limits_of_the_org(salesforce: Salesforce) -> None:
    limits = salesforce.limits()

    assert limits["DailyApiRequests"]["Max"] >= limits["DailyApiRequests"]["Remaining"]


def test_the_versions_of_the_instance(salesforce: Salesforce) -> None:
    versions = salesforce.versions()

    assert versions[-1].url == f"/services/data/v{versions[-1].version}"
    assert salesforce.version in {version.version for version in versions}


def test_the_use_of_the_api_is_that_of_the_latest_answer(salesforce: Salesforce) -> None:
    assert salesforce.api_usage is None
    salesforce.limits()
    first = salesforce.api_usage
    with pytest.raises(errors.NotFoundError):
        salesforce.request("GET", "nothing/here")
    second = salesforce.api_usage

    assert first is not None
    assert second is not None
    assert second.used == first.used + 1
    assert second.remaining == second.total - second.used


def test_each_subrequest_counts(salesforce: Salesforce) -> None:
    salesforce.limits()
    before = salesforce.api_usage
    with salesforce.composite.batch() as batch:
        for _ in range(5):
            batch.request("GET", "limits")
    after = salesforce.api_usage

    assert before is not None
    assert after is not None
    assert after.used - before.used >= 5


def test_any_other_request(salesforce: Salesforce) -> None:
    created = salesforce.request("post", "sobjects/Account", json={"Name": "A & B"})
    found = salesforce.request(
        "GET",
        "/services/data/v60.0/query",
        params={"q": "SELECT Name FROM Account WHERE Name = 'A & B'"},
    )
    raw = salesforce.request("POST", "v67.0/sobjects/Account", body=b'{"Name": "C"}')

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
def test_a_request_goes_nowhere_else(salesforce: Salesforce, path: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        salesforce.request("GET", path)

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
def test_headers_that_would_do_harm_are_refused(
    salesforce: Salesforce, headers: dict[str, str]
) -> None:
    with pytest.raises(ValueError, match="the header"):
        salesforce.request("GET", "limits", headers=headers)


def test_an_error_of_a_request_leaves_out_its_query(salesforce: Salesforce) -> None:
    with pytest.raises(errors.NotFoundError) as caught:
        salesforce.request("POST", "/services/oauth2/nothing?token=00D!secret")

    assert str(caught.value).startswith("POST /services/oauth2/nothing: 404")


def test_two_bodies_are_refused(salesforce: Salesforce) -> None:
    with pytest.raises(ValueError, match="not both"):
        salesforce.request("POST", "sobjects/Account", json={}, body=b"{}")


def test_a_closed_client_says_that_it_is_closed(org: LocalOrg) -> None:
    salesforce = org.client()
    batch = salesforce.composite.batch()
    contact = batch.sobject.create("Contact", {"LastName": "Doe"})
    salesforce.close()
    salesforce.close()

    with pytest.raises(errors.InvalidStateError, match="closed"):
        salesforce.limits()
    with pytest.raises(errors.InvalidStateError, match="closed"):
        batch.execute()
    assert not contact.done
    assert batch.request_count == 0


def test_a_transport_of_the_user_is_left_open(server: ScriptedServer) -> None:
    server.always(reply(200, b"{}"))
    with RequestsTransport() as transport:
        for _ in range(2):
            with Salesforce(server.url, AccessToken("00D!x"), transport=transport) as salesforce:
                assert salesforce.limits() == {}


def test_the_use_of_the_api_stays_known(server: ScriptedServer) -> None:
    server.play(reply(200, b"{}", [("Sforce-Limit-Info", "api-usage=18/5000")]))
    server.play(reply(200, b"[]"))
    with Salesforce(server.url, AccessToken("00D!x")) as salesforce:
        salesforce.limits()
        salesforce.versions()

        assert salesforce.api_usage == ApiUsage(18, 5000)


def test_the_repr_names_the_org_and_no_secret(org: LocalOrg) -> None:
    with Salesforce("https://acme.my.salesforce.com/x", AccessToken("00D!x")) as salesforce:
        assert repr(salesforce) == "<Salesforce https://acme.my.salesforce.com v67.0>"


@pytest.mark.parametrize(
    ("instance_url", "version", "reason"),
    [
        ("http://acme.my.salesforce.com", "67.0", "in the clear"),
        ("acme.my.salesforce.com", "67.0", "must look like"),
        ("https://acme.my.salesforce.com", "v67", "API version"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(
    instance_url: str, version: str, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        Salesforce(instance_url, AccessToken("00D!x"), version=version)


@pytest.mark.parametrize("auth", ["00D!x", None, AccessToken, {"token": "00D!x"}])
def test_what_is_no_grant_is_refused_unseen(auth: Any) -> None:
    with pytest.raises(TypeError, match="auth must be a grant, such as AccessToken") as caught:
        Salesforce("https://acme.my.salesforce.com", auth)

    assert "00D!x" not in str(caught.value)


@pytest.mark.parametrize("options", [{"timeout": 5}, {"timeout": None}, {"transport": object()}])
def test_an_option_of_another_type_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=r"such as Timeout\(read=600\)|is no Transport"):
        Salesforce("https://acme.my.salesforce.com", AccessToken("00D!x"), **options)


@pytest.mark.parametrize(
    "options", [{"body": "text"}, {"body": [1]}, {"headers": [("a", "b")]}, {"params": ["a"]}]
)
def test_what_a_request_cannot_carry_is_refused(
    salesforce: Salesforce, options: dict[str, Any]
) -> None:
    with pytest.raises(TypeError, match="must be"):
        salesforce.request("POST", "sobjects/Account", **options)

    assert salesforce.api_usage is None


def test_client_credentials_sign_in_over_http(org: LocalOrg) -> None:
    with org.serve() as server:
        grant = ClientCredentials(org.client_id, org.client_secret)
        with Salesforce(server.url, grant) as salesforce:
            assert salesforce.sobject.create("Account", {"Name": "Acme"})

        wrong = ClientCredentials(org.client_id, "wrong")
        with Salesforce(server.url, wrong) as salesforce:
            with pytest.raises(errors.AuthenticationError, match="invalid_client"):
                salesforce.limits()


def test_a_token_that_is_refused_and_cannot_be_renewed(org: LocalOrg) -> None:
    with org.serve() as server:
        with Salesforce(server.url, AccessToken("expired")) as salesforce:
            batch = salesforce.composite.batch()
            contact = batch.sobject.create("Contact", {"LastName": "Doe"})
            with pytest.raises(errors.AuthenticationError, match="INVALID_SESSION_ID"):
                batch.execute()
            assert not contact.done
            assert contact.error is None
