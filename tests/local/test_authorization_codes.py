"""Authorization codes under attack: where they go, who may redeem them, and what becomes of them."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from tests.local.caller import Caller
from tests.local.signing_in import (
    CALLBACK,
    TOKEN,
    Answer,
    ask,
    encoded,
    get,
    lets_in,
    new_user,
    post,
)
from twinforce.local import LocalOrg

VERIFIER = "a verifier"
CHALLENGE = encoded(hashlib.sha256(VERIFIER.encode()).digest())
INVALID_CODE = (400, "invalid_grant", "invalid authorization code")


def authorize(org: LocalOrg, **query: str) -> Answer:
    own = {"client_id": org.client_id, "redirect_uri": CALLBACK, "response_type": "code"}
    return get(org, "/services/oauth2/authorize", None, **{**own, **query})


def code_for(org: LocalOrg, **query: str) -> dict[str, str]:
    """Return what redeems a new code, but for the credentials of the app."""
    code = authorize(org, **query).parameters["code"]
    return {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code": code}


def basic(client_id: str, secret: str) -> dict[str, str]:
    pair = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


# ---- where they go ----


@pytest.mark.parametrize(
    "callback",
    [
        "http://evil.example\\@localhost/",
        "http://localhost\\@evil.example/",
        "http://evil.example@localhost/",
        "http://localhost@evil.example/",
        "http://localhost/\r\nSet-Cookie: a=b",
        "http://local\r\nhost/",
        " http://localhost/",
        "\x01http://localhost/",
        "http://localhost/ ",
        "ht\ttp://localhost/",
        "http://localhost/\x00",
        "http://localhost/#fragment",
        "http://localhost/#",
        "http://localhost/\u00e9",
        "http://localhost/%zz",
        "http:localhost/",
        "http:///localhost/",
        "http://localhost:port/",
        "http://localhost:123456/",
        "http://localhost:65536/",
        "http://localhost:/",
        "http://::1/",
        "http://localhost]/",
        "http://localho\u017ft/",
    ],
)
def test_a_callback_that_others_could_read_otherwise_gets_no_code(
    org: LocalOrg, callback: str
) -> None:
    answer = authorize(org, redirect_uri=callback)
    assert answer.error[:2] == (400, "redirect_uri_mismatch")
    assert answer.location == ""


@pytest.mark.parametrize(
    ("callback", "location"),
    [
        ("http://localhost", "http://localhost?code="),
        ("http://LOCALHOST:1717/a", "http://LOCALHOST:1717/a?code="),
        ("https://127.0.0.1:65535/a%20b", "https://127.0.0.1:65535/a%20b?code="),
        ("http://[::1]:8080/a;b=c/@", "http://[::1]:8080/a;b=c/@?code="),
        ("http://localhost?a=b", "http://localhost?a=b&code="),
        ("http://localhost/?", "http://localhost/?code="),
    ],
)
def test_a_callback_on_this_machine_is_sent_as_it_came(
    org: LocalOrg, callback: str, location: str
) -> None:
    answer = authorize(org, redirect_uri=callback)
    assert answer.status == 302
    assert answer.location.startswith(location)


@pytest.mark.parametrize("url", ["", "callback", "https://a b/", "https://a/\r\n", "https://a/#b"])
def test_an_app_with_a_callback_that_is_no_url_is_refused(org: LocalOrg, url: str) -> None:
    with pytest.raises(ValueError, match="each of callback_urls must be a whole URL"):
        org.add_connected_app("app", callback_urls=["https://app.example/callback", url])


def test_an_app_may_have_a_callback_with_its_own_scheme(org: LocalOrg) -> None:
    org.add_connected_app("app", callback_urls=["my.app://callback"])
    answer = authorize(org, client_id="app", redirect_uri="my.app://callback")
    assert answer.location.startswith("my.app://callback?code=")


# ---- who may redeem them ----


@pytest.mark.parametrize("query", [{}, {"code_challenge": CHALLENGE}])
def test_an_app_with_a_secret_shows_it(org: LocalOrg, query: dict[str, str]) -> None:
    verifier = {"code_verifier": VERIFIER} if query else {}

    def redeemed(*client: str, by: dict[str, str] | None = None) -> Answer:
        form = dict(zip(("client_id", "client_secret"), client, strict=False))
        return post(org, TOKEN, by, **code_for(org, **query), **verifier, **form)

    key, secret = org.client_id, org.client_secret
    right, wrong = basic(key, secret), basic(key, "wrong")
    for refused in (
        redeemed(key),
        redeemed(key, ""),
        redeemed(key, "wrong"),
        redeemed(by=wrong),
        redeemed(key, by=wrong),
        redeemed(key, secret, by=wrong),
        redeemed(key, "wrong", by=right),
    ):
        assert refused.error == (400, "invalid_client", "invalid client credentials")
    assert redeemed().error[1] == "invalid_client_id"
    assert redeemed(by=right).status == 200
    assert redeemed(key, by=right).status == 200
    assert redeemed(key, secret).status == 200


def test_an_app_is_the_same_in_the_header_and_in_the_form(org: LocalOrg) -> None:
    org.add_connected_app("app", "s")
    own = basic(org.client_id, org.client_secret)
    answer = post(org, TOKEN, own, **code_for(org), client_id="app")
    assert answer.error[1] == "invalid_client_id"
    other = post(org, TOKEN, own, grant_type="client_credentials", client_id="app")
    assert other.error[1] == "invalid_client_id"


def test_an_app_without_a_secret_shows_none(org: LocalOrg) -> None:
    form = code_for(org, client_id="PlatformCLI", code_challenge=CHALLENGE)
    wrong = basic("PlatformCLI", "guessed")
    assert post(org, TOKEN, wrong, **form, code_verifier=VERIFIER).error[1] == "invalid_client"
    answer = post(org, TOKEN, None, **form, client_id="PlatformCLI", code_verifier=VERIFIER)
    assert answer.status == 200


def test_a_verifier_needs_a_challenge(org: LocalOrg) -> None:
    form = code_for(org)
    del form["grant_type"]
    answer = ask(org, "authorization_code", **form, code_verifier=VERIFIER)
    assert answer.error == (400, "invalid_grant", "unexpected code verifier")


@pytest.mark.parametrize("challenge", ["", "x", CHALLENGE + "=", CHALLENGE[:-1] + "+"])
def test_a_challenge_that_nothing_can_meet_is_refused(org: LocalOrg, challenge: str) -> None:
    answer = authorize(org, code_challenge=challenge, state="s")
    assert answer.status == 302
    assert answer.parameters["error"] == "invalid_request"
    assert answer.parameters["error_description"] == "invalid code challenge"


def redeem(org: LocalOrg, form: dict[str, str]) -> Answer:
    credentials = {"client_id": org.client_id, "client_secret": org.client_secret}
    return post(org, TOKEN, None, **form, **credentials)


def test_a_user_who_is_deactivated_meanwhile_gets_no_token(org: LocalOrg) -> None:
    user_id = new_user(org)
    form = code_for(org, login_hint="ann@example.com")
    assert Caller(org)("PATCH", f"sobjects/User/{user_id}", {"IsActive": False}).status == 204
    assert redeem(org, form).error == (400, "invalid_grant", "inactive user")


# ---- what becomes of them ----


@pytest.mark.parametrize("scope", ["api", "id", "refresh_token api"])
def test_a_sign_in_by_code_leaves_the_other_sessions_alone(org: LocalOrg, scope: str) -> None:
    before = org.access_token
    tokens = redeem(org, code_for(org, scope=scope)).body
    assert tokens["scope"] == scope
    assert tokens["access_token"] != before == org.access_token
    password = org.password + org.security_token
    for other in (
        ask(org, "client_credentials"),
        ask(org, "password", username=org.username, password=password),
    ):
        assert (other.body["access_token"], other.body["scope"]) == (before, "api")
    assert lets_in(org, before)
    assert lets_in(org, tokens["access_token"])


@pytest.mark.parametrize("scope", ["api", "refresh_token api"])
def test_a_code_that_comes_again_ends_what_it_gave(org: LocalOrg, scope: str) -> None:
    form, other = code_for(org, scope=scope), redeem(org, code_for(org, scope=scope))
    tokens: dict[str, Any] = redeem(org, form).body
    org.add_connected_app("app", "s")
    stranger = post(org, TOKEN, None, **form, client_id="app", client_secret="s")
    assert stranger.error[1] == "invalid_client_id"
    assert post(org, TOKEN, None, **form, client_id=org.client_id).error[1] == "invalid_client"
    assert lets_in(org, tokens["access_token"])
    assert redeem(org, form).error == INVALID_CODE
    assert not lets_in(org, tokens["access_token"])
    assert lets_in(org, org.access_token)
    assert lets_in(org, other.body["access_token"])
    if "refresh_token" in tokens:
        refreshed = ask(org, "refresh_token", refresh_token=tokens["refresh_token"])
        assert refreshed.error[1] == "invalid_grant"


def test_a_code_survives_a_request_that_does_not_show_the_secret(org: LocalOrg) -> None:
    form = code_for(org)
    assert post(org, TOKEN, None, **form, client_id=org.client_id).error[1] == "invalid_client"
    assert redeem(org, form).status == 200
