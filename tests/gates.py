"""Where the threads of a server, and what is tested, wait for each other; nowhere for ever."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.server import PATIENCE


class Gate:
    """Is closed until somebody opens it."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.open = self._event.set

    def wait(self) -> None:
        assert self._event.wait(PATIENCE), "nobody opened the gate"


class Meeting:
    """Nobody gets in until as many have come as are *expected*; then all do, as do all later.

    Counts who is in, from ``with`` to its end.
    """

    def __init__(self, expected: int) -> None:
        self._expected = expected
        self._came = 0
        self._present = 0
        self._changed = threading.Condition()
        self.most_at_once = 0

    def __enter__(self) -> None:
        with self._changed:
            self._came += 1
            self._present += 1
            self.most_at_once = max(self.most_at_once, self._present)
            self._changed.notify_all()
            complete = self._changed.wait_for(lambda: self._came >= self._expected, PATIENCE)
            assert complete, f"{self._came} of {self._expected} have come"

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._present -= 1


class Queue:
    """Lets numbered ones through in a certain order."""

    def __init__(self, order: Sequence[int]) -> None:
        self._order = list(order)
        self._changed = threading.Condition()

    @contextmanager
    def place(self, number: int) -> Iterator[None]:
        with self._changed:
            is_next = self._changed.wait_for(lambda: self._order[0] == number, PATIENCE)
            assert is_next, f"{number} waits, and {self._order} are before it"
        yield
        with self._changed:
            del self._order[0]
            self._changed.notify_all()
