"""Whatever arrives at the doors is answered, and never as a fault of the org."""

from __future__ import annotations

import random
from collections import Counter
from urllib.parse import quote

import attrs
import pytest

from twinforce import Request, Timeout
from twinforce.local import LocalOrg

PATHS = (
    "/services/oauth2/token",
    "/services/oauth2/revoke",
    "/services/oauth2/introspect",
    "/services/oauth2/userinfo",
    "/services/oauth2/authorize",
    "/services/Soap/u/60.0",
    "/services/Soap/c/\u00b2",
    "/id/{org_id}/{user_id}",
    "/id/%00/%ff",
    "/services/data/v67.0/composite/batch",
    "/services/data/v67.0/parameterizedSearch",
    "/services/data/v67.0/recent",
    "/services/data/v67.0/sobjects/Account/describe",
)
NAMES = (
    "assertion",
    "client_id",
    "client_secret",
    "code",
    "code_challenge",
    "code_verifier",
    "grant_type",
    "limit",
    "login_hint",
    "oauth_token",
    "password",
    "q",
    "redirect_uri",
    "refresh_token",
    "response_type",
    "token",
    "username",
)
VALUES = (
    "{access_token}",
    "{client_id}",
    "{client_secret}",
    "{username}",
    "authorization_code",
    "client_credentials",
    "password",
    "refresh_token",
    "urn:ietf:params:oauth:grant-type:jwt-bearer",
    "code",
    "http://localhost/x",
    "http://[::1",
    "e30.e30.e30",
    "PlatformCLI",
    "9" * 400,
)
BODIES = (
    b"{}",
    b"[]",
    b'{"batchRequests": [{}]}',
    b'{"q": "x", "sobjects": [{"name": "Account"}]}',
    b"<Envelope><Body><login/></Body></Envelope>",
    b"<a>" * 2000,
    b"<?xml version='1.0' encoding='utf-16'?><a/>",
)
SCHEMES = ("Bearer ", "OAuth ", "Basic ", "")
HEADERS = ("Accept", "Content-Type", "If-Modified-Since", "X-HTTP-Method-Override")

REQUESTS = 4_000


@attrs.define
class Stranger:
    """Makes up requests that are partly right: the same ones each time."""

    org: LocalOrg
    choose: random.Random

    def value(self) -> str:
        if self.choose.random() < 0.2:
            return "".join(chr(self.choose.choice((0, 32, 37, 233, 0x1F600))) for _ in range(4))
        org, value = self.org, self.choose.choice(VALUES)
        return value.format(
            access_token=org.access_token,
            client_id=org.client_id,
            client_secret=org.client_secret,
            username=org.username,
        )

    def form(self) -> str:
        names = self.choose.sample(NAMES, self.choose.randrange(6))
        form = {name: self.value() for name in names}
        if self.choose.random() < 0.5:
            form |= {"client_id": self.org.client_id, "client_secret": self.org.client_secret}
        return "&".join(f"{name}={quote(value)}" for name, value in form.items())

    def request(self) -> Request:
        one_of = self.choose.choice
        path = one_of(PATHS).format(org_id=self.org.org_id, user_id=self.org.user_id)
        token = self.value() if self.choose.random() < 0.5 else self.org.access_token
        headers = {one_of(HEADERS): self.value()} if self.choose.random() < 0.3 else {}
        return Request(
            one_of(("GET", "POST", "POST", "HEAD", "PATCH", "x")),
            f"{self.org.instance_url}{path}?{self.form() if self.choose.random() < 0.5 else ''}",
            {"Authorization": f"{one_of(SCHEMES)}{token}", **headers},
            one_of((*BODIES, self.choose.randbytes(20), *[self.form().encode()] * len(BODIES))),
            Timeout(),
        )


def test_no_request_makes_the_org_fail(caplog: pytest.LogCaptureFixture) -> None:
    seen = Counter[int]()
    with LocalOrg() as org:
        stranger = Stranger(org, random.Random(7))  # noqa: S311 - it shall be the same each time
        for _ in range(REQUESTS):
            request = stranger.request()
            response = org.handle(request)
            is_fault = b"<soapenv:Fault>" in response.body
            assert response.status_code < 500 or is_fault, request
            seen[response.status_code] += 1
    assert {200, 400, 401, 403, 404, 405} <= set(seen)  # so they get in, some of them
    assert [record for record in caplog.records if record.name == "twinforce.local"] == []
