"""Clients that break off, and requests that are none that the server understands."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import struct
import threading
import tracemalloc
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.local.caller import Caller
from twinforce.local import LocalOrg
from twinforce.local.server.web import Server

DATA = "/services/data/v67.0"
ACCOUNT = f"POST {DATA}/sobjects/Account HTTP/1.1"
TOO_LARGE = b"<h1>Bad Message 413</h1><pre>reason: Request Entity Too Large</pre>"


@pytest.fixture
def server(org: LocalOrg) -> Iterator[Server]:
    with org.serve() as server:
        yield server


def head(server: Server, line: str, *headers: str, close: bool = True) -> bytes:
    known = [
        "Host: x",
        f"Authorization: Bearer {server.access_token}",
        "Content-Type: application/json",
        *(["Connection: close"] if close else []),
    ]
    return "\r\n".join([line, *known, *headers, "", ""]).encode()


def connected(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=10)


def answer(server: Server, *pieces: bytes) -> tuple[bytes, bytes]:
    """Send bytes as they are; return the status line and the body."""
    with connected(server) as connection:
        received = b""
        with contextlib.suppress(ConnectionError):  # not all of a long request was read
            for piece in pieces:
                connection.sendall(piece)
        with contextlib.suppress(ConnectionError):
            while piece := connection.recv(2**16):
                received += piece
    top, _, body = received.partition(b"\r\n\r\n")
    return top.partition(b"\r\n")[0], body


def posted(server: Server, body: bytes, *headers: str) -> tuple[bytes, bytes]:
    return answer(server, head(server, ACCOUNT, f"Content-Length: {len(body)}", *headers) + body)


def reset(connection: socket.socket) -> None:
    """End a connection as a client does that dies."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


# ---- clients that go away ----


@pytest.mark.parametrize("end", [reset, socket.socket.close])
@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (["Content-Length: 1000"], b""),
        (["Content-Length: 1000"], b'{"Name": '),
        (["Content-Length: 1000", "Content-Encoding: gzip"], gzip.compress(b"{}")[:12]),
        (["Transfer-Encoding: chunked"], b"10\r\n{"),
        (["Content-Length: 1000", "Expect: 100-continue"], b""),
        (["Content-Length: 2"], b"{}"),
    ],
    ids=range(6),
)
def test_who_goes_away_in_the_middle_leaves_nothing_in_the_log(
    server: Server, caplog: pytest.LogCaptureFixture, headers: list[str], body: bytes, end: Any
) -> None:
    for _ in range(5):
        connection = connected(server)
        connection.sendall(head(server, ACCOUNT, *headers, close=False) + body)
        end(connection)
    assert answer(server, head(server, f"GET {DATA}/limits HTTP/1.1"))[0] == b"HTTP/1.1 200 OK"
    server.close()
    assert caplog.records == []


def test_who_goes_away_before_the_answer_leaves_nothing_in_the_log(
    org: LocalOrg, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    arrived, gone = threading.Event(), threading.Event()

    def wait(_: Any) -> dict[str, Any]:
        arrived.set()
        gone.wait(10)
        return {"long": "x" * 10_000_000}

    org.add_action("custom/apex/Wait", wait)
    body = b'{"inputs": [{}]}'
    line = f"POST {DATA}/actions/custom/apex/Wait HTTP/1.1"
    connection = connected(server)
    connection.sendall(head(server, line, f"Content-Length: {len(body)}", close=False) + body)
    assert arrived.wait(10)
    reset(connection)
    gone.set()
    assert answer(server, head(server, f"GET {DATA}/limits HTTP/1.1"))[0] == b"HTTP/1.1 200 OK"
    server.close()
    assert caplog.records == []


def test_who_goes_away_before_being_told_to_go_on_leaves_nothing_in_the_log(
    org: LocalOrg, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    arrived, gone = threading.Event(), threading.Event()

    def wait(_: Any) -> None:
        arrived.set()
        gone.wait(10)

    org.add_action("custom/apex/Wait", wait)
    body = b'{"inputs": [{}]}'
    line = f"POST {DATA}/actions/custom/apex/Wait HTTP/1.1"
    first = head(server, line, f"Content-Length: {len(body)}", close=False) + body
    waiting = head(server, ACCOUNT, "Content-Length: 1000", "Expect: 100-continue", close=False)
    connection = connected(server)
    connection.sendall(first + waiting * 3)
    assert arrived.wait(10)
    reset(connection)
    gone.set()
    assert answer(server, head(server, f"GET {DATA}/limits HTTP/1.1"))[0] == b"HTTP/1.1 200 OK"
    server.close()
    assert caplog.records == []


# ---- heads ----


@pytest.mark.parametrize("version", ["HTTP/0.9", "HTTP/2.0", "HTTP/1.2", "HTTP/3.0", "HTTP/9.9"])
def test_another_version_of_http_is_refused(
    org: LocalOrg, server: Server, caplog: pytest.LogCaptureFixture, version: str
) -> None:
    body = b'{"Name": "Acme"}'
    line = f"POST {DATA}/sobjects/Account {version}"
    status, said = answer(server, head(server, line, f"Content-Length: {len(body)}") + body)
    status, _, reason = status.partition(b" ")
    assert status in {b"HTTP/1.0", b"HTTP/1.1"}
    assert reason == b"505 HTTP Version Not Supported"
    assert said == b"<h1>Bad Message 505</h1><pre>reason: Unknown Version</pre>"
    assert Caller(org).names("") == []
    assert caplog.records == []


def test_version_1_0_is_understood(server: Server) -> None:
    status, _ = answer(server, head(server, f"GET {DATA}/limits HTTP/1.0"))
    assert status == b"HTTP/1.0 200 OK"


@pytest.mark.parametrize(
    "headers",
    [[f"X: {'x' * 16_384}"], [f"X-{number}: {'x' * 1_000}" for number in range(17)]],
    ids=range(2),
)
def test_headers_of_more_than_16_kilobytes_are_refused(server: Server, headers: list[str]) -> None:
    status, said = answer(server, head(server, f"GET {DATA}/limits HTTP/1.1", *headers))
    assert status == b"HTTP/1.1 431 Request Header Fields Too Large"
    assert said.startswith(b"<h1>Bad Message 431</h1>")


def test_headers_of_less_are_taken(server: Server) -> None:
    status, _ = answer(server, head(server, f"GET {DATA}/limits HTTP/1.1", f"X: {'x' * 15_000}"))
    assert status == b"HTTP/1.1 200 OK"


@pytest.mark.parametrize("expected", ["foo", "100-continue, foo", "200-ok"])
def test_an_expectation_that_nobody_knows_is_refused(
    org: LocalOrg, server: Server, expected: str
) -> None:
    status, said = posted(server, b'{"Name": "Acme"}', f"Expect: {expected}")
    assert status == b"HTTP/1.1 417 Expectation Failed"
    assert said.startswith(b"<h1>Bad Message 417</h1>")
    assert Caller(org).names("") == []


# ---- compressed bodies ----


def deflated(data: bytes, window: int) -> bytes:
    packer = zlib.compressobj(wbits=window)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("coding", "window"),
    [("gzip", 31), ("x-gzip", 31), ("GZIP", 31), ("deflate", 15), ("deflate", -15)],
)
def test_a_compressed_body_is_unpacked(server: Server, coding: str, window: int) -> None:
    body = deflated(json.dumps({"Name": "Acme", "Description": "x" * 20_000}).encode(), window)
    status, _ = posted(server, body, f"Content-Encoding: {coding}")
    assert status == b"HTTP/1.1 201 Created"


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(b'{"Name": "Acme"}')[:-4]),
        ("gzip", gzip.compress(b'{"Name": "Acme"}') + b"x"),
        ("gzip", gzip.compress(b'{"Name": "Acme"}')[:-8] + b"\0" * 8),
        ("gzip", b'{"Name": "Acme"}'),
        ("deflate", b'{"Name": "Acme"}'),
        ("deflate", b"x\x9c"),
        ("gzip", b""),
    ],
    ids=range(7),
)
def test_a_body_that_is_not_what_it_says_is_refused(
    org: LocalOrg, server: Server, caplog: pytest.LogCaptureFixture, coding: str, body: bytes
) -> None:
    status, said = posted(server, body, f"Content-Encoding: {coding}")
    assert status == b"HTTP/1.1 400 Bad Request"
    assert b"JSON_PARSER_ERROR" in said
    assert Caller(org).names("") == []
    assert caplog.records == []


@pytest.mark.parametrize("coding", ["br", "gzip, gzip", "zstd"])
def test_a_coding_that_nobody_unpacks_is_refused(server: Server, coding: str) -> None:
    status, said = posted(server, b"{}", f"Content-Encoding: {coding}")
    assert status == b"HTTP/1.1 415 Unsupported Media Type"
    assert b"UNSUPPORTED_MEDIA_TYPE" in said


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_bomb_is_refused_before_it_fills_the_memory(
    server: Server, coding: str, caplog: pytest.LogCaptureFixture
) -> None:
    packer = zlib.compressobj(wbits=31 if coding == "gzip" else 15)
    body = b"".join(packer.compress(bytes(2**20)) for _ in range(100)) + packer.flush()
    tracemalloc.start()
    try:
        status, said = posted(server, body, f"Content-Encoding: {coding}")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert status.startswith(b"HTTP/1.1 413 ")  # Python has had two phrases for it
    assert said == TOO_LARGE
    assert peak < 2**22
    assert caplog.records == []


# ---- an org that is closed ----


def test_a_closed_org_is_unavailable(
    org: LocalOrg, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    request = head(server, f"GET {DATA}/limits HTTP/1.1")
    org.close()
    status, said = answer(server, request)
    assert status == b"HTTP/1.1 503 Service Unavailable"
    assert json.loads(said)[0]["errorCode"] == "SERVER_UNAVAILABLE"
    assert caplog.records == []
