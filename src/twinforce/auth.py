"""Ways to sign in, as data: a grant says what to ask and reads the answer; the client asks.

One grant serves both twins. To write your own, provide the two methods of :class:`Grant`.
"""

from __future__ import annotations

from typing import Protocol
from urllib.parse import urlencode, urlsplit

import attrs

from ._core import json, replies, urls
from ._core.http import USER_AGENT, Request, Response, Timeout
from .errors import AuthenticationError, ErrorItem, MalformedResponseError, ServerError

TOKEN_PATH = "/services/oauth2/token"  # noqa: S105 - a path, no secret
_LOGIN_HOSTS = ("login.salesforce.com", "test.salesforce.com")


def _is_visible_ascii(_: object, field: attrs.Attribute[str], value: object) -> None:
    # The messages leave the value out: it is a secret even where it is malformed.
    if not isinstance(value, str):
        raise TypeError(f"{field.name} must be a str, not {type(value).__name__}")
    if not value or not all("!" <= character <= "~" for character in value):
        raise ValueError(
            f"{field.name} is empty or holds white space or characters that no token has"
        )


@attrs.frozen
class Token:
    """A session: the access token, and the origin of the instance where it is valid.

    *instance_url* is None where that is the instance that the client was made for; a path in it is
    cut off, and one without TLS is refused as the client refuses it.
    """

    access_token: str = attrs.field(repr=False, validator=_is_visible_ascii)
    instance_url: str | None = attrs.field(
        default=None, converter=attrs.converters.optional(urls.origin)
    )


class Grant(Protocol):
    """How a client comes by its access token."""

    def sign_in(self, instance_url: str, timeout: Timeout, /) -> Request | Token:
        """Give the token, if it is at hand, or the request that asks for one.

        Called before the first request, and again when Salesforce refused the token (401). A
        token that equals the refused one ends in :class:`AuthenticationError`.
        """
        ...

    def read_token(self, response: Response, instance_url: str, /) -> Token:
        """Read the answer to that request; raises :class:`AuthenticationError` if it refuses."""
        ...


def check_grant(grant: object) -> None:
    """Check what a user passes as a grant; the value, perhaps a token, is not shown."""
    if isinstance(grant, type) or not all(
        callable(getattr(grant, name, None)) for name in ("sign_in", "read_token")
    ):
        kind = grant.__name__ if isinstance(grant, type) else type(grant).__name__
        raise TypeError(
            f"auth must be a grant, such as AccessToken(...) or ClientCredentials(...), not {kind}"
        )


@attrs.frozen
class AccessToken:
    """An access token (session id) that you have already. It cannot be renewed."""

    access_token: str = attrs.field(repr=False, validator=_is_visible_ascii)

    def sign_in(self, instance_url: str, timeout: Timeout, /) -> Token:  # noqa: ARG002
        """Give the token."""
        return Token(self.access_token)

    def read_token(self, response: Response, instance_url: str, /) -> Token:
        """Read the answer of the token endpoint."""
        return read_token(response, instance_url)


@attrs.frozen
class ClientCredentials:
    """The OAuth 2.0 client credentials flow of a connected app.

    The instance URL must be the org's My Domain: login.salesforce.com does not serve this flow.
    """

    client_id: str = attrs.field(validator=_is_visible_ascii)
    client_secret: str = attrs.field(repr=False, validator=_is_visible_ascii)

    def sign_in(self, instance_url: str, timeout: Timeout, /) -> Request:
        """Make the request to the token endpoint."""
        if urlsplit(instance_url).hostname in _LOGIN_HOSTS:
            raise AuthenticationError(
                "client credentials are accepted at the org's My Domain only; make the client for "
                "https://<your domain>.my.salesforce.com"
            )
        form = {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        }
        return token_request(instance_url, form, timeout)

    def read_token(self, response: Response, instance_url: str, /) -> Token:
        """Read the answer of the token endpoint."""
        return read_token(response, instance_url)


def token_request(instance_url: str, form: dict[str, str], timeout: Timeout) -> Request:
    """Make the request to the token endpoint that all OAuth flows share."""
    headers = {
        "Accept": "application/json",
        "Content-Type": "application/x-www-form-urlencoded",
        "User-Agent": USER_AGENT,
    }
    body = urlencode(form).encode()
    return Request("POST", instance_url + TOKEN_PATH, headers, body, timeout)


def read_token(response: Response, instance_url: str) -> Token:
    """Read the answer of the token endpoint; no part of a token gets into an error."""
    status = response.status_code
    request = f"sign-in at {instance_url}"
    if status >= 500:
        raise ServerError(
            "the token endpoint failed; try again later", status_code=status, request=request
        )
    if status != 200:
        raise AuthenticationError(status_code=status, errors=(_reason(response),), request=request)
    token = _token(response, instance_url)
    if isinstance(token, str):
        raise MalformedResponseError(token, status_code=status, request=request)
    return token


def _reason(response: Response) -> ErrorItem:
    try:
        answer = json.loads(response.body)
    except ValueError:
        answer = None
    # Whatever else the answer holds stays out of the error.
    given = answer if isinstance(answer, dict) else {}
    raw = {name: given[name] for name in ("error", "error_description") if name in given}
    code, reason = raw.get("error"), raw.get("error_description")
    message = replies.text(reason or "the token endpoint refused, and gave no reason")
    return ErrorItem(code if isinstance(code, str) else None, message, raw=raw)


def _token(response: Response, instance_url: str) -> Token | str:
    """Give the token, or say why there is none: no frame of the error may hold the answer."""
    try:
        answer = json.loads(response.body)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        return "the answer of the token endpoint is not a JSON object"
    try:
        token = Token(answer.get("access_token", ""), answer.get("instance_url") or instance_url)
    except (TypeError, ValueError) as error:
        return f"the answer of the token endpoint cannot be used: {error}"
    if instance_url.startswith("https:") and not str(token.instance_url).startswith("https:"):
        return f"the token endpoint names an instance without TLS ({token.instance_url})"
    return token
