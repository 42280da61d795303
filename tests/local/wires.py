"""The four ways that a request takes to a local org: in process and over HTTP, in both twins."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, closing
from typing import Any, Final

import attrs

from twinforce import AiohttpTransport, Request, RequestsTransport, Response, Timeout
from twinforce.local import LocalOrg
from twinforce.local.server.transports import AsyncLocalTransport, LocalTransport

IN_PROCESS: Final = ("in process", "in process, async")
OVER_HTTP: Final = ("requests", "aiohttp")
WIRES: Final = (*IN_PROCESS, *OVER_HTTP)


@attrs.frozen
class Wire:
    """Sends requests, each once, and gives what came back."""

    org: LocalOrg
    url: str
    send: Callable[[Request], Awaitable[Response]]
    is_http: bool

    async def __call__(
        self, method: str, path: str, data: Any = None, *, read_timeout: float = 5.0
    ) -> Response:
        request = Request(
            method,
            f"{self.url}/services/data/v67.0/{path}",
            {
                "Authorization": f"Bearer {self.org.access_token}",
                "Content-Type": "application/json",
            },
            None if data is None else json.dumps(data).encode(),
            Timeout(read=read_timeout),
        )
        return await self.send(request)

    async def batch(self, *items: tuple[Any, ...], halt: bool = False) -> Response:
        """Send subrequests, each a method, a url and perhaps a richInput."""
        requests = [dict(zip(("method", "url", "richInput"), item, strict=False)) for item in items]
        envelope = {"batchRequests": requests, "haltOnError": halt}
        return await self("POST", "composite/batch", envelope)


def awaitable(send: Callable[[Request], Response]) -> Callable[[Request], Awaitable[Response]]:
    async def send_in_thread(request: Request) -> Response:
        return await asyncio.to_thread(send, request)

    return send_in_thread


@asynccontextmanager
async def connected(org: LocalOrg, kind: str) -> AsyncIterator[Wire]:
    """Give a wire to *org* of one of the kinds in WIRES."""
    match kind:
        case "in process":
            yield Wire(org, org.instance_url, awaitable(LocalTransport(org).send), is_http=False)
        case "in process, async":
            yield Wire(org, org.instance_url, AsyncLocalTransport(org).send, is_http=False)
        case "requests":
            transport = RequestsTransport(proxy=None)
            with org.serve() as server, closing(transport):
                yield Wire(org, server.url, awaitable(transport.send), is_http=True)
        case "aiohttp":
            async_transport = AiohttpTransport(proxy=None)
            with org.serve() as server:
                async with aclosing(async_transport):
                    yield Wire(org, server.url, async_transport.send, is_http=True)
        case _:
            raise AssertionError(kind)
