"""A local org over real HTTP or HTTPS, for clients in other processes and languages."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self
from weakref import WeakSet

import attrs
from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage
from aiohttp.http_exceptions import LineTooLong

from ..._core.http import Request, Response, Timeout
from ...errors import InvalidStateError
from ..arguments import retold
from ..errors import ApiError, unexpected
from ..faults import Stall, Truncate
from . import incoming as arriving
from .exchange import Broken
from .hosts import as_seen_here, in_url
from .http import BYTES, Reply, bad_message, error_reply, response_of
from .tls import Tls

if TYPE_CHECKING:
    from ..org import LocalOrg

_HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?")
_LAST_PORT: Final = 65_535
_ABSOLUTE: Final = re.compile(r"https?://[^/?#]*", re.IGNORECASE)
# What asyncio says before the reason why it cannot listen.
_BEFORE_THE_REASON: Final = re.compile(
    r"error while attempting to bind on address \(.*?\): (\[errno -?\d+\] )?"
)
_WORTH_COMPRESSING: Final = 1024
# The org itself says what is too long for Salesforce; HTTP only has to let it through.
_CONNECTION: Final[dict[str, Any]] = {
    "access_log": None,
    "max_line_size": 2**20,
    "max_field_size": 2**16,
    "auto_decompress": False,  # which would unpack whatever fits into a piece of the body
}
_SHUTDOWN_SECONDS: Final = 2.0
_LOOK_AGAIN_SECONDS: Final = 0.05
_NOT_AT_ALL: Final = re.compile(r"q\s*=\s*0(\.0*)?")


class Server:
    """Serves a local org from its own thread until it is closed; see ``LocalOrg.serve``."""

    def __init__(
        self,
        org: LocalOrg,
        exchange: Callable[[Request], Response | Broken],
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        tls: Any = False,
    ) -> None:
        self._org = org
        self._exchange = exchange
        self._host = host
        self._tls = Tls.of(tls, host)
        started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event, int]] = Future()
        self._thread = threading.Thread(
            target=self._run, args=(port, started), name="twinforce-local-org", daemon=True
        )
        self._thread.start()
        try:
            self._loop, self._stop, self._port = started.result()
        except BaseException as error:
            self.remove_files()
            if isinstance(error, OSError):
                raise _not_served(error, f"{in_url(host)}:{port}") from error
            raise

    @property
    def url(self) -> str:
        """The instance URL of the org behind this server, as seen from this machine."""
        return f"{self._scheme}://{in_url(as_seen_here(self._host))}:{self._port}"

    @property
    def port(self) -> int:
        """The port, also where a free one was asked for."""
        return self._port

    @property
    def certificate(self) -> Path | None:
        """The PEM file that clients have to trust; None without TLS, or with an own SSLContext.

        One that was made for this server is gone when it is closed.
        """
        return None if self._tls is None else self._tls.certificate

    @property
    def access_token(self) -> str:
        """The token that lets requests in; see ``LocalOrg.access_token``."""
        return self._org.access_token

    @property
    def client_id(self) -> str:
        """The consumer key for ``/services/oauth2/token``; see ``LocalOrg.client_id``."""
        return self._org.client_id

    @property
    def client_secret(self) -> str:
        """The consumer secret for ``/services/oauth2/token``; see ``LocalOrg.client_secret``."""
        return self._org.client_secret

    @property
    def username(self) -> str:
        """The Username of the administrator; see ``LocalOrg.username``."""
        return self._org.username

    @property
    def password(self) -> str:
        """The administrator's password; see ``LocalOrg.password``."""
        return self._org.password

    @property
    def security_token(self) -> str:
        """The security token, for behind the password; see ``LocalOrg.security_token``."""
        return self._org.security_token

    def wait(self) -> None:
        """Wait until the server is closed."""
        self._thread.join()

    def close(self) -> None:
        """Stop serving; what is being answered is answered first. The org stays open.

        Connections on which a fault has the server be silent end at once.
        """
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()
        self.remove_files()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def _scheme(self) -> str:
        return "http" if self._tls is None else "https"

    def remove_files(self) -> None:
        """Remove what was made for TLS, which closing does too."""
        if self._tls is not None:
            self._tls.close()

    def __repr__(self) -> str:
        return f"<Server {self.url}{'' if self._thread.is_alive() else ', closed'}>"

    def _run(
        self,
        port: int,
        started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event, int]],
    ) -> None:
        try:
            asyncio.run(self._serve(port, started))
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)

    async def _serve(
        self,
        port: int,
        started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event, int]],
    ) -> None:
        stop = asyncio.Event()
        listener = _Listener(partial(self._answer, stop))
        runner = web.ServerRunner(listener, shutdown_timeout=_SHUTDOWN_SECONDS)
        await runner.setup()
        try:
            context = None if self._tls is None else self._tls.context
            await web.TCPSite(runner, self._host, port, ssl_context=context).start()
            started.set_result((asyncio.get_running_loop(), stop, runner.addresses[0][1]))
            await stop.wait()
        finally:
            await runner.cleanup()
            await listener.abort()

    async def _answer(self, stop: asyncio.Event, incoming: web.BaseRequest) -> web.StreamResponse:
        refused = arriving.refused(incoming)
        if refused is not None:
            return _refusal(refused)
        try:
            if arriving.waits_to_go_on(incoming):
                await incoming.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                incoming.writer.output_size = 0  # so that aiohttp knows that no answer has begun
            body = await incoming.read()
        except ConnectionError:  # the client has gone away; what is returned goes nowhere
            return web.Response()
        except web.RequestPayloadError:
            # What is left of the body is of no use, and neither is the connection behind it.
            incoming.content.feed_eof()
            return _refusal(error_reply(arriving.wrongly_encoded()))
        except web.HTTPRequestEntityTooLarge:
            return _refusal(arriving.TOO_LARGE)
        # The target goes on as it was sent: decoded, %2F could not be told from a slash.
        request = Request(
            incoming.method,
            self._url_of(incoming),
            dict(incoming.headers),
            body,
            Timeout(),
        )
        loop = asyncio.get_running_loop()
        ending = await loop.run_in_executor(None, self._ending_of, request)
        if isinstance(ending, Broken):
            return await _break_off(ending, stop, incoming)
        response = web.Response(status=ending.status_code, headers=ending.headers, body=ending.body)
        accepted = incoming.headers.get("Accept-Encoding", "")
        is_text = ending.headers.get("content-type") != BYTES
        if is_text and len(ending.body) > _WORTH_COMPRESSING and _takes_gzip(accepted):
            response.enable_compression(web.ContentCoding.gzip)
        return response

    def _ending_of(self, request: Request) -> Response | Broken:
        try:
            encoding = request.headers.get("Content-Encoding", "")
            body = arriving.unpacked(request.content, encoding)
            return self._exchange(attrs.evolve(request, body=body))
        except ApiError as error:
            return response_of(error_reply(error))
        except arriving.TooLargeError:
            return response_of(arriving.TOO_LARGE)
        except InvalidStateError as error:  # nobody closes an org by mistake
            return response_of(error_reply(ApiError("SERVER_UNAVAILABLE", str(error), status=503)))
        except BaseException as error:  # noqa: BLE001 - a rule that exits must not end the server
            return response_of(error_reply(unexpected(error, request.method)))

    def _url_of(self, incoming: web.BaseRequest) -> str:
        """Return the whole URL of a request, with the host that the client knows the org by."""
        target = incoming.raw_path
        whole = _ABSOLUTE.match(target)
        if whole is not None:
            target = target[whole.end() :]
        if not target.startswith("/"):
            target = f"/{target}"
        host = incoming.headers.get("Host", "")
        named = _HOST.fullmatch(host)
        if named is None or int(named[1] or 0) > _LAST_PORT:
            return self.url + target
        return f"{self._scheme}://{host}{target}"


class _Connection(web.RequestHandler):
    """A connection on which also what is no request at all is answered as by Salesforce."""

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if isinstance(exc, LineTooLong):
            return _refusal(bad_message(431, "Request Header Fields Too Large"))
        if status < 500:
            reason = " ".join((message or "This is no HTTP request").split())
            if arriving.is_of_another_version(reason):
                return _refusal(arriving.UNKNOWN_VERSION)
            return _refusal(bad_message(status, reason))
        failure = exc if isinstance(exc, Exception) else RuntimeError(message)
        return _refusal(error_reply(unexpected(failure, request.method)))


class _Listener(web.Server):
    """Takes connections, and gives what arrives on them to *handler*."""

    def __init__(self, handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> None:
        super().__init__(handler, request_factory=self._request)
        self._transports: WeakSet[asyncio.Transport] = WeakSet()

    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=asyncio.get_running_loop(), **_CONNECTION)

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        self._transports.add(transport)
        super().connection_made(handler, transport)

    async def abort(self) -> None:
        """End what closing has not ended: TLS would wait until clients say goodbye."""
        for transport in list(self._transports):
            transport.abort()
        await asyncio.sleep(0)  # until then the loop has told them

    def _request(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: web.RequestHandler,
        writer: AbstractStreamWriter,
        task: asyncio.Task[None],
    ) -> web.BaseRequest:
        loop = asyncio.get_running_loop()
        return web.BaseRequest(
            arriving.answerable(message),
            payload,
            protocol,
            writer,
            task,
            loop,
            client_max_size=arriving.MAX_BODY,
        )


def _refusal(reply: Reply) -> web.Response:
    """Answer with an error, after which the connection is of no use any more."""
    response = response_of(reply)
    refusal = web.Response(
        status=response.status_code, headers=response.headers, body=response.body
    )
    refusal.force_close()
    return refusal


def _not_served(error: OSError, place: str) -> OSError:
    """Say why there can be no server at *place*, and what to do."""
    reason = _BEFORE_THE_REASON.sub("", error.strerror or str(error))
    return retold(error, f"cannot serve at {place}: {reason}; choose another port or host")


async def _break_off(
    ending: Broken, stop: asyncio.Event, incoming: web.BaseRequest
) -> web.StreamResponse:
    """End the connection as a fault will have it; what is returned goes nowhere any more."""
    response = web.StreamResponse()
    fault, whole = ending.fault, ending.response
    if isinstance(fault, Truncate) and whole and whole.body and incoming.method != "HEAD":
        response = web.StreamResponse(status=whole.status_code, headers=whole.headers)
        response.content_length = len(whole.body)
        with suppress(ConnectionError):  # the client may have gone away by itself
            await response.prepare(incoming)
            await response.write(fault.part(whole.body))
        if incoming.transport is not None:
            incoming.transport.close()  # once all of that is written
        return response
    if isinstance(fault, Stall):
        await _silence(stop, incoming)
    if incoming.transport is not None:
        incoming.transport.abort()
    return response


async def _silence(stop: asyncio.Event, incoming: web.BaseRequest) -> None:
    """Wait until the client goes away, or the server is to stop."""
    # aiohttp could say when a client goes away, but only by cancelling, which would also hit
    # requests that have arrived and are to be executed.
    while incoming.transport is not None and not stop.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _LOOK_AGAIN_SECONDS)


def _takes_gzip(accept_encoding: str) -> bool:
    """Whether ``Accept-Encoding`` names gzip, and not with the weight 0 that rules it out."""
    for part in accept_encoding.lower().split(","):
        coding, *parameters = (word.strip() for word in part.split(";"))
        if coding == "gzip":
            return not any(map(_NOT_AT_ALL.fullmatch, parameters))
    return False
