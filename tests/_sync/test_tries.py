# Generated from tests/_async/test_tries.py by scripts/make_sync.py.
# Change that file, never this one, and then run `scripts/test -s twins -- --write`.
"""Who says how often something is tried again, what else is, and what is said in the end."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.answers import answer, created, page, refusal
from tests.server import Fault, ScriptedServer, Step, reply
from twinforce import (
    AccessToken,
    ClientCredentials,
    RequestsTransport,
    RetryPolicy,
    Salesforce,
    SubrequestState,
    errors,
    hooks,
)

from .waiting import DELAYS, HALFWAY, POLICY, Naps, waiting_client

ID = "0011R00001K1H2IQAV"
DOE = {"LastName": "Doe"}
HTML = b"<html><body>Down for maintenance</body></html>"
CREATED = reply(201, json.dumps(created(1)[1]).encode())
PENDING, UNKNOWN = SubrequestState.PENDING, SubrequestState.UNKNOWN
Lost, Odd = errors.ConnectionLostError, errors.MalformedResponseError
Limited, Denied, Broken = (
    errors.RequestLimitExceededError,
    errors.AuthenticationError,
    errors.ServerError,
)


@pytest.fixture(autouse=True)
def _tamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(*HALFWAY)


# ---- who says how often ----


def test_a_batch_may_have_a_policy_of_its_own(server: ScriptedServer) -> None:
    server.always(reply(429))
    naps = Naps()
    with waiting_client(server, naps) as salesforce:
        for retry, requests in ((None, 1), (RetryPolicy(attempts=2, base=8), 2), ("client", 3)):
            naps.clear()
            server.received.clear()
            batch = salesforce.composite.batch(retry=retry)  # type: ignore[arg-type]
            batch.sobject.create("Contact", DOE)
            with pytest.raises(errors.RequestLimitExceededError):
                batch.execute()
            assert len(server.received) == requests
            assert naps == ([4.0] if requests == 2 else DELAYS[: requests - 1])


def test_a_batch_is_tried_again_where_its_client_never_does(server: ScriptedServer) -> None:
    server.play(reply(429))
    server.play(answer((200, page("A", 2, "/services/data/v67.0/query/01g-2"))))
    server.play(Fault.DROP)
    server.always(reply(200, json.dumps(page("B", 2)).encode()))
    naps = Naps()
    with waiting_client(server, naps, retry=None) as salesforce:
        with salesforce.composite.batch(retry=POLICY) as batch:
            query = batch.query("SELECT Name FROM Contact")
        assert [record["Name"] for record in query.records] == ["A", "B"]

        server.always(reply(429))
        with pytest.raises(errors.RequestLimitExceededError):
            salesforce.limits()
    assert naps == [0.5, 0.5]
    assert len(server.received) == 5


@pytest.mark.parametrize("retry", [3, "never", True, RetryPolicy, {"attempts": 3}])
def test_what_is_no_policy_is_refused(server: ScriptedServer, retry: Any) -> None:
    with pytest.raises(TypeError, match="retry must be a RetryPolicy, or None"):
        waiting_client(server, Naps(), retry=retry)
    with waiting_client(server, Naps()) as salesforce:
        with pytest.raises(TypeError, match="retry must be a RetryPolicy, or None"):
            salesforce.composite.batch(retry=retry)


def test_each_request_of_a_batch_has_tries_of_its_own(server: ScriptedServer) -> None:
    for number in range(3):
        server.play(reply(429))
        server.play(reply(420))
        server.play(answer(*(created(each) for each in range(25 if number < 2 else 10))))
    naps = Naps()
    with waiting_client(server, naps) as salesforce, salesforce.composite.batch() as batch:
        for _ in range(60):
            batch.sobject.create("Contact", DOE)

    assert len(batch.succeeded) == 60
    assert naps == DELAYS * 3


def test_the_budget_ends_the_tries(server: ScriptedServer) -> None:
    server.always(reply(429, b"", [("Retry-After", "40")]))
    naps = Naps()
    policy = RetryPolicy(attempts=9, budget=100)
    with waiting_client(server, naps, retry=policy, clock=lambda: sum(naps)) as salesforce:
        with pytest.raises(errors.RequestLimitExceededError):
            salesforce.sobject.create("Contact", DOE)

    assert naps == [40, 40]
    assert len(server.received) == 3


def test_hooks_are_told_of_each_try(server: ScriptedServer) -> None:
    server.play(reply(429))
    server.play(reply(420))
    server.always(CREATED)
    told: list[hooks.Event] = []
    naps = Naps()
    with waiting_client(server, naps, hooks=[told.append]) as salesforce:
        salesforce.sobject.create("Contact", DOE)

    retries = [event for event in told if isinstance(event, hooks.RetryEvent)]
    assert [(event.attempt, event.delay) for event in retries] == [(1, 0.5), (2, 1.0)]
    assert [event.error.status_code for event in retries] == [429, 420]
    requests = [event for event in told if isinstance(event, hooks.RequestEvent)]
    assert [event.attempt for event in requests] == [1, 2, 3]


# ---- pages and sign-ins ----


NEXT = "/services/data/v67.0/query/01g-"


def test_the_pages_of_a_query_are_tried_again(server: ScriptedServer) -> None:
    pages = [page("A", 3, NEXT + "1"), page("B", 3, NEXT + "2"), page("C", 3)]
    for each in pages:
        for fault in (Fault.DROP, reply(503, HTML), reply(200, json.dumps(each).encode())):
            server.play(fault)
    naps = Naps()
    with waiting_client(server, naps) as salesforce:
        records = salesforce.query("SELECT Name FROM Contact").all()

    assert [record["Name"] for record in records] == ["A", "B", "C"]
    assert naps == DELAYS * 3


@pytest.mark.parametrize("fault", [Fault.DROP, reply(503, HTML), reply(429)])
def test_the_pages_of_a_query_in_a_batch_are_tried_again(
    server: ScriptedServer, fault: Step
) -> None:
    server.play(answer((200, page("A", 3, NEXT + "1")), created(1)))
    second, third = (
        reply(200, json.dumps(each).encode()) for each in (page("B", 3, NEXT + "2"), page("C", 3))
    )
    for steps in (fault, fault, second, fault, fault, fault):
        server.play(steps)
    naps = Naps()
    with waiting_client(server, naps) as salesforce:
        batch = salesforce.composite.batch()
        query = batch.query("SELECT Name FROM Contact")
        contact = batch.sobject.create("Contact", DOE)
        with pytest.raises((Lost, Broken, Limited)):
            batch.execute()
        assert naps == DELAYS * 2
        assert contact.is_success
        assert query.state is PENDING
        assert batch.request_count == 7

        server.always(third)
        batch.execute()
    assert [record["Name"] for record in query.records] == ["A", "B", "C"]
    assert server.received[-1].target == NEXT + "2"
    assert batch.request_count == 8


GRANT = ClientCredentials("id", "s3cret")
EXPIRED = refusal(401, "INVALID_SESSION_ID")


def token(value: str, server: ScriptedServer) -> bytes:
    return reply(200, json.dumps({"access_token": value, "instance_url": server.url}).encode())


def bearers(server: ScriptedServer) -> str:
    """Tell with which token each request came; a sign-in comes with none."""
    found = [request.values("Authorization") or ["-"] for request in server.received]
    return "".join(value.removeprefix("Bearer ") for (value,) in found)


@pytest.mark.parametrize(
    ("fault", "asked"),
    [(Fault.DROP, 0), (reply(503, HTML), 0), (reply(429, b"", [("Retry-After", "7")]), 7)],
)
def test_a_sign_in_is_tried_again(server: ScriptedServer, fault: Step, asked: float) -> None:
    for step in (fault, fault, token("A", server), reply(429), reply(429), CREATED):
        server.play(step)
    naps = Naps()
    with waiting_client(server, naps, auth=GRANT) as salesforce:
        salesforce.sobject.create("Contact", DOE)

    assert bearers(server) == "---AAA"
    assert naps == [max(delay, asked) for delay in DELAYS] + DELAYS


@pytest.mark.parametrize(
    ("fault", "requests", "kind"),
    [
        (Fault.DROP, "---", Lost),
        (reply(503, HTML), "---", Broken),
        (reply(400, b'{"error": "invalid_grant"}'), "-", Denied),
        (reply(401, b'{"error": "invalid_client"}'), "-", Denied),
        (reply(200, HTML), "-", Odd),
    ],
)
def test_a_sign_in_that_fails_for_good_leaves_a_batch_pending(
    server: ScriptedServer, fault: Step, requests: str, kind: type[errors.SalesforceError]
) -> None:
    server.always(fault)
    naps = Naps()
    with waiting_client(server, naps, auth=GRANT) as salesforce:
        batch = salesforce.composite.batch()
        contact = batch.sobject.create("Contact", DOE)
        with pytest.raises(kind, match="sign-in at"):
            batch.execute()
        assert contact.state is PENDING
        assert bearers(server) == requests
        assert naps == DELAYS[: len(requests) - 1]

        for step in (token("A", server), answer(created(1))):
            server.play(step)
        batch.execute()
    assert contact.is_success


@pytest.mark.parametrize(
    ("make", "success"),
    [
        (lambda sf: sf.sobject.create("Contact", DOE), CREATED),
        (lambda sf: sf.sobject.delete("Contact", ID), reply(204)),
    ],
)
def test_a_token_may_expire_between_two_tries(
    server: ScriptedServer, make: Callable[[Salesforce], Any], success: bytes
) -> None:
    for step in (token("A", server), reply(429), EXPIRED, token("B", server), reply(429)):
        server.play(step)
    server.always(success)
    naps = Naps()
    policy = RetryPolicy(attempts=4, base=1)
    with waiting_client(server, naps, auth=GRANT, retry=policy) as salesforce:
        make(salesforce)

    assert bearers(server) == "-AA-BB"
    assert naps == [0.5, 2.0]


def test_a_renewed_token_does_not_begin_the_tries_anew(server: ScriptedServer) -> None:
    for step in (token("A", server), reply(429), EXPIRED, token("B", server), reply(429)):
        server.play(step)
    server.always(CREATED)
    naps = Naps()
    with waiting_client(server, naps, auth=GRANT) as salesforce:
        with pytest.raises(Limited):
            salesforce.sobject.create("Contact", DOE)

    assert bearers(server) == "-AA-B"
    assert naps == DELAYS[:1]


# ---- the last error tells the whole truth ----


@pytest.mark.parametrize(
    "first", [(Fault.DROP,), (reply(500),), (reply(200, b"x" * 9)[:-5], Fault.DROP)]
)
@pytest.mark.parametrize(
    ("last", "kind"),
    [
        ((reply(429),), Limited),
        ((refusal(404, "NOT_FOUND"),), errors.NotFoundError),
        ((refusal(400, "UNABLE_TO_LOCK_ROW"),), errors.RowLockedError),
        ((EXPIRED,), Denied),
    ],
)
def test_an_error_does_not_hide_what_an_earlier_try_may_have_done(
    server: ScriptedServer,
    first: tuple[Step, ...],
    last: tuple[Step, ...],
    kind: type[errors.SalesforceError],
) -> None:
    server.play(*first)
    server.always(*last)
    with waiting_client(server, Naps()) as salesforce:
        with pytest.raises(kind, match=r"; an earlier try of this request may have been executed"):
            salesforce.sobject.update("Contact", ID, DOE)
        server.play(*first)
        with pytest.raises(kind) as caught:
            salesforce.sobject.get("Contact", ID)
        assert "earlier" not in str(caught.value)
        with pytest.raises(kind) as caught:
            salesforce.sobject.update("Contact", ID, DOE)
        assert "earlier" not in str(caught.value)


def test_a_server_that_went_away_does_not_hide_what_it_may_have_done() -> None:
    naps = Naps()
    with ScriptedServer() as server:
        server.always(Fault.DROP)
        naps.meanwhile = server.__exit__
        with waiting_client(server, naps) as salesforce:
            with pytest.raises(errors.ConnectError, match=r"earlier try .* executed$") as caught:
                salesforce.sobject.delete("Contact", ID)
    assert caught.value.sent
    assert naps == DELAYS


def test_a_batch_whose_server_went_away_is_in_doubt() -> None:
    naps = Naps()
    with ScriptedServer() as server:
        server.always(Fault.DROP)
        naps.meanwhile = server.__exit__
        with waiting_client(server, naps) as salesforce:
            batch = salesforce.composite.batch()
            batch.sobject.update("Contact", ID, DOE)
            with pytest.raises(errors.OutcomeUnknownError, match="ended the connection") as caught:
                batch.execute()
    assert isinstance(caught.value.__cause__, errors.ConnectError)
    assert [item.state for item in batch] == [UNKNOWN]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [(Fault.DROP, Lost), (reply(503), Broken), (reply(400, b'{"error": "invalid_grant"}'), Denied)],
)
def test_a_renewal_that_fails_does_not_hide_what_an_earlier_try_may_have_done(
    server: ScriptedServer, fault: Step, kind: type[errors.SalesforceError]
) -> None:
    for step in (token("A", server), reply(500), EXPIRED):
        server.play(step)
    server.always(fault)
    with waiting_client(server, Naps(), auth=GRANT) as salesforce:
        with pytest.raises(kind, match=r"sign-in at .* earlier try .* executed$") as caught:
            salesforce.sobject.delete("Contact", ID)
        # Others wait for the same sign-in; of theirs, nothing was sent before.
        assert "earlier" not in str(caught.value.__context__)
    if isinstance(caught.value, errors.TransportError):
        assert caught.value.sent


@pytest.mark.parametrize(("first", "state"), [(reply(429), PENDING), (reply(500), UNKNOWN)])
def test_a_client_that_is_closed_while_it_waits_sends_nothing_more(
    server: ScriptedServer, first: bytes, state: SubrequestState
) -> None:
    server.always(first)
    clients: list[Salesforce] = []

    def close(_: float) -> None:
        clients[0].close()

    with RequestsTransport() as transport:  # the user's, so it stays open
        clients.append(
            Salesforce(server.url, AccessToken("x"), transport=transport, retry=POLICY, sleep=close)
        )
        batch = clients[0].composite.batch()
        batch.sobject.update("Contact", ID, DOE)
        with pytest.raises(errors.SalesforceError) as caught:
            batch.execute()

    assert len(server.received) == 1
    assert batch.subrequests[0].state is state
    closed = caught.value.__cause__ if state is UNKNOWN else caught.value
    assert isinstance(closed, errors.InvalidStateError)
