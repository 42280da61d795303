"""HTTPS: who is trusted, and that a failed handshake means that nothing was sent."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from pathlib import Path

import pytest
import trustme

from tests.server import Fault, ScriptedServer, reply
from tests.wire.clients import Client, MakeClient, request
from twinforce import errors
from twinforce._transports._settings import Settings


def test_https_works_with_the_given_bundle(
    make_client: MakeClient, tls_server: ScriptedServer, ca_bundle: Path
) -> None:
    client = make_client(ca_bundle=ca_bundle)
    tls_server.play(reply(200, b"safe"))

    assert client.send(request(f"{tls_server.url}/%27", "POST", body=b"x")).body == b"safe"
    assert (tls_server.received[0].target, tls_server.received[0].body) == ("/%27", b"x")


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_bundle_may_come_from_the_environment(
    make_client: MakeClient,
    tls_server: ScriptedServer,
    ca_bundle: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:
    monkeypatch.setenv(variable, str(ca_bundle))

    assert make_client().send(request(tls_server.url)).status_code == 200


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl rehash")
def test_a_directory_of_certificates_is_a_bundle(
    make_client: MakeClient, tls_server: ScriptedServer, ca_bundle: Path, tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_bytes(ca_bundle.read_bytes())
    subprocess.run(["openssl", "rehash", tmp_path], check=True)  # noqa: S607

    assert make_client(ca_bundle=tmp_path).send(request(tls_server.url)).status_code == 200


def test_an_authority_that_is_not_trusted_is_a_connect_error(
    client: Client, tls_server: ScriptedServer
) -> None:
    with pytest.raises(errors.ConnectError, match="its certificate is not trusted") as caught:
        client.send(request(tls_server.url, "POST"))

    assert "ca_bundle" in str(caught.value)
    assert tls_server.url in str(caught.value)
    assert tls_server.received == []


def test_a_given_bundle_is_all_that_is_trusted(
    make_client: MakeClient, tls_server: ScriptedServer, tmp_path: Path
) -> None:
    another = tmp_path / "another.pem"
    trustme.CA().cert_pem.write_to_path(another)

    with pytest.raises(errors.ConnectError, match="its certificate is not trusted"):
        make_client(ca_bundle=another).send(request(tls_server.url))


def test_connecting_adds_no_certificates_to_those_of_the_bundle(
    make_client: MakeClient, tls_server: ScriptedServer, ca_bundle: Path
) -> None:
    client = make_client(ca_bundle=ca_bundle)
    client.send(request(tls_server.url))

    context = Settings.checked(proxy=None, ca_bundle=ca_bundle, pool_size=1, trust_env=False).tls()

    assert context.cert_store_stats()["x509_ca"] == 1


def test_a_certificate_for_another_host_is_a_connect_error(
    make_client: MakeClient, tls_server: ScriptedServer, ca_bundle: Path
) -> None:
    url = tls_server.url.replace("127.0.0.1", "localhost")

    with pytest.raises(errors.ConnectError, match="its certificate is not trusted"):
        make_client(ca_bundle=ca_bundle).send(request(url))

    assert tls_server.received == []


def test_a_server_without_tls_is_a_connect_error(client: Client, server: ScriptedServer) -> None:
    with pytest.raises(errors.ConnectError, match="the TLS handshake failed") as caught:
        client.send(request(f"https://127.0.0.1:{server.port}/", "POST"))

    assert "check that the port speaks https" in str(caught.value)


def test_a_handshake_that_is_not_answered_is_a_connect_error(client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"https://127.0.0.1:{deaf.getsockname()[1]}"

        with pytest.raises(errors.ConnectError, match=r"none within 0\.1 seconds"):
            client.send(request(url, connect=0.1))


def test_a_handshake_that_the_server_refuses_is_a_connect_error(client: Client) -> None:
    without_certificate = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    with (
        ScriptedServer(tls=without_certificate) as server,
        pytest.raises(errors.ConnectError, match="the TLS handshake failed"),
    ):
        client.send(request(server.url))


def test_a_connection_that_closes_in_the_handshake_is_a_connect_error(client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def close_at_once() -> None:
            listener.accept()[0].close()

        closing = threading.Thread(target=close_at_once)
        closing.start()
        with pytest.raises(errors.ConnectError):
            client.send(request(f"https://127.0.0.1:{listener.getsockname()[1]}/", "POST"))
        closing.join()


LOST: dict[str, tuple[bytes | Fault, ...]] = {
    "closed before the answer": (Fault.DROP,),
    "reset before the answer": (Fault.RESET,),
    "closed in the body": (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", Fault.DROP),
    "reset in the body": (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", Fault.RESET),
}


@pytest.mark.parametrize("steps", LOST.values(), ids=LOST.keys())
def test_a_tls_connection_that_breaks_later_is_a_lost_connection(
    make_client: MakeClient,
    tls_server: ScriptedServer,
    ca_bundle: Path,
    steps: tuple[bytes | Fault, ...],
) -> None:
    tls_server.play(*steps)

    with pytest.raises(errors.ConnectionLostError):
        make_client(ca_bundle=ca_bundle).send(request(tls_server.url, "POST", body=b"x"))


def test_broken_records_are_a_lost_connection(
    make_client: MakeClient, tls_server: ScriptedServer, ca_bundle: Path
) -> None:
    tls_server.play(Fault.GARBLE)

    with pytest.raises(errors.ConnectionLostError) as caught:
        make_client(ca_bundle=ca_bundle).send(request(tls_server.url, "POST", body=b"x"))

    assert caught.value.sent


def test_a_slow_answer_over_tls_is_a_read_timeout(
    make_client: MakeClient, tls_server: ScriptedServer, ca_bundle: Path
) -> None:
    tls_server.play(Fault.HANG)

    with pytest.raises(errors.ReadTimeoutError):
        make_client(ca_bundle=ca_bundle).send(request(tls_server.url, read=0.1))
