"""Ctrl-C in the blocking client: at once, and every state stays true."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from tests.gates import Gate, Meeting
from tests.ledger import Ledger, add_contacts, add_query, numbers
from tests.server import PATIENCE, Decided, Fault, Received, ScriptedServer, Step, reply
from twinforce import (
    AccessToken,
    Batch,
    ClientCredentials,
    Progress,
    Salesforce,
    SubrequestState,
    errors,
    hooks,
)
from twinforce._core.flights import BatchFlight, Execution

PENDING, SUCCEEDED, UNKNOWN = (
    SubrequestState.PENDING,
    SubrequestState.SUCCEEDED,
    SubrequestState.UNKNOWN,
)


class Keyboard:
    """Does what Ctrl-C does, each time once.

    A signal that comes just before the main thread waits for a socket does not end the waiting, in
    any program; whoever sits there presses again. Here, that does not interrupt twice.
    """

    def __init__(self) -> None:
        self._noticed = threading.Event()
        self._noticed.set()

    def press(self) -> None:
        self._noticed.clear()
        os.kill(os.getpid(), signal.SIGINT)
        threading.Thread(target=self._press_again, daemon=True).start()

    def _press_again(self) -> None:
        while not self._noticed.wait(0.05):
            os.kill(os.getpid(), signal.SIGINT)

    def interrupt(self, *_: object) -> None:
        if not self._noticed.is_set():
            self._noticed.set()
            raise KeyboardInterrupt


KEYBOARD = Keyboard()
ctrl_c = KEYBOARD.press


@pytest.fixture(autouse=True)
def _in_a_terminal() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, KEYBOARD.interrupt)
    yield
    signal.signal(signal.SIGINT, before)


@contextmanager
def interrupted() -> Iterator[None]:
    with pytest.raises(KeyboardInterrupt):
        yield


class Answers:
    """A hook that lets a test wait until answers have arrived."""

    def __init__(self) -> None:
        self._count = threading.Semaphore(0)

    def __call__(self, event: hooks.Event) -> None:
        if isinstance(event, hooks.ResponseEvent):
            self._count.release()

    def wait(self, count: int) -> None:
        for _ in range(count):
            assert self._count.acquire(timeout=PATIENCE), "no answer came"


def client(server: ScriptedServer, *watchers: hooks.Hook) -> Salesforce:
    return Salesforce(server.url, AccessToken("A"), retry=None, hooks=watchers)


def states(batch: Batch) -> list[SubrequestState]:
    """Give the state of each request of 25."""
    found = [
        {item.state for item in batch.subrequests[at : at + 25]} for at in range(0, len(batch), 25)
    ]
    return [state for (state,) in found]


def finish(batch: Batch, server: ScriptedServer, ledger: Ledger) -> None:
    """Execute *batch* again, and see that this does all that was not done, and no more."""
    server.always(Decided(lambda request: [ledger.execute(request)]))
    before = [item for item in batch if item.state is UNKNOWN]
    batch.execute()
    assert ledger.agrees_with(batch)
    assert {*states(batch)} <= {SUCCEEDED, UNKNOWN}
    assert set(batch.unknown) <= set(before)
    assert max(ledger.created.values()) == 1


@pytest.mark.parametrize("executed", [True, False])
def test_a_request_in_the_air_is_unknown_and_those_behind_it_are_pending(
    server: ScriptedServer, *, executed: bool
) -> None:
    ledger = Ledger()

    def answered(request: Received) -> Iterator[Step]:
        if 25 not in numbers(request):
            yield ledger.execute(request)
            return
        if executed:
            ledger.execute(request)
        ctrl_c()
        yield Fault.HANG

    server.always(Decided(answered))
    with client(server) as salesforce:
        batch = salesforce.composite.batch()
        add_contacts(batch, 75)
        with interrupted():
            batch.execute()

        assert states(batch) == [SUCCEEDED, UNKNOWN, PENDING]
        assert ledger.agrees_with(batch)
        assert len(server.received) == 2

        finish(batch, server, ledger)
        assert states(batch) == [SUCCEEDED, UNKNOWN, SUCCEEDED]


def test_requests_in_the_air_are_unknown_until_their_answers_arrive(
    server: ScriptedServer,
) -> None:
    ledger, meeting, gate, answers = Ledger(), Meeting(5), Gate(), Answers()

    def answered(request: Received) -> Iterator[Step]:
        with meeting:
            if 50 in numbers(request):
                ctrl_c()
            gate.wait()
            yield ledger.execute(request)

    server.always(Decided(answered))
    with client(server, answers) as salesforce:
        batch = salesforce.composite.batch(concurrency=5)
        add_contacts(batch, 200)
        with interrupted():
            batch.execute()

        assert states(batch) == [UNKNOWN] * 5 + [PENDING] * 3
        assert ledger.agrees_with(batch)

        gate.open()
        answers.wait(5)
        assert states(batch) == [SUCCEEDED] * 5 + [PENDING] * 3
        assert len(server.received) == batch.request_count == 5

        finish(batch, server, ledger)
        assert states(batch) == [SUCCEEDED] * 8
        assert len(server.received) == batch.request_count == 8


def test_the_next_execution_waits_for_the_requests_in_the_air(server: ScriptedServer) -> None:
    # A join() that is interrupted calls the thread ended, on Python 3.11 and 3.12.
    ledger, meeting, gate = Ledger(), Meeting(3), Gate()

    def answered(request: Received) -> Iterator[Step]:
        with meeting:
            if 0 in numbers(request):
                ctrl_c()
            gate.wait()
            yield ledger.execute(request)

    def show(progress: Progress) -> None:
        shown.append(progress)
        if len(shown) == 2:  # the second execution has begun
            threading.Timer(0.05, gate.open).start()

    shown = list[Progress]()
    server.always(Decided(answered))
    with client(server) as salesforce:
        batch = salesforce.composite.batch(concurrency=3, progress=show)
        add_contacts(batch, 100)
        with interrupted():
            batch.execute()
        assert states(batch) == [UNKNOWN] * 3 + [PENDING]

        batch.execute(resend_unknown=True)

    assert states(batch) == [SUCCEEDED] * 4
    assert {*ledger.created.values()} == {1}
    assert len(server.received) == 4


def test_requests_that_fail_after_the_interruption_are_not_tried_again(
    server: ScriptedServer,
) -> None:
    ledger, meeting, gate = Ledger(), Meeting(2), Gate()
    pauses = list[float]()

    def answered(request: Received) -> Iterator[Step]:
        with meeting:
            if 0 in numbers(request):
                ctrl_c()
            gate.wait()
            yield reply(429, b"", [("Retry-After", "30")])

    server.always(Decided(answered))
    answers = Answers()
    with Salesforce(
        server.url, AccessToken("A"), hooks=[answers], sleep=pauses.append
    ) as salesforce:
        batch = salesforce.composite.batch(concurrency=2)
        add_contacts(batch, 75)
        with interrupted():
            batch.execute()
        gate.open()
        answers.wait(2)
        assert states(batch) == [PENDING] * 3

        finish(batch, server, ledger)
        assert states(batch) == [SUCCEEDED] * 3
        assert len(server.received) == 5
        assert pauses == []


def test_a_row_that_was_locked_after_the_interruption_is_left_to_the_next_execution(
    server: ScriptedServer,
) -> None:
    ledger, meeting, gate, answers = Ledger(), Meeting(2), Gate(), Answers()
    ledger.locked[7] = ledger.locked[30] = 1
    pauses = list[float]()

    def answered(request: Received) -> Iterator[Step]:
        with meeting:
            if 0 in numbers(request):
                ctrl_c()
            gate.wait()
            yield ledger.execute(request)

    server.always(Decided(answered))
    with Salesforce(
        server.url, AccessToken("A"), hooks=[answers], sleep=pauses.append
    ) as salesforce:
        batch = salesforce.composite.batch(concurrency=2)
        contacts = add_contacts(batch, 50)
        with interrupted():
            batch.execute()
        gate.open()
        answers.wait(2)

        batch.execute()

    assert states(batch) == [SUCCEEDED] * 2
    assert [numbers(request) for request in server.received[2:]] == [[7, 30]]
    assert contacts[7].is_success
    assert pauses == []


def test_pages_that_are_being_fetched_are_fetched_by_the_next_execution(
    server: ScriptedServer,
) -> None:
    ledger, meeting, gate = Ledger(pages=3), Meeting(3), Gate()

    def answered(request: Received) -> Iterator[Step]:
        if "/query/" not in request.target:
            yield ledger.execute(request)
            return
        with meeting:
            if request.target.endswith("/01g1-2"):
                ctrl_c()
            gate.wait()
            yield ledger.execute(request)

    server.always(Decided(answered))
    with client(server) as salesforce:
        batch = salesforce.composite.batch(concurrency=3)
        queries = [add_query(batch) for _ in range(5)]
        with interrupted():
            batch.execute()
        assert states(batch) == [PENDING]

        gate.open()
        batch.execute()

    for query in queries:
        assert [record["Name"] for record in query.records] == ["1", "2", "3"]
    assert len(server.received) == batch.request_count == 1 + 5 * 2


@pytest.mark.parametrize("concurrency", [1, 3])
def test_nothing_was_sent_where_signing_in_was_interrupted(
    server: ScriptedServer, concurrency: int
) -> None:
    ledger = Ledger()
    server.play(ctrl_c, Fault.HANG)
    with Salesforce(server.url, ClientCredentials("id", "secret")) as salesforce:
        batch = salesforce.composite.batch(concurrency=concurrency)
        add_contacts(batch, 75)
        with interrupted():
            batch.execute()

        assert states(batch) == [PENDING] * 3
        assert len(server.received) == 1
        assert ledger.created == {}


@pytest.mark.parametrize("concurrency", [1, 2])
def test_an_interruption_while_waiting_for_another_try_leaves_it_to_the_next_execution(
    server: ScriptedServer, concurrency: int
) -> None:
    ledger, meeting, gate, left = Ledger(), Meeting(concurrency), Gate(), [True]

    def wait(seconds: float) -> None:
        with meeting:
            if left:
                left.clear()
                ctrl_c()
            gate.wait()

    server.always(reply(429, b"", [("Retry-After", "30")]))
    with Salesforce(server.url, AccessToken("A"), sleep=wait) as salesforce:
        batch = salesforce.composite.batch(concurrency=concurrency)
        add_contacts(batch, 75)
        with interrupted():
            batch.execute()
        assert states(batch) == [PENDING] * 3
        sent = len(server.received)

        gate.open()
        finish(batch, server, ledger)
        assert states(batch) == [SUCCEEDED] * 3
        assert len(server.received) == sent + 3


@pytest.mark.parametrize("concurrency", [1, 3])
@pytest.mark.parametrize(
    "where", [hooks.RequestEvent, hooks.ResponseEvent, hooks.TokenEvent, Progress]
)
def test_an_interruption_in_a_function_of_the_user_loses_no_answer(
    server: ScriptedServer, where: type, concurrency: int
) -> None:
    ledger, left = Ledger(), [True]

    def watch(told: hooks.Event | Progress) -> None:
        if isinstance(told, where) and left:
            left.clear()
            ctrl_c()

    server.always(Decided(lambda request: [ledger.execute(request)]))
    with client(server, watch) as salesforce:
        batch = salesforce.composite.batch(concurrency=concurrency, progress=watch)
        add_contacts(batch, 100)
        with interrupted():
            batch.execute()

        finish(batch, server, ledger)
        assert states(batch) == [SUCCEEDED] * 4
        assert len(server.received) == 4


def test_ctrl_c_again_while_the_next_execution_waits(server: ScriptedServer) -> None:
    ledger, meeting, gate = Ledger(), Meeting(2), Gate()

    def answered(request: Received) -> Iterator[Step]:
        with meeting:
            if 0 in numbers(request):
                ctrl_c()
            gate.wait()
            yield ledger.execute(request)

    server.always(Decided(answered))
    with client(server) as salesforce:
        batch = salesforce.composite.batch(concurrency=2)
        add_contacts(batch, 75)
        with interrupted():
            batch.execute()
        for _ in range(3):
            with interrupted():
                threading.Timer(0.02, ctrl_c).start()
                batch.execute()
            assert states(batch) == [UNKNOWN] * 2 + [PENDING]

        gate.open()
        finish(batch, server, ledger)
        assert states(batch) == [SUCCEEDED] * 3


def test_a_bar_ends_with_the_interruption_and_not_with_the_threads(
    server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger, meeting, gate, answers = Ledger(), Meeting(3), Gate(), Answers()

    def answered(request: Received) -> Iterator[Step]:
        if 0 in numbers(request):
            yield ledger.execute(request)
            return
        with meeting:
            if 25 in numbers(request):
                ctrl_c()
            gate.wait()
            yield ledger.execute(request)

    server.always(Decided(answered))
    with client(server, answers) as salesforce:
        batch = salesforce.composite.batch(concurrency=3, progress=True)
        add_contacts(batch, 200)
        with interrupted():
            batch.execute()
        shown = capsys.readouterr().err
        gate.open()
        answers.wait(4)
        finish(batch, server, ledger)
        rest = capsys.readouterr().err

    assert shown.endswith("\n")
    assert "25/200" in shown.split("\r")[-1]
    assert [shown.count("\n"), rest.count("\n")] == [1, 1]
    assert "200/200" in rest.split("\r")[-1]


def test_nobody_sees_a_request_pending_that_is_about_to_be_sent() -> None:
    # A thread asks whether it may go on; what is interrupted after that finds it departed.
    seen = list[list[SubrequestState]]()

    class Watched(Execution):
        def check(self) -> None:
            seen.append(states(batch))
            super().check()

    batch = Salesforce("https://acme.my.salesforce.com", AccessToken("A")).composite.batch()
    add_contacts(batch, 3)
    execution = Watched()
    flight = BatchFlight(batch.subrequests, execution, [])
    execution.is_over = True
    with pytest.raises(errors.InvalidStateError, match="was interrupted") as caught:
        flight.depart()
    flight.fail(caught.value)

    assert seen == [[UNKNOWN]]
    assert states(batch) == [PENDING]


def test_where_no_more_threads_can_be_had_those_that_work_end_their_work(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, started, start = Ledger(), list[threading.Thread](), threading.Thread.start

    def limited(thread: threading.Thread) -> None:
        if thread.name == "twinforce":
            if len(started) == 2:
                raise RuntimeError("can't start new thread")
            started.append(thread)
        start(thread)

    server.always(Decided(lambda request: [ledger.execute(request)]))
    with client(server) as salesforce:
        batch = salesforce.composite.batch(concurrency=5)
        add_contacts(batch, 1_000)
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", limited)
            with pytest.raises(RuntimeError, match="can't start new thread"):
                batch.execute()
        assert not batch.unknown
        assert 50 <= len(batch.succeeded) == sum(ledger.created.values())

        finish(batch, server, ledger)
        assert len(batch.succeeded) == 1_000


BLOCKING = """
import sys
from twinforce import AccessToken, Salesforce

with Salesforce(sys.argv[1], AccessToken("A")) as salesforce:
    with salesforce.composite.batch(concurrency=int(sys.argv[2])) as batch:
        for number in range(150):
            batch.sobject.create("Contact", {"LastName": str(number)})
"""
ASYNC = """
import asyncio
import sys
from twinforce import AccessToken, AsyncSalesforce

async def main():
    async with AsyncSalesforce(sys.argv[1], AccessToken("A")) as salesforce:
        async with salesforce.composite.batch(concurrency=int(sys.argv[2])) as batch:
            for number in range(150):
                batch.sobject.create("Contact", {"LastName": str(number)})

asyncio.run(main())
"""


@pytest.mark.parametrize("concurrency", [1, 5])
@pytest.mark.parametrize("script", [BLOCKING, ASYNC], ids=["blocking", "async"])
def test_an_interrupted_script_ends_at_once_with_the_usual_traceback(
    server: ScriptedServer, script: str, concurrency: int
) -> None:
    server.always(Fault.HANG)
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", script, server.url, str(concurrency)],
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        server.wait_for_requests(concurrency)
        told = ""
        while running.returncode is None:
            running.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                _, told = running.communicate(timeout=1)

    assert running.returncode == -signal.SIGINT
    assert told.startswith("Traceback (most recent call last):\n")
    assert told.endswith("\nKeyboardInterrupt\n")
    assert "Exception" not in told
    assert "Fatal" not in told
    assert len(server.received) == concurrency
