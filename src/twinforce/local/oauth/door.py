"""Everything outside ``/services/data``: the OAuth endpoints, identity URLs, and SOAP's login."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl

import attrs

from ..errors import ApiError
from ..server.http import Reply
from ..store.ids import long_id
from ..store.tables import Row
from .apps import ConnectedApp, ConnectedApps
from .callbacks import with_parameters
from .grants import Grants, TokenRequest
from .identity import identity, identity_url, userinfo
from .refusals import OAuthError
from .sessions import Session, Sessions
from .users import Users

_SESSION_SECONDS: Final = 7200
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")  # a SHA-256 in base64url


@attrs.frozen
class Visit:
    """A request as it arrives at the door; *query* and *headers* are decoded already."""

    method: str
    segments: tuple[str, ...]
    query: Mapping[str, str] = attrs.field(repr=False)
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)
    instance_url: str

    @property
    def form(self) -> dict[str, str]:
        """The parameters: those of the URL, and those of the body, which win."""
        body = self.body.decode("utf-8", "replace") if self.method == "POST" else ""
        return {**self.query, **dict(parse_qsl(body, keep_blank_values=True, errors="replace"))}

    @property
    def token(self) -> str:
        """The token by ``Authorization: Bearer …`` or ``OAuth …``, if one came."""
        scheme, _, token = self.headers.get("authorization", "").strip().partition(" ")
        return token.strip() if scheme.lower() in {"bearer", "oauth"} else ""


class SignIn:
    """Knows who signs in, and answers who wants to."""

    def __init__(
        self,
        apps: ConnectedApps,
        users: Users,
        sessions: Sessions,
        clock: Callable[[], datetime],
        *,
        org_id: str,
        org_url: str,
    ) -> None:
        self._apps = apps
        self._users = users
        self._sessions = sessions
        self._clock = clock
        self.org_id = org_id
        self._grants = Grants(apps, users, sessions, clock, org_id, frozenset({org_url}))

    def user_id(self, token: str) -> str:
        """Return whose access token this is. Raises ApiError (401) if it does not let in."""
        session = self._sessions.find(token)
        if (
            session is None
            or session.is_refresh_token
            or not self._users.is_active(session.user_id)
        ):
            raise ApiError("INVALID_SESSION_ID", "Session expired or invalid", status=401)
        return session.user_id

    def _user(self, token: str) -> Row | None:
        try:
            return self._users.with_id(self.user_id(token))
        except ApiError:
            return None

    def answer(self, visit: Visit) -> Reply | None:
        """Answer what is for the door; None if it is for somebody else, or nothing is there."""
        match [segment.lower() for segment in visit.segments]:
            case ["services", "oauth2", name]:
                endpoint = self._endpoint(name)
                if endpoint is None:
                    return None
                try:
                    return endpoint(visit)
                except OAuthError as refusal:
                    return refusal.reply()
            case ["services", "soap", *_] if visit.method == "POST":
                return self._soap(visit)
            case ["services", "soap", "u" | "c", _, *_]:
                return Reply(405, "<h2>HTTP ERROR 405</h2>\n<p>Only POST allowed</p>")
            case ["id", _, _]:
                return self._identity(visit)
            case _:
                return None

    def _soap(self, visit: Visit) -> Reply | None:
        from .soap import Soap  # few sign in this way, and it takes a while to load

        soap = Soap(self._users, self._sessions, self.org_id)
        return soap.answer(visit.segments[2:], visit.body, visit.instance_url)

    def _endpoint(self, name: str) -> Callable[[Visit], Reply] | None:
        endpoints: dict[str, Callable[[Visit], Reply]] = {
            "token": self._token,
            "revoke": self._revoke,
            "introspect": self._introspect,
            "userinfo": self._userinfo,
            "authorize": self._authorize,
        }
        return endpoints.get(name)

    def _token(self, visit: Visit) -> Reply:
        _check_post(visit)
        return self._grants.token(TokenRequest(visit.form, visit.headers, visit.instance_url))

    def _revoke(self, visit: Visit) -> Reply:
        session = self._sessions.find(visit.form.get("token", ""))
        if session is None:
            raise OAuthError("invalid_token", "invalid token")
        self._sessions.end(session)
        return Reply(200)

    def _introspect(self, visit: Visit) -> Reply:
        _check_post(visit)
        form = visit.form
        app = self._apps.authenticated(visit.headers, form)
        if not form.get("token"):
            raise OAuthError("invalid_request", "missing required parameter: token")
        session = self._sessions.find(form["token"])
        user = None if session is None else self._users.active(session.user_id)
        if session is None or user is None or session.spent or session.app != app.client_id:
            return Reply(200, {"active": False})
        return Reply(200, self._introspected(session, user, visit.instance_url))

    def _introspected(self, session: Session, user: Row, instance_url: str) -> dict[str, object]:
        told: dict[str, object] = {
            "active": True,
            "scope": session.scope,
            "client_id": session.app,
            "username": user["Username"],
            "sub": identity_url(instance_url, self.org_id, session.user_id),
            "token_type": f"{session.kind}_token",
            "iat": int(session.issued),
            "nbf": int(session.issued),
        }
        if not session.is_refresh_token:
            # A session ends when nobody has used it for that long, and this is a use.
            told["exp"] = int(self._clock().timestamp()) + _SESSION_SECONDS
        return told

    def _userinfo(self, visit: Visit) -> Reply:
        token = visit.token or visit.form.get("access_token", "")
        if not token:
            return Reply(403, "Missing_OAuth_Token")
        user = self._user(token)
        if user is None:
            return Reply(403, "Bad_OAuth_Token")
        return Reply(200, userinfo(user, self.org_id, visit.instance_url))

    def _identity(self, visit: Visit) -> Reply:
        token = (
            visit.token or visit.form.get("oauth_token", "") or visit.form.get("access_token", "")
        )
        if not token:
            return Reply(403, "Missing_OAuth_Token")
        caller = self._user(token)
        if caller is None:
            return Reply(403, "Bad_OAuth_Token")
        _, org, wanted = visit.segments
        if long_id(org) != self.org_id:
            return Reply(403, "Wrong_Org")
        user_id = long_id(wanted.removesuffix(".json"))
        user = None if user_id is None else self._users.with_id(user_id)
        if user is None:
            return Reply(404, "Bad_Id")
        if not user["IsActive"]:
            return Reply(404, "Inactive")
        told = identity(
            user,
            self.org_id,
            visit.instance_url,
            asserted=user["Id"] == caller["Id"],
            latest=visit.form.get("version") == "latest",
        )
        return Reply(200, told)

    def _authorize(self, visit: Visit) -> Reply:
        """Let an app have a code at once, as if the user had signed in and agreed.

        ``login_hint`` names the user; without it, the administrator it is.
        """
        form = visit.form
        app = self._apps.get(form.get("client_id", ""))
        callback = form.get("redirect_uri", "")
        if not app.takes_callback(callback):
            raise OAuthError("redirect_uri_mismatch", "redirect_uri must match configuration")
        state = {"state": form["state"]} if "state" in form else {}
        if form.get("response_type") != "code":
            refusal = {
                "error": "unsupported_response_type",
                "error_description": "response type not supported",
            }
            return _redirected(callback, {**refusal, **state})
        wrong = _wrong_challenge(form)
        if wrong is not None:
            refusal = {"error": "invalid_request", "error_description": wrong}
            return _redirected(callback, {**refusal, **state})
        user = self._hinted(form.get("login_hint"))
        if user is None:
            refusal = {
                "error": "access_denied",
                "error_description": "end-user denied authorization",
            }
            return _redirected(callback, {**refusal, **state})
        code = self._grants.authorize(app, str(user["Id"]), form)
        return _redirected(callback, {"code": code, **state})

    def _hinted(self, username: str | None) -> Row | None:
        if not username:
            return self._users.active(self._users.admin_id)
        user = self._users.named(username)
        return user if user is not None and user["IsActive"] else None

    def grant_refresh_token(self, client_id: str, username: str | None) -> str:
        """Return a refresh token as a user gets one for an app. Raises ValueError."""
        try:
            app: ConnectedApp = self._apps.get(client_id)
        except OAuthError:
            message = f"there is no connected app {client_id!r}; add it with add_connected_app()"
            raise ValueError(message) from None
        user = self._hinted(username)
        if user is None:
            message = f"there is no active User with the Username {username!r}"
            raise ValueError(message)
        session = self._sessions.begin_family(app.client_id, str(user["Id"]), "refresh_token api")
        return session.token


def _check_post(visit: Visit) -> None:
    if visit.method != "POST":
        raise OAuthError("invalid_request", "must use HTTP POST")


def _wrong_challenge(form: Mapping[str, str]) -> str | None:
    """Say what is wrong with the code challenge of a request, if it has one and something is."""
    challenge = form.get("code_challenge")
    if challenge is None:
        return None
    if form.get("code_challenge_method", "S256") != "S256":
        return "code_challenge_method must be S256"
    return None if _CHALLENGE.fullmatch(challenge) else "invalid code challenge"


def _redirected(url: str, parameters: Mapping[str, str]) -> Reply:
    return Reply(302, None, {"location": with_parameters(url, parameters)})
