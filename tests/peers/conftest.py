"""The served org, ways to it for clients that only know salesforce.com, and a key to sign with.

`nox -s peers` installs the clients. Those that speak only to ``https://…salesforce.com`` are
given a transport of their HTTP library that rewrites scheme, host and port, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
import requests
import trustme
from requests.adapters import HTTPAdapter

from twinforce.local import LocalOrg
from twinforce.local.server.web import Server

httpx = pytest.importorskip("httpx")

CONSUMER_KEY = "3MVG9.with_a_certificate"


@pytest.fixture
def server(org: LocalOrg) -> Iterator[Server]:
    with org.serve() as server:
        yield server


class Adapter(HTTPAdapter):
    """Sends what requests would send to salesforce.com to the served org."""

    def __init__(self, server_url: str) -> None:
        super().__init__()
        self.server_url = server_url

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        there = urlsplit(self.server_url)[:2] + urlsplit(str(request.url))[2:]
        request.url = urlunsplit(there)
        return super().send(request, *args, **kwargs)


class HttpxTransport(httpx.HTTPTransport):  # type: ignore[misc, name-defined]
    """Sends what httpx would send to salesforce.com to the served org."""

    def __init__(self, server_url: str) -> None:
        super().__init__()
        self.server_url = httpx.URL(server_url)

    def handle_request(self, request: Any) -> Any:
        there = self.server_url
        request.url = request.url.copy_with(scheme=there.scheme, host=there.host, port=there.port)
        return super().handle_request(request)


class AsyncHttpxTransport(httpx.AsyncHTTPTransport):  # type: ignore[misc, name-defined]
    """Sends what httpx would send to salesforce.com to the served org."""

    def __init__(self, server_url: str) -> None:
        super().__init__()
        self.server_url = httpx.URL(server_url)

    async def handle_async_request(self, request: Any) -> Any:
        there = self.server_url
        request.url = request.url.copy_with(scheme=there.scheme, host=there.host, port=there.port)
        return await super().handle_async_request(request)


@pytest.fixture
def session(server: Server) -> Iterator[requests.Session]:
    """Return a session of requests that leads to the served org."""
    with requests.Session() as session:
        session.mount("https://", Adapter(server.url))
        yield session


@pytest.fixture(scope="session")
def key() -> trustme.LeafCert:
    """Return the private key of a connected app, with its certificate."""
    return trustme.CA().issue_cert("app.example.com", key_type=trustme.KeyType.RSA)


@pytest.fixture
def private_key(key: trustme.LeafCert) -> str:
    return key.private_key_pem.bytes().decode()


@pytest.fixture
def app(org: LocalOrg, key: trustme.LeafCert) -> str:
    """Register a connected app for the JWT bearer flow and return its consumer key."""
    org.add_connected_app(CONSUMER_KEY, certificate=key.cert_chain_pems[0].bytes())
    return CONSUMER_KEY
