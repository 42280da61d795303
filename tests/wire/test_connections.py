"""Connections are kept, shared, counted and closed in the same way by both transports."""

from __future__ import annotations

import asyncio
import gc
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.server import PATIENCE, Fault, ScriptedServer, reply
from tests.wire.clients import Client, MakeClient, is_unsent, request
from twinforce import AiohttpTransport, RequestsTransport, errors


def test_a_connection_is_used_again(client: Client, server: ScriptedServer) -> None:
    server.always(reply(200, b"body"))

    for method in ("GET", "HEAD", "POST", "DELETE"):
        if method == "HEAD":
            server.play(reply())
        client.send(request(server.url, method, body=b"x"))

    assert server.connections == 1


def test_a_connection_is_not_used_again_when_the_server_says_close(
    client: Client, server: ScriptedServer
) -> None:
    server.always(reply(headers=[("Connection", "close")]))

    client.send(request(server.url))
    client.send(request(server.url))

    assert [got.connection for got in server.received] == [0, 1]


def test_many_at_once_share_the_connections_of_the_pool(
    make_client: MakeClient, server: ScriptedServer
) -> None:
    client = make_client(pool_size=2)
    both_busy = threading.Barrier(2)
    for _ in range(2):
        server.play(lambda: both_busy.wait(PATIENCE), reply(200, b"first"))
    server.always(reply(200, b"ok"))

    answers = client.send_at_once(
        [request(f"{server.url}/{number}", "POST", body=b"x") for number in range(160)], workers=8
    )

    assert [answer.status_code for answer in answers] == [200] * 160
    assert sorted(got.target for got in server.received) == sorted(f"/{n}" for n in range(160))
    assert (server.most_at_once, server.connections) == (2, 2)


def test_the_pool_is_for_each_origin(make_client: MakeClient, server: ScriptedServer) -> None:
    client = make_client(pool_size=1)
    both_busy = threading.Barrier(2)
    with ScriptedServer() as other:
        for one in (server, other):
            one.play(lambda: both_busy.wait(PATIENCE), reply())

        client.send_at_once([request(server.url), request(other.url)], workers=2)

    assert (server.connections, other.connections) == (1, 1)


def test_a_failed_request_frees_its_place_in_the_pool(
    make_client: MakeClient, server: ScriptedServer
) -> None:
    client = make_client(pool_size=1)
    for fault in (Fault.DROP, Fault.RESET, Fault.HANG):
        server.play(fault)

    for _ in range(3):
        with pytest.raises(errors.TransportError):
            client.send(request(server.url, read=0.1))

    assert client.send(request(server.url)).status_code == 200


def test_waiting_for_the_pool_does_not_count_as_connecting(
    make_client: MakeClient, server: ScriptedServer
) -> None:
    client = make_client(pool_size=1)
    pause = threading.Event()
    server.play(lambda: pause.wait(0.3), reply())

    answers = client.send_at_once(
        [request(server.url, connect=0.15), request(server.url, connect=0.15)], workers=2
    )

    assert [answer.status_code for answer in answers] == [200, 200]


def test_threads_that_wait_are_told_when_the_transport_is_closed(server: ScriptedServer) -> None:
    release = threading.Event()
    server.play(lambda: release.wait(PATIENCE), reply(200, b"done"))
    with ThreadPoolExecutor(2) as threads, RequestsTransport(pool_size=1) as transport:
        first = threads.submit(transport.send, request(server.url))
        server.wait_for_requests(1)
        second = threads.submit(transport.send, request(server.url))
        transport.close()
        release.set()

        assert first.result(PATIENCE).body == b"done"
        with pytest.raises(errors.InvalidStateError) as caught:
            second.result(PATIENCE)
    assert is_unsent(caught.value)


async def test_tasks_that_wait_are_told_when_the_transport_is_closed(
    server: ScriptedServer,
) -> None:
    server.play(Fault.HANG)
    transport = AiohttpTransport(pool_size=1)
    first = asyncio.create_task(transport.send(request(server.url, "POST", body=b"x")))
    await asyncio.to_thread(server.wait_for_requests, 1)
    second = asyncio.create_task(transport.send(request(server.url)))
    await asyncio.sleep(0)
    await transport.aclose()

    with pytest.raises(errors.ConnectionLostError):
        await first
    with pytest.raises(errors.InvalidStateError) as caught:
        await second
    assert is_unsent(caught.value)


def test_a_blocking_transport_is_a_context_manager(server: ScriptedServer) -> None:
    with RequestsTransport() as transport:
        transport.send(request(server.url))

    server.wait_until_disconnected()
    with pytest.raises(errors.InvalidStateError):
        transport.send(request(server.url))


async def test_an_async_transport_is_a_context_manager(server: ScriptedServer) -> None:
    async with AiohttpTransport() as transport:
        await transport.send(request(server.url))

    await asyncio.to_thread(server.wait_until_disconnected)
    with pytest.raises(errors.InvalidStateError):
        await transport.send(request(server.url))


def test_a_blocking_transport_that_is_forgotten_closes_its_connections(
    server: ScriptedServer,
) -> None:
    RequestsTransport().send(request(server.url))
    gc.collect()

    server.wait_until_disconnected()


async def test_an_async_transport_that_is_forgotten_closes_its_connections(
    server: ScriptedServer,
) -> None:
    await AiohttpTransport().send(request(server.url))
    gc.collect()

    await asyncio.to_thread(server.wait_until_disconnected)


async def test_a_transport_that_was_never_used_can_be_closed() -> None:
    RequestsTransport().close()
    await AiohttpTransport().aclose()
