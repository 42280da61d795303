"""A cancelled task: what was not sent is marked, no answer goes astray, no place is lost."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Coroutine, Generator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.server import PATIENCE, Echo, Fault, ScriptedServer, reply
from tests.wire.clients import HOST, is_unsent, request
from twinforce import AiohttpTransport, Response


async def cancelled(sending: Coroutine[Any, Any, Response]) -> asyncio.CancelledError:
    """Start *sending*, which is to be cancelled, and return what came out of it."""
    try:
        await sending
    except asyncio.CancelledError as error:
        return error
    pytest.fail("not cancelled")


async def cancel(task: asyncio.Task[asyncio.CancelledError]) -> asyncio.CancelledError:
    task.cancel()
    return await asyncio.wait_for(task, 1)


async def turns(number: int = 20) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def test_cancelling_while_waiting_for_an_answer_leaves_the_answer_to_nobody(
    server: ScriptedServer,
) -> None:
    release = threading.Event()
    server.play(lambda: release.wait(PATIENCE), Echo())
    server.always(Echo())
    async with AiohttpTransport(pool_size=1) as transport:
        first = request(f"{server.url}/first", "POST", body=b"1")
        task = asyncio.create_task(cancelled(transport.send(first)))
        await asyncio.to_thread(server.wait_for_requests, 1)
        error = await cancel(task)
        release.set()

        second = await transport.send(request(f"{server.url}/second", "POST", body=b"2"))

    assert not is_unsent(error)
    assert second.body == b"/second 2"
    assert [got.connection for got in server.received] == [0, 1]


async def test_cancelling_while_waiting_for_a_free_connection_means_that_nothing_was_sent(
    server: ScriptedServer,
) -> None:
    release = threading.Event()
    server.play(lambda: release.wait(PATIENCE), reply())
    async with AiohttpTransport(pool_size=1) as transport:
        other = asyncio.create_task(transport.send(request(server.url)))
        await asyncio.to_thread(server.wait_for_requests, 1)
        task = asyncio.create_task(cancelled(transport.send(request(server.url, "POST"))))
        await turns()
        error = await cancel(task)
        release.set()

        await other
        assert (await transport.send(request(server.url))).status_code == 200

    assert is_unsent(error)
    assert [got.method for got in server.received] == ["GET", "GET"]


async def test_cancelling_during_the_handshake_means_that_nothing_was_sent(
    silent_port: int,
) -> None:
    async with AiohttpTransport() as transport:
        sent = request(f"https://127.0.0.1:{silent_port}", "POST")
        task = asyncio.create_task(cancelled(transport.send(sent)))
        await turns()
        error = await cancel(task)

    assert is_unsent(error)


async def test_cancelling_while_a_name_is_looked_up_means_that_nothing_was_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, release = threading.Event(), threading.Event()

    def look_up(*_: object, **__: object) -> list[Any]:
        asked.set()
        release.wait(PATIENCE)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    async with AiohttpTransport() as transport:
        task = asyncio.create_task(cancelled(transport.send(request(f"http://{HOST}", "POST"))))
        assert await asyncio.to_thread(asked.wait, PATIENCE)
        error = await cancel(task)
        release.set()

    assert is_unsent(error)


async def test_cancelling_while_a_proxy_connects_means_that_nothing_was_sent(
    server: ScriptedServer,
) -> None:
    server.play(Fault.HANG)
    async with AiohttpTransport(proxy=server.url) as transport:
        task = asyncio.create_task(cancelled(transport.send(request(f"https://{HOST}", "POST"))))
        await asyncio.to_thread(server.wait_for_requests, 1)
        error = await cancel(task)

    assert is_unsent(error)


class Cancelled(Generator[Any, Any, Response]):
    """What *sending* comes to when it is cancelled where it waits for the n-th time.

    With *is_late*, that is when what it waited for has just come to pass.
    """

    def __init__(self, sending: Coroutine[Any, Any, Response], wait: int, *, is_late: bool) -> None:
        self._steps = sending.__await__()
        self._left = wait
        self._is_late = is_late

    def __await__(self) -> Generator[Any, Any, Response]:
        return self

    def send(self, value: Any) -> Any:
        future = self._steps.send(value)
        task = asyncio.current_task()
        assert task is not None
        if self._left == 0 and self._is_late and future is not None:
            future.add_done_callback(lambda _: task.cancel())
        elif self._left == 0:
            task.cancel()
        self._left -= 1
        return future

    def throw(self, *error: Any) -> Any:
        return self._steps.throw(*error)


@pytest.mark.parametrize("is_late", [False, True], ids=["", "late"])
@pytest.mark.parametrize("is_kept", [False, True], ids=["a new connection", "a kept connection"])
@pytest.mark.parametrize("use_tls", [False, True], ids=["http", "https"])
async def test_no_cancellation_loses_a_place_or_mixes_up_answers(
    server: ScriptedServer,
    tls_server: ScriptedServer,
    ca_bundle: Path,
    *,
    use_tls: bool,
    is_kept: bool,
    is_late: bool,
) -> None:
    chosen = tls_server if use_tls else server
    chosen.always(Echo(chunked=True))
    transport = AiohttpTransport(pool_size=1, ca_bundle=ca_bundle)
    unsent, done = [], False
    for wait in count():
        if is_kept:
            await transport.send(request(chosen.url))
        else:
            await transport.aclose()
            transport = AiohttpTransport(pool_size=1, ca_bundle=ca_bundle)
        sent = request(f"{chosen.url}/{wait}", "POST", body=b"x" * 100_000)
        try:
            answer = await Cancelled(transport.send(sent), wait, is_late=is_late)
            assert answer.body == b"/%d " % wait + b"x" * 100_000
            done = True
        except asyncio.CancelledError as error:
            if is_unsent(error):
                unsent.append(f"/{wait}")

        async with asyncio.timeout(PATIENCE):
            answer = await transport.send(request(f"{chosen.url}/next", body=b"%d" % wait))
        assert answer.body == b"/next %d" % wait
        if done:
            break
    await transport.aclose()

    targets = [got.target for got in chosen.received if got.target not in {"/", "/next"}]
    assert len(targets) == len(set(targets)) > 0
    assert wait > 1
    assert bool(unsent) != is_kept
    assert not set(unsent) & set(targets)
