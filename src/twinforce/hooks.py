"""What a client tells while it works: events for hooks, and the same for the log.

A hook is a callable that gets each :data:`Event`; for an async client it may be a coroutine
function. It is called where the work is done, which waits for it: in a blocking batch with
``concurrency`` that is in several threads. What it raises is logged and harms nothing. Events are
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

from ._core.http import SECRET_HEADERS, Request, Response
from .errors import SalesforceError

logger: Final = logging.getLogger("twinforce")


@attrs.frozen
class RequestEvent:
    """A request is about to be sent. *url* is without its query; *attempt* counts from 1."""

    level: ClassVar = logging.DEBUG
    method: str
    url: str
    headers: Mapping[str, str]
    body_size: int
    attempt: int

    @classmethod
    def of(cls, request: Request, attempt: int) -> RequestEvent:
        """Tell of *request* what everybody may know."""
        return cls(
            request.method,
            _without_query(request.url),
            _harmless(request.headers),
            len(request.body or b""),
            attempt,
        )

    def __str__(self) -> str:
        again = f", attempt {self.attempt}" if self.attempt > 1 else ""
        return f"{self.method} {self.url} ({self.body_size} bytes{again})"


@attrs.frozen
class ResponseEvent:
    """A request was answered, after *seconds*, whatever the status."""

    level: ClassVar = logging.DEBUG
    method: str
    url: str
    status_code: int
    headers: Mapping[str, str]
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
            _harmless(response.headers),
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

    Of a batch that was answered, only *subrequests* are sent again: those that met a locked row and
    what was halted behind them, by index.
    """

    level: ClassVar = logging.INFO
    request: str
    error: SalesforceError
    attempt: int
    delay: float
    subrequests: tuple[int, ...] = ()

    def __str__(self) -> str:
        which = f", subrequests {', '.join(map(str, self.subrequests))}" if self.subrequests else ""
        return (
            f"{self.request}{which}: attempt {self.attempt} failed, another follows in "
            f"{self.delay:.2f} s: {self.error}"
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


def _harmless(headers: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType(
        {name: value for name, value in headers.items() if name.lower() not in SECRET_HEADERS}
    )


def _without_query(url: str) -> str:
    return url.partition("?")[0]
