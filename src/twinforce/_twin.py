"""The few places where waiting differs: each async name beside its blocking twin."""

from __future__ import annotations

import asyncio
import inspect
import queue
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from contextvars import copy_context
from typing import TypeAlias, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")

AsyncSleep: TypeAlias = Callable[[float], Awaitable[None]]
Sleep: TypeAlias = Callable[[float], None]
async_sleep: AsyncSleep = asyncio.sleep
sleep: Sleep = time.sleep
clock: Callable[[], float] = time.monotonic

_HEARING = 0.2  # seconds for which waiting for a thread may be deaf to Ctrl-C, as on Windows it is


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


class AsyncCrew:
    """Does a piece of work for each of many items, for some of them at once.

    After an error no further item is begun; those that were begun are done, and the first error is
    raised. When it is cancelled, so is what was begun, and that ends first.
    """

    async def run(
        self, work: Callable[[T], Awaitable[None]], items: Iterator[T], *, at_once: int
    ) -> None:
        """Do *work* for each of *items*, taking one whenever somebody is free."""
        errors: list[BaseException] = []

        async def serve() -> None:
            try:
                while not errors and (item := next(items, None)) is not None:
                    await work(item)
            except BaseException as error:
                errors.append(error)
                if not isinstance(error, Exception):
                    raise

        if at_once == 1:
            await serve()
        else:
            await asyncio.gather(*(serve() for _ in range(at_once)), return_exceptions=True)
        if errors:
            raise errors[0]


class Crew:
    """Does a piece of work for each of many items, for some of them at once, in threads.

    After an error no further item is begun; those that were begun are done, and the first error is
    raised. An interruption (Ctrl-C) cannot reach the threads: it is raised at once, they end what
    they began, and the next run waits for that.
    """

    def __init__(self) -> None:
        # Those that work: each puts itself in and takes itself out, in one step. Thread.join does
        # not serve here: up to Python 3.12, one that was interrupted takes the thread for ended.
        self._threads: dict[threading.Thread, None] = {}
        self._ended = queue.SimpleQueue[None]()

    def run(self, work: Callable[[T], None], items: Iterator[T], *, at_once: int) -> None:
        """Do *work* for each of *items*, taking one whenever somebody is free."""
        while self._threads:
            if threading.current_thread() in self._threads:
                raise RuntimeError("a thread of the crew cannot wait for itself to end")
            self._hear(self._ended)
        if at_once == 1:
            for each in items:
                work(each)
        else:
            self._run_in_threads(work, items, at_once)

    def _run_in_threads(self, work: Callable[[T], None], items: Iterator[T], at_once: int) -> None:
        errors: list[BaseException] = []
        turn = threading.Lock()
        ended = self._ended = queue.SimpleQueue[None]()
        at_work = 0

        def take() -> T | None:
            with turn:
                return next(items, None)

        def serve(item: T | None) -> None:
            # In this order, who was interrupted waits for it, or it sees that and does nothing.
            self._threads[threading.current_thread()] = None
            try:
                while item is not None and not errors:
                    work(item)
                    item = take()
            except BaseException as error:  # noqa: BLE001 - raised below
                errors.append(error)
            finally:
                del self._threads[threading.current_thread()]
                ended.put(None)

        try:
            try:
                for _ in range(at_once):
                    if errors or (item := take()) is None:
                        break
                    # Daemons, since an interrupted program should not wait for them to end.
                    thread = threading.Thread(
                        target=copy_context().run, args=(serve, item), name="twinforce", daemon=True
                    )
                    # Interrupted while it starts, it may begin, or never.
                    thread.start()
                    at_work += 1
            except Exception as error:  # noqa: BLE001 - no more threads, say; raised below
                errors.append(error)
            while at_work:
                at_work -= self._hear(ended)
        except BaseException as interruption:
            errors.append(interruption)
            raise
        if errors:
            raise errors[0]

    def _hear(self, ended: queue.SimpleQueue[None]) -> bool:
        """Wait a while for a thread to end; tell whether one did."""
        with suppress(queue.Empty):
            ended.get(timeout=_HEARING)
            return True
        return False


async def async_outcome(value: T | Awaitable[T]) -> T:
    """Give what a user's function returned, once it is there."""
    if isinstance(value, Awaitable):
        result: T = await value
        return result
    return value


def outcome(value: T) -> T:
    """Give what a user's function returned; it must not be something to wait for."""
    if inspect.iscoroutine(value):
        value.close()
    if inspect.isawaitable(value):
        raise TypeError("it returned an awaitable, for which only AsyncSalesforce waits")
    return value


def async_serves(function: object) -> bool:
    """Tell whether *function* can be called by the twin: it may be a coroutine function."""
    return callable(function)


def serves(function: object) -> bool:
    """Tell whether *function* can be called by the twin: a coroutine function cannot."""
    is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - of an object, to see what it is
    )
    return callable(function) and not is_async
