"""Who wants to know how far a batch is, is told: all of it, in order, and never twice at once."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from tests.answers import refusal
from tests.gates import Meeting
from tests.ledger import Ledger, add_contacts, add_query, numbers
from tests.server import Decided, Fault, Received, ScriptedServer, Step
from tests.twin import AsyncPauses
from twinforce import AccessToken, AsyncSalesforce, Progress, RetryPolicy, errors
from twinforce._twin import async_sleep
from twinforce.local import LocalOrg


def served(server: ScriptedServer, ledger: Ledger) -> Ledger:
    """Have *server* answer from *ledger*."""
    server.always(Decided(lambda request: [ledger.execute(request)]))
    return ledger


def assert_is_true(told: list[Progress], total: int) -> None:
    """See that what was *told* of one execution goes on and on, and that it adds up."""
    for before, after in pairwise(told):
        assert before != after
        assert before.done <= after.done
        assert before.requests <= after.requests
    for each in told:
        assert each.total == total
        assert each.done == each.succeeded + each.failed + each.halted
        assert each.done + each.in_flight + each.unknown <= total


async def test_progress_is_told_at_the_start_after_each_request_and_at_the_end(
    server: ScriptedServer, scripted: AsyncSalesforce
) -> None:
    told = list[Progress]()
    served(server, Ledger())
    batch = scripted.composite.batch(progress=told.append)
    add_contacts(batch, 60)
    assert told == []
    await batch.execute()

    assert [(each.done, each.requests) for each in told] == [(0, 0), (25, 1), (50, 2), (60, 3)]
    assert told[-1] == Progress(
        total=60, succeeded=60, failed=0, halted=0, in_flight=0, unknown=0, requests=3
    )
    assert_is_true(told, 60)


async def test_each_outcome_is_counted(salesforce: AsyncSalesforce) -> None:
    told = list[Progress]()
    async with salesforce.composite.batch(halt_on_error=True, progress=told.append) as batch:
        for number in range(60):
            # Of number 30 the required name is missing; what follows is halted.
            data = {} if number == 30 else {"Name": str(number)}
            batch.sobject.create("Opportunity", data)

    assert [(each.succeeded, each.failed, each.halted) for each in told] == [
        (0, 0, 0),
        (25, 0, 0),
        (30, 1, 19),
        (30, 1, 29),
    ]
    assert told[-1].done == told[-1].total == 60
    assert_is_true(told, 60)


async def test_pages_and_their_requests_count_when_they_are_fetched(
    server: ScriptedServer, scripted: AsyncSalesforce
) -> None:
    told = list[Progress]()
    served(server, Ledger(pages=3))
    batch = scripted.composite.batch(progress=told.append)
    for _ in range(2):
        add_query(batch)
    add_contacts(batch, 1)
    await batch.execute()

    assert [(each.done, each.requests) for each in told] == [
        (0, 0),
        (1, 1),
        (1, 2),
        (2, 3),
        (2, 4),
        (3, 5),
    ]


async def test_what_is_sent_again_is_not_done_before(server: ScriptedServer) -> None:
    told, pauses = list[Progress](), AsyncPauses()
    ledger = served(server, Ledger())
    ledger.locked[3] = 2
    ledger.locked[30] = 9
    server.play(refusal(429, "REQUEST_LIMIT_EXCEEDED"))
    async with (
        AsyncSalesforce(
            server.url, AccessToken("A"), sleep=pauses, retry=RetryPolicy(attempts=4)
        ) as salesforce,
        salesforce.composite.batch(progress=told.append) as batch,
    ):
        add_contacts(batch, 50)

    assert [(each.done, each.failed, each.requests) for each in told] == [
        (0, 0, 0),
        (24, 0, 2),
        (24, 0, 3),
        (25, 0, 4),
        (49, 0, 5),
        (49, 0, 6),
        (49, 0, 7),
        (50, 1, 8),
    ]
    assert len(pauses.seconds) == 1 + 2 + 3


async def test_of_requests_at_once_none_is_told_twice_at_once(server: ScriptedServer) -> None:
    told, ledger, meeting = list[Progress](), Ledger(), Meeting(5)
    within, most = list[Progress](), 0

    def answered(request: Received) -> Iterator[Step]:
        with meeting:
            yield ledger.execute(request)

    async def slow(progress: Progress) -> None:
        nonlocal most
        within.append(progress)
        most = max(most, len(within))
        for _ in range(20):
            await async_sleep(0)  # the others' turn
        within.remove(progress)
        told.append(progress)

    server.always(Decided(answered))
    async with (
        AsyncSalesforce(server.url, AccessToken("A")) as salesforce,
        salesforce.composite.batch(concurrency=5, progress=slow) as batch,
    ):
        add_contacts(batch, 500)

    assert_is_true(told, 500)
    assert most == 1
    assert (told[0].done, told[-1].done, told[-1].requests) == (0, 500, 20)
    assert len(told) >= 5
    assert any(each.in_flight for each in told)
    assert not any(each.unknown for each in told)


async def test_locked_rows_of_requests_at_once_are_never_taken_back(
    server: ScriptedServer,
) -> None:
    told, ledger = list[Progress](), Ledger()
    ledger.locked.update(dict.fromkeys(range(0, 250, 5), 2))
    served(server, ledger)

    async def look(event: object) -> None:
        # Others tell what they see, while this one has just been answered.
        await pause(0)

    pause = AsyncPauses()
    async with (
        AsyncSalesforce(server.url, AccessToken("A"), sleep=pause, hooks=[look]) as salesforce,
        salesforce.composite.batch(concurrency=5, progress=told.append) as batch,
    ):
        add_contacts(batch, 250)

    assert_is_true(told, 250)
    assert told[-1].succeeded == 250


async def test_progress_goes_on_where_it_was(
    server: ScriptedServer, scripted: AsyncSalesforce
) -> None:
    told = list[Progress]()
    ledger = Ledger()

    def answered(request: Received) -> Iterator[Step]:
        yield Fault.DROP if 25 in numbers(request) else ledger.execute(request)

    server.always(Decided(answered))
    batch = scripted.composite.batch(progress=told.append)
    add_contacts(batch, 75)
    with pytest.raises(errors.OutcomeUnknownError):
        await batch.execute()
    first = told.copy()
    served(server, ledger)
    await batch.execute()
    second = told[len(first) :]
    await batch.execute()
    third = told[len(first) + len(second) :]
    await batch.execute(resend_unknown=True)
    fourth = told[len(first) + len(second) + len(third) :]

    assert [(each.done, each.unknown) for each in first] == [(0, 0), (25, 0), (25, 25)]
    assert [(each.done, each.unknown) for each in second] == [(25, 25), (50, 25)]
    assert [(each.done, each.unknown) for each in third] == [(50, 25)]
    assert [(each.done, each.unknown) for each in fourth] == [(50, 25), (75, 0)]


async def test_progress_that_raises_is_logged_and_harms_nothing(
    server: ScriptedServer, scripted: AsyncSalesforce, caplog: pytest.LogCaptureFixture
) -> None:
    async def careless(progress: Progress) -> None:
        raise ZeroDivisionError

    ledger = served(server, Ledger())
    async with scripted.composite.batch(concurrency=2, progress=careless) as batch:
        add_contacts(batch, 60)

    assert len(batch.succeeded) == sum(ledger.created.values()) == 60
    assert caplog.records
    for record in caplog.records:
        assert (record.name, record.levelno) == ("twinforce", logging.ERROR)
        assert "careless failed at Progress" in record.getMessage()


async def test_progress_may_use_the_client_but_not_execute_its_batch(
    server: ScriptedServer, scripted: AsyncSalesforce, caplog: pytest.LogCaptureFixture
) -> None:
    limits = list[Any]()

    async def busy(progress: Progress) -> None:
        limits.append(await scripted.limits())
        await batch.execute()

    ledger = served(server, Ledger())
    batch = scripted.composite.batch(progress=busy)
    add_contacts(batch, 30)
    await batch.execute()

    assert sum(ledger.created.values()) == 30
    assert limits == [{}] * 3
    assert [record.exc_info and record.exc_info[0] for record in caplog.records] == [
        errors.InvalidStateError
    ] * 3


@pytest.mark.parametrize("progress", [5, "bar", 1.0, [], {}, ()])
async def test_progress_that_is_none_is_refused(scripted: AsyncSalesforce, progress: Any) -> None:
    with pytest.raises(TypeError, match="progress must be"):
        scripted.composite.batch(progress=progress)


@pytest.mark.parametrize("progress", [None, False])
async def test_without_progress_nothing_is_shown(
    salesforce: AsyncSalesforce,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    progress: bool | None,
) -> None:
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    async with salesforce.composite.batch(progress=progress) as batch:
        batch.request("GET", "limits")

    assert capsys.readouterr() == ("", "")


async def test_without_tqdm_a_bar_is_refused_where_it_is_asked_for(
    salesforce: AsyncSalesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)

    with pytest.raises(ImportError, match=r"pip install \"twinforce\[progress\]\""):
        salesforce.composite.batch(progress=True)


@pytest.mark.parametrize("concurrency", [1, 3])
async def test_a_bar_is_shown_and_ends(
    server: ScriptedServer,
    scripted: AsyncSalesforce,
    capsys: pytest.CaptureFixture[str],
    concurrency: int,
) -> None:
    served(server, Ledger())
    async with scripted.composite.batch(concurrency=concurrency, progress=True) as batch:
        add_contacts(batch, 75)

    out, shown = capsys.readouterr()
    assert out == ""
    assert shown.count("\n") == 1
    assert "75/75" in shown.splitlines()[-1]
    assert " 0/75" in shown


async def test_a_bar_ends_with_an_error_and_another_begins_where_it_was(
    server: ScriptedServer, scripted: AsyncSalesforce, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = served(server, Ledger())
    server.play(Decided(lambda request: [ledger.execute(request)]))
    server.play(Fault.DROP)
    batch = scripted.composite.batch(progress=True)
    add_contacts(batch, 75)
    with pytest.raises(errors.OutcomeUnknownError):
        await batch.execute()
    failed = capsys.readouterr().err
    await batch.execute()
    rest = capsys.readouterr().err
    await batch.execute()
    nothing = capsys.readouterr().err

    assert failed.endswith("\n")
    assert "25/75" in failed.split("\r")[-1]
    assert "25 unknown" in failed.split("\r")[-1]
    assert " 25/75" in rest.split("\r")[1]
    assert "50/75" in rest.split("\r")[-1]
    assert "50/75" in nothing.split("\r")[-1]
    assert [text.count("\n") for text in (failed, rest, nothing)] == [1, 1, 1]


class Interruption(BaseException):
    """As KeyboardInterrupt, which a test cannot raise without ending the run."""


async def test_a_bar_ends_with_an_interruption(
    org: LocalOrg, capsys: pytest.CaptureFixture[str]
) -> None:
    async def interrupt(event: Any) -> None:
        if type(event).__name__ == "ResponseEvent":
            raise Interruption

    with org.serve() as server:
        async with AsyncSalesforce(
            server.url, AccessToken(server.access_token), hooks=[interrupt]
        ) as salesforce:
            batch = salesforce.composite.batch(progress=True)
            add_contacts(batch, 30)
            with pytest.raises(Interruption):
                await batch.execute()

    shown = capsys.readouterr().err
    assert shown.endswith("\n")
    assert shown.count("\n") == 1
    assert len(batch.succeeded) == 25
