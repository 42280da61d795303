"""A crew whose caller is interrupted while it starts a thread does not wait for it for ever."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from types import FrameType
from typing import Any

import pytest

from tests.server import PATIENCE
from twinforce._twin import Crew

A_MOMENT = 0.05  # seconds, in which nothing may happen


class Interruption(BaseException):
    """As KeyboardInterrupt, which a test cannot raise without ending the run."""


class Tracer:
    """Interrupts the start of a thread: once it is locked, so that the thread never gets further."""

    def __init__(self) -> None:
        self.is_starting = False
        self.left_locked: threading.Condition | None = None

    def __call__(self, frame: FrameType, event: str, _: object) -> Any:
        code = frame.f_code
        if not code.co_filename.endswith("threading.py"):
            return None
        if code is threading.Thread.start.__code__:
            self.is_starting = True
        elif self.is_starting and event == "return" and code.co_name == "__enter__":
            self.left_locked = frame.f_locals["self"]
            sys.settrace(None)
            raise Interruption
        return self


def test_a_thread_that_never_began_is_not_waited_for() -> None:
    crew, done, tracer = Crew(), Counter[int](), Tracer()

    def work(item: int) -> None:
        done[item] += 1

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        with pytest.raises(Interruption):
            crew.run(work, iter([1, 2]), at_once=2)
    finally:
        sys.settrace(before)
    assert tracer.left_locked is not None

    again = threading.Thread(
        target=crew.run, args=(work, iter([3, 4])), kwargs={"at_once": 2}, daemon=True
    )
    again.start()
    again.join(PATIENCE)
    is_stuck = again.is_alive()
    tracer.left_locked.release()
    again.join(PATIENCE)
    assert not is_stuck, "it waited for a thread that never began"
    assert done == Counter([3, 4])


def test_a_thread_that_works_although_its_start_was_interrupted_is_waited_for() -> None:
    crew, began, goes_on = Crew(), threading.Event(), threading.Event()
    order: list[str] = []

    def work(item: str) -> None:
        if item == "first":
            began.set()
            assert goes_on.wait(PATIENCE)
        order.append(item)

    class Slow(threading.Thread):
        """A thread whose start is interrupted when it has begun its work."""

        def start(self) -> None:
            super().start()
            assert began.wait(PATIENCE)
            raise Interruption

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Interruption):
        patch.setattr(threading, "Thread", Slow)
        crew.run(work, iter(["first", "never"]), at_once=2)
    again = threading.Thread(target=crew.run, args=(work, iter(["second"])), kwargs={"at_once": 2})
    again.start()
    again.join(A_MOMENT)
    assert order == []
    goes_on.set()
    again.join(PATIENCE)
    assert order == ["first", "second"]


def test_a_thread_that_begins_after_the_interruption_does_nothing() -> None:
    crew, late, done = Crew(), list[threading.Thread](), list[int]()

    class Late(threading.Thread):
        """A thread that begins some time after its start was interrupted."""

        def start(self) -> None:
            late.append(self)
            raise Interruption

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Interruption):
        patch.setattr(threading, "Thread", Late)
        crew.run(done.append, iter([1, 2]), at_once=2)
    for thread in late:
        threading.Thread.start(thread)
        thread.join(PATIENCE)
    crew.run(done.append, iter([3]), at_once=2)
    assert (len(late), done) == (1, [3])


def test_a_thread_of_the_crew_does_not_wait_for_itself() -> None:
    crew = Crew()

    def again(_: int) -> None:
        crew.run(again, iter([1]), at_once=1)

    with pytest.raises(RuntimeError, match="cannot wait for itself"):
        crew.run(again, iter([1, 2]), at_once=2)
