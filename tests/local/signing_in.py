"""Speaks to the OAuth endpoints of a local org, and makes users, keys and assertions for them."""

from __future__ import annotations

import base64
import json
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import attrs
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.local.caller import Caller
from twinforce.local import LocalOrg

TOKEN = "/services/oauth2/token"
CALLBACK = "http://localhost:1717/OauthRedirect"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@attrs.frozen
class Answer:
    """What an endpoint said: the status and the body, as JSON if it is."""

    status: int
    body: Any
    location: str = ""

    @property
    def error(self) -> tuple[int, str, str]:
        return self.status, self.body["error"], self.body["error_description"]

    @property
    def parameters(self) -> dict[str, str]:
        """Those of the URL to which it redirects."""
        return dict(parse_qsl(urlsplit(self.location).query))


def post(org: LocalOrg, path: str, headers: dict[str, str] | None = None, **form: str) -> Answer:
    return _answer(Caller(org).send("POST", path, urlencode(form).encode(), headers or {}))


def get(org: LocalOrg, path: str, headers: dict[str, str] | None = None, **query: str) -> Answer:
    url = f"{path}?{urlencode(query)}" if query else path
    return _answer(Caller(org).send("GET", url, None, headers or {}))


def _answer(response: Any) -> Answer:
    try:
        body = json.loads(response.body)
    except ValueError:
        body = response.body
    return Answer(response.status_code, body, response.headers.get("location", ""))


def ask(org: LocalOrg, grant_type: str, **form: str) -> Answer:
    """Ask for a token, as the org's own app unless *form* has another one's key."""
    own = {"client_id": org.client_id, "client_secret": org.client_secret}
    credentials = {} if "client_id" in form else own
    return post(org, TOKEN, None, grant_type=grant_type, **credentials, **form)


def lets_in(org: LocalOrg, token: str) -> bool:
    headers = {"Authorization": f"Bearer {token}"}
    response = Caller(org).send("GET", "/services/data/v67.0/limits", headers=headers)
    assert response.status_code in {200, 401}
    return response.status_code == 200


def new_user(org: LocalOrg, username: str = "ann@example.com", **fields: Any) -> str:
    call = Caller(org)
    profile = call.query("SELECT Id FROM Profile")["records"][0]["Id"]
    return call.create(
        "User",
        **{
            "Username": username,
            "LastName": "Ann",
            "Email": "ann@example.com",
            "Alias": "ann",
            "TimeZoneSidKey": "America/New_York",
            "LocaleSidKey": "en_US",
            "EmailEncodingKey": "UTF-8",
            "ProfileId": profile,
            "LanguageLocaleKey": "en_US",
            **fields,
        },
    )


@cache
def key(number: int = 0) -> rsa.RSAPrivateKey:
    """Return a private key; the same one for the same *number*."""
    return rsa.generate_private_key(65537, 2048)


def public_pem(private: rsa.RSAPrivateKey) -> bytes:
    return private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def assertion(
    claims: dict[str, Any], *, signer: rsa.RSAPrivateKey | None = None, algorithm: str = "RS256"
) -> str:
    """Return a JSON Web Token, signed with *signer* (the first key unless given)."""
    return signed(json.dumps(claims).encode(), signer=signer, algorithm=algorithm)


def signed(
    body: bytes, *, signer: rsa.RSAPrivateKey | None = None, algorithm: str = "RS256"
) -> str:
    """Return a JSON Web Token of *body*, which need not be JSON."""
    header = json.dumps({"alg": algorithm, "typ": "JWT"}).encode()
    text = f"{encoded(header)}.{encoded(body)}"
    signature = (signer or key()).sign(text.encode(), padding.PKCS1v15(), SHA256())
    return f"{text}.{encoded(signature)}"
