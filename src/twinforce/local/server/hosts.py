"""Where a server listens: the names and addresses of this machine."""

from __future__ import annotations

import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

_SHORT_IPV4: Final = re.compile(r"[0-9A-Fa-fxX.]+", re.ASCII)
_LOOPBACK: Final = {4: "127.0.0.1", 6: "::1"}


def in_full(host: str) -> str:
    """Return an address as it is usually written, such as 0.0.0.0 for 0; a name as it is."""
    if _SHORT_IPV4.fullmatch(host):
        try:
            return socket.inet_ntoa(socket.inet_aton(host))
        except OSError:
            return host
    address = _address(host)
    return host if address is None else address.compressed


def is_everywhere(host: str) -> bool:
    """Whether who listens at *host* listens at all addresses of this machine."""
    address = _address(in_full(host))
    return address is not None and address.is_unspecified


def is_this_machine(host: str) -> bool:
    """Whether only this machine can reach who listens at *host*."""
    address = _address(in_full(host))
    return host.lower() == "localhost" if address is None else address.is_loopback


def as_seen_here(host: str) -> str:
    """Return where this machine reaches who listens at *host*."""
    address = _address(in_full(host))
    return (
        in_full(host) if address is None or not is_everywhere(host) else _LOOPBACK[address.version]
    )


def in_url(host: str) -> str:
    """Write *host* as it stands in a URL: addresses of IPv6 in brackets."""
    address = _address(host)
    return host if address is None or address.version == 4 else f"[{host}]"


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
