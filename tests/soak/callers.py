"""Who executes a batch, and can be interrupted while it does: async name beside blocking twin."""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
import time
import warnings
from collections.abc import Awaitable, Callable
from types import FrameType

_PATIENCE = 10.0


class Interruption(BaseException):
    """As KeyboardInterrupt, which would end the whole run."""


class AsyncCaller:
    """Calls in a task of its own, which can be cancelled."""

    def __init__(self) -> None:
        self._task: asyncio.Future[None] | None = None
        self.cut = False

    async def call(
        self, function: Callable[[], Awaitable[None]], *, interrupt_after: float | None
    ) -> BaseException | None:
        """Call *function*, cancel it after some seconds, and give what it raised.

        *cut* tells afterwards whether it was cancelled because of the time.
        """
        self.cut = False
        self._task = asyncio.ensure_future(function())
        timer = None
        if interrupt_after is not None:
            timer = asyncio.get_running_loop().call_later(interrupt_after, self._cut)
        await asyncio.wait([self._task])
        if timer is not None:
            timer.cancel()
        if self._task.cancelled():
            return asyncio.CancelledError()
        return self._task.exception()

    async def interrupt(self) -> None:
        """Cancel what is called; it comes out of here or of the next wait."""
        assert self._task is not None
        self._task.cancel()
        await asyncio.sleep(0)

    async def pause(self) -> None:
        """Let others go on."""
        await asyncio.sleep(0)

    async def settle(self) -> None:
        """Wait for what goes on although the call was interrupted: nothing but closing sockets."""
        for _ in range(3):
            await asyncio.sleep(0)

    def _cut(self) -> None:
        assert self._task is not None
        self.cut = self._task.cancel()


class Caller:
    """Calls in the main thread, which a signal can interrupt at any moment, as Ctrl-C does."""

    def __init__(self) -> None:
        self.cut = False
        self._armed = False
        self._rest = threading.Event()

    def call(
        self, function: Callable[[], None], *, interrupt_after: float | None
    ) -> BaseException | None:
        """Call *function*, interrupt it after some seconds, and give what it raised.

        *cut* tells afterwards whether it was interrupted because of the time.
        """
        self.cut = False
        if interrupt_after is None:
            return _raised_by(function)
        with warnings.catch_warnings():
            # A socket that is struck before anybody remembers it is left to the garbage collector.
            warnings.simplefilter("ignore", ResourceWarning)
            error = self._interrupted(function, interrupt_after)
            if self.cut and error is not None:
                error.__traceback__ = error.__context__ = None
                gc.collect()
        return error

    def _interrupted(self, function: Callable[[], None], after: float) -> BaseException | None:
        before = signal.signal(signal.SIGALRM, self._cut)
        try:
            self._armed = True
            signal.setitimer(signal.ITIMER_REAL, after)
            return _raised_by(function)
        except Interruption as late:  # it came when the function had just ended
            return late
        finally:
            self._armed = False
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    def interrupt(self) -> None:
        """Interrupt what is called."""
        raise Interruption

    def pause(self) -> None:
        """Let others go on: threads do that on their own."""

    def settle(self) -> None:
        """Wait for the threads that go on although the call was interrupted.

        Not by join: up to Python 3.12, one that was interrupted takes the thread for ended.
        """
        until = time.monotonic() + _PATIENCE
        while any(_is_at_work(thread) for thread in threading.enumerate()):
            assert time.monotonic() < until, "threads go on"
            self._rest.wait(0.001)

    def _cut(self, signal_number: int, frame: FrameType | None) -> None:
        if self._armed:
            self._armed = False
            self.cut = True
            raise Interruption


def _raised_by(function: Callable[[], None]) -> BaseException | None:
    try:
        function()
    except BaseException as error:  # noqa: BLE001 - interruptions are what the soak is about
        return error
    return None


def _is_at_work(thread: threading.Thread) -> bool:
    """Whether *thread* is one of a batch; one whose start was interrupted may never begin."""
    return thread.name == "twinforce" and thread.is_alive()
