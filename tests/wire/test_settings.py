"""Settings are checked when a transport is made, and shown without what is secret."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.server import ScriptedServer
from tests.wire.clients import MakeClient, request


def test_the_repr_shows_the_settings_without_the_password(
    make_client: MakeClient, ca_bundle: Path
) -> None:
    made = make_client(proxy="http://user:pass-word@proxy.test:3128/", ca_bundle=str(ca_bundle))

    assert repr(made.transport) == (
        f"{type(made.transport).__name__}(proxy='http://***@proxy.test:3128', "
        f"ca_bundle={str(ca_bundle)!r}, pool_size=100, trust_env=True)"
    )


def test_the_repr_of_the_default(make_client: MakeClient) -> None:
    assert repr(make_client(proxy="http://[::1]:3128").transport).endswith(
        "Transport(proxy='http://[::1]:3128', ca_bundle=None, pool_size=100, trust_env=True)"
    )


def test_the_size_of_the_pool_can_be_asked_and_not_changed(make_client: MakeClient) -> None:
    assert make_client().transport.pool_size == 100
    assert make_client(pool_size=7).transport.pool_size == 7
    with pytest.raises(AttributeError):
        make_client().transport.pool_size = 8


@pytest.mark.parametrize(
    "proxy",
    [
        "proxy.test:3128",
        "socks5://user:pass-word@proxy.test",
        "http://",
        "http://user:pass-word@",
        "http://proxy.test/path",
        "http://proxy.test:99999999",
        "http://p?x=1",
        "",
    ],
)
def test_a_proxy_that_is_no_http_proxy_is_refused(make_client: MakeClient, proxy: str) -> None:
    with pytest.raises(ValueError, match="a proxy must look like http://host:port") as caught:
        make_client(proxy=proxy)

    assert "pass-word" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "kind", "message"),
    [
        ({"proxy": b"http://p"}, TypeError, "proxy must be a URL as str, not bytes"),
        ({"proxy": {"https": "http://p"}}, TypeError, "proxy must be a URL as str, not dict"),
        ({"pool_size": 0}, ValueError, "pool_size must be at least 1 connection, not 0"),
        ({"pool_size": 2.0}, TypeError, "pool_size must be an int, not float"),
        ({"pool_size": True}, TypeError, "pool_size must be an int, not bool"),
        ({"trust_env": "no"}, TypeError, "trust_env must be True or False, not str"),
        ({"ca_bundle": False}, TypeError, "ca_bundle must be a path, not bool"),
        ({"ca_bundle": ""}, ValueError, "ca_bundle is empty"),
        ({"ca_bundle": "/no/such.pem"}, ValueError, "'/no/such.pem' is not"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(
    make_client: MakeClient, settings: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        make_client(**settings)


def test_a_bundle_without_certificates_is_refused(make_client: MakeClient, tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("no certificates\n", encoding="ascii")

    with pytest.raises(ValueError, match="ca_bundle must name a file of CA certificates in PEM"):
        make_client(ca_bundle=empty)


def test_a_bundle_of_the_environment_that_is_missing_is_refused_by_its_name(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such.pem")

    with pytest.raises(ValueError, match="the environment variable REQUESTS_CA_BUNDLE must name"):
        make_client()


def test_a_bundle_that_was_replaced_is_loaded_anew(
    make_client: MakeClient, tls_server: ScriptedServer, ca_bundle: Path, tmp_path: Path
) -> None:
    import os

    import trustme

    path = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(path)
    os.utime(path, ns=(1, 1))
    make_client(ca_bundle=path)
    path.write_bytes(ca_bundle.read_bytes())

    assert make_client(ca_bundle=path).send(request(tls_server.url)).status_code == 200


def test_a_context_is_loaded_once_for_all_transports(
    make_client: MakeClient, ca_bundle: Path
) -> None:
    from twinforce._transports._settings import Settings

    def context(bundle: Path | None) -> object:
        settings = Settings.checked(proxy=None, ca_bundle=bundle, pool_size=1, trust_env=True)
        return settings.tls()

    assert context(None) is context(None)
    assert context(ca_bundle) is context(ca_bundle)
    assert context(ca_bundle) is not context(None)


IMPORTS = """
import sys
import twinforce, twinforce._transports
{use}
print(sorted({{"requests", "urllib3", "aiohttp"}} & set(sys.modules)))
"""


@pytest.mark.parametrize(
    ("use", "loaded"),
    [
        ("", []),
        ("twinforce._transports.default_transport()", ["requests", "urllib3"]),
        ("twinforce._transports.default_async_transport()", ["aiohttp"]),
    ],
)
def test_only_the_library_that_is_used_is_loaded(use: str, loaded: list[str]) -> None:
    command = [sys.executable, "-W", "error", "-c", IMPORTS.format(use=use)]

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert done.stdout == f"{loaded}\n"
