"""What tests need of waiting, each async name beside its blocking twin."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from twinforce import Request, Response

T = TypeVar("T")

async_crowd = 200
"""How many use one client at once: tasks."""

crowd = 50
"""How many use one client at once: threads."""


async def async_together(call: Callable[[], Awaitable[T]], times: int) -> list[T | BaseException]:
    """Make *call* many times at once; give each result, or the exception in its place."""
    return await asyncio.gather(*(call() for _ in range(times)), return_exceptions=True)


def together(call: Callable[[], T], times: int) -> list[T | BaseException]:
    """Make *call* many times at once; give each result, or the exception in its place."""
    with ThreadPoolExecutor(times) as pool:
        futures = [pool.submit(call) for _ in range(times)]
    return [future.exception() or future.result() for future in futures]


class AsyncAnswers:
    """A transport that gives the answers it was made with, or raises them."""

    def __init__(self, *answers: Response | BaseException) -> None:
        self._answers = list(answers)

    async def send(self, request: Request, /) -> Response:
        return given(self._answers.pop(0))

    async def aclose(self) -> None:
        pass


class Answers:
    """A transport that gives the answers it was made with, or raises them."""

    def __init__(self, *answers: Response | BaseException) -> None:
        self._answers = list(answers)

    def send(self, request: Request, /) -> Response:
        return given(self._answers.pop(0))

    def close(self) -> None:
        pass


def given(answer: Response | BaseException) -> Response:
    if isinstance(answer, BaseException):
        raise answer
    return answer


class AsyncPauses:
    """A ``sleep`` that takes no time, and notes how long it should have taken."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


class Pauses:
    """A ``sleep`` that takes no time, and notes how long it should have taken."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


class Arrivals:
    """Lets a server wait until as many calls have begun as a test makes."""

    def __init__(self, expected: int) -> None:
        self._expected = expected
        self._begun = threading.Semaphore(0)

    def arrive(self) -> None:
        self._begun.release()

    def wait(self) -> None:
        for _ in range(self._expected):
            assert self._begun.acquire(timeout=5), "not all calls have begun"
        self._expected = 0
