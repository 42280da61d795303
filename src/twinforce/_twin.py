"""The few places where waiting differs: each async name beside its blocking twin."""

from __future__ import annotations

import asyncio
import threading
from weakref import WeakKeyDictionary


class AsyncLock:
    """A lock for ``async with`` that serves one event loop after the other.

    An :class:`asyncio.Lock` belongs to the loop in which somebody first waited for it, and a client
    may live longer than that loop.
    """

    def __init__(self) -> None:
        self._locks = WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock]()

    def _here(self) -> asyncio.Lock:
        return self._locks.setdefault(asyncio.get_running_loop(), asyncio.Lock())

    async def __aenter__(self) -> None:
        await self._here().acquire()

    async def __aexit__(self, *_: object) -> None:
        self._here().release()


Lock = threading.Lock
