"""A kept connection that the server gives up: no request goes out twice, and none is misjudged."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from tests.server import PATIENCE, Echo, Fault, ScriptedServer, reply
from tests.wire.clients import Client, MakeClient, request
from twinforce import AiohttpTransport, Request, RequestsTransport, errors

ENDS = [Fault.DROP, Fault.RESET]
METHODS = ["GET", "POST"]


@pytest.fixture(params=["http", "https"])
def chosen(
    request: pytest.FixtureRequest, server: ScriptedServer, tls_server: ScriptedServer
) -> ScriptedServer:
    return tls_server if request.param == "https" else server


@pytest.fixture
def trusting(make_client: MakeClient, ca_bundle: Path) -> Client:
    return make_client(ca_bundle=ca_bundle)


def body(method: str) -> bytes | None:
    return b"body" if method == "POST" else None


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("fault", ENDS)
def test_a_connection_that_ended_while_it_was_idle_is_replaced(
    trusting: Client, chosen: ScriptedServer, fault: Fault, method: str
) -> None:
    pause = threading.Event()
    # The pause lets the answer be read before the connection ends.
    chosen.play(reply(200, b"one"), lambda: pause.wait(0.02), fault)
    trusting.send(request(chosen.url))
    chosen.wait_until_disconnected()  # and all that time, the event loop does nothing else

    assert trusting.send(request(chosen.url, method, body=body(method))).status_code == 200
    assert [got.connection for got in chosen.received] == [0, 1]


@pytest.mark.parametrize("method", METHODS)
def test_an_answer_to_nobody_is_not_the_answer_to_the_next_request(
    trusting: Client, chosen: ScriptedServer, method: str
) -> None:
    release, sent = threading.Event(), threading.Event()
    # As proxies say 408 to an idle connection, but without closing it.
    chosen.play(reply(200, b"one"), lambda: release.wait(PATIENCE), reply(408), sent.set)
    chosen.always(reply(200, b"two"))
    trusting.send(request(chosen.url))
    release.set()
    assert sent.wait(PATIENCE)

    assert trusting.send(request(chosen.url, method, body=body(method))).body == b"two"
    assert [got.connection for got in chosen.received] == [0, 1]


async def test_an_answer_to_nobody_that_was_read_already_is_not_taken_either(
    server: ScriptedServer,
) -> None:
    release, said = threading.Event(), threading.Event()
    server.play(reply(200, b"one"), lambda: release.wait(PATIENCE), reply(408), said.set)
    server.always(Echo())
    async with AiohttpTransport() as transport:
        await transport.send(request(server.url))
        release.set()
        assert await asyncio.to_thread(said.wait, PATIENCE)
        for _ in range(10):
            await asyncio.sleep(0)

        answer = await transport.send(request(server.url, "POST", body=b"two"))

    assert answer.body == b"/ two"


@attrs.define
class Moment:
    """Two time-outs that are looked at, the last time between the check and the writing."""

    happens: Callable[[], object]
    looks: int = 2
    connect: float = 5

    @property
    def read(self) -> float:
        self.looks -= 1
        if self.looks == 0:
            self.happens()
        return 5


class Body(bytes):
    """A body that is set behind the head of its request between the check and the writing."""

    happens: Callable[[], object]

    def __radd__(self, head: bytes) -> bytes:
        self.happens()
        return head + bytes(self)


@attrs.define
class Ending:
    """Ends the connection to a server when it is called."""

    server: ScriptedServer
    fault: Fault
    release: threading.Event = attrs.field(factory=threading.Event)
    happened: bool = False

    def prepare(self) -> None:
        self.server.play(reply(), lambda: self.release.wait(PATIENCE), self.fault)

    def __call__(self) -> None:
        self.release.set()
        self.server.wait_until_disconnected()
        self.happened = True


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("fault", ENDS)
def test_requests_knows_whether_the_head_went_out_when_a_connection_ends_after_the_check(
    chosen: ScriptedServer, ca_bundle: Path, fault: Fault, method: str
) -> None:
    ending = Ending(chosen, fault)
    ending.prepare()
    with RequestsTransport(ca_bundle=ca_bundle) as transport:
        transport.send(request(chosen.url))
        late = Request(method, chosen.url, {}, body(method), Moment(ending))  # type: ignore[arg-type]

        with pytest.raises(errors.TransportError) as caught:
            transport.send(late)

    assert ending.happened
    assert len(chosen.received) == 1
    # What a server closed in good order takes one more writing, without a complaint.
    expected = errors.ConnectionLostError if fault is Fault.DROP else errors.ConnectError
    assert type(caught.value) is expected
    assert caught.value.sent == (fault is Fault.DROP)
    if not caught.value.sent:
        assert str(caught.value) == (
            f"no connection to {chosen.url}: the other side had ended it when the request was "
            "about to go out; send it again; nothing was sent"
        )


@pytest.mark.parametrize("fault", ENDS)
async def test_aiohttp_takes_a_request_for_sent_when_a_connection_ends_after_the_check(
    chosen: ScriptedServer, ca_bundle: Path, fault: Fault
) -> None:
    ending = Ending(chosen, fault)
    ending.prepare()
    async with AiohttpTransport(ca_bundle=ca_bundle) as transport:
        await transport.send(request(chosen.url))
        late = Body(b"body")
        late.happens = ending

        with pytest.raises(errors.ConnectionLostError) as caught:
            await transport.send(request(chosen.url, "POST", body=late))

    assert ending.happened
    assert len(chosen.received) == 1
    assert caught.value.sent


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("steps", [(), (Fault.LEAVE_BODY_UNREAD,)], ids=["request", "head"])
@pytest.mark.parametrize("fault", ENDS)
def test_a_kept_connection_that_ends_after_the_request_is_lost_and_nothing_is_sent_again(
    trusting: Client,
    chosen: ScriptedServer,
    fault: Fault,
    steps: tuple[Fault, ...],
    method: str,
) -> None:
    trusting.send(request(chosen.url))
    chosen.play(*steps, fault)

    with pytest.raises(errors.ConnectionLostError) as caught:
        trusting.send(request(chosen.url, method, body=body(method)))

    assert caught.value.sent
    assert [got.connection for got in chosen.received] == [0, 0]
    assert trusting.send(request(chosen.url)).status_code == 200
    assert [got.connection for got in chosen.received] == [0, 0, 1]
