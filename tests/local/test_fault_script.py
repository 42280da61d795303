"""Which fault happens when: times, skip, when, and who asks at the same time."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.local.caller import Caller
from twinforce import ClientCredentials, Salesforce
from twinforce.errors import AuthenticationError, ConnectionLostError, SalesforceError
from twinforce.local import LocalOrg
from twinforce.local.faults import (
    Answer,
    DropAfter,
    DropBefore,
    ExpireToken,
    Fault,
    Html,
    IncomingRequest,
    IncomingSubrequest,
    RowLock,
    SubrequestAnswer,
    Waiting,
)

TOKEN_PATH = "/services/oauth2/token"
BUSY = Answer(503)


def statuses(call: Caller, count: int) -> list[int]:
    return [call("GET", "limits").status for _ in range(count)]


def happened(org: LocalOrg) -> list[Fault]:
    return [happening.fault for happening in org.faults.happened]


def test_without_faults_nothing_happens(org: LocalOrg, call: Caller) -> None:
    assert statuses(call, 2) == [200, 200]
    assert not org.faults.waiting
    assert not org.faults.happened
    assert repr(org.faults) == "<Faults: 0 waiting, 0 happened>"


def test_a_fault_happens_so_many_times_after_so_many_requests(org: LocalOrg, call: Caller) -> None:
    org.faults.add(BUSY, times=2, skip=1)
    assert org.faults.waiting == (Waiting(BUSY, times=2, skip=1),)
    assert statuses(call, 2) == [200, 503]
    assert org.faults.waiting == (Waiting(BUSY, times=1, skip=0),)
    assert statuses(call, 2) == [503, 200]
    assert not org.faults.waiting
    assert happened(org) == [BUSY, BUSY]
    assert repr(org.faults) == "<Faults: 0 waiting, 2 happened>"


def test_a_fault_for_ever_waits_until_it_has_happened(org: LocalOrg, call: Caller) -> None:
    org.faults.add(BUSY, times=None)
    assert org.faults.waiting == (Waiting(BUSY, times=None, skip=0),)
    assert statuses(call, 5) == [503] * 5
    assert not org.faults.waiting
    org.faults.clear()
    assert statuses(call, 1) == [200]


def test_clear_forgets_what_waits_and_what_happened(org: LocalOrg, call: Caller) -> None:
    org.faults.add(BUSY, times=5)
    statuses(call, 1)
    org.faults.clear()
    assert not org.faults.waiting
    assert not org.faults.happened
    assert statuses(call, 1) == [200]


def test_of_several_faults_the_first_added_happens(org: LocalOrg, call: Caller) -> None:
    org.faults.add(Answer(500))
    org.faults.add(Answer(502))
    org.faults.add(Answer(504), skip=3)
    assert statuses(call, 5) == [500, 502, 200, 504, 200]


def test_the_skip_of_each_fault_counts_all_requests(org: LocalOrg, call: Caller) -> None:
    org.faults.add(Answer(503), skip=3)
    org.faults.add(Answer(500), skip=0)
    org.faults.add(Answer(502), skip=1)
    assert statuses(call, 5) == [500, 502, 200, 503, 200]


def test_when_chooses_the_requests_and_only_these_count(org: LocalOrg, call: Caller) -> None:
    seen: list[IncomingRequest] = []

    def is_query(request: IncomingRequest) -> bool:
        seen.append(request)
        return request.path.endswith("/query")

    org.faults.add(Html(), skip=1, when=is_query)
    call("POST", "sobjects/Account", {"Name": "A"})
    query = "query?q=SELECT+Id+FROM+Account"
    assert [call("GET", query).status for _ in range(1)] == [200]
    assert statuses(call, 1) == [200]
    assert call.send("GET", f"/services/data/v67.0/{query}").status_code == 503
    assert seen[0] == IncomingRequest(
        "POST", "/services/data/v67.0/sobjects/Account", "", b'{"Name": "A"}'
    )
    assert (seen[1].query, seen[1].body) == ("q=SELECT+Id+FROM+Account", b"")
    assert org.faults.happened[0].request == seen[-1]


@pytest.mark.parametrize(
    ("method", "path", "is_batch", "is_sign_in"),
    [
        ("POST", "/services/data/v67.0/composite/batch", True, False),
        ("POST", "//services/data/v60.0/Composite/batch/", True, False),
        ("GET", "/services/data/v67.0/composite/batch", False, False),
        ("POST", "/services/data/v67.0/composite", False, False),
        ("POST", TOKEN_PATH, False, True),
        ("POST", "/services/oauth2/t%6Fken/", False, True),
    ],
)
def test_a_request_tells_what_it_is(
    method: str, path: str, *, is_batch: bool, is_sign_in: bool
) -> None:
    request = IncomingRequest(method, path, "", b"")
    assert (request.is_batch, request.is_sign_in) == (is_batch, is_sign_in)


def test_when_chooses_the_subrequests(org: LocalOrg, call: Caller) -> None:
    seen: list[IncomingSubrequest] = []

    def is_b(subrequest: IncomingSubrequest) -> bool:
        seen.append(subrequest)
        return bool(subrequest.rich_input["Name"] == "B")

    org.faults.add(RowLock(), when=is_b)
    answer = call.batch(
        ("GET", "/services/data/v67.0/limits"),
        ("post", "v60.0/sobjects/Account?a=1", {"Name": "A"}),
        ("POST", "/v67.0/sobjects/Account", {"Name": "B"}),
    )
    assert [result["statusCode"] for result in answer.body["results"]] == [200, 201, 400]
    assert seen == [
        IncomingSubrequest("POST", "v60.0/sobjects/Account?a=1", 1, {"Name": "A"}),
        IncomingSubrequest("POST", "v67.0/sobjects/Account", 2, {"Name": "B"}),
    ]
    assert org.faults.happened[0].request == seen[1]


def test_when_is_asked_about_a_lone_request_as_about_a_subrequest(
    org: LocalOrg, call: Caller
) -> None:
    seen: list[IncomingSubrequest] = []
    org.faults.add(RowLock(), when=seen.append)
    call("POST", "sobjects/Account?a=1", {"Name": "A"})
    call.send("POST", "/services/data/v67.0/sobjects/Account", b"{")
    call("GET", "limits")  # locks no row
    assert seen == [
        IncomingSubrequest("POST", "v67.0/sobjects/Account?a=1", None, {"Name": "A"}),
        IncomingSubrequest("POST", "v67.0/sobjects/Account", None, None),
    ]
    assert len(org.faults.waiting) == 1


def test_a_when_that_changes_what_it_gets_changes_nothing(org: LocalOrg, call: Caller) -> None:
    def vandal(subrequest: IncomingSubrequest) -> None:
        subrequest.rich_input["Name"] = "changed"

    org.faults.add(RowLock(), when=vandal)
    call.batch(("POST", "v67.0/sobjects/Account", {"Name": "A"}))
    assert call.query("SELECT Name FROM Account")["records"][0]["Name"] == "A"


def test_a_when_that_raises_is_logged_and_its_request_is_not_executed(
    org: LocalOrg, call: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: object) -> bool:
        message = "mistyped"
        raise KeyError(message)

    org.faults.add(Html(), skip=1)
    org.faults.add(DropAfter(), when=broken)
    assert call("POST", "sobjects/Account", {"Name": "A"}).status == 500
    assert org.faults.waiting[0].skip == 1  # nothing of this request counts
    org.faults.clear()
    org.faults.add(RowLock(), when=broken)
    assert call("POST", "sobjects/Account", {"Name": "A"}).status == 500
    answer = call.batch(("POST", "v67.0/sobjects/Account", {"Name": "A"}))
    assert answer.body["results"][0]["statusCode"] == 500
    assert org.faults.happened == ()
    org.faults.clear()
    assert call.names("") == []
    assert [record.exc_text and "mistyped" in record.exc_text for record in caplog.records] == [
        True,
        True,
        True,
    ]


def test_a_when_may_look_at_the_org_and_its_faults(org: LocalOrg, call: Caller) -> None:
    org.faults.add(BUSY, times=None, when=lambda _: len(org.faults.happened) < 2)
    assert statuses(call, 4) == [503, 503, 200, 200]


def test_both_levels_happen_within_one_request(org: LocalOrg, call: Caller) -> None:
    org.faults.add(DropAfter())
    org.faults.add(SubrequestAnswer(500, "UNKNOWN_EXCEPTION", "x"))
    with pytest.raises(ConnectionLostError):
        call.batch(*[("POST", "v67.0/sobjects/Account", {"Name": name}) for name in "AB"])
    assert happened(org) == [DropAfter(), SubrequestAnswer(500, "UNKNOWN_EXCEPTION", "x")]
    assert call.names("") == ["B"]


# ---- the token endpoint ----


@pytest.mark.parametrize(
    "when",
    [
        None,
        lambda request: request.method == "POST",
        lambda request: "composite" not in request.path,
        lambda request: True,
    ],
)
def test_a_sign_in_is_spared(org: LocalOrg, when: Callable[[IncomingRequest], bool] | None) -> None:
    org.faults.add(Html(), when=when)
    with org.client() as salesforce, pytest.raises(SalesforceError, match="maintenance"):
        salesforce.request("POST", "sobjects/Account", json={"Name": "A"})
    [happening] = org.faults.happened
    assert isinstance(happening.request, IncomingRequest)
    assert happening.request.path == "/services/data/v67.0/sobjects/Account"


@pytest.mark.parametrize(
    "when",
    [
        lambda request: request.path == TOKEN_PATH,
        lambda request: "oauth2" in request.path,
        lambda request: request.is_sign_in,
        lambda request: request.method == "POST" and request.path.endswith("/token"),
    ],
)
def test_a_sign_in_fails_where_when_means_it(
    org: LocalOrg, call: Caller, when: Callable[[IncomingRequest], bool]
) -> None:
    refusal = {"error": "invalid_grant", "error_description": "inactive user"}
    org.faults.add(Answer(400, refusal), when=when)
    with org.client() as salesforce:
        with pytest.raises(AuthenticationError, match="inactive user"):
            salesforce.sobject.create("Account", {"Name": "A"})
        salesforce.sobject.create("Account", {"Name": "B"})
    assert call.names("") == ["B"]
    assert org.client_secret not in repr(org.faults.happened)


# ---- arguments ----


def never(_: object) -> bool:
    return False


async def later(_: object) -> bool:
    return False


@pytest.mark.parametrize(
    ("arguments", "error", "reason"),
    [
        ({"fault": RowLock}, TypeError, r"not the class RowLock \(make one: RowLock\(\.\.\.\)\)"),
        ({"fault": "drop"}, TypeError, r"such as faults\.DropAfter\(\), not str"),
        ({"times": 0}, ValueError, "times must be a whole number of at least 1, not 0"),
        ({"times": True}, TypeError, "times must be a whole number"),
        ({"skip": -1}, ValueError, "skip must be a whole number of at least 0, not -1"),
        ({"skip": None}, TypeError, "skip must be a whole number"),
        ({"when": "POST"}, TypeError, "when must be a function, .*; not str"),
        ({"when": later}, TypeError, "not a coroutine function"),
    ],
)
def test_what_cannot_be_scripted_is_refused(
    org: LocalOrg, arguments: dict[str, Any], error: type[Exception], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        org.faults.add(**{"fault": DropBefore(), **arguments})
    assert not org.faults.waiting


# ---- at the same time ----


def test_of_many_requests_at_once_exactly_so_many_fail(org: LocalOrg, call: Caller) -> None:
    org.faults.add(DropAfter(), times=10, skip=20)
    org.faults.add(DropBefore(), times=10, skip=50)

    def create(number: int) -> bool:
        try:
            return call("POST", "sobjects/Account", {"Name": str(number)}).status == 201
        except ConnectionLostError:
            return False

    with ThreadPoolExecutor(20) as pool:
        answered = list(pool.map(create, range(100)))
    assert answered.count(False) == 20
    assert sorted(map(repr, happened(org))) == ["DropAfter()"] * 10 + ["DropBefore()"] * 10
    assert not org.faults.waiting
    assert len(call.names("")) == 90


def test_of_many_requests_over_http_exactly_so_many_fail(org: LocalOrg, call: Caller) -> None:
    org.faults.add(DropAfter(), times=10, when=lambda request: request.method == "POST")
    with org.serve() as server:
        grant = ClientCredentials(server.client_id, server.client_secret)
        with Salesforce(server.url, grant) as salesforce:

            def create(number: int) -> bool:
                try:
                    return bool(salesforce.sobject.create("Account", {"Name": str(number)}))
                except SalesforceError:
                    return False

            with ThreadPoolExecutor(10) as pool:
                answered = list(pool.map(create, range(100)))
    assert answered.count(False) == 10
    assert len(call.names("")) == 100


def test_one_expiry_serves_many_at_once(org: LocalOrg, call: Caller) -> None:
    org.faults.add(ExpireToken(), skip=10)
    with org.client() as salesforce, ThreadPoolExecutor(20) as pool:
        ids = set(
            pool.map(
                lambda number: salesforce.sobject.create("Account", {"Name": str(number)}),
                range(100),
            )
        )
    assert len(ids) == len(call.names("")) == 100
    token = json.loads(
        call.send(
            "POST",
            TOKEN_PATH,
            f"grant_type=client_credentials&client_id={org.client_id}"
            f"&client_secret={org.client_secret}".encode(),
            {},
        ).body
    )
    assert token["access_token"] == org.access_token
