"""The faults themselves: what a client sees of each, and what then is true in the org."""

from __future__ import annotations

import asyncio
import doctest
import http.client
import json
import time
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any

import pytest

from tests.local.caller import Caller
from tests.local.wires import OVER_HTTP, WIRES, Wire, connected
from twinforce import AccessToken, AsyncSalesforce, ClientCredentials, Salesforce, SubrequestState
from twinforce.errors import (
    AuthenticationError,
    ConnectError,
    ConnectionLostError,
    OutcomeUnknownError,
    ReadTimeoutError,
    TransportError,
)
from twinforce.local import LocalOrg, faults
from twinforce.local.faults import (
    Answer,
    DropAfter,
    DropBefore,
    ExpireToken,
    Html,
    RowLock,
    Stall,
    SubrequestAnswer,
    Truncate,
    Unreachable,
    WrongResults,
)

ACME = {"Name": "Acme"}
CREATE_A = ("POST", "v67.0/sobjects/Account", {"Name": "A"})
CREATE_B = ("POST", "v67.0/sobjects/Account", {"Name": "B"})
LOCKED = {
    "errorCode": "UNABLE_TO_LOCK_ROW",
    "message": "unable to obtain exclusive access to this record",
}


@pytest.fixture(params=WIRES)
async def wire(org: LocalOrg, request: pytest.FixtureRequest) -> AsyncIterator[Wire]:
    async with connected(org, request.param) as wire:
        yield wire


def statuses(body: bytes) -> list[int]:
    return [result["statusCode"] for result in json.loads(body)["results"]]


# ---- the connection ----


@pytest.mark.parametrize(
    ("fault", "error", "executed"),
    [
        (DropBefore(), ConnectionLostError, False),
        (DropAfter(), ConnectionLostError, True),
        (Truncate(), ConnectionLostError, True),
        (Truncate(at=0), ConnectionLostError, True),
        (Truncate(at=10**6), ConnectionLostError, True),
        (Stall(), ReadTimeoutError, True),
        (Stall(executed=False), ReadTimeoutError, False),
    ],
    ids=repr,
)
async def test_no_whole_answer_comes(
    wire: Wire, call: Caller, fault: Any, error: type[TransportError], *, executed: bool
) -> None:
    await wire("GET", "limits")  # a connection that is kept is lost like any other
    wire.org.faults.add(fault)
    with pytest.raises(TransportError) as caught:
        await wire("POST", "sobjects/Account", ACME, read_timeout=0.2)
    assert type(caught.value) is error
    assert caught.value.sent
    assert call.names("") == (["Acme"] if executed else [])
    assert [happened.fault for happened in wire.org.faults.happened] == [fault]
    assert (await wire("POST", "sobjects/Account", {"Name": "Next"})).status_code == 201


async def test_an_unreachable_org_is_not_connected_to(wire: Wire, call: Caller) -> None:
    wire.org.faults.add(Unreachable())
    # The server has to accept the connection to know whether it is this request's.
    with pytest.raises(ConnectionLostError if wire.is_http else ConnectError):
        await wire("POST", "sobjects/Account", ACME)
    assert call.names("") == []


async def test_whole_batches_are_lost_too(wire: Wire, call: Caller) -> None:
    wire.org.faults.add(DropAfter())
    with pytest.raises(ConnectionLostError):
        await wire.batch(CREATE_A, CREATE_B)
    wire.org.faults.add(DropBefore())
    with pytest.raises(ConnectionLostError):
        await wire.batch(CREATE_A, CREATE_B)
    assert call.names("ORDER BY Name") == ["A", "B"]


@pytest.mark.parametrize("method", ["PATCH", "HEAD"])
async def test_an_answer_without_a_body_is_truncated_altogether(
    wire: Wire, call: Caller, method: str
) -> None:
    record_id = call.create("Account", **ACME)
    wire.org.faults.add(Truncate())
    with pytest.raises(ConnectionLostError):
        await wire(method, f"sobjects/Account/{record_id}", {"Name": "B"})
    assert call.names("") == ["B" if method == "PATCH" else "Acme"]


async def test_in_process_the_error_names_the_fault(org: LocalOrg) -> None:
    org.faults.add(Stall(executed=False))
    async with connected(org, "in process") as wire:
        with pytest.raises(ReadTimeoutError, match=r"as the fault Stall\(executed=False\) of the"):
            await wire("GET", "limits")


@pytest.mark.parametrize(
    ("at", "size"), [(None, lambda whole: whole // 2), (7, lambda _: 7), (10**9, lambda n: n - 1)]
)
def test_a_truncated_answer_says_how_long_it_would_have_been(
    org: LocalOrg, call: Caller, at: int | None, size: Any
) -> None:
    path = "/services/data/v67.0/sobjects"  # longer than what a socket takes at once
    whole = call.send("GET", path).body
    org.faults.add(Truncate(at))
    with (
        org.serve() as server,
        closing(http.client.HTTPConnection("127.0.0.1", server.port)) as connection,
    ):
        headers = {
            "Authorization": f"Bearer {server.access_token}",
            "Accept-Encoding": "gzip",
        }
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        with pytest.raises(http.client.IncompleteRead) as caught:
            response.read()
    assert response.status == 200
    assert response.headers["Content-Length"] == str(len(whole))
    assert response.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert caught.value.partial == whole[: size(len(whole))]


def test_a_server_that_stalls_is_closed_at_once(org: LocalOrg, call: Caller) -> None:
    org.faults.add(Stall(), times=None)
    server = org.serve()
    connections = [http.client.HTTPConnection("127.0.0.1", server.port) for _ in range(5)]
    headers = {"Authorization": f"Bearer {server.access_token}"}
    for number, connection in enumerate(connections):
        body = json.dumps({"Name": str(number)})
        connection.request("POST", "/services/data/v67.0/sobjects/Account", body, headers)
    _wait_until(lambda: len(org.faults.happened) == 5)
    started = time.monotonic()
    server.close()
    assert time.monotonic() - started < 1
    for connection in connections:
        with closing(connection), pytest.raises(ConnectionError):
            connection.getresponse()
    org.faults.clear()
    assert sorted(call.names("")) == ["0", "1", "2", "3", "4"]


def test_silence_ends_when_the_client_goes_away(org: LocalOrg) -> None:
    org.faults.add(Stall())
    with org.serve() as server:
        before = len(asyncio.all_tasks(server._loop))
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        connection.request("GET", "/services/data")
        _wait_until(lambda: len(org.faults.happened) == 1)
        assert len(asyncio.all_tasks(server._loop)) > before
        connection.close()
        _wait_until(lambda: len(asyncio.all_tasks(server._loop)) == before)


def _wait_until(holds: Any) -> None:
    deadline = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.001)


async def test_nothing_is_logged_about_connections_that_end(
    wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    for fault in (DropBefore(), DropAfter(), Truncate(), Stall()):
        wire.org.faults.add(fault)
        with pytest.raises(TransportError):
            await wire("GET", "limits", read_timeout=0.1)
    await wire("GET", "limits")
    assert [record for record in caplog.records if record.levelname != "DEBUG"] == []


# ---- other answers ----


@pytest.mark.parametrize(
    ("body", "sent", "content_type"),
    [
        ([{"errorCode": "X", "message": "ü"}], None, "application/json;charset=UTF-8"),
        ({}, b"{}", "application/json;charset=UTF-8"),
        (0, b"0", "application/json;charset=UTF-8"),
        ("zu spät", "zu spät".encode(), "text/plain;charset=UTF-8"),
        (b"\xff{", b"\xff{", "application/octet-stream"),
    ],
)
@pytest.mark.parametrize("executed", [False, True])
async def test_another_answer_is_given(
    wire: Wire, call: Caller, body: Any, sent: bytes | None, content_type: str, *, executed: bool
) -> None:
    wire.org.faults.add(Answer(503, body, {"Retry-After": "2"}, executed=executed))
    response = await wire("POST", "sobjects/Account", ACME)
    assert (response.status_code, response.headers["retry-after"]) == (503, "2")
    assert response.headers["content-type"] == content_type
    if sent is None:
        assert json.loads(response.body) == body
    else:
        assert response.body == sent
    assert call.names("") == (["Acme"] if executed else [])


async def test_an_answer_may_have_no_body_and_its_own_type(wire: Wire) -> None:
    wire.org.faults.add(Answer(502))
    response = await wire("GET", "limits")
    assert (response.status_code, response.body) == (502, b"")
    wire.org.faults.add(Answer(200, "<a/>", {"Content-Type": "text/xml"}))
    response = await wire("GET", "limits")
    assert (response.headers["content-type"], response.body) == ("text/xml", b"<a/>")
    wire.org.faults.add(Answer(204))
    assert (await wire("GET", "limits")).status_code == 204
    wire.org.faults.add(Answer(500, {"a": 1}))
    assert (await wire("HEAD", "limits")).body == b""


@pytest.mark.parametrize("executed", [False, True])
async def test_a_maintenance_page_is_html(wire: Wire, call: Caller, *, executed: bool) -> None:
    wire.org.faults.add(Html(executed=executed))
    response = await wire("POST", "sobjects/Account", ACME)
    assert response.status_code == 503
    assert response.headers["content-type"] == "text/html;charset=UTF-8"
    assert response.body.startswith(b"<!DOCTYPE html>")
    assert b"down for maintenance" in response.body
    assert call.names("") == (["Acme"] if executed else [])
    wire.org.faults.add(Html(200))
    assert (await wire("GET", "limits")).status_code == 200


@pytest.mark.parametrize(("change", "left"), [(-1, 1), (-5, 0), (1, 3), (3, 5)])
async def test_a_batch_answers_with_a_wrong_number_of_results(
    wire: Wire, call: Caller, change: int, left: int
) -> None:
    wire.org.faults.add(WrongResults(change))
    await wire("GET", "limits")  # no batch, so it has no results
    answer = await wire.batch(CREATE_A, CREATE_B)
    assert statuses(answer.body) == [201] * left
    assert call.names("ORDER BY Name") == ["A", "B"]
    assert statuses((await wire.batch(CREATE_A)).body) == [201]


async def test_a_batch_that_is_refused_has_no_results_to_change(wire: Wire) -> None:
    wire.org.faults.add(WrongResults(), times=2)
    assert (await wire.batch(*[CREATE_A] * 26)).status_code == 400
    assert json.loads((await wire.batch()).body) == {"hasErrors": False, "results": []}
    wire.org.faults.add(WrongResults(+1))
    assert len(statuses((await wire.batch()).body)) == 1


@pytest.mark.parametrize("kind", OVER_HTTP)
async def test_a_long_answer_is_compressed_as_ever(org: LocalOrg, kind: str) -> None:
    org.faults.add(Answer(500, "x" * 5000))
    async with connected(org, kind) as wire:
        assert (await wire("GET", "limits")).body == b"x" * 5000


# ---- tokens ----


async def test_an_expired_token_is_refused(wire: Wire, call: Caller) -> None:
    org = wire.org
    first = org.access_token
    org.faults.add(ExpireToken())
    response = await wire("POST", "sobjects/Account", ACME)
    assert response.status_code == 401
    assert json.loads(response.body)[0]["errorCode"] == "INVALID_SESSION_ID"
    assert call.names("") == []
    assert org.access_token != first
    limits = "/services/data/v67.0/limits"
    old = call.send("GET", limits, headers={"Authorization": f"Bearer {first}"})
    assert old.status_code == 401
    assert (await wire("GET", "limits")).status_code == 200  # takes the new one
    second = org.access_token
    org.expire_token()
    assert len({first, second, org.access_token}) == 3
    old = call.send("GET", limits, headers={"Authorization": f"Bearer {second}"})
    assert old.status_code == 401


def test_clients_in_process_sign_in_again(org: LocalOrg, call: Caller) -> None:
    with org.client() as salesforce:
        salesforce.limits()
        org.expire_token()
        salesforce.sobject.create("Account", {"Name": "A"})
        org.faults.add(ExpireToken())
        salesforce.sobject.create("Account", {"Name": "B"})
    assert call.names("ORDER BY Name") == ["A", "B"]


async def test_clients_over_http_sign_in_again(org: LocalOrg, call: Caller) -> None:
    with org.serve() as server:
        grant = ClientCredentials(server.client_id, server.client_secret)
        async with AsyncSalesforce(server.url, grant) as salesforce:
            await salesforce.limits()
            org.faults.add(ExpireToken())
            await salesforce.sobject.create("Account", ACME)
        stale = AccessToken(server.access_token)
        org.expire_token()
        with Salesforce(server.url, stale) as blocking, pytest.raises(AuthenticationError):
            blocking.limits()
        assert server.access_token == org.access_token
    assert call.names("") == ["Acme"]


def test_a_closed_org_has_no_token_to_expire() -> None:
    org = LocalOrg()
    org.close()
    with pytest.raises(Exception, match="this LocalOrg is closed"):
        org.expire_token()


# ---- subrequests ----


async def test_a_locked_row_fails_its_subrequest_only(wire: Wire, call: Caller) -> None:
    wire.org.faults.add(RowLock())
    answer = json.loads((await wire.batch(CREATE_A, CREATE_B)).body)
    assert answer["hasErrors"]
    assert answer["results"][0] == {"statusCode": 400, "result": [LOCKED]}
    assert answer["results"][1]["statusCode"] == 201
    assert call.names("") == ["B"]


async def test_a_locked_row_halts_what_is_behind_it(wire: Wire, call: Caller) -> None:
    wire.org.faults.add(RowLock(), times=2, skip=1)
    creates = (CREATE_A, CREATE_B, CREATE_B)
    assert statuses((await wire.batch(*creates, halt=True)).body) == [201, 400, 412]
    assert call.names("") == ["A"]  # a query locks no row
    [waiting] = wire.org.faults.waiting  # and what was halted, was not asked for
    assert (waiting.times, waiting.skip) == (1, 0)
    assert statuses((await wire.batch(CREATE_B, CREATE_B)).body) == [400, 201]


async def test_a_row_is_locked_for_a_lone_request_too(wire: Wire, call: Caller) -> None:
    record_id = call.create("Account", **ACME)
    wire.org.faults.add(RowLock(), times=2)
    response = await wire("PATCH", f"sobjects/Account/{record_id}", {"Name": "B"})
    assert response.status_code == 400
    message = f"{LOCKED['message']} or 1 records: {record_id}"
    assert json.loads(response.body) == [{**LOCKED, "message": message, "fields": []}]
    response = await wire("POST", "sobjects/Account", {"Name": "B"})
    assert json.loads(response.body) == [{**LOCKED, "fields": []}]
    assert call.names("") == ["Acme"]


@pytest.mark.parametrize("executed", [False, True])
async def test_a_subrequest_fails_as_it_is_told(
    wire: Wire, call: Caller, *, executed: bool
) -> None:
    message = "it's down"
    fault = SubrequestAnswer(500, "UNKNOWN_EXCEPTION", message, executed=executed)
    wire.org.faults.add(fault, skip=1)
    await wire("GET", "limits")  # on its own, so it is none
    answer = json.loads((await wire.batch(CREATE_A, CREATE_B, CREATE_A, halt=True)).body)
    assert [result["statusCode"] for result in answer["results"]] == [201, 500, 412]
    [item] = answer["results"][1]["result"]
    assert item == {"errorCode": "UNKNOWN_EXCEPTION", "message": "it&#39;s down"}
    assert call.names("ORDER BY Name") == (["A", "B"] if executed else ["A"])


async def test_an_executed_subrequest_that_fails_anyway_answers_as_told(wire: Wire) -> None:
    wire.org.faults.add(SubrequestAnswer(503, "SERVER_UNAVAILABLE", "busy", executed=True))
    answer = await wire.batch(("GET", "v67.0/sobjects/Nope"))
    assert statuses(answer.body) == [503]


# ---- with clients ----


def states(batch: Any) -> list[SubrequestState]:
    return [subrequest.state for subrequest in batch.subrequests]


@pytest.mark.parametrize("fault", [DropAfter(), Truncate(), DropBefore()], ids=repr)
@pytest.mark.parametrize("served", [False, True])
async def test_a_client_does_not_know_what_became_of_a_lost_batch(
    org: LocalOrg, call: Caller, fault: Any, *, served: bool
) -> None:
    with org.serve() as server:
        grant = ClientCredentials(server.client_id, server.client_secret)
        with Salesforce(server.url, grant) if served else org.client() as salesforce:
            org.faults.add(fault)
            batch = salesforce.composite.batch()
            batch.sobject.create("Account", {"Name": "A"})
            with pytest.raises(OutcomeUnknownError):
                batch.execute()
            assert states(batch) == [SubrequestState.UNKNOWN]
        async with (
            AsyncSalesforce(server.url, grant) if served else org.async_client()
        ) as async_salesforce:
            org.faults.add(fault)
            async_batch = async_salesforce.composite.batch()
            async_batch.sobject.create("Account", {"Name": "B"})
            with pytest.raises(OutcomeUnknownError):
                await async_batch.execute()
            assert states(async_batch) == [SubrequestState.UNKNOWN]
    assert org.faults.waiting == ()
    assert call.names("ORDER BY Name") == ([] if fault == DropBefore() else ["A", "B"])


def test_the_example_of_the_module_runs() -> None:
    failed, attempted = doctest.testmod(faults)
    assert (failed, attempted > 0) == (0, True)
