"""What a response says is what the server answered, from both transports."""

from __future__ import annotations

import gzip
import threading
import zlib

import pytest

from tests.server import Fault, ScriptedServer, reply
from tests.wire.clients import Client, request
from twinforce import errors

TEXT = b'{"name": "Sm\xc3\xb8rrebr\xc3\xb8d"}' * 50
RAW_DEFLATE = zlib.compress(TEXT, wbits=-zlib.MAX_WBITS)


@pytest.mark.parametrize("status", [200, 201, 204, 300, 301, 304, 400, 401, 404, 407, 500, 503])
def test_every_status_is_an_answer(client: Client, server: ScriptedServer, status: int) -> None:
    body = b"" if status in {204, 304} else b"body"
    server.play(reply(status, body, [("Location", "/elsewhere")]))

    answer = client.send(request(server.url))

    assert (answer.status_code, answer.body) == (status, body)
    assert len(server.received) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_redirects_are_not_followed(
    client: Client, server: ScriptedServer, status: int, method: str
) -> None:
    server.play(reply(status, headers=[("Location", f"{server.url}/elsewhere")]))

    answer = client.send(request(server.url, method, body=b"x"))

    assert answer.status_code == status
    assert answer.headers["location"] == f"{server.url}/elsewhere"
    assert len(server.received) == 1


def test_header_names_are_lower_case_and_repeated_fields_are_joined(
    client: Client, server: ScriptedServer
) -> None:
    fields = [("X-One", "1"), ("Set-Cookie", "a=1"), ("x-ONE", "2"), ("set-cookie", "b=2; Path=/")]
    server.play(reply(200, b"ok", [*fields, ("Sforce-Limit-Info", "api-usage=1/2"), ("E", "")]))

    answer = client.send(request(server.url))

    assert dict(answer.headers) == {
        "x-one": "1, 2",
        "set-cookie": "a=1, b=2; Path=/",
        "sforce-limit-info": "api-usage=1/2",
        "e": "",
        "content-length": "2",
    }


def test_header_bytes_beyond_ascii_are_read_alike(client: Client, server: ScriptedServer) -> None:
    server.play(b"HTTP/1.1 200 OK\r\nX-Name: Sm\xf8rre \xc3\xa9\r\nContent-Length: 0\r\n\r\n")

    assert client.send(request(server.url)).headers["x-name"] == "Sm\xf8rre \xc3\xa9"


def test_a_long_header_is_read(client: Client, server: ScriptedServer) -> None:
    server.play(reply(headers=[("X-Long", "y" * 30_000)]))

    assert client.send(request(server.url)).headers["x-long"] == "y" * 30_000


@pytest.mark.parametrize("chunked", [True, False])
@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(TEXT)),
        ("GZip", gzip.compress(TEXT[:700]) + gzip.compress(TEXT[700:])),
        ("x-gzip", gzip.compress(TEXT)),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", RAW_DEFLATE),
        ("deflate, gzip", gzip.compress(zlib.compress(TEXT))),
    ],
    ids=["gzip", "two members", "x-gzip", "deflate", "raw deflate", "two codings"],
)
def test_a_compressed_answer_is_decoded(
    client: Client, server: ScriptedServer, coding: str, body: bytes, *, chunked: bool
) -> None:
    server.play(reply(200, body, [("Content-Encoding", coding)], chunked=chunked))

    answer = client.send(request(server.url))

    assert answer.body == TEXT
    assert "content-encoding" not in answer.headers
    assert "content-length" not in answer.headers


def test_an_answer_that_is_not_compressed_keeps_its_headers(
    client: Client, server: ScriptedServer
) -> None:
    server.play(reply(200, TEXT, [("Content-Encoding", "identity")]))

    answer = client.send(request(server.url))

    assert answer.body == TEXT
    assert answer.headers["content-encoding"] == "identity"
    assert answer.headers["content-length"] == str(len(TEXT))


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(TEXT)[:-9]),
        ("gzip", b"no gzip at all"),
        ("gzip", gzip.compress(TEXT)[:-6] + b"\0" * 6),
        ("deflate", zlib.compress(TEXT)[:-5]),
        ("deflate", RAW_DEFLATE[:-5]),
        ("deflate", b"no zlib at all"),
    ],
    ids=["cut", "not gzip", "wrong checksum", "cut deflate", "cut raw deflate", "not deflate"],
)
def test_damaged_compression_is_a_lost_answer(
    client: Client, server: ScriptedServer, coding: str, body: bytes
) -> None:
    server.play(reply(200, body, [("Content-Encoding", coding)]))

    with pytest.raises(errors.ConnectionLostError, match=f"its {coding} data cannot be") as caught:
        client.send(request(server.url))

    assert caught.value.sent


def test_a_coding_that_was_not_asked_for_is_refused(client: Client, server: ScriptedServer) -> None:
    server.play(reply(200, b"\x0b\x02\x80ok\x03", [("Content-Encoding", "br")]))

    with pytest.raises(errors.TransportError, match="encoded as 'br', which was not asked for"):
        client.send(request(server.url))


def test_an_answer_to_head_has_no_body(client: Client, server: ScriptedServer) -> None:
    server.play(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nContent-Encoding: gzip\r\n\r\n")

    answer = client.send(request(server.url, "HEAD"))
    client.send(request(server.url))

    assert (answer.body, answer.headers["content-length"]) == (b"", "10")
    assert server.connections == 1


def test_an_answer_that_ends_with_the_connection_is_whole(
    client: Client, server: ScriptedServer
) -> None:
    server.play(b"HTTP/1.0 200 OK\r\n\r\nall of it", Fault.DROP)

    assert client.send(request(server.url)).body == b"all of it"


def test_an_answer_after_an_interim_one_is_the_answer(
    client: Client, server: ScriptedServer
) -> None:
    server.play(b"HTTP/1.1 100 Continue\r\n\r\n", reply(200, b"real"))

    assert client.send(request(server.url)).body == b"real"


def test_an_answer_that_comes_before_the_body_was_read_is_the_answer(
    client: Client, server: ScriptedServer
) -> None:
    server.play(Fault.LEAVE_BODY_UNREAD, reply(413, b"too much"), Fault.HANG)

    answer = client.send(request(server.url, "POST", body=b"x" * 200))

    assert (answer.status_code, answer.body) == (413, b"too much")


def test_an_answer_that_begins_before_the_request_has_ended_is_the_answer(
    client: Client, server: ScriptedServer
) -> None:
    pause = threading.Event()
    server.play(
        Fault.LEAVE_BODY_UNREAD,
        reply(200, b"abcd")[:-2],
        lambda: pause.wait(0.05),
        *[Fault.READ_SOME] * 3,
        lambda: pause.wait(0.05),
        b"cd",
    )

    assert client.send(request(server.url, "POST", body=b"x" * 12_000_000)).body == b"abcd"


def test_an_answer_of_many_megabytes_is_read(client: Client, server: ScriptedServer) -> None:
    body = bytes(range(256)) * 4 * 1024 * 8
    server.play(reply(200, body))

    assert client.send(request(server.url)).body == body


def test_a_hint_is_not_the_answer(client: Client, server: ScriptedServer) -> None:
    pause = threading.Event()
    hints = b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    server.play(hints, lambda: pause.wait(0.02), reply(201, b"made", [("X-Own", "yes")]))
    server.always(reply(200, b"two"))

    answer = client.send(request(server.url, "POST", body=b"x"))

    assert (answer.status_code, answer.body) == (201, b"made")
    assert dict(answer.headers) == {"x-own": "yes", "content-length": "4"}
    assert client.send(request(server.url)).body == b"two"
    assert server.connections == 1


def test_hints_keep_a_request_from_timing_out(client: Client, server: ScriptedServer) -> None:
    pause = threading.Event()
    hint = b"HTTP/1.1 102 Processing\r\n\r\n"
    slowly = [step for _ in range(4) for step in (lambda: pause.wait(0.1), hint)]
    server.play(*slowly, reply(201))

    assert client.send(request(server.url, "POST", body=b"x", read=0.3)).status_code == 201


@pytest.mark.parametrize("status", [101, 408])
def test_a_connection_is_not_used_again_after_an_answer_that_means_to_end_it(
    client: Client, server: ScriptedServer, status: int
) -> None:
    server.play(reply(status))
    client.send(request(server.url))

    client.send(request(server.url))

    assert [got.connection for got in server.received] == [0, 1]
