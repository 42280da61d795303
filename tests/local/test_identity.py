"""The identity URL and userinfo: who a token stands for."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.local.caller import Caller
from tests.local.signing_in import ask, get, new_user, post
from twinforce.local import LocalOrg


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def identity(org: LocalOrg, user_id: str, **query: str) -> dict[str, Any]:
    answer = get(org, f"/id/{org.org_id}/{user_id}", bearer(org.access_token), **query)
    assert answer.status == 200
    body: dict[str, Any] = answer.body
    return body


def test_the_identity_url_tells_who_signed_in(org: LocalOrg) -> None:
    told = identity(org, org.user_id)
    assert told["id"] == f"{org.instance_url}/id/{org.org_id}/{org.user_id}"
    assert told["asserted_user"] is True
    assert (told["user_id"], told["organization_id"]) == (org.user_id, org.org_id)
    assert (told["username"], told["display_name"]) == (org.username, "Local Admin")
    assert told["urls"]["rest"] == f"{org.instance_url}/services/data/v{{version}}/"
    assert told["user_type"] == "STANDARD"


def test_the_resource_list_leads_to_it(org: LocalOrg, call: Caller) -> None:
    url = call("GET", "").body["identity"]
    path = url.removeprefix(org.instance_url)
    answer = get(org, path, format="json", oauth_token=org.access_token)
    assert answer.body["id"] == url


def test_the_urls_may_name_the_latest_version(org: LocalOrg) -> None:
    told = identity(org, org.user_id[:15], version="latest")
    assert told["urls"]["rest"] == f"{org.instance_url}/services/data/v67.0/"


def test_others_are_told_of_too(org: LocalOrg) -> None:
    told = identity(org, new_user(org, City="Bonn", MobilePhone="123"))
    assert told["asserted_user"] is False
    assert (told["addr_city"], told["mobile_phone"]) == ("Bonn", "123")


@pytest.mark.parametrize(
    ("zone", "hours"),
    [("America/New_York", -5), ("Europe/Dublin", 0), ("Asia/Kolkata", 5.5), ("Nowhere/At_All", 0)],
)
def test_the_offset_is_that_of_standard_time(zone: str, hours: float) -> None:
    with LocalOrg(clock=lambda: datetime(2026, 7, 1, tzinfo=UTC)) as org:
        call = Caller(org)
        assert call("PATCH", f"sobjects/User/{org.user_id}", {"TimeZoneSidKey": zone}).status < 500
        user = call.get("User", org.user_id, "TimeZoneSidKey")
        expected = hours if user["TimeZoneSidKey"] == zone else 0
        assert identity(org, org.user_id)["utcOffset"] == expected * 3_600_000


@pytest.mark.parametrize("method", [get, post])
def test_userinfo_is_about_the_owner_of_the_token(org: LocalOrg, method: Any) -> None:
    user_id = new_user(org, Street="1 Way", City="Bonn", MobilePhone="123")
    password = org.password + org.security_token
    token = ask(org, "password", username="ann@example.com", password=password).body["access_token"]
    told = method(org, "/services/oauth2/userinfo", bearer(token)).body
    assert (told["user_id"], told["zoneinfo"]) == (user_id, "America/New_York")
    assert told["address"] == {"street_address": "1 Way", "locality": "Bonn"}
    assert told["phone_number"] == "123"
    assert told["sub"] == f"{org.instance_url}/id/{org.org_id}/{user_id}"


def test_it_needs_a_token_and_an_id_that_exists(org: LocalOrg) -> None:
    inactive = new_user(org, IsActive=False)
    path = f"/id/{org.org_id}/{org.user_id}"
    for path_, headers, expected in (
        (path, {}, (403, b"Missing_OAuth_Token")),
        (path, bearer("x"), (403, b"Bad_OAuth_Token")),
        (path, bearer(org.grant_refresh_token()), (403, b"Bad_OAuth_Token")),
        (f"/id/00D000000000001AAA/{org.user_id}", bearer(org.access_token), (403, b"Wrong_Org")),
        (f"/id/{org.org_id}/005000000000001AAA", bearer(org.access_token), (404, b"Bad_Id")),
        (f"/id/{org.org_id}/x", bearer(org.access_token), (404, b"Bad_Id")),
        (f"/id/{org.org_id}/{inactive}", bearer(org.access_token), (404, b"Inactive")),
    ):
        answer = get(org, path_, headers)
        assert (answer.status, answer.body) == expected


def test_a_token_shows_its_user_in_json_only(org: LocalOrg, call: Caller) -> None:
    response = call.send("GET", "/services/oauth2/userinfo")
    assert response.headers["content-type"] == "application/json;charset=UTF-8"
    assert json.loads(response.body)["email_verified"] is True


def test_who_signed_in_is_who_acts(org: LocalOrg, call: Caller) -> None:
    user_id = new_user(org)
    password = org.password + org.security_token
    token = ask(org, "password", username="ann@example.com", password=password).body["access_token"]
    path = "/services/data/v67.0/sobjects/Account"
    response = call.send("POST", path, b'{"Name": "A"}', bearer(token))
    account = json.loads(response.body)["id"]
    fields = ("CreatedById", "LastModifiedById", "OwnerId")
    assert [call.get("Account", account)[field] for field in fields] == [user_id] * 3
    assert call("PATCH", f"sobjects/Account/{account}", {"Name": "B"}).status == 204
    assert [call.get("Account", account)[field] for field in fields] == [
        user_id,
        org.user_id,
        user_id,
    ]
    mine = "/services/data/v67.0/query?q=SELECT+Id+FROM+Account+USING+SCOPE+mine"
    assert json.loads(call.send("GET", mine, None, bearer(token)).body)["totalSize"] == 1
    assert json.loads(call.send("GET", mine).body)["totalSize"] == 0


def test_who_comes_without_a_token_is_the_administrator(
    org: LocalOrg, call: Caller, tmp_path: Path
) -> None:
    new_user(org)
    password = org.password + org.security_token
    token = ask(org, "password", username="ann@example.com", password=password).body["access_token"]
    assert call.send("GET", "/services/data/v67.0/limits", None, bearer(token)).status_code == 200
    seed = tmp_path / "seed.json"
    seed.write_text('{"Account": [{"Name": "A"}]}', "utf-8")
    org.seed(seed)
    [account] = call.query("SELECT CreatedById FROM Account")["records"]
    assert account["CreatedById"] == org.user_id
