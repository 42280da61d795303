"""The HTTP libraries: requests for blocking code, aiohttp for async code, held to one contract.

Neither is loaded before its transport is made, so that nobody pays for the other one.
"""

from __future__ import annotations

from .._core.http import AsyncTransport, Transport


def default_transport() -> Transport:
    """Make the transport that a blocking client uses when it is given none."""
    from ._requests import RequestsTransport

    return RequestsTransport()


def default_async_transport() -> AsyncTransport:
    """Make the transport that an async client uses when it is given none."""
    from ._aiohttp import AiohttpTransport

    return AiohttpTransport()
