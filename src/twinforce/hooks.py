"""What a client tells while it works: events for hooks, and the same for the log.

A hook is a callable that gets each :data:`Event`; for an async client it may be a coroutine
function. It is called where the work is done, which waits for it: in a blocking batch with
``concurrency`` that is in several threads. What it raises is logged and harms nothing. It may use
the client, except while that signs in; hooks are not told of what they do themselves. Events are
immutable and hold no credentials: no token, no query string, no body, and of the headers none that
lets somebody in.

The logger ``twinforce`` tells the same: requests and answers at DEBUG, sign-ins and retries at
INFO; and hooks that raised, as errors.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import ClassVar, Final, TypeAlias

import attrs

from ._core.http import Request, Response, is_secret
from .errors import SalesforceError

logger: Final = logging.getLogger("twinforce")

_SHORTEST_SECRET: Final = 8  # what is shorter may stand in any header, and mean nothing


def _unchangeable(headers: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType(dict(headers))


class _Exchanged:
    __slots__ = ()
    __match_args__: ClassVar[tuple[str, ...]]

    def __reduce__(self) -> tuple[object, ...]:
        fields = [getattr(self, name) for name in self.__match_args__]
        # A mapping that cannot be changed cannot be pickled either.
        return type(self), tuple(
            dict(each) if isinstance(each, Mapping) else each for each in fields
        )


@attrs.frozen
class RequestEvent(_Exchanged):
    """A request is about to be sent. *url* is without its query; *attempt* counts from 1."""

    level: ClassVar = logging.DEBUG
    method: str
    url: str
    headers: Mapping[str, str] = attrs.field(converter=_unchangeable)
    body_size: int
    attempt: int

    @classmethod
    def of(cls, request: Request, attempt: int) -> RequestEvent:
        """Tell of *request* what everybody may know."""
        return cls(
            request.method,
            _without_query(request.url),
            _harmless(request.headers, request),
            len(request.body or b""),
            attempt,
        )

    def __str__(self) -> str:
        again = f", attempt {self.attempt}" if self.attempt > 1 else ""
        return f"{self.method} {self.url} ({self.body_size} bytes{again})"


@attrs.frozen
class ResponseEvent(_Exchanged):
    """A request was answered, after *seconds*, whatever the status."""

    level: ClassVar = logging.DEBUG
    method: str
    url: str
    status_code: int
    headers: Mapping[str, str] = attrs.field(converter=_unchangeable)
    body_size: int
    attempt: int
    seconds: float

    @classmethod
    def of(
        cls, request: Request, response: Response, attempt: int, seconds: float
    ) -> ResponseEvent:
        """Tell of *response*, to *request*, what everybody may know."""
        return cls(
            request.method,
            _without_query(request.url),
            response.status_code,
            _harmless(response.headers, request),
            len(response.body),
            attempt,
            seconds,
        )

    def __str__(self) -> str:
        answer = f"{self.status_code} ({self.body_size} bytes, {self.seconds * 1000:.0f} ms)"
        return f"{self.method} {self.url}: {answer}"


@attrs.frozen
class RetryEvent:
    """*request* failed with *error* at its try *attempt*, and is sent again after *delay* seconds.

    *request* is without its query; the *error* is the one that users would see, so it may name what
    was asked for. Of a batch that was answered, only *subrequests* are sent again: those that met a
    locked row and what was halted behind them, by index.
    """

    level: ClassVar = logging.INFO
    request: str
    error: SalesforceError
    attempt: int
    delay: float
    subrequests: tuple[int, ...] = ()

    def __str__(self) -> str:
        which = f", subrequests {', '.join(map(str, self.subrequests))}" if self.subrequests else ""
        known = (type(self.error).__name__, self.error.status_code, self.error.error_code)
        reason = " ".join(str(part) for part in known if part)
        return (
            f"{self.request}{which}: attempt {self.attempt} failed, another follows in "
            f"{self.delay:.2f} s: {reason}: {self.error.message}"
        )


@attrs.frozen
class TokenEvent:
    """The client signed in at *instance_url*; *renewed*, since its token before was refused."""

    level: ClassVar = logging.INFO
    instance_url: str
    renewed: bool

    def __str__(self) -> str:
        again = " again, since the token was refused" if self.renewed else ""
        return f"signed in at {self.instance_url}{again}"


Event: TypeAlias = RequestEvent | ResponseEvent | RetryEvent | TokenEvent
Hook: TypeAlias = Callable[[Event], object]
AsyncHook: TypeAlias = Callable[[Event], Awaitable[object] | object]


def _harmless(headers: Mapping[str, str], request: Request) -> dict[str, str]:
    """Leave out the *headers* that let somebody in, by name or as they hold what others hold."""
    values = [
        value.rpartition(" ")[2] for name, value in request.headers.items() if is_secret(name)
    ]
    credentials = [value for value in values if len(value) >= _SHORTEST_SECRET]
    return {
        name: _without_query(value) if name.lower() == "location" else value
        for name, value in headers.items()
        if not is_secret(name) and not any(secret in value for secret in credentials)
    }


def _without_query(url: str) -> str:
    return url.partition("?")[0]
