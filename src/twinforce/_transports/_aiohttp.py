"""The async transport, on aiohttp."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from functools import lru_cache
from typing import Any, Self
from weakref import WeakSet

import aiohttp
import attrs
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from .._core.http import Request, Response, Timeout
from ..errors import InvalidStateError
from . import _exchange, _failures
from ._exchange import Origin, Outgoing
from ._settings import POOL_SIZE, Proxy, Settings

_PIECE = 64 * 1024
_AT_ONCE = 32 * 1024  # that much is taken by asyncio's buffer, and nobody waits for the server
_LONGEST_LINE = 64 * 1024  # of an answer's head; as in http.client, so that both twins take it


class AiohttpTransport:
    """Sends requests with aiohttp, within one event loop at a time; an async context manager.

    It can be made anywhere: connections are opened when there is a loop, and closed with
    ``aclose``, or at the latest when ``asyncio.run`` shuts the loop down, after which the
    transport can be used from another. Connections are kept and used again, up to *pool_size* at
    once to each origin; a ``send`` that finds them all busy waits for one. *proxy* is the URL of
    an HTTP proxy, with user and password if it wants them. *ca_bundle* is a file (or directory)
    of the CA certificates to trust instead of the system's and certifi's. With *trust_env*, what
    is not given comes from the environment (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY,
    REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE), which is read once, now; loopback addresses are never
    sought through a proxy of the environment. Raises ValueError or TypeError for settings that
    cannot be.
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
        self._home: _Home | None = None
        self._closed = False

    async def send(self, request: Request, /) -> Response:
        """Send *request* once and return the whole answer, whatever its status.

        Raises ConnectError, ReadTimeoutError, ConnectionLostError or another TransportError;
        InvalidStateError after ``aclose``, or if the transport is in use in another event loop;
        ValueError for a request that HTTP cannot carry.
        """
        with _failures.NothingSent():
            outgoing = _exchange.outgoing(request)
            home = await self._at_home()
            route = home.route(outgoing.origin, self._settings)
            await route.free_places.acquire()
        try:
            with _failures.NothingSent():
                if self._closed:
                    raise _failures.closed(AiohttpTransport)
            return await route.send(home.session, request, outgoing)
        finally:
            route.free_places.release()

    async def aclose(self) -> None:
        """Close all connections; requests that are under way fail with ConnectionLostError."""
        if self._home is not None:
            self._refuse_another_loop(self._home)
        self._closed = True
        home, self._home = self._home, None
        if home is not None:
            await home.lifetime.aclose()

    @property
    def pool_size(self) -> int:
        """How many connections to each origin there are at most."""
        return self._settings.pool_size

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"AiohttpTransport({self._settings})"

    async def _at_home(self) -> _Home:
        if self._closed:
            raise _failures.closed(AiohttpTransport)
        if self._home is not None:
            self._refuse_another_loop(self._home)
            if self._home.loop.is_closed():
                dead, self._home = self._home, None
                await dead.lifetime.aclose()
        if self._home is None:
            lifetime = _lifetime()
            self._home = _Home(asyncio.get_running_loop(), lifetime, await anext(lifetime))
        return self._home

    @staticmethod
    def _refuse_another_loop(home: _Home) -> None:
        if home.loop is not asyncio.get_running_loop() and not home.loop.is_closed():
            raise InvalidStateError(
                "this AiohttpTransport has connections in another event loop, and they cannot be "
                "used from this one; make one client for each event loop, or aclose() it there"
            )


async def _lifetime() -> AsyncGenerator[aiohttp.ClientSession]:
    """Keep a session until it is closed: by ``aclose``, or by the loop as it is shut down.

    Event loops close async generators that are still open before they end themselves.
    """
    async with aiohttp.ClientSession(
        connector=_Connector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        auto_decompress=False,
        trust_env=False,
        max_line_size=_LONGEST_LINE,
        max_field_size=_LONGEST_LINE,
        middlewares=(_only_once,),
        response_class=_Answer,
    ) as session:
        yield session


@attrs.frozen
class _Home:
    """The event loop that a transport is used in, and what belongs to it."""

    loop: asyncio.AbstractEventLoop
    lifetime: AsyncGenerator[aiohttp.ClientSession]
    session: aiohttp.ClientSession
    routes: dict[Origin, _Route] = attrs.field(factory=dict)

    def route(self, origin: Origin, settings: Settings) -> _Route:
        if origin not in self.routes:
            proxy = settings.proxy_for(origin)
            speaks_tls = origin.scheme == "https" or (proxy and proxy.url.startswith("https:"))
            # Waiting is done here, so that the time-out for connecting is for connecting alone.
            self.routes[origin] = _Route(
                proxy=proxy,
                tls=settings.tls() if speaks_tls else True,
                free_places=asyncio.Semaphore(settings.pool_size),
            )
        return self.routes[origin]


@attrs.frozen
class _Route:
    """The way to one origin."""

    proxy: Proxy | None
    tls: ssl.SSLContext | bool
    free_places: asyncio.Semaphore

    async def send(
        self, session: aiohttp.ClientSession, request: Request, outgoing: Outgoing
    ) -> Response:
        body = request.body
        if body is None or isinstance(body, bytes):
            return await self._ask(session, request, outgoing, body)
        pieces = _exchange.Body(body)
        try:
            return await self._ask(session, request, outgoing, pieces)
        except Exception:
            if pieces.failure is not None:
                raise _exchange.unreadable(pieces.failure) from pieces.failure
            raise

    async def _ask(
        self,
        session: aiohttp.ClientSession,
        request: Request,
        outgoing: Outgoing,
        body: bytes | _exchange.Body | None,
    ) -> Response:
        origin, timeout = outgoing.origin, request.timeout
        try:
            if body is None or (isinstance(body, bytes) and len(body) <= _AT_ONCE):
                answer = await self._begin(session, request, outgoing, body or None)
            else:
                async with asyncio.timeout(None) as deadline:
                    pieces = _pieces(body, deadline, timeout.read)
                    answer = await self._begin(session, request, outgoing, pieces)
            async with answer:
                content = await answer.read()
        except _failures.NotConnectedError as error:
            _failures.forget_frames(error)
            raise _failures.not_connected(error, origin, self.proxy, timeout) from error.__cause__
        except TimeoutError as error:
            _failures.forget_frames(error)
            raise _failures.no_answer(origin, timeout) from error
        except _UnansweredError as error:
            _failures.forget_frames(error)
            raise _failures.connection_lost(origin) from error.__cause__
        except (aiohttp.ClientError, OSError) as error:
            _failures.forget_frames(error)
            _forget_request(error)
            is_http = not isinstance(error, aiohttp.ClientResponseError)
            raise _failures.connection_lost(origin, is_http=is_http) from error
        return _exchange.incoming(origin, answer.status, _fields(answer), content)

    async def _begin(
        self,
        session: aiohttp.ClientSession,
        request: Request,
        outgoing: Outgoing,
        data: bytes | AsyncIterator[bytes | memoryview] | None,
    ) -> aiohttp.ClientResponse:
        return await session.request(
            request.method,
            URL(request.url, encoded=True),
            data=data,
            timeout=_limits(request.timeout),
            allow_redirects=False,
            ssl=self.tls,
            **self._headers(outgoing),
        )

    def _headers(self, outgoing: Outgoing) -> dict[str, Any]:
        headers = outgoing.headers
        if self.proxy is None:
            return {"headers": headers}
        permit = {}
        if self.proxy.authorization is not None:
            permit["Proxy-Authorization"] = self.proxy.authorization
        if outgoing.origin.scheme == "https":
            return {"headers": headers, "proxy": self.proxy.url, "proxy_headers": permit}
        return {"headers": headers | permit, "proxy": self.proxy.url}


@lru_cache(64)
def _limits(timeout: Timeout) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(connect=timeout.connect, sock_read=timeout.read)


def _fields(answer: aiohttp.ClientResponse) -> Iterator[tuple[str, str]]:
    for name, value in answer.raw_headers:
        # As http.client does it; aiohttp's own reading of bytes beyond ASCII is another.
        yield name.decode("latin-1"), value.decode("latin-1")


async def _pieces(
    body: bytes | _exchange.Body, deadline: asyncio.Timeout, seconds: float
) -> AsyncIterator[bytes | memoryview]:
    """Give out *body* in pieces, each of which the server has to take within *seconds*.

    aiohttp has a time-out for reading only, and it starts when everything was sent.
    """
    async for piece in _cut(body) if isinstance(body, bytes) else _read(body):
        with contextlib.suppress(RuntimeError):  # the answer began before the request had ended
            deadline.reschedule(asyncio.get_running_loop().time() + seconds)
        yield piece
    with contextlib.suppress(RuntimeError):
        deadline.reschedule(None)


async def _cut(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), _PIECE):
        yield body[start : start + _PIECE]


async def _read(body: _exchange.Body) -> AsyncIterator[bytes | memoryview]:
    pieces = iter(body)
    # A disk may be slow, and the loop has others to serve.
    while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
        yield piece


class _Connector(aiohttp.TCPConnector):
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._used = WeakSet[ResponseHandler]()

    async def connect(self, *args: Any, **kwargs: Any) -> Connection:
        # Only here is it certain that nothing was sent: outside, aiohttp has the same exceptions
        # for a proxy that broke off and for a server that did.
        with _failures.NothingSent():
            try:
                connection = await super().connect(*args, **kwargs)
                while connection.protocol in self._used and _is_spent(connection):
                    connection.close()
                    connection = await super().connect(*args, **kwargs)
            except Exception as error:
                _forget_request(error)
                status = error.status if isinstance(error, aiohttp.ClientHttpProxyError) else None
                raise _failures.NotConnectedError(proxy_status=status) from error
        if connection.protocol is not None:
            self._used.add(connection.protocol)
        return connection


def _is_spent(connection: Connection) -> bool:
    """Tell whether something came on an idle *connection*: its end, or an answer to nobody.

    The loop may have been too busy to notice, and aiohttp takes such an answer for the next one.
    """
    protocol, transport = connection.protocol, connection.transport
    if protocol is None or transport is None or protocol.should_close:
        return True
    return _has_come(transport.get_extra_info("socket"))


def _has_come(socket: Any) -> bool:
    """Tell whether there is anything to read from *socket*."""
    if hasattr(select, "poll"):  # not on Windows
        poll = select.poll()
        poll.register(socket, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([socket], [], [], 0)[0])


class _Answer(aiohttp.ClientResponse):
    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        protocol = connection.protocol
        await super().start(connection)
        if protocol is not None and self.status in _exchange.FINAL_STATUSES:
            protocol.force_close()  # it may be back among the idle ones by now
        return self


class _UnansweredError(Exception):
    """A request was sent and not answered; aiohttp's exception is the cause."""


async def _only_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep aiohttp from repeating a request on its own, by hiding the exceptions that make it."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectionError as error:
        if isinstance(error, TimeoutError):
            raise
        raise _UnansweredError from error


def _forget_request(error: BaseException) -> None:
    """Take the headers, which hold the access token, and the query string off *error*."""
    if isinstance(error, aiohttp.ClientResponseError):
        url = error.request_info.real_url.origin()
        no_headers = CIMultiDictProxy[str](CIMultiDict())
        error.request_info = aiohttp.RequestInfo(url, error.request_info.method, no_headers, url)
        error.args = (error.request_info, error.history)
