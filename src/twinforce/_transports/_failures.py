"""What went wrong on the way, said so that the reader knows what to do next.

Nothing here shows a header, a query string or the credentials of a proxy.
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import attrs

from .._core.http import Timeout
from ..errors import ConnectError, ConnectionLostError, InvalidStateError, ReadTimeoutError
from ._exchange import Origin
from ._settings import Proxy


@attrs.define
class NothingSent:
    """Around code in which nothing of a request goes out: whatever comes out of it is marked so.

    Ctrl-C, a cancellation, or what else is raised gets an attribute ``sent`` that is False, unless
    this *ends* before: it is set to True when the request begins to go out.
    """

    ends: bool = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if error is not None and not self.ends:
            error.sent = False  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue]


class NotConnectedError(Exception):
    """There was no connection to send on, so nothing was sent; the library's error is the cause.

    Raised from within the library where it connects: outside, the same exceptions also come from
    connections that broke later. *proxy_status* is the answer of a proxy that refused the tunnel;
    *has_ended* is for a connection that there was, and that did not take the request any more.
    """

    def __init__(self, *, proxy_status: int | None = None, has_ended: bool = False) -> None:
        super().__init__("not connected")
        self.proxy_status = proxy_status
        self.has_ended = has_ended


def forget_frames(error: BaseException) -> None:
    """Take the frames off *error* and all that led to it: those of the library hold the headers.

    Tools that show the local variables of a traceback would show the access token.
    """
    pending, seen = [error], set[int]()
    while pending:
        found = pending.pop()
        seen.add(id(found))
        found.__traceback__ = None
        others = (found.__cause__, found.__context__)
        pending += [other for other in others if other is not None and id(other) not in seen]


def not_connected(
    error: NotConnectedError, origin: Origin, proxy: Proxy | None, timeout: Timeout
) -> ConnectError:
    """Say why there is no connection to *origin*."""
    via = f" through the proxy {proxy.url}" if proxy else ""
    why = _why_not_connected(error, proxy, timeout)
    return ConnectError(f"no connection to {origin}{via}: {why}; nothing was sent")


def _why_not_connected(error: NotConnectedError, proxy: Proxy | None, timeout: Timeout) -> str:
    if error.proxy_status == 407:
        return (
            "the proxy wants other credentials (407); give them as http://user:password@host:port"
        )
    if error.proxy_status is not None:
        return f"the proxy refused it ({error.proxy_status}); check whether it allows this host"
    if error.has_ended:
        return "the other side had ended it when the request was about to go out; send it again"
    for cause in _causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                return (
                    f"its certificate is not trusted ({cause.verify_message}); if your company "
                    "has its own certificate authority, pass its certificates as ca_bundle"
                )
            case ssl.SSLError():
                reason = (cause.reason or "no reason given").replace("_", " ").lower()
                return f"the TLS handshake failed ({reason}); check that the port speaks https"
            case socket.gaierror():
                whose = "the proxy's name or the host's" if proxy else "the host's"
                return f"{whose} name cannot be resolved; check its spelling and the network"
            case TimeoutError():
                return (
                    f"there was none within {timeout.connect:g} seconds; check the network and "
                    "the firewall, or allow more with Timeout(connect=...)"
                )
            case OSError(errno=errno.ECONNREFUSED):
                return "it was refused; check the host and port, and that the server is running"
            case OSError(strerror=str(reason)):
                return f"{reason}; check the host, the port and the network"
            case _:
                continue
    return "the other side broke off; check the host, the port and the network"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """List *error* and what caused it, the cause of all causes first.

    Only causes that were named count: the context of an exception may be an older failure that
    somebody was just handling.
    """
    causes = [error]
    while (cause := causes[-1].__cause__) is not None and cause not in causes:
        causes.append(cause)
    return reversed(causes)


def no_answer(origin: Origin, timeout: Timeout) -> ReadTimeoutError:
    """Say that *origin* was silent for too long."""
    return ReadTimeoutError(
        f"{origin} was silent for {timeout.read:g} seconds; the request was sent and may have been "
        "executed, or still be running; allow more with Timeout(read=...)"
    )


def connection_lost(origin: Origin, *, is_http: bool = True) -> ConnectionLostError:
    """Say that *origin* broke off, or answered with something that is not HTTP."""
    what = "ended the connection before the whole answer had arrived"
    if not is_http:
        what = "answered with something that is not HTTP; check the host and port"
    return ConnectionLostError(f"{origin} {what}; the request may have been executed")


def closed(transport: type) -> InvalidStateError:
    """Say that a *transport* was closed."""
    return InvalidStateError(f"this {transport.__name__} is closed; make a new one")
