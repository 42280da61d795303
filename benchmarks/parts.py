"""Where the time of 25 creates goes: the steps of a batch, each measured alone, in processor time.

A transport that answers at once, from memory, stands in for the network.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from statistics import median
from typing import Final

import orjson

from twinforce import (
    AccessToken,
    AiohttpTransport,
    Request,
    RequestsTransport,
    Response,
    Salesforce,
    Timeout,
)

from . import contestants
from .canned import answer
from .contestants import PATH, TOKEN, add, count
from .work import CREATES, envelopes

_TIMES: Final = 200
_ROUNDS: Final = 15


class _Memory:
    """Answers from memory."""

    pool_size = 100

    def __init__(self) -> None:
        body = answer(("POST",) * len(CREATES.kinds)).partition(b"\r\n\r\n")[2]
        self._response = Response(200, {"sforce-limit-info": "api-usage=18/15000"}, body)

    def send(self, _: Request, /) -> Response:
        return self._response

    def close(self) -> None:
        """Close nothing."""


def _microseconds(step: Callable[[], object]) -> float:
    taken = []
    for _ in range(_ROUNDS):
        began = time.process_time()
        for _ in range(_TIMES):
            step()
        taken.append((time.process_time() - began) / _TIMES * 1e6)
    return median(taken)


def of_the_client() -> dict[str, float]:
    """Measure what the client does beside sending, step by step, in microseconds."""
    with Salesforce("http://127.0.0.1:9", AccessToken(TOKEN), transport=_Memory()) as salesforce:

        def build() -> object:
            batch = salesforce.composite.batch()
            add(batch, CREATES)
            return batch

        def execute() -> object:
            with salesforce.composite.batch() as batch:
                add(batch, CREATES)
            return batch

        def read() -> object:
            with salesforce.composite.batch() as batch:
                add(batch, CREATES)
            return count(batch)

        built, executed, whole = map(_microseconds, (build, execute, read))
    body = answer(("POST",) * len(CREATES.kinds)).partition(b"\r\n\r\n")[2]
    json = _microseconds(lambda: (orjson.dumps(envelopes(CREATES)[0]), orjson.loads(body)))
    return {
        "25 records checked and copied, their handles made": built,
        "envelope, answer, outcomes, session": executed - built,
        "the 25 ids read": whole - executed,
        "(of these, JSON that nobody can do without)": json,
    }


def of_the_transports(url: str) -> dict[str, float]:
    """Measure one exchange by each transport and by the library alone, in microseconds."""
    body = orjson.dumps(envelopes(CREATES)[0])
    request = Request("POST", url + PATH, contestants.HEADERS, body, Timeout())
    with RequestsTransport() as transport:
        blocking = _microseconds(lambda: transport.send(request))
    with contestants.bare_requests(url, 1) as bare:
        bare_blocking = _microseconds(lambda: bare(CREATES))
    return {
        **asyncio.run(_of_the_async_transport(url, request)),
        "exchange by RequestsTransport": blocking,
        "exchange by bare requests, its JSON included": bare_blocking,
    }


async def _of_the_async_transport(url: str, request: Request) -> dict[str, float]:
    async with AiohttpTransport() as transport, contestants.bare_aiohttp(url, 1) as bare:
        ours, alone = [], []
        for _ in range(_ROUNDS):
            began = time.process_time()
            for _ in range(_TIMES):
                await transport.send(request)
            middle = time.process_time()
            for _ in range(_TIMES):
                await bare(CREATES)
            ours.append((middle - began) / _TIMES * 1e6)
            alone.append((time.process_time() - middle) / _TIMES * 1e6)
    return {
        "exchange by AiohttpTransport": median(ours),
        "exchange by bare aiohttp, its JSON included": median(alone),
    }
