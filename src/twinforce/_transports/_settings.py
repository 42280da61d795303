"""What both transports let their users set: the proxy, the trusted certificates, the pool."""

from __future__ import annotations

import base64
import functools
import ipaddress
import os
import re
import ssl
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote

import attrs
import certifi

from ..errors import ConnectError
from ._exchange import Origin

_PROXY = re.compile(
    r"(?P<scheme>https?://)(?:(?P<user>[^:@/?#]*)(?::(?P<password>[^/?#]*))?@)?"
    r"(?P<netloc>(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?)/?"
)
POOL_SIZE = 100  # as aiohttp's own default; connections are made as they are needed
_CA_BUNDLE_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@attrs.frozen
class Proxy:
    """A proxy: its URL without credentials, and what to say in Proxy-Authorization, if anything."""

    url: str
    authorization: str | None = attrs.field(default=None, repr=False)

    @classmethod
    def parse(cls, url: str) -> Proxy:
        """Read a proxy URL such as ``http://user:password@proxy.example:3128``.

        Raises ValueError, without showing the URL, which may hold a password.
        """
        parts = _PROXY.fullmatch(url)
        if parts is None:
            raise ValueError(
                "a proxy must look like http://host:port or https://user:password@host:port, "
                "with special characters of the password percent-encoded (SOCKS is not supported)"
            )
        address = parts["scheme"] + parts["netloc"]
        if parts["user"] is None:
            return cls(address)
        credentials = f"{unquote(parts['user'])}:{unquote(parts['password'] or '')}"
        encoded = base64.b64encode(credentials.encode()).decode()
        return cls(address, f"Basic {encoded}")


@attrs.frozen
class Settings:
    """The settings of one transport, checked. The environment is read once, here."""

    proxy: Proxy | None
    ca_bundle: Path | None
    bundle_context: ssl.SSLContext | None = attrs.field(repr=False)
    pool_size: int
    trust_env: bool
    environment_proxies: Mapping[str, str] = attrs.field(repr=False)

    @classmethod
    def checked(
        cls,
        *,
        proxy: str | None,
        ca_bundle: str | os.PathLike[str] | None,
        pool_size: int,
        trust_env: bool,
    ) -> Settings:
        """Check the parameters of a transport. Raises ValueError or TypeError."""
        if proxy is not None and not isinstance(proxy, str):
            raise TypeError(f"proxy must be a URL as str, not {type(proxy).__name__}")
        if ca_bundle is not None and not isinstance(ca_bundle, str | os.PathLike):
            raise TypeError(f"ca_bundle must be a path, not {type(ca_bundle).__name__}")
        if not isinstance(pool_size, int) or isinstance(pool_size, bool):
            raise TypeError(f"pool_size must be an int, not {type(pool_size).__name__}")
        if pool_size < 1:
            raise ValueError(f"pool_size must be at least 1 connection, not {pool_size}")
        if not isinstance(trust_env, bool):
            raise TypeError(f"trust_env must be True or False, not {type(trust_env).__name__}")
        name, bundle = _find_ca_bundle(ca_bundle, trust_env=trust_env)
        return cls(
            proxy=None if proxy is None else Proxy.parse(proxy),
            ca_bundle=bundle,
            bundle_context=None if bundle is None else _load(name, bundle),
            pool_size=pool_size,
            trust_env=trust_env,
            environment_proxies=urllib.request.getproxies_environment() if trust_env else {},
        )

    def __str__(self) -> str:
        """Show the parameters as they were given, but for the credentials of the proxy."""
        proxy = self.proxy and self.proxy.url
        if self.proxy and self.proxy.authorization:
            proxy = self.proxy.url.replace("://", "://***@")
        ca_bundle = self.ca_bundle and str(self.ca_bundle)
        return (
            f"proxy={proxy!r}, ca_bundle={ca_bundle!r}, "
            f"pool_size={self.pool_size}, trust_env={self.trust_env}"
        )

    def proxy_for(self, origin: Origin) -> Proxy | None:
        """Find the proxy on the way to *origin*; this machine itself needs none by default.

        Raises ConnectError if the environment names something that is not an HTTP proxy.
        """
        if self.proxy is not None:
            return self.proxy
        found = self.environment_proxies.get(origin.scheme) or self.environment_proxies.get("all")
        if not found or _is_loopback(origin.host) or _is_exempt(origin, self.environment_proxies):
            return None
        try:
            return Proxy.parse(found if "://" in found else f"http://{found}")
        except ValueError as error:
            raise ConnectError(
                f"no connection to {origin}: {origin.scheme}_proxy or all_proxy in the environment "
                f"cannot be used, since {error}; correct it, name the host in no_proxy, or pass "
                "trust_env=False; nothing was sent"
            ) from None

    def tls(self) -> ssl.SSLContext:
        """Return the TLS context: it trusts the bundle, or the system's and certifi's roots."""
        return self.bundle_context or _default_context()


def _find_ca_bundle(
    given: str | os.PathLike[str] | None, *, trust_env: bool
) -> tuple[str, Path | None]:
    if given is not None:
        if not os.fspath(given):
            raise ValueError("ca_bundle is empty; leave it out to trust the system's certificates")
        return "ca_bundle", Path(given)
    for variable in _CA_BUNDLE_VARIABLES if trust_env else ():
        if path := os.environ.get(variable):
            return f"the environment variable {variable}", Path(path)
    return "", None


def _load(name: str, bundle: Path) -> ssl.SSLContext:
    try:
        return _bundle_context(bundle, bundle.stat().st_mtime_ns)
    except OSError as error:
        raise ValueError(
            f"{name} must name a file of CA certificates in PEM form, or a directory of them as "
            f"openssl rehash makes it; {str(bundle)!r} is not ({error.strerror or error})"
        ) from error


# Loading certificates takes about 20 ms, and many clients may be made in one process.
@functools.lru_cache(maxsize=8)
def _bundle_context(bundle: Path, modified: int) -> ssl.SSLContext:
    del modified  # only tells a file from the one that replaced it
    if bundle.is_dir():
        return _for_http(ssl.create_default_context(capath=bundle))
    return _for_http(ssl.create_default_context(cafile=bundle))


@functools.cache
def _default_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return _for_http(context)


def _for_http(context: ssl.SSLContext) -> ssl.SSLContext:
    context.set_alpn_protocols(["http/1.1"])
    context.sslsocket_class = _Socket
    return context


class _Socket(ssl.SSLSocket):
    """A socket that Ctrl-C within its handshake closes too: nobody else holds it by then."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


def _is_exempt(origin: Origin, proxies: Mapping[str, str]) -> bool:
    # The type stubs do not know this function, which is as old as getproxies_environment.
    bypass = urllib.request.proxy_bypass_environment  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue]
    return bool(bypass(f"{origin.host}:{origin.port}", proxies))


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
