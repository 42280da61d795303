"""Cancelling the async client, at each moment: every state stays true, and nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import pytest

from tests.gates import Gate, Meeting
from tests.ledger import Ledger, add_contacts, add_query, contact_id, numbers
from tests.server import Decided, Fault, Received, ScriptedServer, Step, reply
from twinforce import (
    AccessToken,
    AsyncBatch,
    AsyncSalesforce,
    ClientCredentials,
    Progress,
    SubrequestState,
    hooks,
)

PENDING, SUCCEEDED, UNKNOWN = (
    SubrequestState.PENDING,
    SubrequestState.SUCCEEDED,
    SubrequestState.UNKNOWN,
)

Moment = Callable[[], Awaitable[object]]


Way = Callable[[Awaitable[None], Moment], Awaitable[None]]


class Stop:
    """Where a task stops, once, until it is cancelled; *reached* comes back when it has.

    The first *passes* go through.
    """

    def __init__(self, passes: int = 0) -> None:
        self._passes = passes
        self._reached = asyncio.Event()
        self.reached = self._reached.wait

    async def __call__(self) -> None:
        self._passes -= 1
        if self._passes == -1:
            self._reached.set()
            await asyncio.Event().wait()


async def by_cancel(work: Awaitable[None], moment: Moment) -> None:
    task = asyncio.ensure_future(work)
    await moment()
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def by_timeout(work: Awaitable[None], moment: Moment) -> None:
    async def end(timeout: asyncio.Timeout) -> None:
        await moment()
        timeout.reschedule(asyncio.get_running_loop().time())

    async def timed() -> None:
        async with asyncio.timeout(None) as timeout, asyncio.TaskGroup() as group:
            group.create_task(end(timeout))
            await work

    with pytest.raises(TimeoutError):
        await timed()


async def by_wait_for(work: Awaitable[None], moment: Moment) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(work, 0.2)
    await moment()


async def by_task_group(work: Awaitable[None], moment: Moment) -> None:
    class OtherError(Exception):
        pass

    async def other() -> None:
        await moment()
        raise OtherError

    async def whole() -> None:
        await work

    with pytest.raises(ExceptionGroup) as caught:
        async with asyncio.TaskGroup() as group:
            group.create_task(whole())
            group.create_task(other())
    assert [type(error) for error in caught.value.exceptions] == [OtherError]


WAYS = [by_cancel, by_timeout, by_task_group]


def states(batch: AsyncBatch) -> list[SubrequestState]:
    """Give the state of each request of 25."""
    parts = [batch.subrequests[start : start + 25] for start in range(0, len(batch), 25)]
    return [state for part in parts for state in {item.state for item in part}]


async def finish(batch: AsyncBatch, server: ScriptedServer, ledger: Ledger) -> None:
    """Execute *batch* again, and see that this does all that was not done, and no more."""
    assert ledger.agrees_with(batch)
    server.always(Decided(lambda request: [ledger.execute(request)]))
    before = batch.unknown
    await batch.execute()
    assert ledger.agrees_with(batch)
    assert {*states(batch)} <= {SUCCEEDED, UNKNOWN}
    assert batch.unknown == before
    assert max(ledger.created.values()) == 1


@asynccontextmanager
async def client(
    server: ScriptedServer, *watchers: hooks.AsyncHook
) -> AsyncIterator[AsyncSalesforce]:
    grant = AccessToken("A")
    async with AsyncSalesforce(server.url, grant, retry=None, hooks=watchers) as salesforce:
        yield salesforce


@pytest.mark.parametrize("way", [*WAYS, by_wait_for])
@pytest.mark.parametrize("executed", [True, False])
async def test_a_request_in_the_air_is_unknown_and_those_behind_it_are_pending(
    server: ScriptedServer, way: Way, executed: bool
) -> None:
    ledger, in_the_air = Ledger(), Gate()

    def answered(request: Received) -> Iterator[Step]:
        if 25 not in numbers(request):
            yield ledger.execute(request)
            return
        if executed:
            ledger.execute(request)
        in_the_air.open()
        yield Fault.HANG

    server.always(Decided(answered))
    async with client(server) as salesforce:
        batch = salesforce.composite.batch()
        contacts = add_contacts(batch, 75)
        await way(batch.execute(), lambda: asyncio.to_thread(in_the_air.wait))

        assert states(batch) == [SUCCEEDED, UNKNOWN, PENDING]
        assert contacts[24].id == contact_id(24)
        assert len(server.received) == batch.request_count == 2

        await finish(batch, server, ledger)
        assert states(batch) == [SUCCEEDED, UNKNOWN, SUCCEEDED]
        assert len(server.received) == batch.request_count == 3


@pytest.mark.parametrize("way", WAYS)
async def test_of_requests_at_once_those_that_were_answered_have_succeeded(
    server: ScriptedServer, way: Way
) -> None:
    ledger, meeting, progress = Ledger(), Meeting(4), list[Progress]()

    def answered(request: Received) -> Iterator[Step]:
        with meeting:
            yield ledger.execute(request) if 25 in numbers(request) else Fault.HANG

    async def fifth_is_in_the_air() -> None:
        await asyncio.to_thread(server.wait_for_requests, 5)

    server.always(Decided(answered))
    async with client(server) as salesforce:
        batch = salesforce.composite.batch(concurrency=4, progress=progress.append)
        add_contacts(batch, 175)
        await way(batch.execute(), fifth_is_in_the_air)

        assert states(batch) == [UNKNOWN, SUCCEEDED, *[UNKNOWN] * 3, *[PENDING] * 2]
        assert len(server.received) == batch.request_count == 5
        assert [each.done for each in progress] == [0, 25]

        await finish(batch, server, ledger)
        assert states(batch) == [UNKNOWN, SUCCEEDED, *[UNKNOWN] * 3, *[SUCCEEDED] * 2]
        assert len(server.received) == batch.request_count == 7

        await batch.execute(resend_unknown=True)
        assert states(batch) == [SUCCEEDED] * 7


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("concurrency", [1, 3])
async def test_nothing_was_sent_while_signing_in(
    server: ScriptedServer,
    way: Way,
    concurrency: int,
) -> None:
    ledger = Ledger()
    server.play(Fault.HANG)
    server.play(reply(200, b'{"access_token": "A"}'))
    async with AsyncSalesforce(server.url, ClientCredentials("id", "secret")) as salesforce:
        batch = salesforce.composite.batch(concurrency=concurrency)
        add_contacts(batch, 75)
        await way(batch.execute(), lambda: asyncio.to_thread(server.wait_for_requests, 1))

        assert states(batch) == [PENDING] * 3
        assert len(server.received) == 1
        assert batch.request_count == 0

        await finish(batch, server, ledger)
        assert states(batch) == [SUCCEEDED] * 3
        assert len(server.received) == 1 + 1 + 3


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("concurrency", [1, 3])
async def test_what_waits_for_another_try_is_left_to_the_next_execution(
    server: ScriptedServer,
    way: Way,
    concurrency: int,
) -> None:
    ledger, stop = Ledger(), Stop()
    server.always(reply(429, b"", [("Retry-After", "30")]))

    async def sleep(seconds: float) -> None:
        assert seconds >= 30
        await stop()

    async with AsyncSalesforce(server.url, AccessToken("A"), sleep=sleep) as salesforce:
        batch = salesforce.composite.batch(concurrency=concurrency)
        add_contacts(batch, 75)
        await way(batch.execute(), stop.reached)

        assert {*states(batch)} <= {PENDING, UNKNOWN}  # some may still be in the air
        if concurrency == 1:
            assert states(batch) == [PENDING] * 3
            await finish(batch, server, ledger)
            assert states(batch) == [SUCCEEDED] * 3
            assert len(server.received) == 1 + 3


async def test_locked_rows_that_wait_for_another_try_are_left_to_the_next_execution(
    server: ScriptedServer,
) -> None:
    ledger, stop = Ledger(), Stop()
    ledger.locked[7] = 1
    server.always(Decided(lambda request: [ledger.execute(request)]))

    async with AsyncSalesforce(server.url, AccessToken("A"), sleep=lambda _: stop()) as salesforce:
        batch = salesforce.composite.batch()
        contacts = add_contacts(batch, 30)
        await by_cancel(batch.execute(), stop.reached)

        assert contacts[7].state is PENDING
        assert len(batch.succeeded) == 24

        await finish(batch, server, ledger)
        assert [contact.id for contact in contacts] == [contact_id(number) for number in range(30)]
        assert numbers(server.received[1]) == [7, *range(25, 30)]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("concurrency", [1, 3])
@pytest.mark.parametrize(
    ("kind", "passes"),
    [
        (hooks.TokenEvent, 0),
        (hooks.RequestEvent, 0),
        (hooks.RequestEvent, 2),
        (hooks.ResponseEvent, 0),
        (hooks.ResponseEvent, 1),
        (hooks.RetryEvent, 0),
        (Progress, 0),
        (Progress, 1),
    ],
)
async def test_a_function_of_the_user_that_is_cancelled_loses_no_answer(
    server: ScriptedServer, way: Way, kind: type, passes: int, concurrency: int
) -> None:
    ledger, stop, answered = Ledger(), Stop(passes), 0

    async def watch(told: hooks.Event | Progress) -> None:
        nonlocal answered
        if isinstance(told, hooks.ResponseEvent) and told.status_code == 200:
            answered += 25
        if isinstance(told, kind):
            await stop()

    async def sleep(_: float) -> None:
        pass

    server.play(reply(429))
    server.always(Decided(lambda request: [ledger.execute(request)]))
    async with AsyncSalesforce(
        server.url, AccessToken("A"), hooks=[watch], sleep=sleep
    ) as salesforce:
        batch = salesforce.composite.batch(concurrency=concurrency, progress=watch)
        add_contacts(batch, 100)
        await way(batch.execute(), stop.reached)

        assert len(batch.succeeded) >= answered
        if concurrency == 1:
            assert len(batch.succeeded) == answered
            assert not batch.unknown
        await finish(batch, server, ledger)
        if concurrency == 1:
            assert len(server.received) in {4, 5}  # without and with the one that got 429


async def test_pages_that_are_being_fetched_are_fetched_by_the_next_execution(
    server: ScriptedServer,
) -> None:
    ledger, meeting = Ledger(pages=3), Meeting(3)

    def answered(request: Received) -> Iterator[Step]:
        if "/query/" not in request.target:
            yield ledger.execute(request)
            return
        with meeting:
            yield Fault.HANG if "01g1-" in request.target else ledger.execute(request)

    async def six_pages_were_asked_for() -> None:
        await asyncio.to_thread(server.wait_for_requests, 1 + 3 * 2 - 1)

    server.always(Decided(answered))
    async with client(server) as salesforce:
        batch = salesforce.composite.batch(concurrency=3)
        first, stuck, third = (add_query(batch) for _ in range(3))
        await by_cancel(batch.execute(), six_pages_were_asked_for)
        assert stuck.state is PENDING

        server.always(Decided(lambda request: [ledger.execute(request)]))
        await batch.execute()

    for query in (first, stuck, third):
        assert [record["Name"] for record in query.records] == ["1", "2", "3"]


async def test_a_cancelled_execution_leaves_no_task_behind(server: ScriptedServer) -> None:
    server.always(Fault.HANG)
    async with client(server) as salesforce:
        batch = salesforce.composite.batch(concurrency=10)
        add_contacts(batch, 500)
        before = asyncio.all_tasks()
        await by_cancel(batch.execute(), lambda: asyncio.to_thread(server.wait_for_requests, 10))

        assert asyncio.all_tasks() == before
        assert states(batch) == [UNKNOWN] * 10 + [PENDING] * 10


async def test_a_hook_that_cancels_from_within_stops_the_others_too(
    server: ScriptedServer,
) -> None:
    ledger = Ledger()

    def watch(event: hooks.Event) -> None:
        if isinstance(event, hooks.ResponseEvent):
            raise asyncio.CancelledError

    server.always(Decided(lambda request: [ledger.execute(request)]))
    async with client(server, watch) as salesforce:
        batch = salesforce.composite.batch(concurrency=3)
        add_contacts(batch, 1_000)
        with pytest.raises(asyncio.CancelledError):
            await batch.execute()

        assert len(server.received) <= 2 * 3
        assert ledger.agrees_with(batch)
        assert len(batch.succeeded) == sum(ledger.created.values())
