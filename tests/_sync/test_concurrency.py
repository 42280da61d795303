# Generated from tests/_async/test_concurrency.py by scripts/make_sync.py.
# Change that file, never this one, and then run `scripts/test -s twins -- --write`.
"""Several requests of a batch at once, and one client that many use at once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from tests.answers import answer
from tests.gates import Gate, Meeting, Queue
from tests.ledger import Ledger, add_contacts, add_query, contact_id, numbers
from tests.server import Decided, Fault, Received, ScriptedServer, Step, reply
from tests.twin import Pauses, crowd, together
from twinforce import (
    AccessToken,
    Batch,
    ClientCredentials,
    Progress,
    RequestsTransport,
    Salesforce,
    SubrequestState,
    errors,
)
from twinforce.local import LocalOrg

PENDING, SUCCEEDED, UNKNOWN = (
    SubrequestState.PENDING,
    SubrequestState.SUCCEEDED,
    SubrequestState.UNKNOWN,
)


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]])
def test_results_keep_their_order_in_whatever_order_they_come(
    server: ScriptedServer, scripted: Salesforce, order: list[int]
) -> None:
    ledger, queue = Ledger(), Queue(order)

    def in_turn(request: Received) -> Iterator[Step]:
        with queue.place(numbers(request)[0] // 25):
            yield ledger.execute(request)

    server.always(Decided(in_turn))
    batch = scripted.composite.batch(concurrency=4)
    contacts = add_contacts(batch, 100)
    batch.execute()

    assert [contact.id for contact in contacts] == [contact_id(number) for number in range(100)]
    assert batch.request_count == 4


@pytest.mark.parametrize("at_once", [2, 5])
def test_as_many_requests_as_allowed_are_sent_at_once_and_no_more(
    server: ScriptedServer, scripted: Salesforce, at_once: int
) -> None:
    ledger, meeting = Ledger(), Meeting(at_once)

    def answered(request: Received) -> Iterator[Step]:
        with meeting:  # all or nobody is answered
            yield ledger.execute(request)

    server.always(Decided(answered))
    with scripted.composite.batch(concurrency=at_once) as batch:
        add_contacts(batch, 4 * at_once * 25)

    assert len(batch.succeeded) == 4 * at_once * 25
    assert server.connections == meeting.most_at_once == at_once
    assert batch.request_count == len(server.received) == 4 * at_once


def test_without_concurrency_one_request_follows_the_other(
    server: ScriptedServer, scripted: Salesforce
) -> None:
    ledger, meeting = Ledger(), Meeting(1)

    def answered(request: Received) -> Iterator[Step]:
        with meeting:
            yield ledger.execute(request)

    server.always(Decided(answered))
    with scripted.composite.batch() as batch:
        add_contacts(batch, 150)

    assert [numbers(request)[0] for request in server.received] == [0, 25, 50, 75, 100, 125]
    assert server.connections == meeting.most_at_once == 1


def test_small_batches_use_no_more_requests_than_they_need(
    server: ScriptedServer, scripted: Salesforce
) -> None:
    server.always(Decided(lambda request: [Ledger().execute(request)]))
    with scripted.composite.batch(concurrency=50) as batch:
        add_contacts(batch, 26)
    with scripted.composite.batch(concurrency=50):
        pass

    assert sorted(len(numbers(request)) for request in server.received) == [1, 25]
    assert len(batch.succeeded) == 26


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"concurrency": 0}, "at least 1"),
        ({"concurrency": -3}, "at least 1"),
        ({"concurrency": 2, "halt_on_error": True}, "leave out concurrency, or halt_on_error"),
        ({"concurrency": 101}, "the transport has 100; pass one with a larger pool_size"),
    ],
)
def test_a_concurrency_that_cannot_be_is_refused(
    scripted: Salesforce, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        scripted.composite.batch(**options)


@pytest.mark.parametrize("concurrency", [2.0, "2", None, True])
def test_a_concurrency_that_is_no_int_is_refused(scripted: Salesforce, concurrency: Any) -> None:
    with pytest.raises(TypeError, match="concurrency must be an int"):
        scripted.composite.batch(concurrency=concurrency)


def test_the_pool_of_the_transport_bounds_the_concurrency(server: ScriptedServer) -> None:
    with (
        RequestsTransport(pool_size=3) as transport,
        Salesforce(server.url, AccessToken("A"), transport=transport) as salesforce,
    ):
        assert isinstance(salesforce.composite.batch(concurrency=3), Batch)
        assert isinstance(salesforce.composite.batch(True, concurrency=1), Batch)
        with pytest.raises(ValueError, match="concurrency=4 needs as many connections"):
            salesforce.composite.batch(concurrency=4)


@pytest.mark.parametrize("fault", [Fault.DROP, reply(500)], ids=["dropped", "500"])
def test_a_request_that_fails_takes_nothing_from_the_others(
    server: ScriptedServer, scripted: Salesforce, fault: Step
) -> None:
    ledger, meeting, noticed = Ledger(), Meeting(3), Gate()

    def answered(request: Received) -> Iterator[Step]:
        with meeting:
            if numbers(request)[0] == 25:
                ledger.execute(request)
                yield fault
                return
            noticed.wait()
            yield ledger.execute(request)

    def show(progress: Progress) -> None:
        if progress.requests == 3:  # one of the three has ended, and the others are held back
            noticed.open()

    server.always(Decided(answered))
    batch = scripted.composite.batch(concurrency=3, progress=show)
    contacts = add_contacts(batch, 1_000)
    with pytest.raises(errors.OutcomeUnknownError, match=r"25 subrequests \(25, 26, 27, … 49\)"):
        batch.execute()

    sent = {number for request in server.received for number in numbers(request)}
    assert {*range(75)} <= sent
    assert len(sent) < 1_000
    for contact in contacts:
        lost = UNKNOWN if contact.index in range(25, 50) else SUCCEEDED
        assert contact.state is (lost if contact.index in sent else PENDING)
    assert ledger.agrees_with(batch)

    server.always(Decided(lambda request: [ledger.execute(request)]))
    batch.execute()
    assert {*ledger.created.values()} == {1}
    assert batch.unknown == tuple(contacts[25:50])
    assert len(batch.succeeded) == 975


def test_several_requests_may_fail_at_once(server: ScriptedServer, scripted: Salesforce) -> None:
    ledger, meeting = Ledger(), Meeting(4)
    ends: dict[int, Step] = {0: Fault.DROP, 25: reply(403), 50: Fault.RESET, 75: reply(400)}

    def answered(request: Received) -> Iterator[Step]:
        with meeting:
            yield ends[numbers(request)[0]]

    server.always(Decided(answered))
    batch = scripted.composite.batch(concurrency=4)
    add_contacts(batch, 150)
    with pytest.raises(
        errors.OutcomeUnknownError, match=r"50 subrequests \(0, 1, 2, … 74\)"
    ) as told:
        batch.execute()

    in_doubt = [*range(25), *range(50, 75)]
    assert [item.index for item in told.value.subrequests] == in_doubt
    assert [item.index for item in batch.unknown] == in_doubt
    assert [item.index for item in batch if item.state is PENDING] == [
        *range(25, 50),
        *range(75, 150),
    ]
    assert len(server.received) == batch.request_count == 4

    server.always(Decided(lambda request: [ledger.execute(request)]))
    batch.execute(resend_unknown=True)
    assert len(batch.succeeded) == 150
    assert {*ledger.created.values()} == {1}


@pytest.mark.parametrize("other", [reply(403), reply(200, b"<html>")], ids=["403", "HTML"])
def test_the_error_names_what_is_unknown_whatever_failed_first(
    server: ScriptedServer, scripted: Salesforce, other: Step
) -> None:
    meeting, noticed = Meeting(2), Gate()

    def answered(request: Received) -> Iterator[Step]:
        with meeting:
            if 0 in numbers(request):
                noticed.wait()
                yield Fault.DROP
            else:
                yield other

    def show(progress: Progress) -> None:
        if progress.requests == 2:  # the other one has failed
            noticed.open()

    server.always(Decided(answered))
    batch = scripted.composite.batch(concurrency=2, progress=show)
    add_contacts(batch, 50)
    with pytest.raises(errors.OutcomeUnknownError, match="ended the connection") as caught:
        batch.execute()

    assert caught.value.subrequests == batch.unknown
    assert batch.subrequests[0] in batch.unknown


def test_an_answer_that_leaves_a_doubt_is_the_reason_of_the_error(
    server: ScriptedServer, scripted: Salesforce
) -> None:
    server.play(answer((500, [{"errorCode": "UNKNOWN_EXCEPTION", "message": "oops"}])))
    batch = scripted.composite.batch()
    add_contacts(batch, 1)
    with pytest.raises(errors.OutcomeUnknownError, match="oops") as caught:
        batch.execute()

    assert isinstance(caught.value.__cause__, errors.ServerError)


def test_pages_are_fetched_at_once_too(server: ScriptedServer, scripted: Salesforce) -> None:
    ledger, meeting = Ledger(pages=4), Meeting(5)

    def answered(request: Received) -> Iterator[Step]:
        if "/query/" not in request.target:
            yield ledger.execute(request)
            return
        with meeting:
            yield ledger.execute(request)

    server.always(Decided(answered))
    batch = scripted.composite.batch(concurrency=5)
    queries = [add_query(batch) for _ in range(20)]
    batch.execute()

    for query in queries:
        assert [record["Name"] for record in query.records] == ["1", "2", "3", "4"]
    assert server.connections == meeting.most_at_once == 5
    assert batch.request_count == len(server.received) == 1 + 20 * 3


def test_a_page_that_fails_leaves_the_other_queries_whole(
    server: ScriptedServer, scripted: Salesforce
) -> None:
    ledger, meeting = Ledger(pages=2), Meeting(3)

    def answered(request: Received) -> Iterator[Step]:
        if "/query/" not in request.target:
            yield ledger.execute(request)
            return
        with meeting:
            yield Fault.DROP if "01g1-" in request.target else ledger.execute(request)

    server.always(Decided(answered))
    batch = scripted.composite.batch(concurrency=3)
    first, lost, third = (add_query(batch) for _ in range(3))
    with pytest.raises(errors.ConnectionLostError):
        batch.execute()

    assert (first.is_success, lost.state, third.is_success) == (True, PENDING, True)

    server.always(Decided(lambda request: [ledger.execute(request)]))
    batch.execute()
    assert [record["Name"] for record in lost.records] == ["1", "2"]
    assert len(server.received) == batch.request_count == 5


def test_rows_locked_in_several_requests_are_sent_again_in_each(
    server: ScriptedServer,
) -> None:
    ledger, meeting, pauses = Ledger(), Meeting(4), Pauses()
    locked = [number for number in range(100) if number % 25 in {3, 17}]
    ledger.locked.update(dict.fromkeys(locked, 2))

    def answered(request: Received) -> Iterator[Step]:
        with meeting:
            yield ledger.execute(request)

    server.always(Decided(answered))
    with (
        Salesforce(server.url, AccessToken("A"), sleep=pauses) as salesforce,
        salesforce.composite.batch(concurrency=4) as batch,
    ):
        contacts = add_contacts(batch, 100)

    assert [contact.id for contact in contacts] == [contact_id(number) for number in range(100)]
    assert {*ledger.created.values()} == {1}
    sent = Counter(tuple(numbers(request)) for request in server.received)
    for start in range(0, 100, 25):
        assert sent[tuple(range(start, start + 25))] == 1
        assert sent[start + 3, start + 17] == 2
    assert sent.total() == 12
    assert len(pauses.seconds) == 8


class Org(Ledger):
    """Lets one token in, which was not the first; all first requests come with that one."""

    def __init__(self, server: ScriptedServer, first_ones: int) -> None:
        super().__init__()
        self.sign_ins = 0
        self._url = server.url
        self._meeting = Meeting(first_ones)

    def answered(self, request: Received) -> Iterator[Step]:
        if request.target == "/services/oauth2/token":
            self.sign_ins += 1
            body = {"access_token": f"token-{self.sign_ins}", "instance_url": self._url}
            yield reply(200, json.dumps(body).encode())
        elif request.values("Authorization") == ["Bearer token-2"]:
            yield self.execute(request)
        else:
            with self._meeting:
                yield reply(401, b'[{"errorCode": "INVALID_SESSION_ID", "message": "expired"}]')


def test_one_sign_in_renews_the_token_of_a_hundred_calls(server: ScriptedServer) -> None:
    org = Org(server, first_ones=100)
    server.always(Decided(org.answered))
    with Salesforce(server.url, ClientCredentials("id", "secret")) as salesforce:
        results = together(salesforce.limits, 100)

    assert results == [{}] * 100
    assert org.sign_ins == 2
    assert len(server.received) == 2 + 200


def test_one_sign_in_renews_the_token_of_forty_requests_of_a_batch(
    server: ScriptedServer,
) -> None:
    org = Org(server, first_ones=40)
    server.always(Decided(org.answered))
    with (
        Salesforce(server.url, ClientCredentials("id", "secret")) as salesforce,
        salesforce.composite.batch(concurrency=40) as batch,
    ):
        add_contacts(batch, 1_000)

    assert org.sign_ins == 2
    assert batch.request_count == 80
    assert len(batch.succeeded) == sum(org.created.values()) == 1_000


def test_many_use_one_client_at_once(org: LocalOrg) -> None:
    serial = count()
    found = Counter[str]()

    def work() -> None:
        mark = f"worker {next(serial)}"
        batch = salesforce.composite.batch(concurrency=2)
        names = [f"{mark}.{number}" for number in range(4)]
        contacts = [batch.sobject.create("Contact", {"LastName": name}) for name in names[:2]]
        queries = [batch.query("SELECT Id FROM Account LIMIT 1") for _ in range(24)]
        contacts += [batch.sobject.create("Contact", {"LastName": name}) for name in names[2:]]
        lead = salesforce.sobject.create("Lead", {"LastName": mark, "Company": "x"})
        batch.execute()
        assert all(query.is_success for query in queries)
        assert (salesforce.sobject.get("Lead", lead))["LastName"] == mark
        for name, contact in zip(names, contacts, strict=True):
            assert (salesforce.sobject.get("Contact", contact.id))["LastName"] == name
        soql = f"SELECT LastName FROM Contact WHERE LastName LIKE '{mark}.%'"
        found.update([record["LastName"] for record in salesforce.query(soql)])

    with org.serve() as served:
        token = AccessToken(served.access_token)
        with Salesforce(served.url, token) as salesforce:
            assert together(work, crowd) == [None] * crowd

    expected = [f"worker {worker}.{number}" for worker in range(crowd) for number in range(4)]
    with org.client() as client:
        truth = Counter(
            record["LastName"] for record in client.query("SELECT LastName FROM Contact")
        )
        assert len(client.query("SELECT Id FROM Lead").all()) == crowd
    assert truth == found == dict.fromkeys(expected, 1)


def test_a_batch_that_somebody_executes_is_refused_to_others(
    server: ScriptedServer, scripted: Salesforce
) -> None:
    ledger, refused = Ledger(), Gate()

    def answered(request: Received) -> Iterator[Step]:
        refused.wait()
        yield ledger.execute(request)

    server.always(Decided(answered))
    batch = scripted.composite.batch(concurrency=2)
    add_contacts(batch, 60)

    def execute() -> None:
        try:
            batch.execute()
        except errors.InvalidStateError:
            refused.open()
            raise

    results = together(execute, 2)

    assert Counter(map(type, results)) == {type(None): 1, errors.InvalidStateError: 1}
    assert any("being executed already" in str(result) for result in results)
    assert len(batch.succeeded) == sum(ledger.created.values()) == 60
