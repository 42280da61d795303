"""A file that several read at once, if they are let."""

from __future__ import annotations

import threading
from io import BytesIO

LONG_ENOUGH = 0.3  # seconds in which another would come, if nothing kept it
FAR = 100_000  # bytes from the start


class SharedFile(BytesIO):
    """Who first reads far from its start waits, once, until another moves it away from under."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._first: int | None = None
        self._moved = threading.Event()

    def seek(self, offset: int, whence: int = 0, /) -> int:
        place = super().seek(offset, whence)
        if self._first not in (None, threading.get_ident()):
            self._moved.set()
        return place

    def read(self, size: int | None = -1, /) -> bytes:
        if self._first is None and self.tell() > FAR:
            self._first = threading.get_ident()
            self._moved.wait(LONG_ENOUGH)
        return super().read(size)
