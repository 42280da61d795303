"""The blocking transport, on requests."""

from __future__ import annotations

import contextlib
import http.client
import io
import os
import queue
import re
import threading
from collections.abc import Mapping
from email.errors import MissingHeaderBodySeparatorDefect
from itertools import islice
from typing import Any, Self

import attrs
import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from .._core.http import Request, Response
from ..errors import TransportError
from . import _exchange, _failures
from ._exchange import Origin, Outgoing
from ._settings import POOL_SIZE, Proxy, Settings

# So that urllib3 and http.client look for nothing to add: the head is written here.
_FRAMED = {"Host": "", "Accept-Encoding": "", "Content-Length": ""}
_REFUSED_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")


class RequestsTransport:
    """Sends requests with requests' adapter; safe to share between threads, a context manager.

    Connections are kept and used again, up to *pool_size* at once to each origin; a ``send`` that
    finds them all busy waits for one. *proxy* is the URL of an HTTP proxy, with user and password
    if it wants them. *ca_bundle* is a file (or directory) of the CA certificates to trust instead
    of the system's and certifi's. With *trust_env*, what is not given comes from the environment
    (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE), which is
    read once, now; loopback addresses are never sought through a proxy of the environment.
    Raises ValueError or TypeError for settings that cannot be.
    """

    def __init__(
        self,
        *,
        proxy: str | None = None,
        ca_bundle: str | os.PathLike[str] | None = None,
        pool_size: int = POOL_SIZE,
        trust_env: bool = True,
    ) -> None:
        self._settings = Settings.checked(
            proxy=proxy, ca_bundle=ca_bundle, pool_size=pool_size, trust_env=trust_env
        )
        self._routes: dict[Origin, _Route] = {}
        self._lock = threading.Lock()
        self._closed = False

    def send(self, request: Request, /) -> Response:
        """Send *request* once and return the whole answer, whatever its status.

        Raises ConnectError, ReadTimeoutError, ConnectionLostError or another TransportError;
        InvalidStateError after ``close``; ValueError for a request that HTTP cannot carry.
        """
        with _failures.NothingSent() as nothing_sent:
            outgoing = _exchange.outgoing(request)
            route = self._route(outgoing.origin)
            place: list[int] = []
            try:
                # In one call, so that Ctrl-C cannot come between taking a place and noting it.
                place.extend(islice(iter(route.free_places.get, None), 1))
                if self._closed:
                    raise _failures.closed(RequestsTransport)
                return route.send(request, outgoing, nothing_sent)
            finally:
                for taken in place:
                    route.free_places.put(taken)
                if self._closed:
                    route.close()

    def close(self) -> None:
        """Close all connections; requests that are under way end first, on their own."""
        with self._lock:
            self._closed = True
            routes = list(self._routes.values())
            self._routes.clear()
        for route in routes:
            route.close()

    @property
    def pool_size(self) -> int:
        """How many connections to each origin there are at most."""
        return self._settings.pool_size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"RequestsTransport({self._settings})"

    def _route(self, origin: Origin) -> _Route:
        with self._lock:
            if self._closed:
                raise _failures.closed(RequestsTransport)
            if origin not in self._routes:
                route = _Route(self._settings.proxy_for(origin), self._settings)
                for place in range(self.pool_size):
                    route.free_places.put(place)
                self._routes[origin] = route
            return self._routes[origin]


@attrs.frozen
class _Route:
    """The way to one origin.

    It has a pool of its own, since Ctrl-C may come between any two steps of Python code: urllib3's
    could then hold a connection twice, for two threads at once, or keep its lock. Here each
    connection has an adapter to itself, which comes back after a whole answer and never else.
    """

    proxy: Proxy | None
    settings: Settings
    # A semaphore is such Python code, too, and may lose a place.
    free_places: queue.SimpleQueue[int] = attrs.field(factory=queue.SimpleQueue)
    idle: list[_Adapter] = attrs.field(factory=list)

    def send(
        self, request: Request, outgoing: Outgoing, nothing_sent: _failures.NothingSent
    ) -> Response:
        try:
            adapter = self.idle.pop()
        except IndexError:
            adapter = _Adapter(self.proxy, self.settings)
        pieces = None
        if request.body is not None and not isinstance(request.body, bytes):
            pieces = _exchange.Body(request.body)
        try:
            response = self._ask(adapter, request, outgoing, nothing_sent, pieces)
        except BaseException:
            adapter.close()
            if pieces is not None and pieces.failure is not None:
                raise _exchange.unreadable(pieces.failure) from pieces.failure
            raise
        self.idle.append(adapter)
        return response

    def close(self) -> None:
        with contextlib.suppress(IndexError):
            while True:
                self.idle.pop().close()

    def _ask(
        self,
        adapter: _Adapter,
        request: Request,
        outgoing: Outgoing,
        nothing_sent: _failures.NothingSent,
        pieces: _exchange.Body | None,
    ) -> Response:
        origin, timeout = outgoing.origin, request.timeout
        prepared = _prepared(request, outgoing, nothing_sent)
        if pieces is not None:
            prepared.body = pieces  # type: ignore[assignment]
        try:
            with adapter.send(
                prepared,
                stream=True,
                timeout=(timeout.connect, timeout.read),
                proxies={"all": self.proxy.url} if self.proxy else None,
            ) as answer:
                raw: urllib3.HTTPResponse = answer.raw
                body = raw.read(decode_content=False)
        except _failures.NotConnectedError as error:
            _failures.forget_frames(error)
            raise _failures.not_connected(error, origin, self.proxy, timeout) from error.__cause__
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            _failures.forget_frames(error)
            if isinstance(error, requests.RequestException):
                error.request = None  # it holds the access token
            reason = _reason(error)
            _failures.forget_frames(reason)
            failure: TransportError
            if isinstance(reason, TimeoutError | urllib3.exceptions.ReadTimeoutError):
                failure = _failures.no_answer(origin, timeout)
            else:
                # A connection that was closed before the status line came is one of them too.
                is_http = isinstance(reason, ConnectionError) or not isinstance(
                    reason, http.client.BadStatusLine | http.client.LineTooLong
                )
                failure = _failures.connection_lost(origin, is_http=is_http)
        else:
            return _exchange.incoming(origin, answer.status_code, raw.headers.iteritems(), body)
        # Here, so that it does not lead to the library's own, which may tell the whole URL.
        raise failure from reason


def _reason(error: BaseException) -> BaseException:
    """Unwrap *error*: requests and urllib3 pass on what happened as the last argument."""
    inner = error.args[-1] if error.args else None
    if isinstance(error, urllib3.exceptions.MaxRetryError):
        inner = error.reason
    return _reason(inner) if isinstance(inner, BaseException) else error


def _prepared(
    request: Request, outgoing: Outgoing, nothing_sent: _failures.NothingSent
) -> requests.PreparedRequest:
    # Not prepare(), which would respell the URL and add headers.
    prepared = requests.PreparedRequest()
    prepared.method = request.method
    prepared.url = request.url
    prepared.headers = _Headers(request, outgoing, nothing_sent)  # type: ignore[assignment]
    if isinstance(request.body, bytes) and _exchange.small_body(request) is None:
        # As a file, it goes out in pieces, and the time-out is for each of them.
        prepared.body = io.BytesIO(request.body)  # type: ignore[assignment]
    return prepared


class _Headers(dict[str, str]):
    """The headers, and what else has to pass urllib3 unchanged on its way to the connection."""

    def __init__(
        self, request: Request, outgoing: Outgoing, nothing_sent: _failures.NothingSent
    ) -> None:
        super().__init__(outgoing.headers)
        self.request = request
        self.outgoing = outgoing
        self.nothing_sent = nothing_sent

    def copy(self) -> _Headers:
        # urllib3 adds Proxy-Authorization to a copy.
        return _Headers(self.request, self.outgoing, self.nothing_sent)


class _Lines(io.BufferedReader):
    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        if not line:
            raise http.client.IncompleteRead(b"")
        return line


class _Answer(http.client.HTTPResponse):
    """An answer whose head has to be whole and sound: http.client takes half a head for one."""

    # Also what an interrupted constructor leaves behind is closed, and asks for this.
    fp: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fp = _Lines(self.fp.detach())

    def begin(self) -> None:
        super().begin()
        while self.status < 200 and self.status not in _exchange.FINAL_STATUSES:
            # A hint, such as 103: the answer is still to come, and http.client knows only 100.
            self.headers = None  # type: ignore[assignment] # what it takes to begin again
            super().begin()
        if self.status in _exchange.FINAL_STATUSES:
            self.will_close = True
        if any(isinstance(defect, MissingHeaderBodySeparatorDefect) for defect in self.msg.defects):
            raise http.client.BadStatusLine("a line of the head is not a header")


class _Connection(HTTPConnection):
    response_class = _Answer
    _head: bytes | None = None
    """What goes out first, in place of the head that http.client wrote."""

    def connect(self) -> None:
        # Only here is it certain that nothing was sent: outside, urllib3 has the same exceptions
        # for both, and calls a broken connection to a proxy one that was never made.
        try:
            super().connect()
        except Exception as error:
            refusal = _REFUSED_TUNNEL.match(str(error))
            status = int(refusal[1]) if refusal else None
            raise _failures.NotConnectedError(proxy_status=status) from error

    def request(  # type: ignore[override]
        self,
        method: str,
        url: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        if self.sock is None:
            self.connect()
        assert isinstance(headers, _Headers)  # noqa: S101 - only such are sent
        request = headers.request
        # urllib3 respells percent-encodings, and sends under the time-out for connecting.
        url = headers.outgoing.target if url.startswith("/") else request.url
        self._head = _exchange.head(method, url, headers)
        self._head += _exchange.small_body(request) or b""
        self.timeout = request.timeout.read
        headers.nothing_sent.ends = True
        super().request(method, url, body, _FRAMED, **options)

    def putheader(self, header: str | bytes, *values: Any) -> None:
        """Write nothing: it is in the head."""

    def send(self, data: Any) -> None:
        head, self._head = self._head, None
        super().send(data if head is None else head)

    def endheaders(self, *args: Any, **kwargs: Any) -> None:
        try:
            super().endheaders(*args, **kwargs)
        except TimeoutError:
            raise
        except OSError as error:
            # Not all of it was taken, so there is no request that the server could act on.
            # urllib3 would go on, and read what may have been said to somebody before.
            raise _failures.NotConnectedError(has_ended=True) from error


class _TLSConnection(_Connection, HTTPSConnection):
    pass


class _Idle:
    """Stands in for the LifoQueue of a pool, whose lock would stay locked after some Ctrl-C."""

    def __init__(self, maxsize: int) -> None:
        del maxsize  # it serves one thread at a time, and one connection
        self._connections: list[HTTPConnection] = []

    def put(self, connection: HTTPConnection | None, *, block: bool = True) -> None:
        del block
        if connection is not None:
            self._connections.append(connection)

    def get(self, *, block: bool = True, timeout: float | None = None) -> HTTPConnection:
        del block, timeout
        try:
            return self._connections.pop()
        except IndexError:
            raise queue.Empty from None


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection  # pyright: ignore[reportAssignmentType]
    QueueCls = _Idle  # type: ignore[assignment] # pyright: ignore[reportAssignmentType]


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLSConnection  # pyright: ignore[reportAssignmentType]
    QueueCls = _Idle  # type: ignore[assignment] # pyright: ignore[reportAssignmentType]


class _Adapter(HTTPAdapter):
    """An adapter for one connection, its proxy and trusted certificates settled beforehand."""

    def __init__(self, proxy: Proxy | None, settings: Settings) -> None:
        self._proxy = proxy
        self._settings = settings
        self._pool: Any = None
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(
            proxy,
            proxy_ssl_context=self._settings.tls(),
            # Without this, urllib3 lets small requests to a proxy wait to be sent together.
            socket_options=HTTPConnection.default_socket_options,
            **kwargs,
        )
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def proxy_headers(self, proxy: str) -> dict[str, str]:  # noqa: ARG002 - it is given as a URL
        if self._proxy is None or self._proxy.authorization is None:
            return {}
        return {"Proxy-Authorization": self._proxy.authorization}

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> Any:
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        if host["scheme"] == "http" and self._proxy is None:
            return host, {}
        return host, {"ssl_context": self._settings.tls(), "cert_reqs": "CERT_REQUIRED"}

    def cert_verify(self, *args: Any, **kwargs: Any) -> None:
        """Leave the pool as it is: its TLS context knows what to trust."""

    # What requests would find out anew for each request, and nobody here looks at.

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """Return the one pool there is: that of the origin, or of the proxy before it."""
        if self._pool is None:
            self._pool = super().get_connection_with_tls_context(*args, **kwargs)
        return self._pool

    def request_url(self, request: requests.PreparedRequest, proxies: Any) -> str:
        """Return the path on the way to the origin, as the connection knows it, without parsing."""
        if proxies:
            return str(super().request_url(request, proxies))
        assert isinstance(request.headers, _Headers)  # noqa: S101 - only such are sent
        return request.headers.outgoing.target

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        """Return nothing but the raw answer: no cookies, and no guess at an encoding."""
        del req
        return _RawResponse(resp)


class _RawResponse(requests.Response):
    def __init__(self, raw: Any) -> None:
        # Not super().__init__(), which takes longer than all that is needed.
        self.raw = raw
        self.status_code = raw.status
        self._content_consumed = False


_POOLS = {"http": _Pool, "https": _TLSPool}
