"""A local org over real HTTP on 127.0.0.1, for clients in other processes and languages."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from aiohttp import web

from .._core.http import Request, Response, Timeout
from .errors import ApiError
from .exchange import Broken
from .faults import Stall, Truncate
from .http import BYTES, error_reply, response_of

if TYPE_CHECKING:
    from .org import LocalOrg

_HOST: Final = "127.0.0.1"
_WORTH_COMPRESSING: Final = 1024
_MAX_BODY: Final = 64 * 2**20
# The org itself says what is too long for Salesforce; HTTP only has to let it through.
_MAX_LINE: Final = 2**20
_MAX_HEADER: Final = 2**16
_SHUTDOWN_SECONDS: Final = 2.0
_LOOK_AGAIN_SECONDS: Final = 0.05
_NOT_AT_ALL: Final = re.compile(r"q\s*=\s*0(\.0*)?")


class Server:
    """Serves a local org from its own thread until it is closed; see ``LocalOrg.serve``."""

    def __init__(
        self, org: LocalOrg, exchange: Callable[[Request], Response | Broken], *, port: int = 0
    ) -> None:
        self._org = org
        self._exchange = exchange
        started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event, int]] = Future()
        self._thread = threading.Thread(
            target=self._run, args=(port, started), name="twinforce-local-org", daemon=True
        )
        self._thread.start()
        self._loop, self._stop, self._port = started.result()

    @property
    def url(self) -> str:
        """The instance URL of the org behind this server."""
        return f"http://{_HOST}:{self._port}"

    @property
    def port(self) -> int:
        """The port on 127.0.0.1, also where a free one was asked for."""
        return self._port

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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

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
        app = web.Application(client_max_size=_MAX_BODY)
        app.router.add_route("*", "/{path:.*}", partial(self._answer, stop))
        runner = web.AppRunner(
            app,
            access_log=None,
            max_line_size=_MAX_LINE,
            max_field_size=_MAX_HEADER,
            shutdown_timeout=_SHUTDOWN_SECONDS,
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, _HOST, port).start()
            started.set_result((asyncio.get_running_loop(), stop, runner.addresses[0][1]))
            await stop.wait()
        finally:
            await runner.cleanup()

    async def _answer(self, stop: asyncio.Event, incoming: web.Request) -> web.StreamResponse:
        try:
            body = await incoming.read()
        except web.RequestPayloadError:
            message = "The body is not encoded as its Content-Encoding or Transfer-Encoding says"
            reply = response_of(error_reply(ApiError("JSON_PARSER_ERROR", message)))
            # What is left of the body is of no use, and neither is the connection behind it.
            incoming.content.feed_eof()
            refusal = web.Response(status=reply.status_code, headers=reply.headers, body=reply.body)
            refusal.force_close()
            return refusal
        # The target goes on as it was sent: decoded, %2F could not be told from a slash.
        request = Request(
            incoming.method,
            self.url + incoming.raw_path,
            dict(incoming.headers),
            body,
            Timeout(),
        )
        loop = asyncio.get_running_loop()
        ending = await loop.run_in_executor(None, self._exchange, request)
        if isinstance(ending, Broken):
            return await _break_off(ending, stop, incoming)
        response = web.Response(status=ending.status_code, headers=ending.headers, body=ending.body)
        accepted = incoming.headers.get("Accept-Encoding", "")
        is_text = ending.headers.get("content-type") != BYTES
        if is_text and len(ending.body) > _WORTH_COMPRESSING and _takes_gzip(accepted):
            response.enable_compression(web.ContentCoding.gzip)
        return response


async def _break_off(
    ending: Broken, stop: asyncio.Event, incoming: web.Request
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


async def _silence(stop: asyncio.Event, incoming: web.Request) -> None:
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
