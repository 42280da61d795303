"""Sessions: how many there may be, whose they are, and what ends them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.local.caller import Caller
from tests.local.signing_in import CALLBACK, ask, get, lets_in, new_user
from twinforce.errors import InvalidStateError
from twinforce.local import LocalOrg

EXPIRED = (400, "invalid_grant", "expired access/refresh token")
GRANTS = 5  # of a user to an app, as at Salesforce
TOKENS = 100  # of a grant


def stored(org: LocalOrg, kind: str) -> int:
    [(count,)] = org._store.rows("SELECT COUNT(*) FROM _tokens WHERE kind = ?", (kind,))
    return int(count)


# ---- how many ----


def test_of_the_access_tokens_of_a_grant_the_oldest_go(org: LocalOrg) -> None:
    refresh_token = org.grant_refresh_token()
    tokens = [
        ask(org, "refresh_token", refresh_token=refresh_token).body["access_token"]
        for _ in range(TOKENS + 2)
    ]
    assert stored(org, "access") == TOKENS + 1  # with the org's own
    assert [lets_in(org, token) for token in tokens[:3]] == [False, False, True]
    assert lets_in(org, tokens[-1])
    assert lets_in(org, org.access_token)


def test_spent_refresh_tokens_do_not_pile_up(org: LocalOrg) -> None:
    org.add_connected_app("app", "s", rotate_refresh_tokens=True)
    app = {"client_id": "app", "client_secret": "s"}
    token = org.grant_refresh_token("app")
    for _ in range(TOKENS + 2):
        token = ask(org, "refresh_token", refresh_token=token, **app).body["refresh_token"]
    assert stored(org, "refresh") == TOKENS
    assert ask(org, "refresh_token", refresh_token=token, **app).status == 200


def test_of_the_grants_of_a_user_to_an_app_the_oldest_goes(org: LocalOrg) -> None:
    new_user(org)
    org.add_connected_app("app", "s")
    others = [org.grant_refresh_token("app"), org.grant_refresh_token(username="ann@example.com")]
    grants = [org.grant_refresh_token() for _ in range(GRANTS)]
    # A grant is as old as the sign-in: to refresh its token makes it no younger.
    first = ask(org, "refresh_token", refresh_token=grants[0]).body["access_token"]
    grants.append(org.grant_refresh_token())
    assert not lets_in(org, first)
    answers = [ask(org, "refresh_token", refresh_token=grant) for grant in grants]
    assert [answer.status for answer in answers] == [400] + [200] * GRANTS
    assert answers[0].error == EXPIRED
    app = {"client_id": "app", "client_secret": "s"}
    assert ask(org, "refresh_token", refresh_token=others[0], **app).status == 200
    assert ask(org, "refresh_token", refresh_token=others[1]).status == 200


def test_sign_ins_by_code_do_not_pile_up(org: LocalOrg) -> None:
    for _ in range(2 * GRANTS):
        code = get(
            org,
            "/services/oauth2/authorize",
            client_id=org.client_id,
            redirect_uri=CALLBACK,
            response_type="code",
            scope="api",
        ).parameters["code"]
        answer = ask(org, "authorization_code", code=code, redirect_uri=CALLBACK)
        assert answer.status == 200
    assert stored(org, "access") == GRANTS + 1
    assert lets_in(org, answer.body["access_token"])
    assert lets_in(org, org.access_token)


# ---- whose they are ----


def test_orgs_on_one_file_have_the_same_token_at_any_time(tmp_path: Path) -> None:
    path = tmp_path / "org.db"
    with LocalOrg(path) as one, LocalOrg(path) as other:
        for expiring, looking in ((one, other), (other, one), (one, other)):
            before = looking.access_token
            expiring.expire_token()
            assert looking.access_token == expiring.access_token != before
            assert lets_in(looking, looking.access_token)


def test_a_session_that_another_org_revoked_is_not_given_any_more(tmp_path: Path) -> None:
    path = tmp_path / "org.db"
    with LocalOrg(path) as one, LocalOrg(path) as other:
        before = other.access_token
        revoked = get(one, "/services/oauth2/revoke", token=before)
        assert revoked.status == 200
        assert other.access_token == one.access_token != before
        assert lets_in(other, other.access_token)


def test_a_closed_org_lets_nobody_in() -> None:
    org = LocalOrg()
    org.close()
    with pytest.raises(InvalidStateError):
        _ = org.access_token


def test_the_orgs_own_app_is_not_replaced(org: LocalOrg) -> None:
    with pytest.raises(ValueError, match="is the org's own app"):
        org.add_connected_app(org.client_id, "other")
    assert ask(org, "client_credentials").status == 200


# ---- what ends them ----


def test_another_password_ends_the_sessions_of_its_user(org: LocalOrg) -> None:
    new_user(org)
    form = {"username": "ann@example.com", "password": org.password + org.security_token}
    by_password = ask(org, "password", **form).body["access_token"]
    refresh_token = org.grant_refresh_token(username="ann@example.com")
    refreshed = ask(org, "refresh_token", refresh_token=refresh_token).body["access_token"]
    own = org.access_token
    org.set_password("ann@example.com", "another")
    assert not lets_in(org, by_password)
    assert not lets_in(org, refreshed)
    assert org.access_token == own
    assert lets_in(org, own)
    again = ask(org, "refresh_token", refresh_token=refresh_token)
    assert lets_in(org, again.body["access_token"])


def test_another_password_of_the_administrator_gives_the_org_another_token(org: LocalOrg) -> None:
    before = org.access_token
    org.set_password(org.username, "another")
    assert not lets_in(org, before)
    assert org.access_token != before
    assert lets_in(org, org.access_token)


def test_an_empty_password_is_refused(org: LocalOrg) -> None:
    with pytest.raises(ValueError, match="password must not be empty"):
        org.set_password(org.username, "", security_token="")
    assert ask(org, "password", username=org.username, password="").status == 400


@pytest.mark.parametrize("fields", [{"IsActive": False}, {"IsActive": False, "City": "Bonn"}])
def test_nobody_deactivates_himself(org: LocalOrg, fields: dict[str, Any]) -> None:
    call = Caller(org)
    answer = call("PATCH", f"sobjects/User/{org.user_id}", fields)
    assert (answer.status, answer.body[0]["errorCode"]) == (400, "FIELD_INTEGRITY_EXCEPTION")
    assert answer.body[0]["fields"] == ["IsActive"]
    assert call.get("User", org.user_id)["IsActive"] is True
    assert call("PATCH", f"sobjects/User/{org.user_id}", {"IsActive": True}).status == 204


def test_an_administrator_who_was_deactivated_gets_no_token(org: LocalOrg) -> None:
    new_user(org)
    form = {"username": "ann@example.com", "password": org.password + org.security_token}
    token = ask(org, "password", **form).body["access_token"]
    call, authorization = Caller(org), f"Bearer {token}"
    user = f"sobjects/User/{org.user_id}"
    assert call("PATCH", user, {"IsActive": False}, Authorization=authorization).status == 204
    answer = ask(org, "client_credentials")
    assert answer.error == (400, "invalid_grant", "no client credentials user enabled")
    assert call("PATCH", user, {"IsActive": True}, Authorization=authorization).status == 204
    assert ask(org, "client_credentials").status == 200
