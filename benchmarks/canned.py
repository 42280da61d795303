"""A server that answers batches at once, or after a wait, without any work worth mentioning."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from multiprocessing.connection import Connection
from typing import Final

import orjson

HOST: Final = "127.0.0.1"
ID: Final = "0031R00001K1H2IQAV"
RECORDS: Final = 200

_CREATED: Final = {
    "statusCode": 201,
    "result": {"id": ID, "success": True, "errors": []},
}
_NO_CONTENT: Final = {"statusCode": 204, "result": None}


def _record(number: int) -> dict[str, object]:
    return {
        "attributes": {
            "type": "Contact",
            "url": f"/services/data/v67.0/sobjects/Contact/{ID}",
        },
        "Id": ID,
        "FirstName": "Jon",
        "LastName": f"Doe {number}",
        "Email": f"jon.doe{number}@example.com",
        "Phone": "+1 555 0100",
        "AnnualRevenue": 12345.67,
        "IsDeleted": False,
        "CreatedDate": "2024-01-31T09:30:00.000+0000",
    }


_PAGE: Final = {
    "statusCode": 200,
    "result": {
        "totalSize": RECORDS,
        "done": True,
        "records": [_record(number) for number in range(RECORDS)],
    },
}
_RECORD: Final = {"statusCode": 200, "result": _record(0)}


@cache
def answer(kinds: tuple[str, ...]) -> bytes:
    """Write the answer to subrequests of these *kinds*, head and body."""
    items = {"query": _PAGE, "POST": _CREATED, "GET": _RECORD}
    body = orjson.dumps(
        {"hasErrors": False, "results": [items.get(kind, _NO_CONTENT) for kind in kinds]}
    )
    head = (
        "HTTP/1.1 200 OK\r\n"
        "Content-Type: application/json;charset=UTF-8\r\n"
        "Sforce-Limit-Info: api-usage=18/15000\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _kind(item: dict[str, str]) -> str:
    return "query" if "/query" in item["url"] else item["method"]


class _Protocol(asyncio.Protocol):
    def __init__(self, latency: float) -> None:
        self._latency = latency
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - TCP has such
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while True:
            head, separator, rest = self._received.partition(b"\r\n\r\n")
            if not separator:
                return
            size = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            if len(rest) < size:
                return
            body, self._received = rest[:size], rest[size:]
            kinds = tuple(map(_kind, orjson.loads(body)["batchRequests"]))
            if self._latency:
                loop = asyncio.get_running_loop()
                loop.call_later(self._latency, self._transport.write, answer(kinds))
            else:
                self._transport.write(answer(kinds))


async def _serve(latency: float, port: Connection) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Protocol(latency), HOST, 0)
    port.send(server.sockets[0].getsockname()[1])
    with suppress(EOFError):  # the other side has ended, whatever ended it
        await asyncio.to_thread(port.recv)
    server.close()


def _run(latency: float, port: Connection) -> None:
    asyncio.run(_serve(latency, port))


@contextmanager
def served(latency: float = 0.0) -> Iterator[str]:
    """Serve from a process of its own, each answer after *latency* seconds; give the URL."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_run, args=(latency, there), daemon=True)
    process.start()
    there.close()  # so that the end of the process is the end of the pipe
    try:
        yield f"http://{HOST}:{here.recv()}"
    finally:
        process.kill()
        process.join()
