"""The local org behind the seam of the clients: requests are answered in process, by no socket."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import attrs

from ..._core.http import Request, Response
from ...errors import TransportError

if TYPE_CHECKING:
    from ..org import LocalOrg


_reading = threading.Lock()


def _whole(request: Request) -> Request:
    """Read the body of *request*; several may read the same file, so one does at a time."""
    try:
        with _reading:
            return attrs.evolve(request, body=request.content)
    except Exception as error:
        raise TransportError(
            f"the data to send cannot be read: {error}; nothing was executed", sent=False
        ) from error


class LocalTransport:
    """A :class:`twinforce.Transport` to a local org, which stays open when this is closed."""

    def __init__(self, org: LocalOrg) -> None:
        self._org = org

    def send(self, request: Request, /) -> Response:
        return self._org.handle(_whole(request))

    def close(self) -> None:
        """Nothing to close: the org belongs to whoever made it."""


class AsyncLocalTransport:
    """A :class:`twinforce.AsyncTransport` to a local org, which stays open when this is closed.

    An answer takes SQLite some microseconds, so it is not worth a thread.
    """

    def __init__(self, org: LocalOrg) -> None:
        self._org = org

    async def send(self, request: Request, /) -> Response:
        return self._org.handle(_whole(request))

    async def aclose(self) -> None:
        """Nothing to close: the org belongs to whoever made it."""
