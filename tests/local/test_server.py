"""The org over real HTTP, as clients in other languages speak to it."""

from __future__ import annotations

import contextlib
import errno
import gzip
import http.client
import json
import socket
import threading
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from twinforce.local import LocalOrg
from twinforce.local.server.web import Server


@pytest.fixture
def server(org: LocalOrg) -> Iterator[Server]:
    org.add_field("Account", "Key__c", "Text", external_id=True)
    with org.serve(port=0) as server:
        yield server


@pytest.fixture
def session(server: Server) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {server.access_token}"
        yield session


def test_it_listens_on_the_loopback_address_only(server: Server) -> None:
    assert server.url == f"http://127.0.0.1:{server.port}"


def test_a_repr_tells_the_address_and_no_secrets(server: Server) -> None:
    assert repr(server) == f"<Server {server.url}>"
    server.close()
    assert repr(server) == f"<Server {server.url}, closed>"


@pytest.mark.parametrize(
    ("port", "error", "reason"),
    [
        ("8080", TypeError, "port must be a whole number .*, not str"),
        (70_000, ValueError, "port must be a whole number from 0 to 65535, not 70000"),
    ],
)
def test_a_port_that_is_none_is_refused(
    org: LocalOrg, port: Any, error: type[Exception], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        org.serve(port=port)


def test_a_plain_client_gets_json(server: Server) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{server.url}/services/data") as response:
        assert response.headers["Content-Type"] == "application/json;charset=UTF-8"
        assert json.load(response)[-1]["version"] == "67.0"


def test_an_encoded_slash_in_a_key_survives(server: Server, session: requests.Session) -> None:
    url = f"{server.url}/services/data/v67.0/sobjects/Account/Key__c/a%2Fb%20%25"
    assert session.patch(url, json={"Name": "Acme"}).status_code == 201
    assert session.get(url).json()["Key__c"] == "a/b %"


def test_the_target_arrives_as_it_was_sent(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    with contextlib.closing(connection):
        headers = {"Authorization": f"Bearer {server.access_token}"}
        connection.request("GET", "/services/data/v67.0/query?q=%zz", headers=headers)
        [error] = json.load(connection.getresponse())
    assert error["errorCode"] == "ILLEGAL_QUERY_PARAMETER_VALUE"


def test_chunked_and_compressed_bodies_are_read(server: Server, session: requests.Session) -> None:
    url = f"{server.url}/services/data/v67.0/sobjects/Account/"
    as_json = {"Content-Type": "application/json"}
    chunks = iter([b'{"Na', b'me": "A"}'])
    assert session.post(url, data=chunks, headers=as_json).status_code == 201
    squeezed = gzip.compress(b'{"Name": "B"}')
    zipped = session.post(url, data=squeezed, headers={**as_json, "Content-Encoding": "gzip"})
    assert zipped.status_code == 201


def test_long_answers_are_compressed_for_who_accepts_it(
    server: Server, session: requests.Session
) -> None:
    url = f"{server.url}/services/data/v67.0/sobjects/Account/describe"
    compressed = session.get(url, headers={"Accept-Encoding": "gzip"})
    plain = session.get(url, headers={"Accept-Encoding": "identity"})
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert compressed.json() == plain.json()
    short = session.get(f"{server.url}/services/data/v67.0/nope")
    assert "Content-Encoding" not in short.headers


def test_an_answer_without_a_body_has_none(server: Server, session: requests.Session) -> None:
    base = f"{server.url}/services/data/v67.0/sobjects/Account"
    record_id = session.post(base, json={"Name": "A"}).json()["id"]
    head = session.head(f"{base}/{record_id}")
    assert (head.status_code, head.content) == (200, b"")
    deleted = session.delete(f"{base}/{record_id}")
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert "Content-Type" not in deleted.headers


def test_a_long_query_arrives_whole(server: Server, session: requests.Session) -> None:
    soql = f"SELECT Id FROM Account WHERE Name != '{'x' * 14_000}'"
    response = session.get(f"{server.url}/services/data/v67.0/query", params={"q": soql})
    assert response.json() == {"totalSize": 0, "done": True, "records": []}


def test_a_target_longer_than_salesforce_takes_is_refused(
    server: Server, session: requests.Session
) -> None:
    response = session.get(f"{server.url}/services/data/v67.0/query?q={'x' * 17_000}")
    assert response.status_code == 414
    assert response.text == "<h1>Bad Message 414</h1><pre>reason: URI Too Long</pre>"


def test_the_token_endpoint_names_the_server(server: Server) -> None:
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(
            f"{server.url}/services/oauth2/token",
            data={"grant_type": "client_credentials"},
            auth=(server.client_id, server.client_secret),
        ).json()
    assert answer["instance_url"] == server.url
    assert answer["access_token"] == server.access_token


def test_many_at_once_are_all_answered(org: LocalOrg, server: Server) -> None:
    url = f"{server.url}/services/data/v67.0/sobjects/Account"

    def create(number: int) -> str:
        with requests.Session() as session:
            session.trust_env = False
            headers = {"Authorization": f"Bearer {server.access_token}"}
            answer = session.post(url, json={"Name": str(number)}, headers=headers)
            record_id: str = answer.json()["id"]
            return record_id

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(create, range(40)))) == 40


def test_closing_leaves_no_thread_and_keeps_the_org(org: LocalOrg) -> None:
    server = org.serve()
    server.close()
    server.close()
    assert not [t for t in threading.enumerate() if t.name == "twinforce-local-org"]
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", server.port)) != 0
    with org.serve() as again:
        assert again.url.startswith("http://127.0.0.1:")


def test_a_taken_port_is_said_at_once(org: LocalOrg, server: Server) -> None:
    with pytest.raises(OSError, match="address already in use") as caught:
        org.serve(port=server.port)
    assert caught.value.errno == errno.EADDRINUSE
    assert str(caught.value) == (
        f"cannot serve at 127.0.0.1:{server.port}: address already in use; "
        "choose another port or host"
    )


@pytest.mark.parametrize("host", ["nowhere.invalid", "192.0.2.1"])
def test_a_host_that_is_not_this_machine_is_said_with_what_to_do(org: LocalOrg, host: str) -> None:
    with pytest.raises(OSError, match=host) as caught:
        org.serve(host=host)
    said = str(caught.value)
    assert said.startswith(f"cannot serve at {host}:0: ")
    assert said.endswith("; choose another port or host")


def test_a_body_that_is_not_compressed_as_it_says_is_refused(
    server: Server, session: requests.Session, caplog: pytest.LogCaptureFixture
) -> None:
    response = session.post(
        f"{server.url}/services/data/v67.0/sobjects/Account",
        data=b'{"Name": "A"}',
        headers={"Content-Type": "application/json", "Content-Encoding": "gzip"},
    )
    assert (response.status_code, response.json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")
    assert "Content-Encoding" in response.json()[0]["message"]
    assert session.get(f"{server.url}/services/data/").status_code == 200
    assert caplog.records == []


@pytest.mark.parametrize(
    ("accepted", "compressed"),
    [("gzip;q=0", False), ("br, GZIP ; q=0.0", False), ("br, gzip;q=0.5", True), ("br", False)],
)
def test_an_answer_is_compressed_only_for_who_takes_it(
    server: Server, session: requests.Session, accepted: str, *, compressed: bool
) -> None:
    url = f"{server.url}/services/data/v67.0/sobjects/Account/describe"
    response = session.get(url, headers={"Accept-Encoding": accepted})
    assert response.status_code == 200
    assert ("Content-Encoding" in response.headers) is compressed


def raw(server: Server, *pieces: bytes) -> tuple[bytes, bytes]:
    """Send bytes as they are; return the status line and the body."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        for piece in pieces:
            connection.sendall(piece)
        received = b""
        with contextlib.suppress(ConnectionResetError):  # not all of a long request was read
            while piece := connection.recv(2**16):
                received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    return head.partition(b"\r\n")[0], body


def head_of(server: Server, line: str, *headers: str) -> bytes:
    known = (
        "Host: x",
        "Connection: close",
        f"Authorization: Bearer {server.access_token}",
        "Content-Type: application/json",
    )
    return "\r\n".join([line, *known, *headers, "", ""]).encode()


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno <header>\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 2**17 + b"\r\n\r\n", 431),
    ],
    ids=range(4),
)
def test_what_is_no_request_is_refused_as_the_web_server_does(
    server: Server, data: bytes, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    line, body = raw(server, data)
    assert int(line.split()[1]) == status
    assert body.startswith(f"<h1>Bad Message {status}</h1><pre>reason: ".encode())
    assert b"<header>" not in body
    assert caplog.records == []


def test_a_target_without_end_is_refused(server: Server) -> None:
    line, _ = raw(server, head_of(server, f"GET /{'x' * 2**21} HTTP/1.1"))
    assert int(line.split()[1]) in {414, 431}  # whatever is counted first


@pytest.mark.parametrize("target", ["*", "x"])
def test_a_target_that_is_no_path_is_not_found(server: Server, target: str) -> None:
    line, body = raw(server, head_of(server, f"OPTIONS {target} HTTP/1.1"))
    assert line in {b"HTTP/1.1 404 Not Found", b"HTTP/1.0 400 Bad Request"}
    assert body


def test_a_body_that_is_too_large_is_refused(
    server: Server, session: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("twinforce.local.server.incoming.MAX_BODY", 1000)
    url = f"{server.url}/services/data/v67.0/sobjects/Account"
    response = session.post(url, json={"Name": "x" * 1000})
    assert (response.status_code, response.headers["Content-Type"]) == (
        413,
        "text/html;charset=UTF-8",
    )
    assert session.post(url, json={"Name": "A"}).status_code == 201


def test_a_target_may_be_a_whole_url(server: Server) -> None:
    data = head_of(server, "GET http://example.com/services/data/v67.0/nope HTTP/1.1")
    line, body = raw(server, data)
    assert (line, b"NOT_FOUND" in body) == (b"HTTP/1.1 404 Not Found", True)
    data = head_of(server, "GET http://example.com/services/data/v67.0/recent HTTP/1.1")
    assert raw(server, data)[0] == b"HTTP/1.1 200 OK"


def test_a_url_within_the_query_arrives_as_it_was_sent(server: Server) -> None:
    site = "http://x.com//a"
    body = json.dumps({"Name": "A", "Website": site}).encode()
    data = head_of(
        server,
        "POST /services/data/v67.0/sobjects/Account HTTP/1.1",
        f"Content-Length: {len(body)}",
    )
    assert raw(server, data + body)[0] == b"HTTP/1.1 201 Created"
    query = f"/services/data/v67.0/query?q=SELECT+Website+FROM+Account+WHERE+Website='{site}'"
    for target in (query, f"http://example.com{query}"):
        line, found = raw(server, head_of(server, f"GET {target} HTTP/1.1"))
        assert (line, site.encode() in found) == (b"HTTP/1.1 200 OK", True)


def test_who_waits_before_sending_the_body_is_told_to_go_on(server: Server) -> None:
    url = "/services/data/v67.0/sobjects/Account"
    body = b'{"Name": "A"}'
    data = head_of(
        server, f"POST {url} HTTP/1.1", f"Content-Length: {len(body)}", "Expect: 100-continue"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(data)
        answer = connection.makefile("rb")
        assert answer.readline() == b"HTTP/1.1 100 Continue\r\n"
        assert answer.readline() == b"\r\n"
        connection.sendall(body)
        assert answer.readline() == b"HTTP/1.1 201 Created\r\n"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("localhost:80", "http://localhost:80"),
        ("salesforce", "http://salesforce"),
        ("[::1]:8080", "http://[::1]:8080"),
        ("evil.example/x?y", None),
        ("evil.example@localhost", None),
        ("localhost:65535", "http://localhost:65535"),
        ("localhost:65536", None),
        ("localhost:", None),
        ("localhost:\u0661".encode().decode("latin-1"), None),
        ("", None),
    ],
)
def test_the_org_goes_by_the_host_that_the_client_calls(
    server: Server, host: str, url: str | None
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    with contextlib.closing(connection):
        body = (
            "grant_type=client_credentials"
            f"&client_id={server.client_id}&client_secret={server.client_secret}"
        )
        connection.request("POST", "/services/oauth2/token", body, {"Host": host})
        answer = json.load(connection.getresponse())
    assert answer["instance_url"] == (url or server.url)


@pytest.mark.parametrize(
    ("arguments", "error", "reason"),
    [
        ({"host": ""}, ValueError, "host must not be empty"),
        ({"host": 5}, TypeError, "host must be text"),
        ({"host": "a..b"}, ValueError, "host must be a name or an address of this machine, not"),
        ({"host": "a\0b"}, ValueError, "host must be a name or an address of this machine, not"),
        ({"tls": "yes"}, TypeError, "tls must be True, a pair"),
    ],
)
def test_a_way_to_serve_that_makes_no_sense_is_refused(
    org: LocalOrg, arguments: dict[str, Any], error: type[Exception], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        org.serve(**arguments)


def test_another_host_may_be_served(org: LocalOrg) -> None:
    with org.serve(host="localhost") as server:
        assert server.url == f"http://localhost:{server.port}"
    with org.serve(host="0.0.0.0") as server:
        assert server.url == f"http://127.0.0.1:{server.port}"
        line, _ = raw(server, head_of(server, "GET /services/data HTTP/1.1"))
        assert line == b"HTTP/1.1 200 OK"


def test_a_token_that_is_no_text_does_not_let_in(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(
            b"GET /services/data/v67.0/limits HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            b"Authorization: Bearer \xff\r\n\r\n"
        )
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"INVALID_SESSION_ID" in answer


@pytest.mark.parametrize("ending", [SystemExit, KeyboardInterrupt, GeneratorExit, pytest.fail])
def test_a_rule_or_an_action_that_ends_the_program_does_not_end_the_server(
    org: LocalOrg,
    server: Server,
    session: requests.Session,
    caplog: pytest.LogCaptureFixture,
    ending: Callable[[str], BaseException],
) -> None:
    def end(_: object) -> None:
        raise ending("the end")

    org.add_validation_rule("Account", end, message="No.")
    org.add_action("custom/apex/End", end)
    url = f"{server.url}/services/data/v67.0"
    for path, body in (
        ("sobjects/Account", {"Name": "Acme"}),
        ("actions/custom/apex/End", {"inputs": [{}]}),
    ):
        answer = session.post(f"{url}/{path}", json=body)
        assert (answer.status_code, answer.json()[0]["errorCode"]) == (500, "UNKNOWN_EXCEPTION")
    assert caplog.text.count("the local org failed to answer POST") == 2
    query = session.get(f"{url}/query", params={"q": "SELECT COUNT() FROM Account"})
    assert query.json()["totalSize"] == 0
    server.close()
