# Generated from src/twinforce/_async/session.py by scripts/make_sync.py.
# Change that file, never this one, and then run `scripts/test -s twins -- --write`.
"""A signed-in connection to one org: every request goes through here."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TypeVar

from .. import _transports
from .._core import http, replies, urls, usage
from .._core.batch import Flight
from .._core.http import Request, Response, Timeout, Transport
from .._core.operations import Operation
from .._twin import Lock
from ..auth import Grant, Token, check_grant
from ..errors import InvalidStateError, SalesforceError, TransportError

T = TypeVar("T")


class Session:
    """Signs in once, sends, and signs in once more when the token is refused."""

    def __init__(
        self,
        instance_url: str,
        grant: Grant,
        *,
        version: str,
        transport: Transport | None,
        timeout: Timeout,
    ) -> None:
        check_grant(grant)
        http.check_timeout(timeout)
        if transport is not None and not callable(getattr(transport, "close", None)):
            kind = type(transport).__name__
            raise TypeError(f"{kind} is no Transport, which has the methods send and close")
        self.instance_url = urls.origin(instance_url)
        self.version = urls.version(version)
        self.api_usage: usage.ApiUsage | None = None
        self._grant = grant
        self._timeout = timeout
        self._owns_transport = transport is None
        self._transport = _transports.default_transport() if transport is None else transport
        self._closed = False
        self._token: Token | None = None
        self._lock = Lock()
        self._sign_ins = 0
        self._sign_in_error: SalesforceError | None = None

    def run(self, operation: Operation[T]) -> T:
        """Send *operation* on its own and return its result, or raise its failure."""
        response = self.send(operation.method, operation.target(self.version), operation.body)
        replies.raise_for_status(response, operation.describe())
        try:
            return operation.read(replies.parse(response))
        except SalesforceError as error:
            error.request = operation.describe()
            raise

    def send(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: Timeout | None = None,
        flight: Flight | None = None,
    ) -> Response:
        """Send one request and return the answer, whatever its status.

        A refused token (401) is renewed once. Nothing was executed then, so that any request can
        be sent again. *flight* is told when the request departs, and when it was refused so.
        """
        make = partial(
            http.api_request, method, body=body, headers=headers, timeout=timeout or self._timeout
        )
        token = self._authorize(refused=None)
        request = make(self._origin(token) + target, token.access_token)
        response = self._exchange(request, flight)
        if response.status_code != 401:
            return response
        if flight is not None:
            flight.stay()
        renewed = self._authorize(refused=token)
        if renewed == token:
            return response
        request = make(self._origin(renewed) + target, renewed.access_token)
        return self._exchange(request, flight)

    def close(self) -> None:
        """Close the transport, unless the user passed it in. Nothing can be sent any more."""
        self._closed = True
        self._token = None
        if self._owns_transport:
            self._transport.close()

    def _origin(self, token: Token) -> str:
        return token.instance_url or self.instance_url

    def _exchange(self, request: Request, flight: Flight | None = None) -> Response:
        if self._closed:
            raise InvalidStateError("this client is closed; make a new one")
        if flight is not None:
            flight.depart()
        response = self._transport.send(request)
        self.api_usage = (
            usage.parse(response.headers.get("sforce-limit-info", "")) or self.api_usage
        )
        return response

    def _authorize(self, *, refused: Token | None) -> Token:
        """Return a token other than *refused*.

        One sign-in serves all who wait for it; if it fails, it fails for all of them, since each
        trying in turn would only hammer.
        """
        if self._token is not None and self._token is not refused:
            return self._token
        seen = self._sign_ins
        with self._lock:
            if self._token is not None and self._token is not refused:
                return self._token
            if self._sign_in_error is not None and self._sign_ins != seen:
                raise self._sign_in_error.with_traceback(None)
            self._sign_in_error = None
            try:
                self._token = self._sign_in()
            except SalesforceError as error:
                self._sign_in_error = error
                self._sign_ins += 1
                raise
            self._sign_ins += 1
            return self._token

    def _sign_in(self) -> Token:
        step = self._grant.sign_in(self.instance_url, self._timeout)
        if isinstance(step, Token):
            return step
        if not isinstance(step, Request):
            kind = type(step).__name__
            raise TypeError(f"sign_in of the grant must return a Token or a Request, not {kind}")
        try:
            response = self._exchange(step)
        except TransportError as error:
            error.request = f"sign-in at {self.instance_url}"
            if error.sent:
                error.message = "no answer came, so what waited for the token was not sent"
                error.sent = False
            raise
        return self._grant.read_token(response, self.instance_url)
