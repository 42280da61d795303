"""What reaches the server is what the request says, byte for byte, from both transports."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.server import Fault, ScriptedServer, reply
from tests.wire.clients import Client, request
from twinforce import Timeout, errors
from twinforce._core.http import Request

TARGETS = [
    "/services/data/v67.0/query?q=SELECT%20Id+FROM%20Account%20WHERE%20Name%3D%27O%5C%27Neil%27",
    "/services/data/v67.0/sobjects/Account/Key__c/a%2Fb%3F%23%2E%2E%3A",
    "/lower%2fcase%3a%c3%a9?q=%27%3a",
    "/a/../b/./c//d;e=f/~g/",
    "/plain'(quotes)*!$&,=@:?a=b?c/d'e",
    '/not|really"legal<>{}^`\\?but=|sent|[]',
    "?q=1",
    "",
]


@pytest.mark.parametrize("target", TARGETS)
def test_the_url_is_sent_byte_for_byte(client: Client, server: ScriptedServer, target: str) -> None:
    client.send(request(server.url + target))

    assert [got.target for got in server.received] == [
        target if target.startswith("/") else f"/{target}"
    ]


def test_only_the_given_headers_are_sent_and_what_framing_needs(
    client: Client, server: ScriptedServer
) -> None:
    headers = {"authorization": "Bearer 00D!x", "X-sfdc-thing": "a, b;  c", "User-Agent": "twin/1"}

    client.send(request(server.url + "/x", "POST", headers=headers, body=b"{}"))

    got = server.received[0]
    assert (got.method, got.version, got.body) == ("POST", "HTTP/1.1", b"{}")
    assert got.headers == (
        ("Host", f"127.0.0.1:{server.port}"),
        ("authorization", "Bearer 00D!x"),
        ("X-sfdc-thing", "a, b;  c"),
        ("User-Agent", "twin/1"),
        ("Accept-Encoding", "gzip, deflate"),
        ("Content-Length", "2"),
    )


@pytest.mark.parametrize(
    ("method", "body", "length"),
    [
        ("GET", None, []),
        ("HEAD", None, []),
        ("DELETE", None, ["0"]),
        ("POST", None, ["0"]),
        ("POST", b"", ["0"]),
        ("PATCH", b"abc", ["3"]),
        ("GET", b"abc", ["3"]),
        ("PUT", b"\0\r\n\xff" * 50_000, ["200000"]),
    ],
)
def test_a_request_without_headers_gets_none_from_the_library(
    client: Client, server: ScriptedServer, method: str, body: bytes | None, length: list[str]
) -> None:
    client.send(request(server.url, method, body=body))

    got = server.received[0]
    names = [name for name, _ in got.headers]
    assert names == ["Host", "Accept-Encoding", *(["Content-Length"] if length else [])]
    assert got.values("Content-Length") == length
    assert (got.method, got.body) == (method, body or b"")


def test_a_body_of_many_megabytes_arrives(client: Client, server: ScriptedServer) -> None:
    body = bytes(range(256)) * 4 * 1024 * 9

    client.send(request(server.url, "POST", body=body))

    assert server.received[0].body == body


def test_the_callers_accept_encoding_stands(client: Client, server: ScriptedServer) -> None:
    client.send(request(server.url, headers={"accept-encoding": "identity"}))

    assert server.received[0].values("Accept-Encoding") == ["identity"]


def test_netrc_is_not_read(
    client: Client, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password else\n", encoding="ascii")
    monkeypatch.setenv("NETRC", str(netrc))

    client.send(request(server.url, headers={"Authorization": "Bearer mine"}))
    client.send(request(server.url))

    assert [got.values("Authorization") for got in server.received] == [["Bearer mine"], []]


def test_cookies_are_not_kept(client: Client, server: ScriptedServer) -> None:
    server.always(reply(headers=[("Set-Cookie", "sid=1; Path=/")]))

    url = f"http://localhost:{server.port}"  # some cookie jars take none from an IP address
    answer = client.send(request(url))
    client.send(request(url))

    assert answer.headers["set-cookie"] == "sid=1; Path=/"
    assert server.received[1].values("Cookie") == []


@pytest.mark.parametrize(
    "url",
    [
        "/services/data",
        "ftp://127.0.0.1/",
        "http:///path",
        "http://user:pass-word@127.0.0.1/",
        "http://127.0.0.1/a b",
        "http://127.0.0.1/a\r\nX: y",
        "http://127.0.0.1/é",
        "http://127.0.0.1/#fragment",
        "http://127.0.0.1:0/",
        "http://127.0.0.1:65536/",
    ],
)
def test_a_url_that_cannot_be_sent_is_refused(client: Client, url: str) -> None:
    with pytest.raises(ValueError, match="the URL must be absolute") as caught:
        client.send(request(url))

    assert "pass-word" not in str(caught.value)


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"X-Trick": "secret\r\nX-Other: 1"}, "'X-Trick' holds a line break"),
        ({"X-Name": "secret é"}, "'X-Name' holds"),
        ({"X\n": "secret"}, "holds"),
        ({"content-length": "1"}, "content-length is set by the transport"),
        ({"Transfer-Encoding": "chunked"}, "Transfer-Encoding is set by the transport"),
        ({"Host": "elsewhere"}, "Host is set by the transport"),
        ({"": "secret"}, "'' is no name of a header"),
        ({"Accept": "x", " X-Lead": "secret"}, "' X-Lead' is no name of a header"),
        ({"X: Y": "secret"}, "'X: Y' is no name of a header"),
        ({"Content-Length ": "5"}, "'Content-Length ' is no name of a header"),
    ],
)
def test_a_header_that_cannot_be_sent_is_refused(
    client: Client, server: ScriptedServer, headers: dict[str, str], message: str
) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        client.send(request(server.url, headers=headers))

    assert "secret" not in str(caught.value)
    assert server.connections == 0


class Formatted(str):
    """Text that shows itself as something else."""

    __slots__ = ()

    def __format__(self, _: str) -> str:
        return "x\r\nX-Injected: 1"

    def __str__(self) -> str:
        return format(self)


def test_headers_are_sent_as_they_were_checked(client: Client, server: ScriptedServer) -> None:
    client.send(request(server.url, headers={Formatted("X-Name"): Formatted("value")}))

    assert server.received[0].values("X-Name") == ["value"]
    assert server.received[0].values("X-Injected") == []


@pytest.mark.parametrize("method", ["get", "GET /x", "CONNECT", ""])
def test_a_method_that_cannot_be_sent_is_refused(client: Client, method: str) -> None:
    with pytest.raises(ValueError, match="the method must be"):
        client.send(Request(method, "http://127.0.0.1/", {}, None, Timeout()))


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST", "PATCH"])
@pytest.mark.parametrize("fault", [Fault.DROP, Fault.RESET])
def test_no_request_is_repeated_when_a_kept_connection_dies_under_it(
    client: Client, server: ScriptedServer, method: str, fault: Fault
) -> None:
    server.play(reply())
    server.play(fault)

    client.send(request(server.url))
    with pytest.raises(errors.ConnectionLostError):
        client.send(request(server.url, method))

    assert [(got.method, got.connection) for got in server.received] == [("GET", 0), (method, 0)]
