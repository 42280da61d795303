"""What one exchange looks like on the wire, whichever library carries it."""

from __future__ import annotations

import gzip
import re
import threading
import zlib
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

import attrs

from .._core.http import Pieces, Request, Response
from ..errors import ConnectionLostError, TransportError

_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<target>[/?][!\"$-~]*)?"  # all that is visible in ASCII, except for the fragment's mark
)
_WORD = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_HEADER_NAMES = re.compile(rf"{_WORD}(?: {_WORD})*")
_METHOD = re.compile(r"(?!CONNECT$)[A-Z]+")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_FRAMING = frozenset({"host", "content-length", "transfer-encoding", "connection", "expect"})
# After these a server goes on in another protocol, or means to close, even if it does not say so;
# and it says 408 to nobody in particular, so that the true answer may be on its way.
FINAL_STATUSES = frozenset({101, 408})
_AT_ONCE = 32 * 1024  # so long a body goes out with its head, as no server has to take it first
_METHODS_WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


@attrs.frozen
class Origin:
    """Where a URL leads to; *host* is in lower case, without the brackets of IPv6."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


@attrs.frozen
class Outgoing:
    """A request as it goes out: *target* is the URL from its path on, *headers* are complete."""

    origin: Origin
    target: str
    headers: dict[str, str] = attrs.field(repr=False)


def outgoing(request: Request) -> Outgoing:
    """Complete *request* for the wire.

    Raises ValueError if HTTP cannot carry it; neither the URL nor a header's value is shown.
    """
    if not _METHOD.fullmatch(request.method):
        raise ValueError(f"the method must be GET, POST, … in capitals, not {request.method!r}")
    origin, authority, target = _parted(request.url)
    names = _checked(request.headers)
    headers = {"Host": authority, **request.headers}
    if "accept-encoding" not in names:
        headers["Accept-Encoding"] = "gzip, deflate"
    if request.body is not None or request.method not in _METHODS_WITHOUT_BODY:
        headers["Content-Length"] = str(len(request.body or b""))
    return Outgoing(origin, target, headers)


@lru_cache(16)  # that of batches is the same each time
def _parted(url: str) -> tuple[Origin, str, str]:
    """Part *url* into its origin, the host as a header says it, and the rest."""
    parts = _URL.fullmatch(url)
    scheme, host, given_port, target = parts.groups("") if parts else ("", "", "", "")
    default_port = _DEFAULT_PORTS.get(scheme)
    port = int(given_port) if given_port else default_port
    if not port or port > 65535:
        raise ValueError(
            "the URL must be absolute, http or https, without credentials or a fragment, "
            "and with everything but visible ASCII characters percent-encoded"
        )
    host = host.lower()
    authority = host if port == default_port else f"{host}:{port}"
    target = target if target.startswith("/") else f"/{target}"
    return Origin(scheme, host.strip("[]"), port), authority, target


def small_body(request: Request) -> bytes | None:
    """Give the body that goes out with its head; None if it follows in pieces."""
    body = b"" if request.body is None else request.body
    return body if isinstance(body, bytes) and len(body) <= _AT_ONCE else None


def head(method: str, target: str, headers: Mapping[str, str]) -> bytes:
    """Write the head of a request, which was checked."""
    parts = [method, " ", target, " HTTP/1.1\r\n"]
    for name, value in headers.items():
        parts += (name, ": ", value, "\r\n")
    # Not formatted, since a subclass of str may format itself as something else than was checked.
    return "".join([*parts, "\r\n"]).encode("ascii")


def _checked(given: Mapping[str, str]) -> set[str]:
    """Check the headers that are *given*, and list their names in lower case."""
    if not _is_visible("".join([*given, *given.values()])):
        name = next(name for name, value in given.items() if not _is_visible(name + value))
        raise ValueError(
            f"the header {name!r} holds a line break or another character that is not "
            "visible ASCII; remove or encode it"
        )
    if given and not _HEADER_NAMES.fullmatch(" ".join(given)):
        name = next(name for name in given if not _HEADER_NAMES.fullmatch(name) or " " in name)
        raise ValueError(f"{name!r} is no name of a header")
    names = {name.lower() for name in given}
    if not names.isdisjoint(_FRAMING):
        name = next(name for name in given if name.lower() in _FRAMING)
        raise ValueError(f"the header {name} is set by the transport; leave it out")
    return names


def _is_visible(text: str) -> bool:
    return text.isascii() and text.isprintable()


_reading = threading.Lock()


class Body:
    """The pieces of a body; *failure* is what kept them from being read to their end."""

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces
        self.failure: Exception | None = None

    def __iter__(self) -> Iterator[bytes | memoryview]:
        pieces = iter(self._pieces)
        try:
            while True:
                # One at a time: several requests may read the same file, each from its place.
                with _reading:
                    piece = next(pieces, None)
                if piece is None:
                    return
                yield piece
        except Exception as error:
            self.failure = error
            raise


def unreadable(failure: Exception) -> TransportError:
    """Say that the body of the request could not be read, so that it never was whole."""
    return TransportError(
        f"the data to send cannot be read: {failure}; so the request was cut short, and nothing "
        "was executed",
        sent=False,
    )


def incoming(
    origin: Origin, status: int, fields: Iterable[tuple[str, str]], body: bytes
) -> Response:
    """Make a response of what *origin* answered: fields joined by name, the body decoded.

    A decoded body leaves no ``content-encoding`` and ``content-length``, since both would be wrong.
    """
    headers: dict[str, str] = {}
    for name, value in fields:
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    codings = _codings(headers["content-encoding"]) if "content-encoding" in headers else []
    if body and codings:
        # What was applied last has to come off first.
        for coding in reversed(codings):
            body = _decode(origin, coding, body)
        del headers["content-encoding"]
        headers.pop("content-length", None)
    return Response(status, headers, body)


def _codings(said: str) -> list[str]:
    names = [name.strip().lower() for name in said.split(",")]
    return [name for name in names if name not in {"", "identity"}]


def _decode(origin: Origin, coding: str, body: bytes) -> bytes:
    try:
        if coding in {"gzip", "x-gzip"}:
            return gzip.decompress(body)
        if coding == "deflate":
            return _inflate(body)
    except (OSError, EOFError, zlib.error) as error:
        raise ConnectionLostError(
            f"the answer of {origin} is cut short or damaged: its {coding} data cannot be "
            "decoded; the request may have been executed"
        ) from error
    raise TransportError(
        f"the answer of {origin} is encoded as {coding!r}, which was not asked for; "
        "the request may have been executed"
    )


def _inflate(body: bytes) -> bytes:
    try:
        return zlib.decompress(body)
    except zlib.error:
        # Some servers leave out the zlib wrapper that RFC 9110 asks for.
        return zlib.decompress(body, -zlib.MAX_WBITS)
