"""The seam between the client and an HTTP library: a request in, a fully read response out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol

import attrs

from .version import __version__

USER_AGENT = f"twinforce/{__version__}"
LONGEST_TIMEOUT = 86_400
RESERVED_HEADERS = frozenset(
    {
        "authorization",
        "connection",
        "content-length",
        "cookie",
        "host",
        "proxy-authorization",
        "set-cookie",
        "transfer-encoding",
    }
)

_JSON = "application/json; charset=UTF-8"
_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")
# Also those that users, proxies and other APIs of Salesforce have, such as X-SFDC-Session.
_SECRET_HEADER = re.compile(
    r"auth|cookie|credential|key|passw|secret|session|signature|token", re.IGNORECASE
)


def is_secret(header: str) -> bool:
    """Tell whether the name of *header* says that its value lets somebody in."""
    return _SECRET_HEADER.search(header) is not None


def redacted(headers: Mapping[str, str]) -> str:
    """Show *headers* without the values that let somebody in."""
    return repr({name: "***" if is_secret(name) else value for name, value in headers.items()})


def _size(body: bytes | Pieces | None) -> str:
    return "None" if body is None else f"<{len(body)} bytes>"


def _is_positive(_: Timeout, field: attrs.Attribute[float], seconds: float) -> None:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise TypeError(
            f"Timeout.{field.name} is a number of seconds, not {type(seconds).__name__}"
        )
    if not 0 < seconds <= LONGEST_TIMEOUT:
        raise ValueError(
            f"Timeout.{field.name} must be above 0 and at most {LONGEST_TIMEOUT} seconds (a day)"
        )


@attrs.frozen
class Timeout:
    """How long to wait, in seconds: for a connection, and for each next piece of the answer.

    Salesforce lets a batch run for ten minutes, so ``Timeout(read=600)`` waits for the slowest.
    """

    connect: float = attrs.field(default=10.0, validator=_is_positive)
    read: float = attrs.field(default=120.0, validator=_is_positive)


def check_timeout(timeout: object) -> None:
    """Check what a user passes as a time-out."""
    if not isinstance(timeout, Timeout):
        raise TypeError(
            f"timeout must be a Timeout, such as Timeout(read=600), not {type(timeout).__name__}"
        )


class Pieces(Protocol):
    """A body in pieces, so that it need not be in memory as a whole: ``len()`` is its length.

    It is given out anew whenever it is sent. A transport that wants bytes takes
    ``request.content``.
    """

    @property
    def content_type(self) -> str:
        """The media type, for the header Content-Type."""
        ...

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[bytes | memoryview]: ...


@attrs.frozen
class Request:
    """One HTTP request. *url* is sent byte for byte, and *headers* as they stand.

    *body* is bytes, but for uploads of binary data: these come in :class:`Pieces`.
    """

    method: str
    url: str
    headers: Mapping[str, str] = attrs.field(repr=redacted)
    body: bytes | Pieces | None = attrs.field(repr=_size)
    timeout: Timeout

    @property
    def content(self) -> bytes:
        """The body as a whole; empty if there is none."""
        if self.body is None or isinstance(self.body, bytes):
            return self.body or b""
        return b"".join(self.body)


@attrs.frozen
class Response:
    """One HTTP response, fully read and decoded. Header names are lower-case."""

    status_code: int
    headers: Mapping[str, str] = attrs.field(repr=redacted)
    body: bytes = attrs.field(repr=_size)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Read the ``Retry-After`` header as seconds from now; None if it says nothing that is clear.

    Source: RFC 9110, section 10.2.3. A date is taken against the ``Date`` of the same answer, so
    that the clocks need not agree.
    """
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdecimal():
        return float(value)
    when = _date(value)
    if when is None:
        return None
    now = _date(headers.get("date", "")) or datetime.now(UTC)
    return max(0.0, (when - now).total_seconds())


def _date(value: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


class Transport(Protocol):
    """Sends requests and waits for their answers, in blocking code.

    ``send`` returns whatever the server answers, error statuses and redirects included: it follows
    none, keeps no cookies and adds no credentials, and sends a request once. It raises only
    :class:`twinforce.errors.TransportError` and its subclasses. Whatever comes out of it, an
    interruption too, may have an attribute ``sent`` that is False: then nothing was sent.
    """

    def send(self, request: Request, /) -> Response:
        """Send *request* once and return the whole answer."""
        ...

    def close(self) -> None:
        """Close all connections."""
        ...


class AsyncTransport(Protocol):
    """Sends requests and waits for their answers, in async code; see :class:`Transport`."""

    async def send(self, request: Request, /) -> Response:
        """Send *request* once and return the whole answer."""
        ...

    async def aclose(self) -> None:
        """Close all connections."""
        ...


def api_request(
    method: str,
    url: str,
    access_token: str,
    *,
    body: bytes | Pieces | None,
    headers: Mapping[str, str] | None,
    timeout: Timeout,
) -> Request:
    """Make a request to the REST API; *headers*, checked, add to ours or replace them."""
    own = {
        "Authorization": f"Bearer {access_token}",
        "Accept": "application/json",
        "User-Agent": USER_AGENT,
        # Keeps the messages of errors within a batch from being HTML-escaped, where it is heeded.
        "X-Chatter-Entity-Encoding": "false",
    }
    if body is not None:
        own["Content-Type"] = _JSON if isinstance(body, bytes) else body.content_type
    if not headers:
        return Request(method, url, own, body, timeout)
    given = dict(headers)
    replaced = {name.lower() for name in given}
    kept = {name: value for name, value in own.items() if name.lower() not in replaced}
    return Request(method, url, kept | given, body, timeout)


def checked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Check headers that a user gives: names and values that HTTP can carry, no credentials."""
    if not isinstance(headers, Mapping):
        raise TypeError(f"headers must be a dict, not {type(headers).__name__}")
    for name, value in headers.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(f"the header {name!r} and its value must be str")
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise ValueError(f"the header {name!r} holds characters that a header cannot carry")
        if name.lower() in RESERVED_HEADERS:
            raise ValueError(f"the header {name} is set by the client; leave it out")
    if len({name.lower() for name in headers}) < len(headers):
        raise ValueError("a header is given twice; the case of its name makes no difference")
    return dict(headers)
