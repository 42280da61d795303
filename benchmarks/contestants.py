"""Who competes: this library, the bare HTTP libraries, and clients that others wrote.

Each does a :class:`~benchmarks.work.Work` from the users' values to values in users' hands, over
connections that are open, and says how many results it has seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, TypeAlias

import aiohttp
import aiosalesforce
import httpx
import orjson
import requests
from aiosalesforce.auth import Auth
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from simple_salesforce.api import Salesforce as SimpleSalesforce

from twinforce import AccessToken, AsyncBatch, AsyncSalesforce, Batch, Salesforce

from .work import RECORD_ID, SOQL, VERSION, Kind, Record, Work, envelopes

PATH: Final = f"/services/data/v{VERSION}/composite/batch"
TOKEN: Final = "00D000000000001!A"  # noqa: S105 - the canned server lets everybody in
HEADERS: Final = {
    "Authorization": f"Bearer {TOKEN}",
    "Content-Type": "application/json; charset=UTF-8",
    "Accept": "application/json",
}
HOST: Final = "acme.my.salesforce.com"

Contestant: TypeAlias = Callable[[Work], int]
AsyncContestant: TypeAlias = Callable[[Work], Awaitable[int]]


def add(batch: AsyncBatch | Batch, work: Work) -> None:
    """Put *work* into a batch of this library."""
    sobject = batch.sobject
    for kind, data in zip(work.kinds, work.records, strict=True):
        match kind:
            case "create":
                sobject.create("Contact", data)
            case "query":
                batch.query(SOQL)
            case "get":
                sobject.get("Contact", RECORD_ID)
            case "update":
                sobject.update("Contact", RECORD_ID, data)
            case "delete":
                sobject.delete("Contact", RECORD_ID)


def count(batch: AsyncBatch | Batch) -> int:
    """Count the successes."""
    return sum(subrequest.is_success for subrequest in batch)


def count_items(body: bytes) -> int:
    """Parse an answer and count its successes, as one without a library would do it."""
    return sum(200 <= item["statusCode"] < 300 for item in orjson.loads(body)["results"])


# ---- asyncio ----


@asynccontextmanager
async def twinforce_async(url: str, concurrency: int) -> AsyncIterator[AsyncContestant]:
    """Let this library do it."""
    async with AsyncSalesforce(url, AccessToken(TOKEN), version=VERSION) as salesforce:

        async def run(work: Work) -> int:
            async with salesforce.composite.batch(concurrency=concurrency) as batch:
                add(batch, work)
            return count(batch)

        yield run


@asynccontextmanager
async def bare_aiohttp(url: str, concurrency: int) -> AsyncIterator[AsyncContestant]:
    """Send envelopes made by hand with a session of aiohttp."""
    limit = asyncio.Semaphore(concurrency)

    async def send(envelope: dict[str, object]) -> int:
        async with (
            limit,
            session.post(url + PATH, data=orjson.dumps(envelope), headers=HEADERS) as response,
        ):
            return count_items(await response.read())

    async with aiohttp.ClientSession() as session:

        async def run(work: Work) -> int:
            parts = envelopes(work)
            if concurrency == 1:
                return sum([await send(part) for part in parts])
            return sum(await asyncio.gather(*map(send, parts)))

        yield run


class _Httpx(httpx.AsyncHTTPTransport):
    """Leads to the canned server what is meant for Salesforce."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._there = httpx.URL(url + PATH)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.url = self._there
        return await super().handle_async_request(request)


class _Token(Auth):
    async def _acquire_new_access_token(self, client: object) -> str:  # noqa: ARG002
        return TOKEN


@asynccontextmanager
async def aiosalesforce_peer(url: str, concurrency: int) -> AsyncIterator[AsyncContestant]:
    """Let aiosalesforce do it, by its own batch; it sends 25 subrequests at most at a time."""
    del concurrency
    async with httpx.AsyncClient(transport=_Httpx(url)) as http:
        salesforce = aiosalesforce.Salesforce(http, f"https://{HOST}", _Token(), version=VERSION)

        async def run(work: Work) -> int:
            done = 0
            for start in range(0, len(work.kinds), 25):
                async with salesforce.composite.batch() as batch:
                    subrequests = [
                        _add_to_peer(batch, kind, data)
                        for kind, data in zip(
                            work.kinds[start : start + 25],
                            work.records[start : start + 25],
                            strict=True,
                        )
                    ]
                done += sum(subrequest.is_success for subrequest in subrequests)
            return done

        yield run


def _add_to_peer(batch: Any, kind: Kind, data: Record) -> Any:
    match kind:
        case "create":
            return batch.sobject.create("Contact", data)
        case "query":
            return batch.query(SOQL)
        case "get":
            return batch.sobject.get("Contact", RECORD_ID)
        case "update":
            return batch.sobject.update("Contact", RECORD_ID, data)
        case "delete":
            return batch.sobject.delete("Contact", RECORD_ID)


# ---- blocking ----


@contextmanager
def twinforce_blocking(url: str, concurrency: int) -> Iterator[Contestant]:
    """Let this library do it."""
    with Salesforce(url, AccessToken(TOKEN), version=VERSION) as salesforce:

        def run(work: Work) -> int:
            with salesforce.composite.batch(concurrency=concurrency) as batch:
                add(batch, work)
            return count(batch)

        yield run


@contextmanager
def bare_requests(url: str, concurrency: int) -> Iterator[Contestant]:
    """Hand a prepared request straight to the adapter, and read the raw body once."""
    adapter = HTTPAdapter(pool_maxsize=max(concurrency, 10))

    def send(envelope: dict[str, object]) -> int:
        prepared = requests.PreparedRequest()
        prepared.method = "POST"
        prepared.url = url + PATH
        body = orjson.dumps(envelope)
        headers = {**HEADERS, "Content-Length": str(len(body))}
        prepared.headers = CaseInsensitiveDict(headers)
        prepared.body = body
        with adapter.send(prepared, stream=True, timeout=10) as response:
            return count_items(response.raw.read(decode_content=True))

    def run(work: Work) -> int:
        return _in_turn_or_at_once(send, work, concurrency)

    yield run
    adapter.close()


@contextmanager
def usual_requests(url: str, concurrency: int) -> Iterator[Contestant]:
    """Use requests as people write it."""
    with requests.Session() as session:
        session.headers.update(HEADERS)
        session.mount("http://", HTTPAdapter(pool_maxsize=max(concurrency, 10)))

        def send(envelope: dict[str, object]) -> int:
            response = session.post(url + PATH, json=envelope, timeout=10)
            response.raise_for_status()
            results = response.json()["results"]
            return sum(200 <= item["statusCode"] < 300 for item in results)

        yield lambda work: _in_turn_or_at_once(send, work, concurrency)


def _in_turn_or_at_once(
    send: Callable[[dict[str, object]], int], work: Work, concurrency: int
) -> int:
    parts = envelopes(work)
    if concurrency == 1:
        return sum(map(send, parts))
    with ThreadPoolExecutor(concurrency) as pool:
        return sum(pool.map(send, parts))


class _Adapter(HTTPAdapter):
    """Leads to the canned server what is meant for Salesforce."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._there = url + PATH

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        request.url = self._there
        return super().send(request, *args, **kwargs)


@contextmanager
def simple_salesforce_peer(url: str, concurrency: int) -> Iterator[Contestant]:
    """Let simple-salesforce send envelopes made by hand, as it has no batches of its own."""
    del concurrency
    with requests.Session() as session:
        session.mount("https://", _Adapter(url))
        salesforce = SimpleSalesforce(
            instance=HOST, session_id=TOKEN, session=session, version=VERSION
        )

        def run(work: Work) -> int:
            done = 0
            for envelope in envelopes(work):
                answer = salesforce.restful("composite/batch", method="POST", json=envelope)
                results = answer["results"] if answer else ()
                done += sum(200 <= item["statusCode"] < 300 for item in results)
            return done

        yield run
