"""1,000 subrequests, ten requests at once, against a server that takes 50 ms for each request.

    python benchmarks/concurrency.py

Both twins send 40 requests of 25; beside each, its HTTP library alone sends the same 40. They take
turns, and what is printed is set against the least that is possible: four waits of 50 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import math
import multiprocessing
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import TypeAlias

import aiohttp
import requests
from aiohttp import web
from requests.adapters import HTTPAdapter

from twinforce import AccessToken, AsyncBatch, AsyncSalesforce, Batch, Salesforce

SECONDS = 0.05
SUBREQUESTS = 1_000
AT_ONCE = 10
REQUESTS = SUBREQUESTS // 25
LEAST = math.ceil(REQUESTS / AT_ONCE) * SECONDS
TARGET = 1.25

PATH = "/services/data/v67.0/composite/batch"
HEADERS = {"Authorization": "Bearer A", "Content-Type": "application/json; charset=UTF-8"}
ENVELOPE = json.dumps(
    {
        "haltOnError": False,
        "batchRequests": [
            {
                "method": "POST",
                "url": "v67.0/sobjects/Contact",
                "richInput": {"LastName": f"Doe {number}", "Email": "jon@example.com"},
            }
            for number in range(25)
        ],
    }
).encode()
RESULT = {"statusCode": 201, "result": {"id": "0031R00001K1H2IQAV", "success": True, "errors": []}}
ANSWER = json.dumps({"hasErrors": False, "results": [RESULT] * 25}).encode()


def serve(port: Connection) -> None:
    """Answer each batch after 50 ms, whatever it asks for."""

    async def answer(request: web.Request) -> web.Response:
        began = time.perf_counter()
        await request.read()
        await asyncio.sleep(SECONDS - (time.perf_counter() - began))
        return web.Response(body=ANSWER, content_type="application/json")

    async def main() -> None:
        app = web.Application()
        app.router.add_post(PATH, answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(main())


def fill(batch: AsyncBatch | Batch) -> None:
    """Add the subrequests; what that takes is not measured."""
    for number in range(SUBREQUESTS):
        batch.sobject.create("Contact", {"LastName": f"Doe {number}", "Email": "jon@example.com"})


def check(batch: AsyncBatch | Batch) -> None:
    """Make sure that all was done."""
    if len(batch.succeeded) != SUBREQUESTS or batch.request_count != REQUESTS:
        sys.exit(f"something else was measured: {batch}, {batch.request_count} requests")


class Stopwatch:
    """Notes what a block takes: seconds in all, and seconds of the processor."""

    def __init__(self) -> None:
        self.times: list[tuple[float, float]] = []

    def __enter__(self) -> None:
        gc.collect()  # what others left behind
        self._began = time.perf_counter(), time.process_time()

    def __exit__(self, *_: object) -> None:
        wall, work = self._began
        self.times.append((time.perf_counter() - wall, time.process_time() - work))


Watches: TypeAlias = dict[str, Stopwatch]


async def run_async(url: str, rounds: int) -> Watches:
    """Measure the async twin and aiohttp alone, in turn, with connections that are open."""
    ours, alone = Stopwatch(), Stopwatch()
    limit = asyncio.Semaphore(AT_ONCE)

    async def send() -> None:
        async with limit, session.post(url + PATH, data=ENVELOPE, headers=HEADERS) as response:
            await response.read()

    async with (
        AsyncSalesforce(url, AccessToken("A")) as salesforce,
        aiohttp.ClientSession() as session,
    ):
        for _ in range(rounds + 1):
            batch = salesforce.composite.batch(concurrency=AT_ONCE)
            fill(batch)
            with ours:
                await batch.execute()
            check(batch)
            with alone:
                await asyncio.gather(*(send() for _ in range(REQUESTS)))
    return {"AsyncSalesforce": ours, "aiohttp": alone}


def run_blocking(url: str, rounds: int) -> Watches:
    """Measure the blocking twin and requests alone, in turn, with connections that are open."""
    ours, alone = Stopwatch(), Stopwatch()

    def send(_: int) -> None:
        session.post(url + PATH, data=ENVELOPE, headers=HEADERS, timeout=10).raise_for_status()

    with (
        Salesforce(url, AccessToken("A")) as salesforce,
        requests.Session() as session,
    ):
        session.trust_env = False
        session.mount("http://", HTTPAdapter(pool_maxsize=AT_ONCE))
        for _ in range(rounds + 1):
            batch = salesforce.composite.batch(concurrency=AT_ONCE)
            fill(batch)
            with ours:
                batch.execute()
            check(batch)
            with alone, ThreadPoolExecutor(AT_ONCE) as pool:
                list(pool.map(send, range(REQUESTS)))
    return {"Salesforce": ours, "requests": alone}


def show(watches: Watches) -> bool:
    """Print what was measured; tell whether our client, the first, is within the target."""
    ratios = []
    for name, watch in watches.items():
        first, *walls = (wall for wall, _ in watch.times)
        median = statistics.median(walls)
        work = statistics.median(work for _, work in watch.times[1:])
        ratios.append(median / LEAST)
        print(
            f"{name:<16}{median * 1000:7.1f} ms  {median / LEAST:5.3f} x   "
            f"{min(walls) * 1000:6.1f} to {max(walls) * 1000:6.1f} ms   "
            f"{work * 1000:5.1f} ms   {first * 1000:6.1f} ms"
        )
    return ratios[0] <= TARGET


def main() -> int:
    """Run the benchmark; return 1 if a twin misses the target."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15, help="how often each takes its turn")
    rounds = parser.parse_args().rounds
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    server = context.Process(target=serve, args=(there,), daemon=True)
    server.start()
    try:
        url = f"http://127.0.0.1:{here.recv()}"
        print(
            f"{SUBREQUESTS} subrequests, {REQUESTS} requests, {AT_ONCE} at once, "
            f"{SECONDS * 1000:.0f} ms each; at least {LEAST * 1000:.0f} ms; {rounds} rounds\n"
        )
        print(f"{'':<19}median   / least   {'spread':<22}processor  first (connects)")
        within = [show(asyncio.run(run_async(url, rounds))), show(run_blocking(url, rounds))]
    finally:
        server.kill()
        server.join()
    print(f"\nthe target of {TARGET} x is {'met' if all(within) else 'missed'}")
    return 0 if all(within) else 1


if __name__ == "__main__":
    sys.exit(main())
