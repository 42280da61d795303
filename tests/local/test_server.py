"""The org over real HTTP, as clients in other languages speak to it."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import socket
import threading
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from twinforce.local import LocalOrg
from twinforce.local.server import Server


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
    with pytest.raises(OSError, match="address already in use"):
        org.serve(port=server.port)


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


def test_a_token_that_is_no_text_does_not_let_in(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(
            b"GET /services/data/v67.0/limits HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            b"Authorization: Bearer \xff\r\n\r\n"
        )
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"INVALID_SESSION_ID" in answer
