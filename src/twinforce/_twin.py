"""The few places where waiting differs: each async name beside its blocking twin."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
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
        errors: list[Exception] = []

        async def serve() -> None:
            while not errors and (item := next(items, None)) is not None:
                try:
                    await work(item)
                except Exception as error:  # noqa: BLE001 - raised below
                    errors.append(error)

        if at_once == 1:
            await serve()
        else:
            done = await asyncio.gather(*(serve() for _ in range(at_once)), return_exceptions=True)
            for interruption in filter(None, done):
                raise interruption
        if errors:
            raise errors[0]


class Crew:
    """Does a piece of work for each of many items, for some of them at once, in threads.

    After an error no further item is begun; those that were begun are done, and the first error is
    raised. An interruption (Ctrl-C) cannot reach the threads: it is raised at once, they end what
    they began, and the next run waits for that.
    """

    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []

    def run(self, work: Callable[[T], None], items: Iterator[T], *, at_once: int) -> None:
        """Do *work* for each of *items*, taking one whenever somebody is free."""
        self._join()
        if at_once == 1:
            for each in items:
                work(each)
            return
        errors: list[BaseException] = []
        turn = threading.Lock()

        def take() -> T | None:
            with turn:
                return None if errors else next(items, None)

        def serve(item: T | None) -> None:
            while item is not None:
                try:
                    work(item)
                except BaseException as error:  # noqa: BLE001 - raised below
                    errors.append(error)
                item = take()

        try:
            while len(self._threads) < at_once and (item := take()) is not None:
                # Daemons, since an interrupted program should not wait for them to end.
                thread = threading.Thread(
                    target=copy_context().run, args=(serve, item), name="twinforce", daemon=True
                )
                self._threads.append(thread)
                thread.start()
            self._join()
        except BaseException as interruption:
            errors.append(interruption)
            raise
        if errors:
            raise errors[0]

    def _join(self) -> None:
        while self._threads:
            thread = self._threads[-1]
            if thread.ident is not None:  # an interruption may have kept it from starting
                thread.join(_HEARING)
            if not thread.is_alive():
                self._threads.pop()


async def async_outcome(value: T | Awaitable[T]) -> T:
    """Give what a user's function returned, once it is there."""
    return await value if inspect.isawaitable(value) else value


def outcome(value: T) -> T:
    """Give what a user's function returned."""
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
