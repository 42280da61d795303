"""The token endpoint: each of its flows, and what becomes of the tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
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

EXPIRED = (400, "invalid_grant", "expired access/refresh token")
FAILURE = (400, "invalid_grant", "authentication failure")


def user_of(org: LocalOrg, token: str) -> str:
    headers = {"Authorization": f"Bearer {token}"}
    username: str = get(org, "/services/oauth2/userinfo", headers).body["preferred_username"]
    return username


# ---- client credentials ----


def test_client_credentials_give_the_same_token_while_it_lives(org: LocalOrg) -> None:
    first, second = ask(org, "client_credentials"), ask(org, "client_credentials")
    assert first.body["access_token"] == second.body["access_token"] == org.access_token
    org.expire_token()
    third = ask(org, "client_credentials").body["access_token"]
    assert third == org.access_token != first.body["access_token"]
    assert not lets_in(org, first.body["access_token"])
    assert lets_in(org, third)


def test_client_credentials_run_as_the_user_of_the_app(org: LocalOrg) -> None:
    new_user(org)
    org.add_connected_app("app", "secret", run_as="ann@example.com")
    answer = ask(org, "client_credentials", client_id="app", client_secret="secret")
    token = answer.body["access_token"]
    assert user_of(org, token) == "ann@example.com"
    assert token != org.access_token
    assert lets_in(org, token)
    assert lets_in(org, org.access_token)


@pytest.mark.parametrize("app", [{}, {"client_secret": "s", "run_as": "nobody@example.com"}])
def test_without_a_user_to_run_as_there_is_no_token(org: LocalOrg, app: dict[str, Any]) -> None:
    org.add_connected_app("app", **app)
    answer = ask(org, "client_credentials", client_id="app", client_secret="s" if app else "")
    assert answer.error == (400, "invalid_grant", "no client credentials user enabled")


def test_the_parameters_may_stand_in_the_url(org: LocalOrg) -> None:
    url = (
        f"{TOKEN}?grant_type=client_credentials&client_id={org.client_id}"
        f"&client_secret={org.client_secret}"
    )
    assert post(org, url).body["access_token"] == org.access_token


def test_tokens_are_asked_for_by_post(org: LocalOrg) -> None:
    answer = get(org, TOKEN, grant_type="client_credentials")
    assert answer.error == (400, "invalid_request", "must use HTTP POST")


# ---- password ----


def test_a_password_signs_in_with_the_security_token_behind_it(org: LocalOrg) -> None:
    password = org.password + org.security_token
    answer = ask(org, "password", username=org.username.upper(), password=password)
    assert answer.status == 200
    assert set(answer.body) == {
        "access_token",
        "id",
        "instance_url",
        "issued_at",
        "scope",
        "signature",
        "token_type",
    }
    assert lets_in(org, answer.body["access_token"])


def test_every_active_user_may_sign_in(org: LocalOrg) -> None:
    user_id = new_user(org)
    org.set_password("Ann@Example.com", "p\u00e4ss&word=", security_token="T")
    answer = ask(org, "password", username="ann@example.com", password="p\u00e4ss&word=T")
    assert answer.body["id"] == f"{org.instance_url}/id/{org.org_id}/{user_id}"
    assert user_of(org, answer.body["access_token"]) == "ann@example.com"
    other = ask(org, "password", username="ann@example.com", password=org.password)
    assert other.error == FAILURE


def test_a_trusted_network_asks_for_no_security_token(org: LocalOrg) -> None:
    org.set_password(org.username, "secret", security_token="")
    assert ask(org, "password", username=org.username, password="secret").status == 200


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("admin@local-org.example.com", "local-org-password"),
        ("admin@local-org.example.com", "wrong"),
        ("nobody@example.com", "local-org-passwordlocal-org-security-token"),
        ("\ud800", "local-org-passwordlocal-org-security-token"),
    ],
)
def test_a_wrong_password_is_refused(org: LocalOrg, username: str, password: str) -> None:
    name = username.encode("utf-8", "replace").decode()
    assert ask(org, "password", username=name, password=password).error == FAILURE


def test_a_missing_password_is_named(org: LocalOrg) -> None:
    answer = ask(org, "password", username="x")
    assert answer.error == (400, "invalid_request", "missing required parameter: password")


def test_an_inactive_user_is_locked_out_at_once(org: LocalOrg) -> None:
    user_id = new_user(org)
    form = {"username": "ann@example.com", "password": org.password + org.security_token}
    token = ask(org, "password", **form).body["access_token"]
    refresh_token = org.grant_refresh_token(username="ann@example.com")
    assert lets_in(org, token)
    assert Caller(org)("PATCH", f"sobjects/User/{user_id}", {"IsActive": False}).status == 204
    assert not lets_in(org, token)
    assert ask(org, "password", **form).error == FAILURE
    refreshed = ask(org, "refresh_token", refresh_token=refresh_token)
    assert refreshed.error == (400, "invalid_grant", "inactive user")


def test_the_signature_is_made_with_the_secret_of_the_app(org: LocalOrg) -> None:
    org.add_connected_app("app", "its own secret")
    answer = ask(org, "client_credentials", client_id="app", client_secret="its own secret")
    signed = (answer.body["id"] + answer.body["issued_at"]).encode()
    digest = hmac.new(b"its own secret", signed, hashlib.sha256).digest()
    assert answer.body["signature"] == base64.b64encode(digest).decode()


# ---- refresh tokens ----


def test_a_refresh_token_gives_access_again_and_again(org: LocalOrg) -> None:
    refresh_token = org.grant_refresh_token()
    first = ask(org, "refresh_token", refresh_token=refresh_token)
    assert first.status == 200
    assert "refresh_token" not in first.body
    org.expire_token()
    assert not lets_in(org, first.body["access_token"])
    second = ask(org, "refresh_token", refresh_token=refresh_token)
    assert second.body["access_token"] != first.body["access_token"]
    assert lets_in(org, second.body["access_token"])


def rotating(org: LocalOrg, refresh_token: str) -> Answer:
    app = {"client_id": "app", "client_secret": "s"}
    return ask(org, "refresh_token", refresh_token=refresh_token, **app)


def test_a_rotated_refresh_token_works_once(org: LocalOrg) -> None:
    org.add_connected_app("app", "s", rotate_refresh_tokens=True)
    tokens = [org.grant_refresh_token("app")]
    for _ in range(3):
        answer = rotating(org, tokens[-1])
        assert lets_in(org, answer.body["access_token"])
        tokens.append(answer.body["refresh_token"])
    assert len(set(tokens)) == 4


def test_a_spent_refresh_token_that_comes_again_ends_them_all(org: LocalOrg) -> None:
    org.add_connected_app("app", "s", rotate_refresh_tokens=True)
    first, other = org.grant_refresh_token("app"), org.grant_refresh_token("app")
    answer = rotating(org, first)
    assert rotating(org, first).error == EXPIRED
    assert rotating(org, answer.body["refresh_token"]).error == EXPIRED
    assert not lets_in(org, answer.body["access_token"])
    assert rotating(org, other).status == 200  # another sign-in is another matter


def test_a_refresh_token_is_for_its_own_app_and_is_no_access_token(org: LocalOrg) -> None:
    org.add_connected_app("app", "s")
    refresh_token = org.grant_refresh_token()
    assert rotating(org, refresh_token).error == EXPIRED
    assert not lets_in(org, refresh_token)
    assert ask(org, "refresh_token", refresh_token=org.access_token).error == EXPIRED
    assert ask(org, "refresh_token", refresh_token="x").error == EXPIRED


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"client_id": "nope"}, "there is no connected app 'nope'"),
        ({"username": "nope"}, "there is no active User with the Username 'nope'"),
    ],
)
def test_a_refresh_token_for_nobody_is_refused(
    org: LocalOrg, arguments: dict[str, str], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        org.grant_refresh_token(**arguments)


# ---- the web server flow ----


def authorize(org: LocalOrg, **query: str) -> Answer:
    own = {"client_id": org.client_id, "redirect_uri": CALLBACK, "response_type": "code"}
    return get(org, "/services/oauth2/authorize", None, **{**own, **query})


def test_a_code_is_exchanged_for_tokens_once(org: LocalOrg) -> None:
    answer = authorize(org, state="a&b", scope="refresh_token api")
    assert answer.status == 302
    assert answer.location.startswith(f"{CALLBACK}?")
    assert answer.parameters["state"] == "a&b"
    exchange = {"code": answer.parameters["code"], "redirect_uri": CALLBACK}
    tokens = ask(org, "authorization_code", **exchange)
    assert tokens.body["scope"] == "refresh_token api"
    assert lets_in(org, tokens.body["access_token"])
    again = ask(org, "refresh_token", refresh_token=tokens.body["refresh_token"])
    assert lets_in(org, again.body["access_token"])
    second = ask(org, "authorization_code", **exchange)
    assert second.error == (400, "invalid_grant", "invalid authorization code")


def test_a_code_is_good_for_a_quarter_of_an_hour() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    with LocalOrg(clock=lambda: now) as org:
        for minutes, status in ((14, 200), (16, 400)):
            code = authorize(org).parameters["code"]
            now += timedelta(minutes=minutes)
            answer = ask(org, "authorization_code", code=code, redirect_uri=CALLBACK)
            assert answer.status == status
        assert answer.error == (400, "invalid_grant", "expired authorization code")


def test_a_public_app_proves_itself_by_a_code_verifier(org: LocalOrg) -> None:
    challenge = encoded(hashlib.sha256(b"verifier").digest())
    query = {"client_id": "PlatformCLI", "code_challenge": challenge}

    def exchanged(**form: str) -> Answer:
        code = authorize(org, **query).parameters["code"]
        given = {"client_id": "PlatformCLI", "redirect_uri": CALLBACK, "code": code, **form}
        return ask(org, "authorization_code", **given)

    assert "refresh_token" in exchanged(code_verifier="verifier").body
    wrong = exchanged(code_verifier="guessed")
    assert wrong.error == (400, "invalid_grant", "invalid code verifier")
    assert exchanged().error[1] == "invalid_grant"


def test_the_user_may_be_named(org: LocalOrg) -> None:
    new_user(org)
    code = authorize(org, login_hint="ann@example.com", scope="api").parameters["code"]
    tokens = ask(org, "authorization_code", code=code, redirect_uri=CALLBACK)
    assert user_of(org, tokens.body["access_token"]) == "ann@example.com"
    assert "refresh_token" not in tokens.body


def test_what_does_not_fit_the_code_is_refused(org: LocalOrg) -> None:
    org.add_connected_app("app", "s")

    def exchanged(**form: str) -> Answer:
        code = authorize(org).parameters["code"]
        return ask(org, "authorization_code", **{"code": code, "redirect_uri": CALLBACK, **form})

    assert exchanged(redirect_uri=f"{CALLBACK}/x").error[1] == "redirect_uri_mismatch"
    assert exchanged(client_id="app", client_secret="s").error[1] == "invalid_client_id"
    assert exchanged(client_id=org.client_id).error[1] == "invalid_client"
    assert exchanged().status == 200


@pytest.mark.parametrize(
    "callback",
    ["", "https://evil.example/x", "http://localhost.evil.example/", "javascript:x", "http://[/"],
)
def test_a_code_goes_to_a_known_callback_only(org: LocalOrg, callback: str) -> None:
    answer = authorize(org, redirect_uri=callback)
    assert answer.error[:2] == (400, "redirect_uri_mismatch")
    assert answer.location == ""
    org.add_connected_app("app", callback_urls=["https://app.example/callback"])
    known = authorize(org, client_id="app", redirect_uri="https://app.example/callback")
    assert known.status == 302
    assert authorize(org, client_id="app", redirect_uri=CALLBACK).status == 400


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": "x", "code_challenge_method": "plain"}, "invalid_request"),
        ({"login_hint": "nobody@example.com"}, "access_denied"),
    ],
)
def test_the_app_is_told_why_there_is_no_code(
    org: LocalOrg, query: dict[str, str], error: str
) -> None:
    answer = authorize(org, state="s", **query)
    assert (answer.status, answer.parameters["error"]) == (302, error)
    assert answer.parameters["state"] == "s"


def test_an_unknown_app_gets_no_code(org: LocalOrg) -> None:
    assert authorize(org, client_id="x").error[:2] == (400, "invalid_client_id")


# ---- what becomes of tokens ----


@pytest.mark.parametrize("method", [get, post])
def test_a_revoked_access_token_lets_in_no_more(org: LocalOrg, method: Any) -> None:
    token = org.access_token
    assert method(org, "/services/oauth2/revoke", token=token).status == 200
    assert not lets_in(org, token)
    assert lets_in(org, org.access_token)
    again = method(org, "/services/oauth2/revoke", token=token)
    assert (again.status, again.body["error"]) == (400, "invalid_token")


def test_a_revoked_refresh_token_takes_its_access_tokens_along(org: LocalOrg) -> None:
    refresh_token = org.grant_refresh_token()
    token = ask(org, "refresh_token", refresh_token=refresh_token).body["access_token"]
    assert post(org, "/services/oauth2/revoke", token=refresh_token).status == 200
    assert not lets_in(org, token)
    assert lets_in(org, org.access_token)
    assert ask(org, "refresh_token", refresh_token=refresh_token).error == EXPIRED


def introspect(org: LocalOrg, token: str, **client: str) -> Answer:
    own = {"client_id": org.client_id, "client_secret": org.client_secret}
    return post(org, "/services/oauth2/introspect", None, token=token, **(client or own))


def test_introspection_tells_what_a_token_is(org: LocalOrg) -> None:
    told = introspect(org, org.access_token).body
    assert told["exp"] > told["iat"] == told["nbf"]
    assert {key: value for key, value in told.items() if key not in {"exp", "iat", "nbf"}} == {
        "active": True,
        "scope": "api",
        "client_id": org.client_id,
        "username": org.username,
        "sub": f"{org.instance_url}/id/{org.org_id}/{org.user_id}",
        "token_type": "access_token",
    }
    refresh_token = introspect(org, org.grant_refresh_token()).body
    assert (refresh_token["active"], refresh_token["token_type"]) == (True, "refresh_token")


def test_introspection_knows_no_tokens_of_others_or_of_before(org: LocalOrg) -> None:
    org.add_connected_app("app", "s")
    old = org.access_token
    org.expire_token()
    assert introspect(org, old).body == {"active": False}
    assert introspect(org, "x").body == {"active": False}
    other = introspect(org, org.access_token, client_id="app", client_secret="s")
    assert (other.status, other.body) == (200, {"active": False})


def test_introspection_wants_to_know_who_asks(org: LocalOrg) -> None:
    answer = introspect(org, org.access_token, client_id=org.client_id)
    assert answer.error == (400, "invalid_client", "invalid client credentials")
    missing = introspect(org, "")
    assert missing.error == (400, "invalid_request", "missing required parameter: token")


def test_tokens_outlive_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "org.db"
    with LocalOrg(path) as org:
        org.expire_token()
        token, refresh_token = org.access_token, org.grant_refresh_token()
        first = f"{org.org_id[:15]}!local-org-access-token"
    with LocalOrg(path) as org:
        assert org.access_token == token
        assert lets_in(org, token)
        assert not lets_in(org, first)
        assert ask(org, "refresh_token", refresh_token=refresh_token).status == 200


def test_two_orgs_on_one_file_know_each_others_tokens(tmp_path: Path) -> None:
    path = tmp_path / "org.db"
    with LocalOrg(path) as one, LocalOrg(path) as other:
        one.expire_token()
        assert lets_in(other, one.access_token)
        assert not lets_in(other, f"{one.org_id[:15]}!local-org-access-token")
        assert ask(other, "client_credentials").body["access_token"] == one.access_token


def test_secrets_of_apps_and_users_are_in_no_repr(org: LocalOrg) -> None:
    org.add_connected_app("app", "hush-hush")
    org.set_password(org.username, "mum-mum", security_token="tick-tick")
    org.grant_refresh_token("app")
    shown = repr([vars(org), *map(vars, (org._apps, org._users, org._sessions))])
    for secret in ("hush-hush", "mum-mum", "tick-tick"):
        assert secret not in shown
    assert json.dumps(shown)


@pytest.mark.parametrize(
    ("arguments", "error", "reason"),
    [
        ({"client_id": 5}, TypeError, "client_id must be text"),
        ({"client_id": ""}, ValueError, "client_id must not be empty"),
        ({"client_id": "a", "client_secret": ""}, ValueError, "client_secret must not be empty"),
        ({"client_id": "a", "callback_urls": "x"}, TypeError, "callback_urls must be a list"),
        ({"client_id": "a", "certificate": 5}, TypeError, "certificate must be the PEM"),
        ({"client_id": "a", "certificate": "x"}, ValueError, "certificate is not the PEM"),
        ({"client_id": "a", "rotate_refresh_tokens": 1}, TypeError, "must be True or False"),
    ],
)
def test_an_app_that_makes_no_sense_is_refused(
    org: LocalOrg, arguments: dict[str, Any], error: type[Exception], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        org.add_connected_app(**arguments)


def test_a_password_for_nobody_is_refused(org: LocalOrg) -> None:
    with pytest.raises(ValueError, match="there is no User with the Username 'x'"):
        org.set_password("x", "y")
