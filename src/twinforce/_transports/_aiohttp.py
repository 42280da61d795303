"""The async transport: on aiohttp's connections, its parser and its writer, below its sessions.

A session of aiohttp costs as much as the rest of an exchange, for what must not happen here: it
follows redirects, keeps cookies, adds headers, and sends again on its own.
"""

from __future__ import annotations

import asyncio
import os
import select
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from functools import lru_cache, partial
from typing import Any, Self
from weakref import WeakKeyDictionary

import aiohttp
import attrs
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import BaseConnector, Connection
from aiohttp.http import RawResponseMessage, StreamWriter
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from .._core.http import Request, Response, Timeout
from ..errors import InvalidStateError
from . import _exchange, _failures
from ._exchange import Origin, Outgoing
from ._settings import POOL_SIZE, Proxy, Settings

_PIECE = 64 * 1024
_BUFFER = 1024 * 1024  # answers are read whole, so the server need not wait for the reader
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
            return await route.send(request, outgoing)
        finally:
            route.free_places.release()

    async def aclose(self) -> None:
        """Close all connections; requests that are under way fail with ConnectionLostError."""
        if self._home is not None:
            self._refuse_another_loop(self._home)
        self._closed = True
        home, self._home = self._home, None
        if home is not None:
            home.waiting.end()
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


async def _lifetime() -> AsyncGenerator[BaseConnector]:
    """Keep connections until they are closed: by ``aclose``, or by the loop as it is shut down.

    Event loops close async generators that are still open before they end themselves.
    """
    # Waiting is done here, so that the time-out for connecting is for connecting alone.
    async with aiohttp.TCPConnector(limit=0) as connector:
        yield connector


class _Deadline:
    """Ends an exchange when the other side has done nothing for so many *seconds*.

    aiohttp has such a time-out, and forgets it after a hint, a faulty chunk or half a close.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, protocol: ResponseHandler, seconds: float
    ) -> None:
        self.content: aiohttp.StreamReader | None = None
        """The body of the answer, when that has begun."""
        self._loop = loop
        self._protocol = protocol
        self._seconds = seconds
        self._until = loop.time() + seconds
        self._alarm = loop.call_at(self._until, self._look)

    def put_off(self) -> None:
        """Begin to wait anew."""
        self._until = self._loop.time() + self._seconds

    def cancel(self) -> None:
        """Wait for nothing any more."""
        self._alarm.cancel()

    def end(self) -> None:
        """Wait no longer: whoever waits for the other side gets a TimeoutError."""
        error = TimeoutError()
        self._protocol.set_exception(error)
        if self.content is not None:
            self.content.set_exception(error)
        if self._protocol.transport is not None:
            self._protocol.transport.abort()

    def _look(self) -> None:
        if self._loop.time() < self._until:
            self._alarm = self._loop.call_at(self._until, self._look)
        else:
            self.end()


@attrs.define
class _Waiting:
    """Those who wait for an answer, until it *is_over*: aiohttp does not tell all of them."""

    deadlines: set[_Deadline] = attrs.field(factory=set)
    is_over: bool = False

    def end(self) -> None:
        self.is_over = True
        for deadline in list(self.deadlines):
            deadline.end()


@attrs.frozen
class _Home:
    """The event loop that a transport is used in, and what belongs to it."""

    loop: asyncio.AbstractEventLoop
    lifetime: AsyncGenerator[BaseConnector]
    connector: BaseConnector
    routes: dict[Origin, _Route] = attrs.field(factory=dict)
    waiting: _Waiting = attrs.field(factory=_Waiting)

    def route(self, origin: Origin, settings: Settings) -> _Route:
        if origin not in self.routes:
            self.routes[origin] = _Route(origin, settings, self.connector, self.loop, self.waiting)
        return self.routes[origin]


class _Route:
    """The way to one origin."""

    def __init__(
        self,
        origin: Origin,
        settings: Settings,
        connector: BaseConnector,
        loop: asyncio.AbstractEventLoop,
        waiting: _Waiting,
    ) -> None:
        self.free_places = asyncio.Semaphore(settings.pool_size)
        self._origin = origin
        self._connector = connector
        self._loop = loop
        self._waiting = waiting
        self._looks = WeakKeyDictionary[ResponseHandler, Callable[[], object]]()
        self._proxy = proxy = settings.proxy_for(origin)
        self._has_tunnel = proxy is not None and origin.scheme == "https"
        speaks_tls = origin.scheme == "https" or (proxy and proxy.url.startswith("https:"))
        url = URL(str(origin))
        # With the header that aiohttp adds to them: it tells connections apart by these.
        headers = CIMultiDict({"Host": url.host_port_subcomponent or ""} | _permit(proxy))
        # It is never sent: it tells the connector where to, and how.
        self._destination = aiohttp.ClientRequest(
            "GET",
            url,
            loop=loop,
            ssl=settings.tls() if speaks_tls else True,
            proxy=URL(proxy.url) if proxy else None,
            proxy_headers=headers if self._has_tunnel else None,
        )

    async def send(self, request: Request, outgoing: Outgoing) -> Response:
        """Send *request* and return the whole answer."""
        if request.body is None or isinstance(request.body, bytes):
            return await self._send(request, outgoing, None)
        pieces = _exchange.Body(request.body)
        try:
            return await self._send(request, outgoing, pieces)
        except Exception:
            if pieces.failure is not None:
                raise _exchange.unreadable(pieces.failure) from pieces.failure
            raise

    async def _send(
        self, request: Request, outgoing: Outgoing, pieces: _exchange.Body | None
    ) -> Response:
        origin, timeout = self._origin, request.timeout
        try:
            connection = await self._connect(timeout)
            transport, can_be_kept = connection.transport, False
            try:
                message, content, is_sent = await self._ask(connection, request, outgoing, pieces)
                can_be_kept = is_sent and message.code not in _exchange.FINAL_STATUSES
            finally:
                if can_be_kept:
                    connection.release()
                else:
                    if transport is not None:
                        transport.abort()  # to close it would be to go on sending what is left
                    connection.close()
        except _failures.NotConnectedError as error:
            _failures.forget_frames(error)
            raise _failures.not_connected(error, origin, self._proxy, timeout) from error.__cause__
        except TimeoutError as error:
            _failures.forget_frames(error)
            if self._waiting.is_over:
                raise _failures.connection_lost(origin) from error
            raise _failures.no_answer(origin, timeout) from error
        except (aiohttp.ClientError, HttpProcessingError, OSError) as error:
            _failures.forget_frames(error)
            is_http = not isinstance(error, HttpProcessingError)
            raise _failures.connection_lost(origin, is_http=is_http) from error
        if self._waiting.is_over:  # so that what ends with the connection was cut
            raise _failures.connection_lost(origin)
        return _exchange.incoming(origin, message.code, _fields(message), content)

    async def _connect(self, timeout: Timeout) -> Connection:
        with _failures.NothingSent():
            try:
                while True:
                    connection = await self._connector.connect(
                        self._destination, [], _limits(timeout)
                    )
                    if not self._is_spent(connection):
                        return connection
                    connection.close()
            except Exception as error:
                _forget_request(error)
                status = error.status if isinstance(error, aiohttp.ClientHttpProxyError) else None
                raise _failures.NotConnectedError(proxy_status=status) from error

    def _is_spent(self, connection: Connection) -> bool:
        """Tell whether something came on an idle *connection*: its end, or an answer to nobody.

        The loop may have been too busy to notice, and aiohttp takes such an answer for the next.
        """
        protocol, transport = connection.protocol, connection.transport
        if protocol is None or transport is None:
            return True
        look = self._looks.get(protocol)
        if look is None:  # a new one, on which TLS may have something to say
            self._looks[protocol] = _look_at(transport.get_extra_info("socket"))
            return False
        return protocol.should_close or bool(look())

    async def _ask(
        self,
        connection: Connection,
        request: Request,
        outgoing: Outgoing,
        pieces: _exchange.Body | None,
    ) -> tuple[RawResponseMessage, bytes, bool]:
        """Send *request* on *connection*, read the answer, and tell whether all was sent."""
        protocol = connection.protocol
        if protocol is None or not protocol.is_connected():
            raise _failures.NotConnectedError(has_ended=True)
        protocol.set_response_params(
            skip_payload=request.method == "HEAD",
            read_until_eof=True,
            auto_decompress=False,
            read_bufsize=_BUFFER,
            max_line_size=_LONGEST_LINE,
            max_field_size=_LONGEST_LINE,
        )
        writer = StreamWriter(protocol, self._loop)
        deadline = _Deadline(self._loop, protocol, request.timeout.read)
        self._waiting.deadlines.add(deadline)
        writing = None
        try:
            # Without waiting, and without a name: it holds the access token.
            await writer.write(self._head(request, outgoing), drain=False)
            if _exchange.small_body(request) is not None:
                return *await _answer(protocol, deadline), True
            content = _cut(request.content) if pieces is None else _read(pieces)
            writing = asyncio.create_task(_write(writer, content, deadline))
            return *await _answer(protocol, deadline), writing.done() and writing.result()
        finally:
            self._waiting.deadlines.discard(deadline)
            deadline.cancel()
            if writing is not None:
                writing.cancel()

    def _head(self, request: Request, outgoing: Outgoing) -> bytes:
        """Write the head of *request*, and its body, if that is small."""
        target, headers = outgoing.target, outgoing.headers
        if self._proxy is not None and not self._has_tunnel:
            target = f"http://{headers['Host']}{target}"
            headers = headers | _permit(self._proxy)
        head = _exchange.head(request.method, target, headers)
        return head + (_exchange.small_body(request) or b"")


def _permit(proxy: Proxy | None) -> dict[str, str]:
    if proxy is None or proxy.authorization is None:
        return {}
    return {"Proxy-Authorization": proxy.authorization}


@lru_cache(64)
def _limits(timeout: Timeout) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(connect=timeout.connect)


async def _answer(
    protocol: ResponseHandler, deadline: _Deadline
) -> tuple[RawResponseMessage, bytes]:
    message, content = await protocol.read()
    while 100 <= message.code < 200 and message.code != 101:
        deadline.put_off()
        message, content = await protocol.read()
    deadline.content = content
    pieces = [content.read_nowait()] if content.is_eof() else []  # if small, it is all there
    while not content.at_eof():
        pieces.append(await content.readany())
        deadline.put_off()
    if isinstance(error := protocol.exception(), OSError):
        raise error  # the end of an answer that has no length
    return message, b"".join(pieces)


def _fields(message: RawResponseMessage) -> Iterator[tuple[str, str]]:
    for name, value in message.raw_headers:
        # As http.client does it; aiohttp's own reading of bytes beyond ASCII is another.
        yield name.decode("latin-1"), value.decode("latin-1")


async def _write(
    writer: StreamWriter, pieces: AsyncIterator[bytes | memoryview], deadline: _Deadline
) -> bool:
    """Write *pieces*, while others wait for the answer, as some come early; False: not all."""
    try:
        async for piece in pieces:
            deadline.put_off()
            await writer.write(piece)
        deadline.put_off()
    except aiohttp.ClientError:
        return False  # the connection has ended, and who waits for the answer is told so
    except Exception:  # noqa: BLE001 - the body keeps what it raised
        deadline.end()  # nothing is left to wait for
        return False
    return True


async def _cut(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), _PIECE):
        yield body[start : start + _PIECE]


async def _read(body: _exchange.Body) -> AsyncIterator[bytes | memoryview]:
    pieces = iter(body)
    # A disk may be slow, and the loop has others to serve.
    while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
        yield piece


def _look_at(socket: Any) -> Callable[[], object]:
    """Make the function that finds whether there is anything to read from *socket*."""
    if not hasattr(select, "poll"):  # on Windows
        return lambda: select.select([socket], [], [], 0)[0]
    poll = select.poll()
    poll.register(socket, select.POLLIN)
    return partial(poll.poll, 0)


def _forget_request(error: BaseException) -> None:
    """Take the headers, which hold the credentials of a proxy, off *error*."""
    if isinstance(error, aiohttp.ClientResponseError):
        url = error.request_info.real_url.origin()
        no_headers = CIMultiDictProxy[str](CIMultiDict())
        error.request_info = aiohttp.RequestInfo(url, error.request_info.method, no_headers, url)
        error.args = (error.request_info, error.history)
