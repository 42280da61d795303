"""An async transport belongs to the event loop that uses it, for as long as that loop lives."""

from __future__ import annotations

import asyncio
import gc
import threading
from pathlib import Path

import pytest

from tests.server import ScriptedServer
from tests.wire.clients import request
from twinforce import AiohttpTransport, errors


@pytest.mark.parametrize("use_tls", [False, True])
def test_a_transport_outlives_the_loop_of_asyncio_run(
    server: ScriptedServer, tls_server: ScriptedServer, ca_bundle: Path, *, use_tls: bool
) -> None:
    chosen = tls_server if use_tls else server
    transport = AiohttpTransport(ca_bundle=ca_bundle)

    for count in (1, 2):
        asyncio.run(_send(transport, chosen.url))
        chosen.wait_until_disconnected()
        gc.collect()
        assert len(chosen.received) == count
    asyncio.run(transport.aclose())


def test_a_transport_can_be_closed_after_its_loop(server: ScriptedServer) -> None:
    transport = AiohttpTransport()
    asyncio.run(_send(transport, server.url))

    asyncio.run(transport.aclose())

    with pytest.raises(errors.InvalidStateError, match="closed"):
        asyncio.run(_send(transport, server.url))


def test_another_loop_is_refused_while_the_first_one_lives(server: ScriptedServer) -> None:
    transport = AiohttpTransport()
    with asyncio.Runner() as first:
        first.run(_send(transport, server.url))

        for use in (_send(transport, server.url), transport.aclose()):
            with pytest.raises(errors.InvalidStateError, match="one client for each event loop"):
                asyncio.run(use)

        first.run(_send(transport, server.url))
        with pytest.raises(errors.InvalidStateError, match="one client for each event loop"):
            _in_a_thread(_send(transport, server.url))
        first.run(transport.aclose())
    assert server.connections == 1


def test_a_refused_close_does_not_close(server: ScriptedServer) -> None:
    transport = AiohttpTransport()
    with asyncio.Runner() as first:
        first.run(_send(transport, server.url))
        with pytest.raises(errors.InvalidStateError):
            asyncio.run(transport.aclose())

        first.run(_send(transport, server.url))
        first.run(transport.aclose())


def _in_a_thread(use: object) -> None:
    raised: list[Exception] = []

    def run() -> None:
        try:
            asyncio.run(use)  # type: ignore[arg-type]
        except Exception as error:  # noqa: BLE001
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    raise raised[0]


async def _send(transport: AiohttpTransport, url: str) -> None:
    await transport.send(request(url))
