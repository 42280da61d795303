"""The JWT bearer flow: what lets in, and what does not."""

from __future__ import annotations

import hmac
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from tests.local.signing_in import (
    JWT_BEARER,
    TOKEN,
    Answer,
    assertion,
    encoded,
    key,
    lets_in,
    new_user,
    post,
    public_pem,
    signed,
)
from twinforce.local import LocalOrg

INVALID = (400, "invalid_grant", "invalid assertion")
LOGIN = "https://login.salesforce.com"


@pytest.fixture(autouse=True)
def app(org: LocalOrg) -> None:
    org.add_connected_app("app", certificate=public_pem(key()))


def claims(org: LocalOrg, **changes: Any) -> dict[str, Any]:
    given = {"iss": "app", "sub": org.username, "aud": LOGIN, "exp": int(time.time()) + 180}
    return {k: value for k, value in {**given, **changes}.items() if value is not None}


def sign_in(org: LocalOrg, token: str) -> Answer:
    return post(org, TOKEN, grant_type=JWT_BEARER, assertion=token)


def test_an_assertion_signs_its_user_in(org: LocalOrg) -> None:
    user_id = new_user(org)
    answer = sign_in(org, assertion(claims(org, sub="ann@example.com")))
    # This flow gives no refresh token, and its answer is not signed.
    assert set(answer.body) == {"access_token", "id", "instance_url", "scope", "token_type"}
    assert answer.body["id"].endswith(user_id)
    assert lets_in(org, answer.body["access_token"])


@pytest.mark.parametrize(
    "audience",
    [LOGIN, "https://test.salesforce.com", "https://local-org.my.salesforce.com/", [LOGIN, "x"]],
)
def test_the_audience_is_where_one_signs_in(org: LocalOrg, audience: Any) -> None:
    assert sign_in(org, assertion(claims(org, aud=audience))).status == 200


def test_the_audience_may_be_the_server(org: LocalOrg) -> None:
    import requests

    with org.serve() as server, requests.Session() as session:
        session.trust_env = False
        form = {"grant_type": JWT_BEARER, "assertion": assertion(claims(org, aud=server.url))}
        assert session.post(f"{server.url}{TOKEN}", data=form).status_code == 200


@pytest.mark.parametrize("audience", [None, "https://evil.example", 5, [], "login.salesforce.com"])
def test_another_audience_is_refused(org: LocalOrg, audience: Any) -> None:
    answer = sign_in(org, assertion(claims(org, aud=audience)))
    assert answer.error == (400, "invalid_grant", "audience is invalid")


@pytest.mark.parametrize("form", [int, float, str, lambda seconds: int(seconds * 1000)])
def test_the_expiry_comes_in_all_forms_that_clients_send(org: LocalOrg, form: Any) -> None:
    assert sign_in(org, assertion(claims(org, exp=form(time.time() + 100)))).status == 200
    late = sign_in(org, assertion(claims(org, exp=form(time.time() - 1000))))
    assert late.error == (400, "invalid_grant", "expired assertion")


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": None},
        {"exp": "soon"},
        {"exp": True},
        {"exp": []},
        {"exp": "nan"},
        {"exp": "inf"},
        {"exp": "4_000_000_000"},
        {"exp": "\u0664000000000"},
        {"exp": " 4000000000"},
        {"exp": "+4000000000"},
        {"exp": "4e9"},
        {"exp": "4000000000."},
        {"exp": "9" * 5000},
        {"exp": ""},
        {"nbf": "nan"},
        {"nbf": "-inf"},
        {"nbf": "-1"},
        {"nbf": False},
        {"nbf": 4_000_000_000},
        {"iss": None},
        {"iss": 5},
    ],
)
def test_claims_that_make_no_sense_are_refused(org: LocalOrg, changes: dict[str, Any]) -> None:
    assert sign_in(org, assertion(claims(org, **changes))).error == INVALID


@pytest.mark.parametrize("number", ["9" * 310, "9" * 5000, "1e400", "NaN", "Infinity"])
def test_a_number_that_no_clock_shows_is_refused(org: LocalOrg, number: str) -> None:
    body = json.dumps(claims(org, exp=0)).replace('"exp": 0', f'"exp": {number}')
    assert sign_in(org, signed(body.encode())).error == INVALID


def test_the_signature_is_checked(org: LocalOrg) -> None:
    good = assertion(claims(org))
    header, body, signature = good.split(".")
    other_body = encoded(json.dumps(claims(org, sub="x@example.com")).encode())
    assert sign_in(org, good).status == 200
    for forged in (
        assertion(claims(org), signer=key(1)),
        f"{header}.{other_body}.{signature}",
        f"{header}.{body}.",
        f"{header}.{body}.{encoded(b'x' * 256)}",
    ):
        assert sign_in(org, forged).error == INVALID


def test_only_rs256_counts_as_a_signature(org: LocalOrg) -> None:
    body = encoded(json.dumps(claims(org)).encode())
    unsigned = f"{encoded(json.dumps({'alg': 'none'}).encode())}.{body}."
    assert sign_in(org, unsigned).error == INVALID
    text = f"{encoded(json.dumps({'alg': 'HS256'}).encode())}.{body}"
    mac = hmac.digest(public_pem(key()), text.encode(), "sha256")
    assert sign_in(org, f"{text}.{encoded(mac)}").error == INVALID
    assert sign_in(org, assertion(claims(org), algorithm="RS512")).error == INVALID


@pytest.mark.parametrize("text", ["x", "a.b", "a.b.c", "...", "\u00e9.e30.e30", "W10.e30.e30"])
def test_what_is_no_token_is_refused(org: LocalOrg, text: str) -> None:
    assert sign_in(org, text).error == INVALID


def test_without_an_assertion_there_is_nothing_to_check(org: LocalOrg) -> None:
    error = (400, "invalid_request", "missing required parameter: assertion")
    assert post(org, TOKEN, grant_type=JWT_BEARER).error == error


def test_an_app_is_known_by_its_key(org: LocalOrg) -> None:
    answer = sign_in(org, assertion(claims(org, iss="nobody")))
    assert answer.error == (400, "invalid_client_id", "client identifier invalid")
    without_certificate = sign_in(org, assertion(claims(org, iss=org.client_id)))
    assert without_certificate.error == INVALID


def test_only_active_users_are_signed_in(org: LocalOrg) -> None:
    error = "user hasn't approved this consumer"
    for name in ("x@example.com", None, 5):
        answer = sign_in(org, assertion(claims(org, sub=name)))
        assert answer.error == (400, "invalid_grant", error)
    new_user(org, IsActive=False)
    inactive = sign_in(org, assertion(claims(org, sub="ann@example.com")))
    assert inactive.error == (400, "invalid_grant", "inactive user")


def certificate_pem() -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "app")])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key().public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key(), SHA256())
        .public_bytes(Encoding.PEM)
    )


def test_a_certificate_may_be_text_bytes_or_a_file(org: LocalOrg, tmp_path: Path) -> None:
    path = tmp_path / "app.crt"
    path.write_bytes(certificate_pem())
    for certificate in (certificate_pem(), certificate_pem().decode(), path):
        org.add_connected_app("app", certificate=certificate)
        assert sign_in(org, assertion(claims(org))).status == 200
    with pytest.raises(FileNotFoundError):
        org.add_connected_app("app", certificate=tmp_path / "none.crt")


def test_a_key_that_cannot_check_rs256_is_refused(org: LocalOrg) -> None:
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(ValueError, match="must hold an RSA key"):
        org.add_connected_app("app", certificate=pem)
    with pytest.raises(ValueError, match="not the PEM of an"):
        org.add_connected_app("app", certificate="-----BEGIN CERTIFICATE-----\nx")
