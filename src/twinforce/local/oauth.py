"""Who may call: the token endpoint and ``/services/oauth2/userinfo``."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl

import attrs

from .errors import ApiError
from .http import Reply
from .store import Row

SCOPE: Final = "api"


@attrs.define
class Credentials:
    """The credentials of a local org. They are no secrets, but stay out of reprs anyway."""

    org_id: str
    client_id: str = "local-org-client-id"
    client_secret: str = attrs.field(default="local-org-client-secret", repr=False)
    _expired: int = 0

    @property
    def access_token(self) -> str:
        number = f"-{self._expired + 1}" if self._expired else ""
        return f"{self.org_id[:15]}!local-org-access-token{number}"

    def expire_token(self) -> None:
        """Let the access token in no more; there is a new one."""
        self._expired += 1


def authorized(headers: Mapping[str, str], credentials: Credentials) -> bool:
    """Whether ``Authorization: Bearer …`` or ``OAuth …`` carries the access token."""
    scheme, _, token = headers.get("authorization", "").strip().partition(" ")
    return scheme.lower() in {"bearer", "oauth"} and _same(token.strip(), credentials.access_token)


def session_invalid() -> ApiError:
    return ApiError("INVALID_SESSION_ID", "Session expired or invalid", status=401)


def token(
    headers: Mapping[str, str],
    body: bytes,
    credentials: Credentials,
    *,
    instance_url: str,
    user_id: str,
    clock: Callable[[], datetime],
) -> Reply:
    """Answer a request for an access token: the client credentials grant."""
    form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    grant = form.get("grant_type")
    if grant is None:
        return _refused("invalid_request", "missing required parameter: grant_type")
    if grant != "client_credentials":
        return _refused("unsupported_grant_type", "grant type not supported")
    client_id, client_secret = _client(headers, form)
    if client_id != credentials.client_id:
        return _refused("invalid_client_id", "client identifier invalid")
    if not _same(client_secret, credentials.client_secret):
        return _refused("invalid_client", "invalid client credentials")
    issued_at = str(int(clock().timestamp() * 1000))
    identity = identity_url(instance_url, credentials.org_id, user_id)
    return Reply(
        200,
        {
            "access_token": credentials.access_token,
            "signature": _signature(credentials.client_secret, identity + issued_at),
            "scope": SCOPE,
            "instance_url": instance_url,
            "id": identity,
            "token_type": "Bearer",
            "issued_at": issued_at,
        },
        {"cache-control": "no-cache,must-revalidate,max-age=0,no-store,private"},
    )


def identity_url(instance_url: str, org_id: str, user_id: str) -> str:
    return f"{instance_url}/id/{org_id}/{user_id}"


def userinfo(user: Row, org_id: str, instance_url: str) -> dict[str, Any]:
    """Return the OpenID Connect description of *user*, a row of User."""
    user_id = str(user["Id"])
    data = f"{instance_url}/services/data/v{{version}}"
    photo = f"{instance_url}/profilephoto/005"
    resources = {
        "rest": f"{data}/",
        "sobjects": f"{data}/sobjects/",
        "search": f"{data}/search/",
        "query": f"{data}/query/",
        "recent": f"{data}/recent/",
        "tooling_rest": f"{data}/tooling/",
        "profile": f"{instance_url}/{user_id}",
        "custom_domain": instance_url,
    }
    soap = {
        name: f"{instance_url}/services/Soap/{path}/{{version}}/{org_id[:15]}"
        for name, path in (("enterprise", "c"), ("metadata", "m"), ("partner", "u"))
    }
    return {
        "sub": identity_url(instance_url, org_id, user_id),
        "user_id": user_id,
        "organization_id": org_id,
        "preferred_username": user["Username"],
        "nickname": user["CommunityNickname"],
        "name": user["Name"],
        "email": user["Email"],
        "email_verified": True,
        "given_name": user["FirstName"],
        "family_name": user["LastName"],
        "zoneinfo": user["TimeZoneSidKey"],
        "photos": {"picture": f"{photo}/F", "thumbnail": f"{photo}/T"},
        "profile": f"{instance_url}/{user_id}",
        "picture": f"{photo}/F",
        "address": {},
        "urls": {**soap, **resources},
        "active": bool(user["IsActive"]),
        "user_type": "STANDARD",
        "language": user["LanguageLocaleKey"],
        "locale": user["LocaleSidKey"],
        "utcOffset": 0,
        "updated_at": str(user["LastModifiedDate"]).replace(".000+0000", "Z"),
    }


def _client(headers: Mapping[str, str], form: Mapping[str, str]) -> tuple[str, str]:
    """Return client id and secret, from HTTP Basic or from the form."""
    scheme, _, encoded = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return form.get("client_id", ""), form.get("client_secret", "")
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
    except ValueError:  # no base64, or not that of UTF-8
        return "", ""
    client_id, _, client_secret = decoded.partition(":")
    return client_id, client_secret


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def _signature(secret: str, text: str) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), text.encode(), hashlib.sha256)).decode()


def _refused(error: str, description: str) -> Reply:
    return Reply(400, {"error": error, "error_description": description})
