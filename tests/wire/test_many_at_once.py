"""Many requests at once: each gets its own answer or an error, and goes out once at most."""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter
from pathlib import Path

import pytest

from tests.server import PATIENCE, Echo, Fault, ScriptedServer, Step, reply
from tests.wire.clients import Client, MakeClient, request
from twinforce import AiohttpTransport, Request, Response

LATE = threading.Event()
FAULTS: list[tuple[Step, ...]] = [
    (Echo(), Fault.DROP),
    (Echo(chunked=True), Fault.RESET),
    (Fault.DROP,),
    (Fault.RESET,),
    (reply(200, b"z" * 50)[:-9], Fault.DROP),
    (lambda: LATE.wait(0.3), Echo()),
    (b"HTTP/1.1 103 Early Hints\r\n\r\n", Echo(chunked=True)),
]


def numbered(server: ScriptedServer, count: int, *, name: str = "n") -> list[Request]:
    return [
        request(f"{server.url}/{name}/{number}", "POST", body=b"%d" % number, read=0.15)
        for number in range(count)
    ]


def own(sent: Request) -> bytes:
    """Return what the server echoes of *sent*."""
    return b"/" + sent.url.split("/", 3)[3].encode() + b" " + sent.content


@pytest.mark.parametrize("use_tls", [False, True], ids=["http", "https"])
def test_a_hundred_at_once_have_a_connection_each(
    make_client: MakeClient,
    server: ScriptedServer,
    tls_server: ScriptedServer,
    ca_bundle: Path,
    *,
    use_tls: bool,
) -> None:
    client, chosen = make_client(ca_bundle=ca_bundle), tls_server if use_tls else server
    all_busy = threading.Barrier(100)
    chosen.always(lambda: all_busy.wait(PATIENCE), Echo())

    for name in ("first", "second"):
        sent = [
            request(f"{chosen.url}/{name}", "POST", body=b"%d" % number) for number in range(100)
        ]
        answers = client.send_at_once(sent, workers=100)
        assert {answer.body for answer in answers} == {own(one) for one in sent}

    assert (chosen.most_at_once, chosen.connections) == (100, 100)


def test_one_after_the_other_share_a_connection(client: Client, server: ScriptedServer) -> None:
    for _ in range(5):
        client.send(request(server.url))

    assert server.connections == 1


def test_each_gets_its_own_answer_or_an_error_and_goes_out_once(
    make_client: MakeClient, server: ScriptedServer
) -> None:
    client = make_client(pool_size=20)
    chance = random.Random(67)  # noqa: S311 - the same in each run
    for _ in range(600):
        server.play(*(chance.choice(FAULTS) if chance.random() < 0.2 else (Echo(),)))
    sent = numbered(server, 600)

    outcomes = client.send_each(sent, workers=50)

    arrived = Counter(got.target for got in server.received)
    assert set(arrived.values()) == {1}
    failures = 0
    for one, outcome in zip(sent, outcomes, strict=True):
        if isinstance(outcome, Response):
            assert outcome.body == own(one)
        else:
            failures += 1
            assert outcome.sent or one.url.removeprefix(server.url) not in arrived
    assert 20 < failures < 120
    server._script.clear()
    server.always(Echo())
    assert client.send(request(f"{server.url}/last")).body == b"/last "


async def test_each_task_gets_its_own_answer_while_others_are_cancelled(
    server: ScriptedServer,
) -> None:
    server.always(Echo())
    chance = random.Random(67)  # noqa: S311 - the same in each run
    unsent = []

    async with AiohttpTransport(pool_size=20) as transport:

        async def send(sent: Request) -> bool:
            task = asyncio.create_task(transport.send(sent))
            if chance.random() < 0.3:
                for _ in range(chance.randrange(100)):
                    await asyncio.sleep(0)
                task.cancel()
            try:
                answer = await task
            except asyncio.CancelledError as error:
                if not getattr(error, "sent", True):
                    unsent.append(sent.url.removeprefix(server.url))
                return False
            assert answer.body == own(sent)
            return True

        done = await asyncio.gather(*map(send, numbered(server, 600)))
        for _ in range(20):
            await transport.send(request(server.url))

    arrived = Counter(got.target for got in server.received if got.target != "/")
    assert set(arrived.values()) == {1}
    assert 300 < sum(done) < 600
    assert unsent
    assert not set(unsent) & set(arrived)
