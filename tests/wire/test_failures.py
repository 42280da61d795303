"""What can fail on the way is told apart: never connected, no answer in time, connection lost."""

from __future__ import annotations

import asyncio
import pickle
import socket
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.server import PATIENCE, Fault, ScriptedServer, reply
from tests.wire.clients import Client, request
from twinforce import AiohttpTransport, Request, Timeout, errors

SECRETS = {"Authorization": "Bearer to-ken", "Cookie": "sid=to-ken"}
QUERY = "/services/data/v67.0/query?q=pri-vate"


def said(error: errors.TransportError, *, origin: str) -> str:
    """Return the message of *error*, once it is known to give nothing away."""
    assert origin in str(error)
    assert error.__cause__ is not None
    assert not type(error.__cause__).__module__.startswith("twinforce")
    everything = "".join(traceback.format_exception(error)) + repr(error) + repr(error.__cause__)
    assert "to-ken" not in everything
    assert getattr(error.__cause__, "request", None) is None
    assert not any("to-ken" in shown for shown in shown_locals(error))
    assert "pri-vate" not in f"{error}{error!r}"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    return str(error)


def shown_locals(error: BaseException | None) -> Iterator[str]:
    """Show the local variables of all frames that are not a test's, as tools for reports do."""
    while error is not None:
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if "/tests/" not in frame.f_code.co_filename:
                yield repr(frame.f_locals)
        error = error.__cause__ or error.__context__


def test_a_refused_connection_is_a_connect_error(client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(errors.ConnectError) as caught:
        client.send(request(f"http://127.0.0.1:{port}{QUERY}", headers=SECRETS))

    assert not caught.value.sent
    assert said(caught.value, origin=f"http://127.0.0.1:{port}") == (
        f"no connection to http://127.0.0.1:{port}: it was refused; check the host and port, and "
        "that the server is running; nothing was sent"
    )


@pytest.mark.parametrize("host", ["no-such-host.invalid", "x" * 64 + ".invalid"])
def test_a_name_that_does_not_resolve_is_a_connect_error(client: Client, host: str) -> None:
    with pytest.raises(errors.ConnectError, match=f"no connection to http://{host}:80"):
        client.send(request(f"http://{host}/"))


@pytest.fixture
def full_port() -> Iterator[int]:
    """A port where connections are neither accepted nor refused: its backlog is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = []
        for _ in range(4):
            waiting.append(socket.socket())
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
        for connection in waiting:
            connection.close()


def test_no_connection_in_time_is_a_connect_error(client: Client, full_port: int) -> None:
    url = f"http://127.0.0.1:{full_port}"
    started = time.monotonic()
    with pytest.raises(errors.ConnectError) as caught:
        client.send(request(url + QUERY, "POST", body=b"x", connect=0.1, read=3))

    assert time.monotonic() - started < 2
    assert "none within 0.1 seconds" in said(caught.value, origin=url)
    assert "Timeout(connect=...)" in str(caught.value)


def test_no_answer_in_time_is_a_read_timeout(client: Client, server: ScriptedServer) -> None:
    server.play(Fault.HANG)

    with pytest.raises(errors.ReadTimeoutError) as caught:
        client.send(request(server.url + QUERY, "POST", headers=SECRETS, body=b"{}", read=0.1))

    assert caught.value.sent
    assert said(caught.value, origin=server.url) == (
        f"{server.url} was silent for 0.1 seconds; the request was sent and may have been "
        "executed, or still be running; allow more with Timeout(read=...)"
    )


@pytest.mark.parametrize(
    "start",
    [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\n"],
)
def test_an_answer_that_stops_coming_is_a_read_timeout(
    client: Client, server: ScriptedServer, start: bytes
) -> None:
    server.play(start, Fault.HANG)

    with pytest.raises(errors.ReadTimeoutError) as caught:
        client.send(request(server.url, headers=SECRETS, read=0.1))

    said(caught.value, origin=server.url)


def test_a_request_that_is_not_taken_is_a_read_timeout(
    client: Client, server: ScriptedServer
) -> None:
    server.play(Fault.LEAVE_BODY_UNREAD, Fault.HANG)

    with pytest.raises(errors.ReadTimeoutError) as caught:
        client.send(request(server.url, "POST", body=b"x" * 30_000_000, connect=0.05, read=0.2))

    said(caught.value, origin=server.url)


async def test_an_answer_that_comes_before_the_body_was_taken_is_not_waited_for(
    server: ScriptedServer,
) -> None:
    # The blocking transport reads only when all was sent.
    server.play(Fault.LEAVE_BODY_UNREAD, reply(413, b"too long"), Fault.HANG)
    async with AiohttpTransport() as transport:
        long = request(server.url, "POST", body=b"x" * 30_000_000)
        answer = await transport.send(long)
        await transport.send(request(server.url))

    assert (answer.status_code, answer.body) == (413, b"too long")
    assert [got.connection for got in server.received] == [0, 1]


def test_a_head_that_comes_before_the_body_was_taken_does_not_end_the_time_out(
    client: Client, server: ScriptedServer
) -> None:
    server.play(
        Fault.LEAVE_BODY_UNREAD, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", Fault.HANG
    )

    with pytest.raises(errors.ReadTimeoutError):
        client.send(request(server.url, "POST", body=b"x" * 30_000_000, read=0.2))


@pytest.mark.parametrize("hint", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Hints\r\n\r\n"])
@pytest.mark.parametrize("size", [1, 60_000])
def test_silence_after_a_hint_is_a_read_timeout(
    client: Client, server: ScriptedServer, hint: bytes, size: int
) -> None:
    server.play(hint, Fault.HANG)

    with pytest.raises(errors.ReadTimeoutError):
        client.send(request(server.url, "POST", body=b"x" * size, read=0.1))


def test_a_faulty_chunk_in_the_middle_of_an_answer_does_not_end_the_time_out(
    client: Client, server: ScriptedServer
) -> None:
    pause = threading.Event()
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
    server.play(head, lambda: pause.wait(0.1), b"not a size\r\n", Fault.HANG)

    with pytest.raises((errors.ReadTimeoutError, errors.ConnectionLostError)):
        client.send(request(server.url, read=0.3))


def test_a_head_that_is_not_taken_is_a_read_timeout(client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/?q={'x' * 30_000_000}"

        with pytest.raises(errors.ReadTimeoutError):
            client.send(request(url, read=0.2))


def test_an_answer_without_length_that_is_reset_is_not_whole(
    client: Client, server: ScriptedServer
) -> None:
    pause = threading.Event()
    server.play(b"HTTP/1.1 200 OK\r\n\r\nabc", lambda: pause.wait(0.1), Fault.RESET)

    with pytest.raises(errors.ConnectionLostError):
        client.send(request(server.url))


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nabc",
    ],
    ids=["before", "length", "chunks", "end"],
)
@pytest.mark.parametrize("size", [1, 30_000_000])
async def test_who_waits_when_the_transport_is_closed_is_told(
    server: ScriptedServer, start: bytes, size: int
) -> None:
    said = threading.Event()
    server.play(Fault.LEAVE_BODY_UNREAD, start, said.set, Fault.HANG)
    transport = AiohttpTransport()
    sending = asyncio.create_task(
        transport.send(request(server.url, "POST", body=b"x" * size, read=60))
    )
    assert await asyncio.to_thread(said.wait, PATIENCE)
    for _ in range(20):
        await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE):
        await transport.aclose()
        with pytest.raises(errors.ConnectionLostError):
            await sending


class Unreadable:
    """A body that breaks off, after the server has begun to answer."""

    content_type = "application/octet-stream"

    def __init__(self, begun: threading.Event) -> None:
        self._begun = begun

    def __len__(self) -> int:
        return 1_000_000

    def __iter__(self) -> Iterator[bytes]:
        yield b"x"
        assert self._begun.wait(PATIENCE)
        raise OSError("the disk broke")


async def test_a_connection_is_not_used_again_when_the_body_broke_off_and_an_answer_came(
    server: ScriptedServer,
) -> None:
    begun = threading.Event()
    server.play(Fault.LEAVE_BODY_UNREAD, reply(413), begun.set, Fault.HANG)
    async with AiohttpTransport() as transport:
        broken = Request("POST", server.url, {}, Unreadable(begun), Timeout(read=5))
        sending = asyncio.create_task(transport.send(broken))
        assert await asyncio.to_thread(begun.wait, PATIENCE)
        time.sleep(0.05)  # noqa: ASYNC251 - both come while the loop looks elsewhere
        with suppress(errors.TransportError):
            await sending
        await transport.send(request(server.url))

    assert [got.connection for got in server.received] == [0, 1]


def test_a_request_that_is_taken_slowly_is_not_a_timeout(
    client: Client, server: ScriptedServer
) -> None:
    # Neither the time-out for connecting applies any more, nor that for reading to the whole.
    client.send(request(server.url))
    pause = threading.Event()
    slowly = [step for _ in range(8) for step in (lambda: pause.wait(0.1), Fault.READ_SOME)]
    server.play(Fault.LEAVE_BODY_UNREAD, *slowly, reply())

    sent = request(server.url, "POST", body=b"x" * 32_000_000, connect=0.05, read=0.6)

    assert client.send(sent).status_code == 200


def test_the_read_timeout_is_for_each_piece_and_not_for_the_whole(
    client: Client, server: ScriptedServer
) -> None:
    pause = threading.Event()
    slowly = [step for letter in b"abcde" for step in (bytes([letter]), lambda: pause.wait(0.1))]
    server.play(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", *slowly)

    assert client.send(request(server.url, "POST", body=b"x", read=0.3)).body == b"abcde"


def test_a_connection_is_not_used_again_after_a_timeout(
    client: Client, server: ScriptedServer
) -> None:
    server.play(Fault.HANG)
    with pytest.raises(errors.ReadTimeoutError):
        client.send(request(server.url, read=0.1))

    client.send(request(server.url))

    assert [got.connection for got in server.received] == [0, 1]


LOST: dict[str, tuple[bytes | Fault, ...]] = {
    "closed before the answer": (Fault.DROP,),
    "reset before the answer": (Fault.RESET,),
    "closed in the status line": (b"HTTP/1.1 20", Fault.DROP),
    "closed in the headers": (b"HTTP/1.1 200 OK\r\nContent-Le", Fault.DROP),
    "closed after the status": (b"HTTP/1.1 204", Fault.DROP),
    "closed after the status line": (b"HTTP/1.1 204 No Content\r\n", Fault.DROP),
    "closed before the blank line": (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", Fault.DROP),
    "shorter than Content-Length": (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", Fault.DROP),
    "reset in the body": (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", Fault.RESET),
    "cut between chunks": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        Fault.DROP,
    ),
    "cut in a chunk": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc",
        Fault.DROP,
    ),
    "cut before the end of the chunks": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
        Fault.DROP,
    ),
    "broken chunks": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nabc\r\n",
        Fault.DROP,
    ),
}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("steps", LOST.values(), ids=LOST.keys())
def test_an_answer_that_is_not_whole_is_a_lost_connection(
    client: Client, server: ScriptedServer, steps: tuple[bytes | Fault, ...], method: str
) -> None:
    server.play(*steps)

    with pytest.raises(errors.ConnectionLostError) as caught:
        client.send(request(server.url + QUERY, method, headers=SECRETS))

    assert caught.value.sent
    assert "may have been executed" in said(caught.value, origin=server.url)
    assert len(server.received) == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "garbage",
    [
        b"220 smtp.example ESMTP\r\n",
        b"\x15\x03\x01\x00\x02\x02",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno header\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_an_answer_that_is_not_http_is_a_lost_connection(
    client: Client, server: ScriptedServer, garbage: bytes, method: str
) -> None:
    server.play(garbage, Fault.DROP)

    with pytest.raises(errors.ConnectionLostError) as caught:
        client.send(request(server.url + QUERY, method, headers=SECRETS, body=b"{}"))

    assert "may have been executed" in said(caught.value, origin=server.url)


def test_a_failure_while_another_is_handled_is_judged_on_its_own(
    client: Client, server: ScriptedServer
) -> None:
    server.play(Fault.DROP)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        nobody = f"http://127.0.0.1:{listener.getsockname()[1]}"

    try:
        client.send(request(nobody))
    except errors.ConnectError:
        with pytest.raises(errors.ConnectionLostError):
            client.send(request(server.url, "POST"))
    else:
        pytest.fail("somebody answered")


def test_sending_after_closing_is_refused(client: Client, server: ScriptedServer) -> None:
    client.send(request(server.url))
    client.close()
    client.close()

    with pytest.raises(errors.InvalidStateError, match="Transport is closed; make a new one"):
        client.send(request(server.url))

    server.wait_until_disconnected()
    assert len(server.received) == 1


async def test_a_cancelled_request_passes_on_and_its_connection_is_not_used_again(
    server: ScriptedServer,
) -> None:
    for steps in ((Fault.HANG,), (reply(200, b"x" * 10)[:-5], Fault.HANG)):
        server.play(*steps)
    async with AiohttpTransport() as transport:
        for count in (1, 2):
            task = asyncio.create_task(transport.send(request(server.url)))
            await asyncio.to_thread(server.wait_for_requests, count)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        await transport.send(request(server.url))

    assert [got.connection for got in server.received] == [0, 1, 2]


async def test_a_deadline_of_the_caller_is_the_callers(server: ScriptedServer) -> None:
    server.play(Fault.HANG)
    async with AiohttpTransport() as transport:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await transport.send(request(server.url, "POST", body=b"x"))
