# Generated from tests/_async/test_retries.py by scripts/make_sync.py.
# Change that file, never this one, and then run `scripts/test -s twins -- --write`.
"""What is sent again, and what is not, over real sockets: each row of the table, in both twins."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import attrs
import pytest

from tests.answers import answer, created, page, refusal
from tests.server import Fault, ScriptedServer, Step, reply
from twinforce import (
    AccessToken,
    Batch,
    Salesforce,
    SubrequestState,
    Timeout,
    errors,
)

from .waiting import DELAYS, HALFWAY, POLICY, Naps, waiting_client

ID = "0011R00001K1H2IQAV"
DOE = {"LastName": "Doe"}
PENDING, SUCCEEDED, UNKNOWN = (
    SubrequestState.PENDING,
    SubrequestState.SUCCEEDED,
    SubrequestState.UNKNOWN,
)
HTML = b"<html><body>Down for maintenance</body></html>"


@pytest.fixture(autouse=True)
def _tamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(*HALFWAY)


# ---- the table ----


@attrs.frozen
class Row:
    """A way to fail, and what has to follow from it.

    *may_have_run*: writes are in doubt after it. *again*: which requests are sent once more.
    *asked*: the seconds of Retry-After.
    """

    name: str
    steps: tuple[Step, ...]
    error: type[errors.SalesforceError]
    may_have_run: bool
    again: str
    asked: float = 0
    read: float = 5

    def is_sent_again(self, *, idempotent: bool) -> bool:
        return self.again == "all" or (self.again == "idempotent" and idempotent)

    def delays(self, count: int) -> list[float]:
        return [max(delay, self.asked) for delay in DELAYS[:count]]


LIMIT = "REQUEST_LIMIT_EXCEEDED"
DAILY = "TotalRequests Limit exceeded."
HOURLY = "You have reached the Connect API's hourly request limit for this user and application"
CONCURRENT = "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
Lost, Late = errors.ConnectionLostError, errors.ReadTimeoutError
Odd, Limited = errors.MalformedResponseError, errors.RequestLimitExceededError
Denied, Broken = errors.AuthenticationError, errors.ServerError
RUN, NOT_RUN = True, False

# fmt: off
ROWS = [
    Row("closed after it was sent",    (Fault.DROP,),                              Lost,    RUN,     "idempotent"),
    Row("reset after it was sent",     (Fault.RESET,),                             Lost,    RUN,     "idempotent"),
    Row("time-out while reading",      (Fault.HANG,),                              Late,    RUN,     "idempotent", read=0.2),
    Row("truncated answer",            (reply(200, b"x" * 9)[:-5], Fault.DROP),    Lost,    RUN,     "idempotent"),
    Row("truncated head",              (b"HTTP/1.1 200 OK\r\nA: b\r\n", Fault.DROP), Lost,  RUN,     "idempotent"),
    Row("not HTTP",                    (b"SSH-2.0\r\n\r\n", Fault.DROP),           Lost,    RUN,     "idempotent"),
    Row("200 HTML from the edge",      (reply(200, HTML),),                        Odd,     RUN,     "none"),
    Row("300",                         (reply(300, b'["/x", "/y"]'),),             errors.MoreThanOneRecordError, NOT_RUN, "none"),
    Row("302",                         (reply(302, b"", [("Location", "/x")]),),   errors.SalesforceError, RUN, "none"),
    Row("400",                         (refusal(400, "JSON_PARSER_ERROR"),),          errors.MalformedRequestError, NOT_RUN, "none"),
    Row("400 running too long",        (refusal(400, "REQUEST_RUNNING_TOO_LONG"),),   errors.MalformedRequestError, RUN, "none"),
    Row("400 row lock",                (refusal(400, "UNABLE_TO_LOCK_ROW"),),         errors.RowLockedError, NOT_RUN, "all"),
    Row("401",                         (refusal(401, "INVALID_SESSION_ID"),),         Denied,  NOT_RUN, "none"),
    Row("403",                         (refusal(403, "API_DISABLED_FOR_ORG"),),       errors.AuthorizationError, NOT_RUN, "none"),
    Row("403 daily limit",             (refusal(403, LIMIT, DAILY, retry_after="1"),), Limited, NOT_RUN, "none"),
    Row("429 daily limit",             (refusal(429, LIMIT, DAILY, retry_after="1"),), Limited, NOT_RUN, "none"),
    Row("503 daily limit",             (refusal(503, LIMIT, DAILY),),                 Limited, NOT_RUN, "none"),
    Row("503 hourly limit",            (refusal(503, LIMIT, HOURLY),),                Limited, NOT_RUN, "none"),
    Row("503 hourly limit, told",      (refusal(503, LIMIT, HOURLY, retry_after="60"),), Limited, NOT_RUN, "all", asked=60),
    Row("503 hourly limit, too long",  (refusal(503, LIMIT, HOURLY, retry_after="3600"),), Limited, NOT_RUN, "none"),
    Row("403 concurrent limit",        (refusal(403, LIMIT, CONCURRENT),),            Limited, NOT_RUN, "all"),
    Row("408",                         (reply(408),),                              Broken,  RUN,     "idempotent"),
    Row("420",                         (reply(420, HTML),),                        Broken,  NOT_RUN, "all"),
    Row("429",                         (reply(429),),                              Limited, NOT_RUN, "all"),
    Row("429, told",                   (reply(429, b"", [("Retry-After", "7")]),), Limited, NOT_RUN, "all", asked=7),
    Row("500",                         (refusal(500, "UNKNOWN_EXCEPTION"),),          Broken,  RUN,     "idempotent"),
    Row("501",                         (reply(501),),                              Broken,  RUN,     "none"),
    Row("502",                         (reply(502, HTML),),                        Broken,  RUN,     "idempotent"),
    Row("503",                         (refusal(503, "SERVER_UNAVAILABLE"),),         Broken,  RUN,     "idempotent"),
    Row("503 HTML from the edge",      (reply(503, HTML, [("Retry-After", "9")]),), Broken, RUN,     "idempotent", asked=9),
    Row("504",                         (reply(504),),                              Broken,  RUN,     "idempotent"),
]
# fmt: on


@attrs.frozen
class Call:
    """A request of its own."""

    name: str
    make: Callable[[Salesforce], Any]
    success: bytes
    idempotent: bool


CREATED = reply(201, json.dumps(created(1)[1]).encode())
# fmt: off
CALLS = [
    Call("create", lambda sf: sf.sobject.create("Contact", DOE), CREATED, idempotent=False),
    Call("get", lambda sf: sf.sobject.get("Contact", ID), reply(200, b'{"Id": "x"}'), idempotent=True),
    Call("update", lambda sf: sf.sobject.update("Contact", ID, DOE), reply(204), idempotent=True),
    Call("upsert", lambda sf: sf.sobject.upsert("Contact", "K__c", {"K__c": "x"}), CREATED, idempotent=True),
    Call("delete", lambda sf: sf.sobject.delete("Contact", ID), reply(204), idempotent=True),
    Call("query", lambda sf: sf.query("SELECT Name FROM Contact").all(), reply(200, json.dumps(page("A", 1)).encode()), idempotent=True),
    Call("POST", lambda sf: sf.request("POST", "actions/x", json={}), reply(200, b"{}"), idempotent=False),
    Call("GET", lambda sf: sf.request("GET", "limits"), reply(200, b"{}"), idempotent=True),
    Call("PATCH", lambda sf: sf.request("PATCH", f"sobjects/Contact/{ID}", json=DOE), reply(204), idempotent=True),
    Call("PATCH elsewhere", lambda sf: sf.request("PATCH", "composite/sobjects", json={}), reply(200, b"[]"), idempotent=False),
    Call("DELETE elsewhere", lambda sf: sf.request("DELETE", "composite/sobjects?ids=x"), reply(200, b"[]"), idempotent=False),
    Call("PUT", lambda sf: sf.request("PUT", "connect/x", json={}), reply(200, b"{}"), idempotent=False),
]
# fmt: on
SLOW_ENOUGH = ("create", "update")


def pairs() -> Iterator[Any]:
    for row in ROWS:
        for call in CALLS:
            is_any_answer_right = call.name.isupper() or "elsewhere" in call.name
            has_no_body = call.name == "HEAD" and row.name.startswith("truncated")
            if (row.error is Odd and is_any_answer_right) or has_no_body:
                continue
            if row.error is not Late or call.name in SLOW_ENOUGH:
                yield pytest.param(row, call, id=f"{row.name}-{call.name}")


@pytest.mark.parametrize(("row", "call"), list(pairs()))
def test_a_lone_request_is_sent_again_as_the_table_says(
    server: ScriptedServer, row: Row, call: Call
) -> None:
    again = row.is_sent_again(idempotent=call.idempotent)
    naps = Naps()
    with waiting_client(server, naps, timeout=Timeout(connect=5, read=row.read)) as salesforce:
        server.play(*row.steps)
        server.always(call.success)
        if again:
            call.make(salesforce)
        else:
            with pytest.raises(row.error):
                call.make(salesforce)
        assert len(server.received) == (2 if again else 1)
        assert naps == (row.delays(1) if again else [])

        naps.clear()
        server.always(*row.steps)
        with pytest.raises(row.error) as caught:
            call.make(salesforce)
    last = server.received[2 if again else 1 :]
    assert len(last) == (3 if again else 1)
    assert len({(request.method, request.target, request.body) for request in server.received}) == 1
    assert naps == (row.delays(2) if again else [])
    if isinstance(caught.value, errors.TransportError):
        assert caught.value.sent


@attrs.frozen
class Kind:
    """A kind of batch."""

    name: str
    fill: Callable[[Batch], object]
    success: bytes
    idempotent: bool
    reads_only: bool = False


def reads(batch: Batch) -> None:
    batch.sobject.get("Contact", ID)
    batch.query("SELECT Name FROM Contact")


def idempotent(batch: Batch) -> None:
    batch.sobject.get("Contact", ID)
    batch.sobject.update("Contact", ID, DOE)
    batch.sobject.upsert("Contact", "K__c", {"K__c": "x"})
    batch.sobject.delete("Contact", ID)
    batch.request("DELETE", f"sobjects/Contact/{ID}")


def with_a_create(batch: Batch) -> None:
    batch.sobject.get("Contact", ID)
    batch.sobject.update("Contact", ID, DOE)
    batch.sobject.create("Contact", DOE)


def with_another(batch: Batch) -> None:
    batch.request("POST", "actions/standard/chatterPost", {})


GOT, FOUND, DONE = (200, {"Id": ID}), (200, page("A", 1)), (204, None)
KINDS = [
    Kind("reads", reads, answer(GOT, FOUND), idempotent=True, reads_only=True),
    Kind("idempotent", idempotent, answer(GOT, DONE, created(1), DONE, DONE), idempotent=True),
    Kind("with a create", with_a_create, answer(GOT, DONE, created(1)), idempotent=False),
    Kind("with another", with_another, answer((200, [])), idempotent=False),
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_batch_is_sent_again_as_the_table_says(
    server: ScriptedServer, row: Row, kind: Kind
) -> None:
    again = row.is_sent_again(idempotent=kind.idempotent)
    is_unknown = row.error is Odd or (row.may_have_run and not kind.reads_only)
    naps = Naps()
    with waiting_client(server, naps, timeout=Timeout(connect=5, read=row.read)) as salesforce:
        if again:
            server.play(*row.steps)
            server.always(kind.success)
            with salesforce.composite.batch() as batch:
                kind.fill(batch)
            assert {item.state for item in batch} == {SUCCEEDED}
            assert not batch.has_errors
            assert len(server.received) == batch.request_count == 2
            assert server.received[0].body == server.received[1].body
            assert naps == row.delays(1)
            naps.clear()
            server.received.clear()

        server.always(*row.steps)
        batch = salesforce.composite.batch()
        kind.fill(batch)
        is_said = is_unknown and row.error is not Odd
        with pytest.raises(errors.OutcomeUnknownError if is_said else row.error) as caught:
            batch.execute()
        assert len(server.received) == batch.request_count == (3 if again else 1)
        assert naps == (row.delays(2) if again else [])
        assert {item.state for item in batch} == {UNKNOWN if is_unknown else PENDING}
        if isinstance(caught.value, errors.OutcomeUnknownError):
            assert isinstance(caught.value.__cause__, row.error)
            assert caught.value.subrequests == batch.unknown == batch.subrequests
        for item in batch.unknown:
            assert isinstance(item.error, errors.OutcomeUnknownError)
            assert isinstance(item.error.__cause__, row.error)

        # The next execution sends what is pending, and nothing else.
        server.received.clear()
        server.always(kind.success)
        batch.execute()
        assert len(server.received) == (0 if is_unknown else 1)
        assert {item.state for item in batch} == {UNKNOWN if is_unknown else SUCCEEDED}


# ---- what never got so far ----


@contextmanager
def refused() -> Iterator[str]:
    with ScriptedServer() as server:
        pass
    yield server.url


@contextmanager
def unresolved() -> Iterator[str]:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", fail)
        patch.setenv("no_proxy", "*")
        yield "https://acme.my.salesforce.test"


@contextmanager
def without_tls() -> Iterator[str]:
    with ScriptedServer() as server:
        yield server.url.replace("http:", "https:")
    assert server.received == []


@contextmanager
def not_shaking_hands() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        (refused, "it was refused"),
        (unresolved, "name cannot be resolved"),
        (without_tls, "the TLS handshake failed"),
        (not_shaking_hands, "none within 0.05 seconds"),
    ],
)
def test_what_never_left_is_tried_again_and_stays_pending(
    place: Callable[[], Any], reason: str
) -> None:
    naps = Naps()
    with place() as url:
        with Salesforce(
            url, AccessToken("x"), retry=POLICY, sleep=naps, timeout=Timeout(connect=0.05)
        ) as salesforce:
            batch = salesforce.composite.batch()
            with_a_create(batch)
            with pytest.raises(errors.ConnectError, match=reason) as caught:
                batch.execute()
            assert naps == DELAYS
            assert not caught.value.sent
            assert [item.state for item in batch] == [PENDING] * 3
            assert not batch.has_errors

            for make in (CALLS[0].make, CALLS[2].make):
                naps.clear()
                with pytest.raises(errors.ConnectError, match=r"nothing was sent$") as caught:
                    make(salesforce)
                assert naps == DELAYS
                assert not caught.value.sent


def test_a_create_goes_out_once_when_the_server_is_there() -> None:
    with ScriptedServer() as former:
        pass
    servers = []
    naps = Naps()
    with ExitStack() as stack:

        def start() -> None:
            servers.append(stack.enter_context(ScriptedServer(port=former.port)))
            servers[0].always(CREATED)

        naps.meanwhile = start
        with waiting_client(former, naps) as salesforce:
            assert salesforce.sobject.create("Contact", DOE) == f"003{1:015}"
    assert len(servers[0].received) == 1
    assert naps == DELAYS[:1]


def test_what_goes_out_on_a_connection_that_was_closed_meanwhile_goes_out_once(
    server: ScriptedServer,
) -> None:
    naps = Naps()
    for steps in ((reply(200, b"{}"), Fault.DROP), (CREATED, Fault.RESET), (answer(created(2)),)):
        server.play(*steps)
    with waiting_client(server, naps, retry=None) as salesforce:
        salesforce.limits()
        server.wait_until_disconnected()
        salesforce.sobject.create("Contact", DOE)
        server.wait_until_disconnected()
        with salesforce.composite.batch() as batch:
            batch.sobject.create("Contact", DOE)

    assert [request.connection for request in server.received] == [0, 1, 2]
    assert naps == []
