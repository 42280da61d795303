"""The token endpoint: each grant that it takes becomes a session.

Source: Salesforce Help, OAuth Authorization Flows.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import attrs

from ..server.http import Reply
from .apps import ConnectedApp, ConnectedApps
from .identity import identity_url
from .refusals import OAuthError, same
from .sessions import Session, Sessions, new_family
from .users import Users, WrongPasswordError

JWT_BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LOGIN_HOSTS: Final = ("https://login.salesforce.com", "https://test.salesforce.com")
_NO_CACHE: Final = {
    "cache-control": "no-cache,must-revalidate,max-age=0,no-store,private",
    "pragma": "no-cache",
}
_CODE_SECONDS: Final = 15 * 60
_MOST_CODES: Final = 100
_OFFLINE: Final = frozenset({"refresh_token", "offline_access", "full"})


@attrs.frozen
class TokenRequest:
    """A request to the token endpoint: its form, its headers, and where it arrived."""

    form: Mapping[str, str] = attrs.field(repr=False)
    headers: Mapping[str, str] = attrs.field(repr=False)
    instance_url: str


@attrs.frozen
class Code:
    """What an authorization code stands for; its tokens will be of the *family*."""

    app: str
    user_id: str
    scope: str
    redirect_uri: str
    challenge: str
    family: str = attrs.field(repr=False)
    expires: float
    redeemed: bool = False


class Grants:
    """Issues tokens. *org_urls* are the instance URLs that the org goes by besides its server's."""

    def __init__(
        self,
        apps: ConnectedApps,
        users: Users,
        sessions: Sessions,
        clock: Callable[[], datetime],
        org_id: str,
        org_urls: frozenset[str],
    ) -> None:
        self._apps = apps
        self._users = users
        self._sessions = sessions
        self._clock = clock
        self._org_id = org_id
        self._org_urls = org_urls
        self._codes: dict[str, Code] = {}

    def token(self, request: TokenRequest) -> Reply:
        """Answer a request for a token. Raises OAuthError."""
        grant = request.form.get("grant_type")
        match grant:
            case None | "":
                raise OAuthError("invalid_request", "missing required parameter: grant_type")
            case "client_credentials":
                return self._client_credentials(request)
            case "password":
                return self._password(request)
            case "refresh_token":
                return self._refresh(request)
            case "authorization_code":
                return self._authorization_code(request)
            case _ if grant == JWT_BEARER:
                return self._jwt_bearer(request)
            case _:
                raise OAuthError("unsupported_grant_type", "grant type not supported")

    def authorize(self, app: ConnectedApp, user_id: str, form: Mapping[str, str]) -> str:
        """Return a code for *app*, which lets it ask for the tokens of a user, once."""
        now = self._now()
        self._codes = {code: known for code, known in self._codes.items() if known.expires > now}
        while len(self._codes) >= _MOST_CODES:
            del self._codes[next(iter(self._codes))]
        code = f"aPrx{secrets.token_urlsafe(32)}"
        self._codes[code] = Code(
            app.client_id,
            user_id,
            form.get("scope") or "refresh_token api",
            form.get("redirect_uri", ""),
            form.get("code_challenge", ""),
            new_family(),
            now + _CODE_SECONDS,
        )
        return code

    # ---- the grants ----

    def _client_credentials(self, request: TokenRequest) -> Reply:
        app = self._apps.authenticated(request.headers, request.form)
        if app.client_secret is None:
            raise OAuthError("invalid_grant", "no client credentials user enabled")
        user = (
            self._users.with_id(self._users.admin_id)
            if app.run_as is None
            else self._users.named(app.run_as)
        )
        if user is None or not user["IsActive"]:
            raise OAuthError("invalid_grant", "no client credentials user enabled")
        session = self._sessions.current(app.client_id, str(user["Id"]))
        return self._issued(request, app, session)

    def _password(self, request: TokenRequest) -> Reply:
        app = self._apps.authenticated(request.headers, request.form)
        try:
            user = self._users.sign_in(
                _required(request, "username"), _required(request, "password")
            )
        except WrongPasswordError:
            raise OAuthError("invalid_grant", "authentication failure") from None
        session = self._sessions.current(app.client_id, str(user["Id"]))
        return self._issued(request, app, session)

    def _jwt_bearer(self, request: TokenRequest) -> Reply:
        from .assertions import Assertion, invalid

        assertion = Assertion.read(_required(request, "assertion"))
        client_id = assertion.text("iss")
        if not client_id:
            raise invalid()
        app = self._apps.get(client_id)
        audiences = self._org_urls | {request.instance_url, *_LOGIN_HOSTS}
        assertion.check(app.public_key, audiences, self._now())
        user = self._users.named(assertion.text("sub") or assertion.text("prn"))
        if user is None:
            raise OAuthError("invalid_grant", "user hasn't approved this consumer")
        if not user["IsActive"]:
            raise OAuthError("invalid_grant", "inactive user")
        session = self._sessions.current(app.client_id, str(user["Id"]))
        told = self._told(request, session)
        return Reply(200, told, _NO_CACHE)  # this grant's answer is not signed

    def _refresh(self, request: TokenRequest) -> Reply:
        app = self._apps.authenticated(request.headers, request.form)
        found = self._sessions.find(_required(request, "refresh_token"))
        if found is None or not found.is_refresh_token or found.app != app.client_id:
            raise _expired()
        if self._users.active(found.user_id) is None:
            raise OAuthError("invalid_grant", "inactive user")
        given = {}
        if app.rotate_refresh_tokens or found.spent:
            successor = self._sessions.rotate(found)
            if successor is None:  # who has it now is not the only one, so it ends for all
                self._sessions.end(found)
                raise _expired()
            given["refresh_token"] = successor.token
        session = self._sessions.begin(
            app.client_id, found.user_id, scope=found.scope, family=found.family
        )
        return self._issued(request, app, session, given)

    def _authorization_code(self, request: TokenRequest) -> Reply:
        app = self._apps.authenticated(request.headers, request.form)
        code = self._redeem(app, _required(request, "code"))
        if request.form.get("redirect_uri", "") != code.redirect_uri:
            raise OAuthError("redirect_uri_mismatch", "redirect_uri must match configuration")
        verifier = request.form.get("code_verifier", "")
        if verifier and not code.challenge:
            raise OAuthError("invalid_grant", "unexpected code verifier")
        if code.challenge and not same(_s256(verifier), code.challenge):
            raise OAuthError("invalid_grant", "invalid code verifier")
        if not self._users.is_active(code.user_id):
            raise OAuthError("invalid_grant", "inactive user")
        given = {}
        if not _OFFLINE.isdisjoint(code.scope.split()):
            refresh = self._sessions.begin_family(
                code.app, code.user_id, code.scope, family=code.family
            )
            given["refresh_token"] = refresh.token
        session = self._sessions.begin(code.app, code.user_id, scope=code.scope, family=code.family)
        return self._issued(request, app, session, given)

    def _redeem(self, app: ConnectedApp, text: str) -> Code:
        """Return what a code stands for, once. Raises OAuthError if *app* may not redeem it."""
        code = self._codes.get(text)
        if code is None:
            raise _invalid_code()
        if code.app != app.client_id:
            raise OAuthError("invalid_client_id", "client identifier invalid")
        if code.redeemed:  # by whom, nobody knows, so all that it gave ends
            self._sessions.end_family(code.family)
            raise _invalid_code()
        self._codes[text] = attrs.evolve(code, redeemed=True)
        if code.expires < self._now():
            raise OAuthError("invalid_grant", "expired authorization code")
        return code

    # ---- the answer ----

    def _issued(
        self,
        request: TokenRequest,
        app: ConnectedApp,
        session: Session,
        given: Mapping[str, str] | None = None,
    ) -> Reply:
        told = self._told(request, session)
        issued_at = str(int(self._now() * 1000))
        signature = _signature(app.client_secret or "", told["id"] + issued_at)
        signed = {"issued_at": issued_at, "signature": signature}
        return Reply(200, {**told, **signed, **(given or {})}, _NO_CACHE)

    def _told(self, request: TokenRequest, session: Session) -> dict[str, Any]:
        return {
            "access_token": session.token,
            "scope": session.scope,
            "instance_url": request.instance_url,
            "id": identity_url(request.instance_url, self._org_id, session.user_id),
            "token_type": "Bearer",
        }

    def _now(self) -> float:
        return self._clock().timestamp()


def _required(request: TokenRequest, name: str) -> str:
    value = request.form.get(name)
    if not value:
        raise OAuthError("invalid_request", f"missing required parameter: {name}")
    return value


def _invalid_code() -> OAuthError:
    return OAuthError("invalid_grant", "invalid authorization code")


def _expired() -> OAuthError:
    return OAuthError("invalid_grant", "expired access/refresh token")


def _s256(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode("utf-8", "surrogatepass")).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _signature(secret: str, text: str) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), text.encode(), hashlib.sha256)).decode()
