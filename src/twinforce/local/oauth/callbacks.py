"""Callback URLs, to which browsers take authorization codes.

Where a client sends one that not all read alike (a backslash, a space, a line end), a code would go
elsewhere than to what was checked; so a URL is taken as the whole text that it is, or not at all.

Source: RFC 3986, section 2; RFC 6749, section 3.1.2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

_CHARACTER: Final = r"(?:[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})"
_URL: Final = re.compile(rf"[A-Za-z][A-Za-z0-9+.-]*:{_CHARACTER}+", re.ASCII)
_LOOPBACK: Final = re.compile(
    rf"https?://(?:localhost|127\.0\.0\.1|\[::1\])(?::([0-9]{{1,5}}))?(?:[/?]{_CHARACTER}*)?",
    re.ASCII | re.IGNORECASE,
)
_LAST_PORT: Final = 65_535


def is_callback(url: str) -> bool:
    """Whether *url* is a whole URL without a fragment, of any scheme."""
    return _URL.fullmatch(url) is not None


def is_on_this_machine(url: str) -> bool:
    """Whether *url* is one of http or https, and leads to this machine, whoever reads it."""
    match = _LOOPBACK.fullmatch(url)
    return match is not None and int(match[1] or 0) <= _LAST_PORT


def with_parameters(url: str, parameters: Mapping[str, str]) -> str:
    """Return the callback *url* with *parameters* behind those that it has."""
    joint = "?" if "?" not in url else "" if url.endswith(("?", "&")) else "&"
    return f"{url}{joint}{urlencode(parameters)}"
