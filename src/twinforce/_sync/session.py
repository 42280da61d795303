# Generated from src/twinforce/_async/session.py by scripts/make_sync.py.
# Change that file, never this one, and then run `scripts/test -s twins -- --write`.
"""A signed-in connection to one org: every request goes through here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from functools import partial
from typing import Final, TypeVar

import attrs

from .. import _transports
from .._core import http, replies, urls, usage
from .._core.batch import envelope
from .._core.flights import BatchFlight, Execution, Flight, SignInFlight
from .._core.http import Pieces, Request, Response, Timeout, Transport
from .._core.json import Json
from .._core.operations import Operation
from .._core.replies import Reply
from .._core.resending import Tries
from .._core.subrequests import Subrequest
from .._twin import Lock, Sleep
from ..auth import Grant, Token, check_grant
from ..errors import AuthenticationError, InvalidStateError, NotFoundError, SalesforceError
from ..hooks import Hook, RequestEvent, ResponseEvent, RetryEvent, TokenEvent, logger
from ..retry import RetryPolicy, check_policy
from .hooks import Hooks, check_function

T = TypeVar("T")

MAX_TARGET = 16_000  # bytes; Salesforce refuses more than 16,384 for the URL, headers included
_signing_in: Final = ContextVar[tuple["_SignIn", ...]]("signing_in", default=())


class Session:
    """Signs in once, sends, and signs in once more when the token is refused."""

    def __init__(
        self,
        instance_url: str,
        grant: Grant,
        *,
        version: str,
        transport: Transport | None,
        retry: RetryPolicy | None,
        timeout: Timeout,
        hooks: Iterable[Hook],
        json: Json,
        sleep: Sleep,
        clock: Callable[[], float],
    ) -> None:
        check_grant(grant)
        check_policy(retry)
        if not isinstance(json, Json):
            raise TypeError(f"json must be a twinforce.Json, not {type(json).__name__}")
        http.check_timeout(timeout)
        check_function("sleep", sleep)
        check_function("clock", clock)
        if transport is not None and not callable(getattr(transport, "close", None)):
            kind = type(transport).__name__
            raise TypeError(f"{kind} is no Transport, which has the methods send and close")
        self.instance_url = urls.origin(instance_url)
        self.version = urls.version(version)
        self.retry = retry
        self.json = json
        self._grant = grant
        self._timeout = timeout
        self._hooks = Hooks(hooks)
        self._sleep = sleep
        self._clock = clock
        self._owns_transport = transport is None
        self._transport = _transports.default_transport() if transport is None else transport
        self._closed = False
        self._token: Token | None = None
        self._lock = Lock()
        self._sign_ins = 0
        self._sign_in_error: SalesforceError | None = None
        self._limit_info = ""

    @property
    def api_usage(self) -> usage.ApiUsage | None:
        """What the latest answer that tells it says of the use of API requests."""
        return usage.parse(self._limit_info)

    def run(self, operation: Operation[T]) -> T:
        """Send *operation* on its own and return its result, or raise its failure."""
        target = operation.within(self.version).target(self.version)
        if len(target) > MAX_TARGET and operation.reads_only:
            return self._run_in_batch(operation)
        flight = Flight(
            operation.describe(),
            idempotent=operation.idempotent,
            reads_only=operation.reads_only,
        )
        try:
            response = self.send(operation.method, target, operation.content(), flight=flight)
        except NotFoundError as error:
            if flight.doubted and operation.is_fulfilled_by(error):
                return operation.read(Reply(204, None))
            raise
        try:
            return operation.read(replies.parse(response, self.json))
        except SalesforceError as error:
            error.request = operation.describe()
            if self._token is not None:
                replies.conceal(error, self._token.access_token)
            raise

    def _run_in_batch(self, operation: Operation[T]) -> T:
        """Send *operation* as the only subrequest of a batch, whose body may be long."""
        logger.info(
            "%s is too long for a URL (more than %d bytes), so it is sent as a composite batch",
            operation.describe(),
            MAX_TARGET,
        )
        subrequest = Subrequest(operation, 0)
        flight = BatchFlight([subrequest], Execution(), [], self.json)
        target = urls.batch(self.version)
        self.send("POST", target, envelope([operation], self.version), flight=flight)
        return subrequest.read()

    def send(
        self,
        method: str,
        target: str,
        body: bytes | Pieces | None = None,
        *,
        flight: Flight,
        headers: Mapping[str, str] | None = None,
        timeout: Timeout | None = None,
        tries: Tries | None = None,
    ) -> Response:
        """Send a request and return the answer, which is a success; *flight* learns all of it.

        It is sent again as the retry policy says, and once more when the token was refused (401):
        nothing was executed then.
        """
        make = partial(
            http.api_request, method, body=body, headers=headers, timeout=timeout or self._timeout
        )
        tries = tries or self.tries(self.retry)
        token = self._authorize(refused=None)
        try:
            request = make(self._origin(token) + target, token.access_token)
            return self._deliver(request, flight, tries)
        except AuthenticationError as refusal:
            if refusal.status_code != 401 or not flight.is_awaited:
                raise
            try:
                renewed = self._authorize(refused=token)
            except SalesforceError as error:
                raise flight.strand(error) from error.__cause__
            if renewed == token:
                refusal.message += "; there is no other token: this one cannot be renewed"
                raise
        request = make(self._origin(renewed) + target, renewed.access_token)
        return self._deliver(request, flight, tries)

    def tries(self, policy: RetryPolicy | None) -> Tries:
        """Begin to count the tries of a request."""
        return Tries(policy, self._clock)

    def wait(self, event: RetryEvent) -> None:
        """Wait until the next try, and tell of it."""
        if self._hooks.listens(RetryEvent.level):
            self._hooks.tell(event)
        self._sleep(event.delay)

    def check_concurrency(self, concurrency: int) -> None:
        """Check that the transport can send so many requests at once."""
        pool_size = getattr(self._transport, "pool_size", None)
        if pool_size is not None and concurrency > pool_size:
            raise ValueError(
                f"concurrency={concurrency} needs as many connections, and the transport has "
                f"{pool_size}; pass one with a larger pool_size to the client"
            )

    def close(self) -> None:
        """Close the transport, unless the user passed it in. Nothing can be sent any more."""
        self._closed = True
        self._token = None
        if self._owns_transport:
            self._transport.close()

    def _origin(self, token: Token) -> str:
        return token.instance_url or self.instance_url

    def _deliver(self, request: Request, flight: Flight, tries: Tries) -> Response:
        """Send *request* until it succeeds, or another try is not allowed or of no use."""
        while True:
            try:
                return self._exchange(request, flight, tries)
            except SalesforceError as error:
                delay = tries.delay(error, idempotent=flight.idempotent)
                if delay is None or not flight.is_awaited:
                    flight.give_up(error)
                    raise
                name = flight.name.partition("?")[0]
                event = RetryEvent(name, error, tries.count, delay)
            self.wait(event)

    def _exchange(self, request: Request, flight: Flight, tries: Tries) -> Response:
        if self._closed:
            raise InvalidStateError("this client is closed; make a new one")
        tries.begin()
        if self._hooks.listens(RequestEvent.level):
            self._hooks.tell(RequestEvent.of(request, tries.count))
        began = self._clock()
        refusal = None
        try:
            flight.depart()
            response = self._transport.send(request)
            try:
                flight.land(response)
            except SalesforceError as error:
                refusal = error
                replies.conceal(error, request.headers.get("Authorization", "").rpartition(" ")[2])
                flight.fail(error)
        except BaseException as failure:
            flight.fail(failure)
            raise
        if usage.tells(limit_info := response.headers.get("sforce-limit-info", "")):
            self._limit_info = limit_info
        if self._hooks.listens(ResponseEvent.level):
            seconds = self._clock() - began
            self._hooks.tell(ResponseEvent.of(request, response, tries.count, seconds))
        if refusal is not None:
            raise refusal
        return response

    def _authorize(self, *, refused: Token | None) -> Token:
        """Return a token other than *refused*.

        One sign-in serves all who wait for it; if it fails, it fails for all of them, since each
        trying in turn would only hammer.
        """
        if self._token is not None and self._token is not refused:
            return self._token
        if any(each.session is self and not each.is_over for each in _signing_in.get()):
            raise InvalidStateError(
                "a hook used the client while that was signing in; wait for the TokenEvent"
            )
        seen = self._sign_ins
        with self._lock:
            if self._token is not None and self._token is not refused:
                return self._token
            if self._sign_in_error is not None and self._sign_ins != seen:
                raise self._sign_in_error.with_traceback(None)
            self._sign_in_error = None
            sign_in = _SignIn(self)
            before = _signing_in.set((*_signing_in.get(), sign_in))
            try:
                self._token = self._sign_in()
            except SalesforceError as error:
                self._sign_in_error = error
                self._sign_ins += 1
                raise
            finally:
                sign_in.is_over = True
                _signing_in.reset(before)
            self._sign_ins += 1
            token = self._token
        if token != refused and self._hooks.listens(TokenEvent.level):
            event = TokenEvent(self._origin(token), renewed=refused is not None)
            self._hooks.tell(event)
        return token

    def _sign_in(self) -> Token:
        step = self._grant.sign_in(self.instance_url, self._timeout)
        if isinstance(step, Token):
            return step
        if not isinstance(step, Request):
            kind = type(step).__name__
            raise TypeError(f"sign_in of the grant must return a Token or a Request, not {kind}")
        flight = SignInFlight(self._grant, self.instance_url)
        self._deliver(step, flight, self.tries(self.retry))
        assert flight.token is not None  # noqa: S101 - it has landed
        return flight.token


@attrs.define
class _SignIn:
    """A sign-in of *session*; what a hook began meanwhile may outlive it."""

    session: Session
    is_over: bool = False
