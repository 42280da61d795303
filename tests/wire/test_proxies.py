"""Requests through a proxy: plain ones are handed over, https goes through a tunnel."""

from __future__ import annotations

import base64
import ssl
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server import Fault, ScriptedServer, reply
from tests.wire.clients import HOST, Client, MakeClient, request
from twinforce import errors

BASIC = "Basic " + base64.b64encode("us:er@x:pä:ss/word".encode()).decode()
CREDENTIALS = "us%3Aer%40x:p%C3%A4:ss%2Fword@"
SECRETS = ("ss%2Fword", "ss/word", BASIC, BASIC.removeprefix("Basic "))
TARGET = "/services/data/v67.0/query?q=SELECT%20Id%27%3a"


@pytest.fixture
def proxy(tls_server: ScriptedServer) -> Iterator[ScriptedServer]:
    with ScriptedServer(tunnel_to=tls_server) as running:
        yield running


@pytest.fixture
def tls_proxy(tls_server: ScriptedServer, server_tls: ssl.SSLContext) -> Iterator[ScriptedServer]:
    with ScriptedServer(tls=server_tls, tunnel_to=tls_server) as running:
        yield running


def with_credentials(url: str) -> str:
    return url.replace("://", f"://{CREDENTIALS}")


def test_https_goes_through_a_tunnel(
    make_client: MakeClient, proxy: ScriptedServer, tls_server: ScriptedServer, ca_bundle: Path
) -> None:
    client = make_client(proxy=with_credentials(proxy.url), ca_bundle=ca_bundle)
    headers = {"Authorization": "Bearer token"}

    for _ in range(2):
        client.send(request(f"https://{HOST}{TARGET}", "POST", headers=headers, body=b"x"))

    assert [(got.method, got.target) for got in proxy.received] == [("CONNECT", f"{HOST}:443")]
    assert proxy.received[0].values("Proxy-Authorization") == [BASIC]
    assert proxy.received[0].values("Authorization") == []
    assert [(got.target, got.connection) for got in tls_server.received] == [(TARGET, 0)] * 2
    for got in tls_server.received:
        assert got.values("Host") == [HOST]
        assert got.values("Proxy-Authorization") == []
        assert got.values("Authorization") == ["Bearer token"]


def test_http_is_handed_to_the_proxy(make_client: MakeClient, proxy: ScriptedServer) -> None:
    client = make_client(proxy=with_credentials(proxy.url))
    proxy.always(reply(200, b"from far away"))

    for _ in range(2):
        answer = client.send(request(f"http://{HOST}{TARGET}", headers={"X-One": "1"}))

        assert answer.body == b"from far away"
    assert [got.connection for got in proxy.received] == [0, 0]
    for got in proxy.received:
        assert got.target == f"http://{HOST}{TARGET}"
        assert sorted(got.headers) == [
            ("Accept-Encoding", "gzip, deflate"),
            ("Host", HOST),
            ("Proxy-Authorization", BASIC),
            ("X-One", "1"),
        ]


def test_a_proxy_may_speak_tls_itself(
    make_client: MakeClient, tls_proxy: ScriptedServer, tls_server: ScriptedServer, ca_bundle: Path
) -> None:
    client = make_client(proxy=with_credentials(tls_proxy.url), ca_bundle=ca_bundle)

    client.send(request(f"https://{HOST}{TARGET}", "POST", body=b"x" * 100_000))
    client.send(request(f"http://{HOST}{TARGET}"))

    assert [got.target for got in tls_proxy.received] == [f"{HOST}:443", f"http://{HOST}{TARGET}"]
    assert [got.values("Proxy-Authorization") for got in tls_proxy.received] == [[BASIC], [BASIC]]
    assert tls_server.received[0].body == b"x" * 100_000


def test_a_proxy_without_credentials_is_given_none(
    make_client: MakeClient, proxy: ScriptedServer, ca_bundle: Path
) -> None:
    client = make_client(proxy=proxy.url, ca_bundle=ca_bundle)

    client.send(request(f"https://{HOST}/"))

    assert proxy.received[0].values("Proxy-Authorization") == []


@pytest.mark.parametrize(
    ("variable", "scheme"),
    [
        ("HTTPS_PROXY", "https"),
        ("https_proxy", "https"),
        ("ALL_PROXY", "https"),
        ("http_proxy", "http"),
        ("all_proxy", "http"),
    ],
)
def test_the_proxy_may_come_from_the_environment(
    make_client: MakeClient,
    proxy: ScriptedServer,
    ca_bundle: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    variable: str,
    scheme: str,
) -> None:
    monkeypatch.setenv(variable, f"{CREDENTIALS}127.0.0.1:{proxy.port}")

    make_client(ca_bundle=ca_bundle).send(request(f"{scheme}://{HOST}/"))

    assert proxy.received[0].values("Proxy-Authorization") == [BASIC]


@pytest.mark.parametrize("exempt", [HOST, "salesforce.test", ".salesforce.test", "*", f"{HOST}:80"])
def test_no_proxy_lists_the_hosts_that_need_none(
    make_client: MakeClient, proxy: ScriptedServer, monkeypatch: pytest.MonkeyPatch, exempt: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", exempt)

    # The name leads nowhere, so only the proxy could have answered.
    with pytest.raises(errors.ConnectError):
        make_client().send(request(f"http://{HOST}/"))

    assert proxy.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_machine_is_not_sought_through_the_proxy_of_the_environment(
    make_client: MakeClient,
    server: ScriptedServer,
    proxy: ScriptedServer,
    monkeypatch: pytest.MonkeyPatch,
    host: str,
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy.url)

    make_client().send(request(f"http://{host}:{server.port}/"))
    make_client(proxy=proxy.url).send(request(f"http://{host}:{server.port}/"))

    assert (len(server.received), len(proxy.received)) == (1, 1)


def test_the_environment_is_read_once(
    make_client: MakeClient, proxy: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy.url)
    client = make_client()
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")

    assert client.send(request(f"http://{HOST}/")).status_code == 200


def test_the_environment_is_not_looked_at_when_told_so(
    make_client: MakeClient, proxy: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy.url)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")

    with pytest.raises(errors.ConnectError):
        make_client(trust_env=False).send(request(f"http://{HOST}/"))

    assert proxy.connections == 0


def test_a_socks_proxy_in_the_environment_is_a_connect_error(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://user:pass-word@127.0.0.1:1")

    with pytest.raises(errors.ConnectError, match="SOCKS is not supported") as caught:
        make_client().send(request(f"https://{HOST}/"))

    assert "pass-word" not in "".join(traceback.format_exception(caught.value))


def failed(client: Client, url: str, kind: type[errors.TransportError]) -> str:
    with pytest.raises(kind) as caught:
        client.send(request(url, "POST", body=b"x", connect=0.2, read=0.2))

    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value.__cause__)
    assert not any(secret in shown for secret in SECRETS)
    return str(caught.value)


def test_a_proxy_that_is_not_there_is_a_connect_error(make_client: MakeClient) -> None:
    client = make_client(proxy=f"http://{CREDENTIALS}127.0.0.1:1")

    for scheme in ("http", "https"):
        said = failed(client, f"{scheme}://{HOST}/", errors.ConnectError)
        assert said.startswith(f"no connection to {scheme}://{HOST}:")
        assert "through the proxy http://127.0.0.1:1: it was refused" in said


@pytest.mark.parametrize(
    ("status", "advice"),
    [(407, "wants other credentials (407)"), (403, "refused it (403)"), (502, "refused it (502)")],
)
def test_a_refused_tunnel_is_a_connect_error(
    make_client: MakeClient, proxy: ScriptedServer, status: int, advice: str
) -> None:
    proxy.play(reply(status, b"no", [("Proxy-Authenticate", "Basic")]))
    client = make_client(proxy=with_credentials(proxy.url))

    assert advice in failed(client, f"https://{HOST}/", errors.ConnectError)


@pytest.mark.parametrize(
    "steps", [(Fault.HANG,), (Fault.DROP,), (Fault.RESET,), (b"garbage\r\n\r\n", Fault.DROP)]
)
def test_a_tunnel_that_is_not_built_is_a_connect_error(
    make_client: MakeClient, proxy: ScriptedServer, steps: tuple[bytes | Fault, ...]
) -> None:
    proxy.play(*steps)
    client = make_client(proxy=with_credentials(proxy.url))

    said = failed(client, f"https://{HOST}/", errors.ConnectError)

    assert f"no connection to https://{HOST}:443 through the proxy {proxy.url}: " in said


def test_a_failed_handshake_in_the_tunnel_is_a_connect_error(
    make_client: MakeClient, proxy: ScriptedServer, tls_server: ScriptedServer
) -> None:
    client = make_client(proxy=with_credentials(proxy.url))

    assert "is not trusted" in failed(client, f"https://{HOST}/", errors.ConnectError)
    assert tls_server.received == []


def test_a_failed_handshake_with_the_proxy_is_a_connect_error(
    make_client: MakeClient, tls_proxy: ScriptedServer
) -> None:
    client = make_client(proxy=with_credentials(tls_proxy.url))

    for scheme in ("http", "https"):
        assert "is not trusted" in failed(client, f"{scheme}://{HOST}/", errors.ConnectError)


@pytest.mark.parametrize("fault", [Fault.DROP, Fault.RESET])
def test_a_tunnel_that_breaks_later_is_a_lost_connection(
    make_client: MakeClient,
    proxy: ScriptedServer,
    tls_server: ScriptedServer,
    ca_bundle: Path,
    fault: Fault,
) -> None:
    tls_server.play(fault)
    client = make_client(proxy=with_credentials(proxy.url), ca_bundle=ca_bundle)

    failed(client, f"https://{HOST}/", errors.ConnectionLostError)

    assert len(tls_server.received) == 1


@pytest.mark.parametrize(
    ("steps", "kind"),
    [
        ((Fault.DROP,), errors.ConnectionLostError),
        ((Fault.RESET,), errors.ConnectionLostError),
        ((Fault.HANG,), errors.ReadTimeoutError),
    ],
)
def test_a_proxy_that_breaks_after_taking_the_request_leaves_it_unknown(
    make_client: MakeClient,
    proxy: ScriptedServer,
    steps: tuple[Fault, ...],
    kind: type[errors.TransportError],
) -> None:
    proxy.play(*steps)

    failed(make_client(proxy=with_credentials(proxy.url)), f"http://{HOST}/", kind)

    assert len(proxy.received) == 1


def test_a_slow_answer_through_a_tunnel_is_a_read_timeout(
    make_client: MakeClient, proxy: ScriptedServer, tls_server: ScriptedServer, ca_bundle: Path
) -> None:
    tls_server.play(Fault.HANG)
    client = make_client(proxy=with_credentials(proxy.url), ca_bundle=ca_bundle)

    failed(client, f"https://{HOST}/", errors.ReadTimeoutError)
