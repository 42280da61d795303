"""Both transports behind one face, so that the contract is written once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import attrs

from twinforce import AiohttpTransport, Request, RequestsTransport, Response, Timeout
from twinforce.errors import TransportError

HOST = "acme.my.salesforce.test"


def request(
    url: str,
    method: str = "GET",
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    connect: float = 5,
    read: float = 5,
) -> Request:
    return Request(method, url, headers or {}, body, Timeout(connect=connect, read=read))


def is_unsent(error: BaseException) -> bool:
    """Tell whether *error* is marked as one that came before anything was sent."""
    mark = getattr(error, "sent", None)
    assert mark in {None, False}
    return mark is False


class Client(Protocol):
    """A transport, used in the same way whichever it is."""

    transport: Any

    def send(self, request: Request) -> Response: ...

    def send_at_once(self, requests: list[Request], *, workers: int) -> list[Response]: ...

    def send_each(
        self, requests: list[Request], *, workers: int
    ) -> list[Response | TransportError]: ...

    def close(self) -> None: ...


@attrs.define
class BlockingClient:
    transport: RequestsTransport

    def send(self, request: Request) -> Response:
        return self.transport.send(request)

    def send_at_once(self, requests: list[Request], *, workers: int) -> list[Response]:
        with ThreadPoolExecutor(workers) as threads:
            return list(threads.map(self.transport.send, requests))

    def send_each(
        self, requests: list[Request], *, workers: int
    ) -> list[Response | TransportError]:
        def send(request: Request) -> Response | TransportError:
            try:
                return self.transport.send(request)
            except TransportError as error:
                return error

        with ThreadPoolExecutor(workers) as threads:
            return list(threads.map(send, requests))

    def close(self) -> None:
        self.transport.close()

    def end(self) -> None:
        self.close()


@attrs.define
class LoopClient:
    transport: AiohttpTransport
    loop: asyncio.Runner = attrs.field(factory=asyncio.Runner)

    def send(self, request: Request) -> Response:
        return self.loop.run(self.transport.send(request))

    def send_at_once(self, requests: list[Request], *, workers: int) -> list[Response]:
        waiting = iter(requests)

        async def work() -> list[Response]:
            return [await self.transport.send(request) for request in waiting]

        async def work_together() -> list[Response]:
            done = await asyncio.gather(*(work() for _ in range(workers)))
            return [response for responses in done for response in responses]

        return self.loop.run(work_together())

    def send_each(
        self, requests: list[Request], *, workers: int
    ) -> list[Response | TransportError]:
        places = asyncio.Semaphore(workers)

        async def send(request: Request) -> Response | TransportError:
            async with places:
                try:
                    return await self.transport.send(request)
                except TransportError as error:
                    return error

        async def send_together() -> list[Response | TransportError]:
            return await asyncio.gather(*map(send, requests))

        return self.loop.run(send_together())

    def close(self) -> None:
        self.loop.run(self.transport.aclose())

    def end(self) -> None:
        self.close()
        self.loop.close()


@attrs.define
class MakeClient:
    """Makes clients of one kind, and closes them in the end."""

    kind: str
    made: list[BlockingClient | LoopClient] = attrs.field(factory=list)

    def __call__(self, **settings: Any) -> Client:
        client: BlockingClient | LoopClient
        if self.kind == "requests":
            client = BlockingClient(RequestsTransport(**settings))
        else:
            client = LoopClient(AiohttpTransport(**settings))
        self.made.append(client)
        return client
