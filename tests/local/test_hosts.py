"""Hosts, in all the ways that they can be written."""

from __future__ import annotations

import pytest

from twinforce.local.server.hosts import (
    as_seen_here,
    in_full,
    in_url,
    is_everywhere,
    is_this_machine,
)


@pytest.mark.parametrize(
    ("host", "full", "seen"),
    [
        ("0", "0.0.0.0", "127.0.0.1"),
        ("0x0", "0.0.0.0", "127.0.0.1"),
        ("0.0.0.0", "0.0.0.0", "127.0.0.1"),
        ("0:0:0:0:0:0:0:0", "::", "[::1]"),
        ("::", "::", "[::1]"),
    ],
)
def test_everywhere_is_here_too(host: str, full: str, seen: str) -> None:
    assert in_full(host) == full
    assert in_url(as_seen_here(host)) == seen
    assert is_everywhere(host)
    assert not is_this_machine(host)


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("127.0.0.2", "127.0.0.2"),
        ("::1", "[::1]"),
        ("0:0:0:0:0:0:0:1", "[::1]"),
        ("localhost", "localhost"),
        ("LOCALHOST", "LOCALHOST"),
    ],
)
def test_these_are_this_machine(host: str, shown: str) -> None:
    assert in_url(as_seen_here(host)) == shown
    assert is_this_machine(host)
    assert not is_everywhere(host)


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("fade", "fade"),
        ("example.com", "example.com"),
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8::1", "[2001:db8::1]"),
        ("1.2.3.4.5", "1.2.3.4.5"),
    ],
)
def test_others_may_reach_these(host: str, shown: str) -> None:
    assert in_url(as_seen_here(host)) == shown
    assert not is_this_machine(host)
    assert not is_everywhere(host)
