"""HTTPS: the certificate that is made, and those that users bring."""

from __future__ import annotations

import errno
import socket
import ssl
from contextlib import aclosing, closing
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from twinforce import (
    AiohttpTransport,
    AsyncSalesforce,
    ClientCredentials,
    RequestsTransport,
    Salesforce,
)
from twinforce.local import LocalOrg


@pytest.fixture
def session() -> Any:
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_who_trusts_the_certificate_is_served(
    org: LocalOrg, session: requests.Session, host: str
) -> None:
    with org.serve(tls=True) as server:
        assert server.url == f"https://127.0.0.1:{server.port}"
        assert server.certificate is not None
        url = f"https://{host}:{server.port}"
        form = {
            "grant_type": "client_credentials",
            "client_id": server.client_id,
            "client_secret": server.client_secret,
        }
        answer = session.post(
            f"{url}/services/oauth2/token", data=form, verify=str(server.certificate)
        ).json()
        assert answer["instance_url"] == url


@pytest.mark.parametrize(
    ("host", "name"),
    [("127.0.0.1", "127.0.0.1"), ("127.0.0.1", "::1"), ("0.0.0.0", socket.gethostname())],
)
def test_a_strict_client_is_content(org: LocalOrg, host: str, name: str) -> None:
    with org.serve(host=host, tls=True) as server:
        context = ssl.create_default_context(cafile=server.certificate)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        with (
            socket.create_connection(("127.0.0.1", server.port)) as plain,
            context.wrap_socket(plain, server_hostname=name) as connection,
        ):
            assert connection.version() in {"TLSv1.2", "TLSv1.3"}


def test_who_does_not_trust_it_is_not_served(org: LocalOrg, session: requests.Session) -> None:
    with org.serve(tls=True) as server, org.serve(tls=True) as other:
        for verify in (True, str(other.certificate)):
            with pytest.raises(requests.exceptions.SSLError):
                session.get(f"{server.url}/services/data", verify=verify)


def test_the_files_are_gone_with_the_server(org: LocalOrg) -> None:
    with org.serve(tls=True) as server:
        certificate = server.certificate
        assert certificate is not None
        [only] = certificate.parent.iterdir()
        assert b"PRIVATE KEY" not in only.read_bytes()
    assert not certificate.parent.exists()


def test_a_port_that_is_taken_leaves_no_files(
    org: LocalOrg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with org.serve() as server, pytest.raises(OSError, match="address already in use"):
        org.serve(port=server.port, tls=True)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def own(tmp_path: Path) -> tuple[Path, Path]:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    certificate, key = tmp_path / "own.crt", tmp_path / "own.key"
    certificate.write_bytes(issued.cert_chain_pems[0].bytes())
    key.write_bytes(issued.private_key_pem.bytes())
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return certificate, key


def test_users_may_bring_their_own(
    org: LocalOrg, session: requests.Session, own: tuple[Path, Path]
) -> None:
    trusted = str(own[0].parent / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*own)
    for tls, certificate in ((own, own[0]), ((str(own[0]), str(own[1])), own[0]), (context, None)):
        with org.serve(tls=tls) as server:
            assert server.certificate == certificate
            url = f"{server.url}/services/data"
            assert session.get(url, verify=trusted).status_code == 200
    assert own[0].exists()


def test_files_that_cannot_be_used_are_named(org: LocalOrg, own: tuple[Path, Path]) -> None:
    certificate, key = own
    none = certificate.with_name("none")
    for tls, what in (((none, key), "certificate"), ((certificate, none), "private key")):
        with pytest.raises(FileNotFoundError) as caught:
            org.serve(tls=tls)
        assert caught.value.errno == errno.ENOENT
        assert str(caught.value) == (
            f"the {what} {str(none)!r} cannot be read: No such file or directory; "
            "tls takes (certificate file, key file), both PEM, or True, which makes one"
        )
    with pytest.raises(ValueError, match="cannot be used for TLS"):
        org.serve(tls=(key, certificate))
    loaded = load_pem_private_key(key.read_bytes(), None)
    locked = BestAvailableEncryption(b"secret")
    key.write_bytes(loaded.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked))
    with pytest.raises(ValueError, match="not encrypted"):
        org.serve(tls=(certificate, key))


async def test_both_twins_speak_to_it(org: LocalOrg) -> None:
    with org.serve(tls=True) as server:
        grant = ClientCredentials(server.client_id, server.client_secret)
        transport = RequestsTransport(ca_bundle=server.certificate, proxy=None)
        with closing(transport), Salesforce(server.url, grant, transport=transport) as sf:
            account = sf.sobject.create("Account", {"Name": "A"})
        async_transport = AiohttpTransport(ca_bundle=server.certificate, proxy=None)
        async with (
            aclosing(async_transport),
            AsyncSalesforce(server.url, grant, transport=async_transport) as async_sf,
        ):
            assert (await async_sf.sobject.get("Account", account))["Name"] == "A"
