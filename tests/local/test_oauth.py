"""Getting in: tokens, their schemes, and the resources that need none."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from urllib.parse import urlencode

import pytest

from tests.local.caller import Caller
from twinforce.local import LocalOrg

TOKEN = "/services/oauth2/token"
USERINFO = "/services/oauth2/userinfo"
INVALID = [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
NO_HEADER = [{"message": "INVALID_HEADER_TYPE", "errorCode": "INVALID_AUTH_HEADER"}]


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "OAuth"])
def test_two_schemes_carry_the_token(org: LocalOrg, call: Caller, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {org.access_token}"}
    assert call.send("GET", "/services/data/v67.0/limits", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (None, INVALID),
        ("Bearer x", INVALID),
        ("Bearer \u00fc", INVALID),
        ("", NO_HEADER),
        ("Bearer", NO_HEADER),
        ("Basic x", NO_HEADER),
    ],
)
def test_without_the_token_nothing_happens(
    call: Caller, value: str | None, error: list[dict[str, str]]
) -> None:
    headers = {} if value is None else {"authorization": value}
    path = "/services/data/v67.0/sobjects/Account"
    response = call.send("POST", path, b'{"Name": "A"}', headers)
    assert (response.status_code, json.loads(response.body)) == (401, error)
    assert call.names("") == []


def test_the_versions_are_for_everybody_and_cost_nothing(call: Caller) -> None:
    response = call.send("GET", "/services/data", headers={})
    versions = json.loads(response.body)
    assert response.status_code == 200
    assert "sforce-limit-info" not in response.headers
    assert versions[0] == {
        "label": "Summer '15",
        "url": "/services/data/v34.0",
        "version": "34.0",
    }
    assert versions[-1]["version"] == "67.0"
    assert {"label": "Winter '25", "url": "/services/data/v62.0", "version": "62.0"} in versions
    assert call("GET", "limits").headers["sforce-limit-info"] == "api-usage=1/15000"


@pytest.mark.parametrize("version", ["33.0", "68.0", "60.5", "60", "x"])
def test_other_versions_are_not_there(call: Caller, version: str) -> None:
    answer = call.at(version)("GET", "limits")
    assert (answer.status, answer.body[0]["errorCode"]) == (404, "NOT_FOUND")


def test_a_version_lists_its_resources(call: Caller) -> None:
    answer = call.at("34.0")("GET", "")
    assert answer.body["sobjects"] == "/services/data/v34.0/sobjects"
    assert answer.body["query"] == "/services/data/v34.0/query"


def test_client_credentials_in_the_form(org: LocalOrg, call: Caller) -> None:
    form = {
        "grant_type": "client_credentials",
        "client_id": org.client_id,
        "client_secret": org.client_secret,
    }
    response = call.send("POST", TOKEN, urlencode(form).encode(), {})
    token = json.loads(response.body)
    assert response.status_code == 200
    assert token["access_token"] == org.access_token
    assert token["instance_url"] == org.instance_url
    assert token["id"] == f"{org.instance_url}/id/{org.org_id}/{org.user_id}"
    assert token["token_type"] == "Bearer"
    signed = (token["id"] + token["issued_at"]).encode()
    digest = hmac.new(org.client_secret.encode(), signed, hashlib.sha256).digest()
    assert token["signature"] == base64.b64encode(digest).decode()
    assert "scope" in token


def test_client_credentials_by_http_basic(org: LocalOrg, call: Caller) -> None:
    pair = base64.b64encode(f"{org.client_id}:{org.client_secret}".encode()).decode()
    headers = {"Authorization": f"Basic {pair}"}
    response = call.send("POST", TOKEN, b"grant_type=client_credentials", headers)
    assert json.loads(response.body)["access_token"] == org.access_token


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": "saml2"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, "invalid_client_id"),
        ({"grant_type": "client_credentials", "client_id": "x"}, "invalid_client_id"),
        (
            {"grant_type": "client_credentials", "client_id": "local-org-client-id"},
            "invalid_client",
        ),
    ],
)
def test_a_refused_grant(call: Caller, form: dict[str, str], error: str) -> None:
    response = call.send("POST", TOKEN, urlencode(form).encode(), {})
    body = json.loads(response.body)
    assert (response.status_code, body["error"]) == (400, error)
    assert set(body) == {"error", "error_description"}


def test_broken_http_basic_is_refused(call: Caller) -> None:
    headers = {"Authorization": "Basic %%%"}
    response = call.send("POST", TOKEN, b"grant_type=client_credentials", headers)
    assert response.status_code == 400


def test_userinfo_tells_who_is_in(org: LocalOrg, call: Caller) -> None:
    response = call.send("GET", USERINFO)
    info = json.loads(response.body)
    assert set(info) == {
        "sub",
        "user_id",
        "organization_id",
        "preferred_username",
        "nickname",
        "name",
        "given_name",
        "family_name",
        "email",
        "email_verified",
        "zoneinfo",
        "photos",
        "profile",
        "picture",
        "address",
        "urls",
        "active",
        "user_type",
        "language",
        "locale",
        "utcOffset",
        "updated_at",
    }
    assert (info["user_id"], info["organization_id"]) == (org.user_id, org.org_id)
    assert call.get("User", info["user_id"])["Username"] == info["preferred_username"]


@pytest.mark.parametrize(
    ("headers", "reason"),
    [({}, b"Missing_OAuth_Token"), ({"Authorization": "Bearer x"}, b"Bad_OAuth_Token")],
)
def test_userinfo_needs_the_token(call: Caller, headers: dict[str, str], reason: bytes) -> None:
    response = call.send("GET", USERINFO, headers=headers)
    assert (response.status_code, response.body) == (403, reason)


@pytest.mark.parametrize("path", ["/", "/services", "/services/apexrest/x", "/index.html"])
def test_outside_the_rest_api_there_is_nothing(call: Caller, path: str) -> None:
    assert call.send("GET", path).status_code == 404


def test_secrets_are_in_no_repr(org: LocalOrg) -> None:
    assert org.access_token not in repr(org)
    assert org.access_token not in repr(vars(org))
    assert org.client_secret not in repr(vars(org))


def test_basic_credentials_that_are_no_base64_are_refused(call: Caller) -> None:
    body, headers = b"grant_type=client_credentials", {"Authorization": "Basic \u00e9"}
    response = call.send("POST", "/services/oauth2/token", body, headers)
    assert (response.status_code, json.loads(response.body)["error"]) == (400, "invalid_client_id")
