# Generated from tests/_async/test_known_defects_of_clients.py by scripts/make_sync.py.
# Change that file, never this one, and then run `scripts/test -s twins -- --write`.
"""What other clients were seen to do to single requests, sign-ins and connections, tried on ours.

The numbers of the cases are explained in test_known_defects_of_batches.py.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.answers import answer, created, page
from tests.server import ScriptedServer, reply
from tests.twin import Answers, Arrivals, Pauses, together
from twinforce import (
    AccessToken,
    ApiUsage,
    AppUsage,
    ClientCredentials,
    Request,
    RequestsTransport,
    Response,
    Salesforce,
    SubrequestState,
    Timeout,
    errors,
)
from twinforce.local import LocalOrg, faults

ID = "0011R00001K1H2IQAV"
JON = {"FirstName": "Jon", "LastName": "Doe"}
GRANT = ClientCredentials("id", "p&ss<w0rd+%=")
INVALID = b'[{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}]'
EXPIRED = reply(401, INVALID)


def token(value: str, server: ScriptedServer) -> bytes:
    return reply(200, json.dumps({"access_token": value, "instance_url": server.url}).encode())


def sign_ins(server: ScriptedServer) -> int:
    return sum(request.target == "/services/oauth2/token" for request in server.received)


def last_names(salesforce: Salesforce) -> list[str]:
    query = salesforce.query("SELECT LastName FROM Contact ORDER BY LastName")
    return [record["LastName"] for record in query.all()]


def get(salesforce: Salesforce) -> object:
    return salesforce.sobject.get("Account", ID)


def create(salesforce: Salesforce) -> object:
    return salesforce.sobject.create("Contact", JON)


def query(salesforce: Salesforce) -> object:
    return salesforce.query("SELECT Id FROM Account").all()


def batch(salesforce: Salesforce) -> object:
    with salesforce.composite.batch() as batch:
        batch.sobject.create("Contact", JON)
    return batch.succeeded


# ---- signing in ----


@pytest.mark.parametrize("call", [get, create, query, batch])
def test_a_session_that_is_always_refused_ends_after_one_renewal(
    org: LocalOrg,
    served: Salesforce,
    pauses: Pauses,
    call: Callable[[Salesforce], Any],
) -> None:
    # A13, S1
    org.faults.add(faults.ExpireToken(), times=None)

    with pytest.raises(errors.AuthenticationError, match="INVALID_SESSION_ID"):
        call(served)

    assert len(org.faults.happened) == 2
    assert pauses.seconds == []


def test_a_token_that_was_renewed_meanwhile_is_not_renewed_again(
    server: ScriptedServer,
) -> None:
    # A12: the refusals come one after the other.
    server.play(token("A", server))
    server.play(reply(200, b"{}"))
    server.play(lambda: server.wait_for_requests(7), EXPIRED)
    for _ in range(4):
        server.play(lambda: server.wait_for_requests(9), EXPIRED)
    server.play(token("B", server))
    server.always(answer(created(1)))
    with Salesforce(server.url, GRANT) as salesforce:
        salesforce.limits()
        results = together(lambda: batch(salesforce), 5)

    assert [len(result) for result in results if isinstance(result, tuple)] == [1] * 5
    assert sign_ins(server) == 2


def test_a_token_that_is_refused_to_many_at_once_is_renewed_once(
    server: ScriptedServer,
) -> None:
    # S7
    server.play(token("A", server))
    server.play(reply(200, b"{}"))
    arrivals = Arrivals(8)
    for _ in range(8):
        server.play(arrivals.arrive, lambda: server.wait_for_requests(10), EXPIRED)
    server.play(token("B", server))
    server.always(reply(200, b"{}"))
    with Salesforce(server.url, GRANT) as salesforce:
        salesforce.limits()
        results = together(salesforce.limits, 8)

    assert results == [{}] * 8
    assert sign_ins(server) == 2


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"<html>expired</html>", id="S3: HTML"),
        pytest.param(b'{"message": "expired"}', id="S3: an object"),
        pytest.param(INVALID, id="sf-toolkit: as Salesforce has it"),
        pytest.param(b"[]", id="an empty array"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_a_refused_token_is_renewed_whatever_the_body_says(
    server: ScriptedServer, body: bytes
) -> None:
    for step in (token("A", server), reply(401, body), token("B", server), reply(200, b"{}")):
        server.play(step)
    for step in (reply(401, body), token("C", server)):
        server.play(step)
    server.always(reply(401, body))
    with Salesforce(server.url, GRANT) as salesforce:
        assert salesforce.limits() == {}
        with pytest.raises(errors.AuthenticationError, match="GET limits: 401"):
            salesforce.limits()

    assert sign_ins(server) == 3
    assert len(server.received) == 7


def test_what_was_asked_is_sent_again_whole_with_the_new_token(
    server: ScriptedServer, pauses: Pauses
) -> None:
    # S2: the header was lost.
    for step in (token("A", server), EXPIRED, token("B", server), reply(429), reply(201)):
        server.play(step)
    with Salesforce(server.url, GRANT, sleep=pauses) as salesforce:
        salesforce.request(
            "POST",
            "sobjects/Contact",
            json=JON,
            headers={"Sforce-Duplicate-Rule-Header": "allowSave=true"},
        )

    sent = [request for request in server.received if request.target.endswith("/Contact")]
    assert [request.values("Authorization") for request in sent] == [
        ["Bearer A"],
        ["Bearer B"],
        ["Bearer B"],
    ]
    for request in sent:
        assert request.values("Sforce-Duplicate-Rule-Header") == ["allowSave=true"]
        assert json.loads(request.body) == JON


def test_what_follows_a_sign_in_goes_to_the_instance_that_it_names(
    server: ScriptedServer,
) -> None:
    # S14: the org has moved while a query was read.
    with ScriptedServer() as moved:
        locator = "/services/data/v67.0/query/01g-1"
        first = page("a", 3, locator)
        for step in (token("A", server), reply(200, json.dumps(first).encode()), EXPIRED):
            server.play(step)
        server.play(token("B", moved))
        moved.play(reply(200, json.dumps(page("bc", 3)).encode()))
        moved.play(answer(created(1)))
        with Salesforce(server.url, GRANT) as salesforce:
            records = salesforce.query("SELECT Name FROM Account").all()
            batch(salesforce)

        assert [record["Name"] for record in records] == ["a", "b", "c"]
        assert len(server.received) == 4
        assert [request.target for request in moved.received] == [
            locator,
            "/services/data/v67.0/composite/batch",
        ]
        assert [request.values("Authorization") for request in moved.received] == [
            ["Bearer B"],
            ["Bearer B"],
        ]


def test_a_sign_in_encodes_what_it_sends(server: ScriptedServer) -> None:
    # A17
    server.play(token("A", server))
    server.play(reply(200, b"{}"))
    with Salesforce(server.url, GRANT) as salesforce:
        salesforce.limits()

    form = parse_qs(server.received[0].body.decode(), strict_parsing=True)
    assert form["client_secret"] == [GRANT.client_secret]


# ---- waiting, failing, closing ----


class Clocked(Answers):
    """Notes the time-out of each request."""

    def __init__(self, *answers: Response) -> None:
        super().__init__(*answers)
        self.timeouts: list[Timeout] = []

    def send(self, request: Request, /) -> Response:
        self.timeouts.append(request.timeout)
        return super().send(request)


def test_every_request_has_a_time_out() -> None:
    # A22, S5; those of sf-toolkit's twins differ.
    first = page("a", 2, "/services/data/v67.0/query/01g-1")
    items = json.dumps({"results": [{"statusCode": 200, "result": first}]}).encode()
    transport = Clocked(
        Response(200, {}, b'{"access_token": "A"}'),
        Response(200, {}, b"{}"),
        Response(200, {}, items),
        Response(200, {}, json.dumps(page("b", 2)).encode()),
        Response(200, {}, b"{}"),
    )
    home = "https://acme.my.salesforce.com"
    with Salesforce(home, GRANT, transport=transport) as salesforce:
        salesforce.limits()
        with salesforce.composite.batch(timeout=Timeout(read=600)) as batch:
            batch.query("SELECT Name FROM Account")
    impatient = Timeout(connect=1, read=2)
    with Salesforce(home, AccessToken("A"), transport=transport, timeout=impatient) as salesforce:
        salesforce.sobject.get("Contact", ID)

    default, long = Timeout(connect=10, read=120), Timeout(connect=10, read=600)
    assert transport.timeouts == [default, default, long, long, impatient]


@pytest.mark.parametrize(
    ("fault", "kind", "code", "is_resent"),
    [
        (
            faults.Answer(503, [{"errorCode": "SERVER_UNAVAILABLE", "message": "busy"}]),
            errors.ServerError,
            "SERVER_UNAVAILABLE",
            False,
        ),
        (faults.Html(503), errors.ServerError, None, False),
        (
            faults.Answer(429, [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "busy"}]),
            errors.RequestLimitExceededError,
            "REQUEST_LIMIT_EXCEEDED",
            True,
        ),
        (faults.RowLock(), errors.RowLockedError, "UNABLE_TO_LOCK_ROW", True),
        (faults.DropBefore(), errors.ConnectionLostError, None, False),
    ],
    ids=["503", "503 with HTML", "429", "row lock", "dropped"],
)
def test_a_passing_failure_is_outlasted_where_that_is_safe_and_has_a_name_where_not(
    org: LocalOrg,
    served: Salesforce,
    pauses: Pauses,
    fault: Any,
    kind: type[errors.SalesforceError],
    code: str | None,
    is_resent: bool,
) -> None:
    # S6
    served.sobject.upsert("Contact", "Key__c", {"Key__c": "x"} | JON)
    org.faults.add(fault)
    served.sobject.update("Contact", "x", {"LastName": "Roe"}, external_id_field="Key__c")
    assert last_names(served) == ["Roe"]
    assert len(pauses.seconds) == 1

    org.faults.add(fault, times=None)
    with pytest.raises(kind) as caught:
        served.sobject.create("Contact", JON)
    assert type(caught.value) is kind
    assert caught.value.error_code == code
    assert len(pauses.seconds) == (5 if is_resent else 1)


@pytest.mark.parametrize(
    "fault",
    [
        faults.Answer(
            400, [{"errorCode": "X", "message": "why", "fields": ["LastName"]}, {"message": "2"}]
        ),
        faults.Answer(429, headers={"Retry-After": "2"}),
        faults.Html(500),
        faults.DropAfter(),
        faults.WrongResults(),
        faults.RowLock(),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_every_error_survives_pickling(org: LocalOrg, fault: Any) -> None:
    # S8
    with org.serve() as server:
        token = AccessToken(server.access_token)
        with Salesforce(server.url, token, retry=None) as salesforce:
            org.faults.add(fault, times=None)
            with pytest.raises((errors.SalesforceError, ExceptionGroup)) as of_batch:
                with salesforce.composite.batch(autoraise=True, group_errors=True) as batch:
                    batch.sobject.create("Contact", JON)
            caught: list[Any] = [of_batch.value]
            if not isinstance(fault, faults.WrongResults):
                with pytest.raises(errors.SalesforceError) as alone:
                    salesforce.sobject.create("Contact", JON)
                caught.append(alone.value)

    for error in caught:
        copy = pickle.loads(pickle.dumps(error))
        assert type(copy) is type(error)
        assert str(copy) == str(error)
        for name in ("status_code", "error_code", "fields", "errors", "retry_after", "request"):
            assert getattr(copy, name, None) == getattr(error, name, None)
        if isinstance(error, errors.OutcomeUnknownError):
            assert [item.state for item in copy.subrequests] == [SubrequestState.UNKNOWN]
        if isinstance(error, ExceptionGroup):
            assert [str(item) for item in copy.exceptions] == [str(batch.failed[0].error)]


@pytest.mark.parametrize("name", ["qurey", "Contact", "sobjects", "batch"])
def test_a_name_that_is_not_there_is_an_error(served: Salesforce, name: str) -> None:
    # S10
    for part in (served, served.composite, served.sobject, served.composite.batch()):
        if part is not served.composite or name != "batch":
            with pytest.raises(AttributeError, match=name):
                getattr(part, name)


def test_a_client_is_closed_at_the_end_of_its_block(server: ScriptedServer) -> None:
    # S10
    server.always(reply(200, b"{}"))
    with Salesforce(server.url, AccessToken("00D!x")) as salesforce:
        salesforce.limits()

    server.wait_until_disconnected()
    with pytest.raises(errors.InvalidStateError, match="closed"):
        salesforce.limits()


def test_the_use_of_the_api_is_known_after_any_answer(served: Salesforce) -> None:
    # S12
    used = []
    served.sobject.create("Contact", JON)
    assert served.api_usage is not None
    used.append(served.api_usage.used)
    with pytest.raises(errors.NotFoundError):
        served.sobject.get("Contact", "003000000000000AAA")
    used.append(served.api_usage.used)
    batch(served)
    used.append(served.api_usage.used)

    assert used[0] < used[1] < used[2]


def test_the_use_of_the_api_is_told_in_all_its_parts(
    server: ScriptedServer, scripted: Salesforce
) -> None:
    # A15, django-salesforce: for the app, too
    limits = "api-usage=18/5000; per-app-api-usage=17/250(appName=sample)"
    server.play(reply(200, b"{}", [("Sforce-Limit-Info", limits)]))
    server.play(reply(404, b"", [("Sforce-Limit-Info", "api-usage=19/5000")]))
    for odd in ("per-app-api-usage=1/2(appName=sample)", "api-usage=20", "odd", " "):
        server.play(reply(200, b"{}", [("Sforce-Limit-Info", odd)]))

    scripted.limits()
    usage = scripted.api_usage
    assert usage == ApiUsage(18, 5000, (AppUsage("sample", 17, 250),))
    assert usage is not None
    assert usage.remaining == 4982
    with pytest.raises(errors.NotFoundError):
        scripted.limits()
    for _ in range(4):
        scripted.limits()
        assert scripted.api_usage == ApiUsage(19, 5000)


def test_a_client_that_waits_for_its_next_try_holds_no_connection(org: LocalOrg) -> None:
    # As none of aiosalesforce 0.6.2 does.
    org.faults.add(faults.Answer(429), when=lambda request: request.method == "POST")
    meanwhile = []

    def nap(seconds: float) -> None:
        meanwhile.append(salesforce.limits())

    with org.serve() as server:
        token = AccessToken(server.access_token)
        with (
            RequestsTransport(pool_size=1) as transport,
            Salesforce(server.url, token, transport=transport, sleep=nap) as salesforce,
        ):
            assert salesforce.sobject.create("Contact", JON)

    assert len(meanwhile) == 1
