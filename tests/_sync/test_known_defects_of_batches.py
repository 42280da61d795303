# Generated from tests/_async/test_known_defects_of_batches.py by scripts/make_sync.py.
# Change that file, never this one, and then run `scripts/test -s twins -- --write`.
"""What other clients were seen to do to batches, tried on ours, over HTTP.

Each case has a number, in an id or a comment: A1 to A26 were seen in aiosalesforce 0.6.2, S1 to S15
in simple-salesforce 1.12.10; those of others bear a name. The rest is in
test_known_defects_of_clients.py (sign-ins, single requests, connections),
test_known_defects_of_input.py, tests/core/test_known_defects.py (addresses, values) and, A25 about
event loops, tests/test_known_defects.py.

What does not concern us, or in part only:

* A16: an address like ``https://acme.my.salesforce.com.evil.example`` is taken, but whole: any host
  is, with TLS, as proxies and sandboxes have all sorts of names. Nothing is trimmed.
* A17: there is no SOAP login; that sign-ins encode what they send is tested in its place.
* A18, S11, django-salesforce: there are no functions that format SOQL or its dates yet.
* A20: there is no ``composite`` resource besides the batch, whose subrequests are tested.
* A21: there are no rules in an order, but one policy, which counts all tries of a request.
* S2: only ``request`` takes headers.
* S5: a single call takes no time-out of its own; a client and a batch do.
* S9: there is no ``parse_float``; numbers are read alike wherever they come from.
"""

from __future__ import annotations

import json
import logging
from urllib.parse import unquote

import pytest

from tests.answers import answer, page
from tests.server import ScriptedServer, reply
from tests.twin import Pauses
from twinforce import (
    AccessToken,
    ClientCredentials,
    Salesforce,
    SubrequestState,
    Timeout,
    errors,
    hooks,
)
from twinforce.local import LocalOrg, faults

JON = {"FirstName": "Jon", "LastName": "Doe"}
NAMELESS = {"FirstName": "Jon"}
KEYS = (
    pytest.param("a/b", id="A3: slash"),
    pytest.param("50% off", id="A3: percent"),
    pytest.param("what?x=1#frag", id="A3: query and fragment"),
    pytest.param("naïve", id="A3: not ASCII"),
    pytest.param("../../limits", id="A3, jsforce: to another resource"),
    pytest.param("..", id="A3: dots only"),
    pytest.param("+1 555", id="A3: plus"),
    pytest.param("a?b#c", id="jsforce: cut off"),
    pytest.param("My Job", id="S15: space"),
)
LATE = Timeout(connect=5, read=0.4)


def last_names(salesforce: Salesforce) -> list[str]:
    query = salesforce.query("SELECT LastName FROM Contact ORDER BY LastName")
    return [record["LastName"] for record in query.all()]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("&quot;hi&quot;", id="A1: quotes"),
        pytest.param("&lt;b&gt; AT&amp;T", id="A2: tags"),
        pytest.param("one&#10;two", id="A2: control character"),
    ],
)
def test_text_that_looks_escaped_is_returned_as_it_is(served: Salesforce, text: str) -> None:
    account_id = served.sobject.create("Account", {"Name": "Acme", "Description": text})

    with served.composite.batch() as batch:
        contact = batch.sobject.create("Contact", JON)
        got = batch.sobject.get("Account", account_id)
        query = batch.query("SELECT Description FROM Account")

    assert got.record["Description"] == text
    assert [record["Description"] for record in query.records] == [text]
    assert (served.sobject.get("Account", account_id))["Description"] == text
    assert (served.sobject.get("Contact", contact.id))["Name"] == "Jon Doe"


@pytest.mark.parametrize("key", KEYS)
def test_every_operation_finds_the_record_of_an_external_id(served: Salesforce, key: str) -> None:
    with served.composite.batch() as batch:
        upserted = batch.sobject.upsert("Contact", "Key__c", {"Key__c": key} | JON)
    alone = served.sobject.upsert("Contact", "Key__c", {"LastName": "Roe"}, external_id=key)
    with served.composite.batch() as batch:
        got = batch.sobject.get("Contact", key, external_id_field="Key__c")
        batch.sobject.update("Contact", key, {"FirstName": "Jane"}, external_id_field="Key__c")

    assert (upserted.created, alone.created, alone.id) == (True, False, upserted.id)
    assert (got.record["Id"], got.record["Key__c"]) == (upserted.id, key)
    record = served.sobject.get("Contact", key, external_id_field="Key__c")
    assert record["Name"] == "Jane Roe"
    served.sobject.delete("Contact", key, external_id_field="Key__c")
    assert last_names(served) == []


@pytest.mark.parametrize("key", KEYS)
def test_an_external_id_is_spelled_the_same_wherever_it_stands(
    server: ScriptedServer, scripted: Salesforce, key: str
) -> None:
    server.play(answer((204, None), (200, {}), (204, None), (204, None)))
    server.always(reply(204))
    with scripted.composite.batch() as batch:
        batch.sobject.upsert("Contact", "Key__c", {"Key__c": key})
        batch.sobject.get("Contact", key, external_id_field="Key__c", fields=["Id"])
        batch.sobject.update("Contact", key, JON, external_id_field="Key__c")
        batch.sobject.delete("Contact", key, external_id_field="Key__c")
    scripted.sobject.upsert("Contact", "Key__c", {"Key__c": key})
    scripted.sobject.delete("Contact", key, external_id_field="Key__c")

    items = json.loads(server.received[0].body)["batchRequests"]
    urls = [f"/services/data/{item['url']}" for item in items]
    urls += [request.target for request in server.received[1:]]
    (spelling,) = {url.partition("?")[0] for url in urls}
    start, _, segment = spelling.rpartition("/")
    assert start == "/services/data/v67.0/sobjects/Contact/Key__c"
    assert segment not in (".", "..")
    assert segment.isascii()
    assert not set("?#+ ") & set(segment)
    assert unquote(segment) == key


@pytest.mark.parametrize("alone", [False, True], ids=["in a batch", "alone"])
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(faults.DropAfter(), id="A4, sf-toolkit: dropped"),
        pytest.param(faults.Truncate(), id="A4: cut short"),
        pytest.param(faults.Html(503, executed=True), id="A5: 503"),
        pytest.param(faults.Answer(502, executed=True), id="A5: 502 without a body"),
        pytest.param(faults.Stall(), id="A22, sf-toolkit: too late"),
    ],
)
def test_a_creation_whose_answer_got_lost_is_not_sent_again(
    org: LocalOrg, pauses: Pauses, fault: faults.RequestFault, *, alone: bool
) -> None:
    org.faults.add(fault, times=2, when=lambda request: request.method == "POST")
    with org.serve() as server:
        token = AccessToken(server.access_token)
        with Salesforce(server.url, token, sleep=pauses, timeout=LATE) as salesforce:
            if alone:
                with pytest.raises((errors.TransportError, errors.ServerError)):
                    salesforce.sobject.create("Contact", JON)
            else:
                batch = salesforce.composite.batch()
                contact = batch.sobject.create("Contact", JON)
                with pytest.raises(errors.OutcomeUnknownError) as caught:
                    batch.execute()
                batch.execute()
                assert caught.value.subrequests == batch.unknown == (contact,)
                assert batch.request_count == 1

    assert len(org.faults.happened) == 1
    assert pauses.seconds == []
    with org.client() as salesforce:
        assert last_names(salesforce) == ["Doe"]


def test_what_does_no_harm_twice_is_sent_again(
    org: LocalOrg, served: Salesforce, pauses: Pauses
) -> None:
    # The other side of A4 and A5.
    org.faults.add(faults.DropAfter(), times=2, when=lambda request: request.is_batch)
    with served.composite.batch() as batch:
        upserted = batch.sobject.upsert("Contact", "Key__c", {"Key__c": "x"} | JON)
        query = batch.query("SELECT Id FROM Contact")

    assert [record["Id"] for record in query.records] == [upserted.id]
    assert (batch.request_count, len(pauses.seconds)) == (3, 2)


def test_26_subrequests_go_out_in_two_requests(served: Salesforce) -> None:
    # A6
    with served.composite.batch() as batch:
        contacts = [
            batch.sobject.create("Contact", {"LastName": f"{number:02}"}) for number in range(26)
        ]

    assert batch.request_count == 2
    for number in (0, 24, 25):
        record = served.sobject.get("Contact", contacts[number].id)
        assert record["LastName"] == f"{number:02}"
    assert len(last_names(served)) == 26


def test_a_batched_query_that_comes_in_part_is_completed(
    server: ScriptedServer, scripted: Salesforce
) -> None:
    # A7
    locator = "/services/data/v67.0/query/01g09000000h1LvAAI-1"
    server.play(answer((200, page("a", 38, locator))))
    server.play(reply(200, json.dumps(page("b" * 37, 38)).encode()))

    with scripted.composite.batch() as batch:
        query = batch.query("SELECT Name FROM Account")

    assert (len(query.records), query.total_size, query.complete) == (38, 38, True)
    assert server.received[1].target == locator


@pytest.mark.parametrize("concurrency", [1, 3])
def test_each_of_many_queries_gets_its_own_pages(concurrency: int) -> None:
    # ts-force and sfq 0.0.58: the results of a later request came to, or before, others.
    with LocalOrg(page_size=1) as org, org.serve() as server:
        with Salesforce(server.url, AccessToken(server.access_token)) as salesforce:
            with salesforce.composite.batch(autoraise=True) as batch:
                for number in range(60):
                    batch.sobject.create("Contact", {"LastName": f"{number // 2:02}"})
            with salesforce.composite.batch(concurrency=concurrency) as batch:
                queries = [
                    batch.query(f"SELECT LastName FROM Contact WHERE LastName = '{number:02}'")
                    for number in range(30)
                ]

    found = [[record["LastName"] for record in query.records] for query in queries]
    assert found == [[f"{number:02}"] * 2 for number in range(30)]
    assert batch.request_count == 32


def test_a_batch_that_is_executed_within_its_block_is_not_executed_again(
    served: Salesforce,
) -> None:
    # A8
    with served.composite.batch() as batch:
        contact = batch.sobject.create("Contact", JON)
        batch.execute()
        first = contact.id

    assert contact.id == first
    assert batch.request_count == 1
    assert last_names(served) == ["Doe"]


def test_an_upsert_that_is_answered_without_a_body_has_succeeded(
    server: ScriptedServer,
) -> None:
    # A9: so do versions before 46.0 answer an update.
    server.play(answer((204, None)))
    server.play(reply(204))
    with Salesforce(server.url, AccessToken("00D!x"), version="45.0") as salesforce:
        with salesforce.composite.batch() as batch:
            upserted = batch.sobject.upsert("Contact", "Key__c", {"Key__c": "x"})
        alone = salesforce.sobject.upsert("Contact", "Key__c", {"Key__c": "x"})

    assert upserted.is_success
    assert (upserted.id, upserted.created) == (alone.id, alone.created) == (None, False)


def test_an_external_id_of_two_records_is_an_error_that_says_so(
    served: Salesforce,
) -> None:
    # A10
    for name in ("One", "Two"):
        served.sobject.create("Opportunity", {"Name": name, "ExternalId__c": "same"})

    with served.composite.batch() as batch:
        got = batch.sobject.get("Opportunity", "same", external_id_field="ExternalId__c")

    with pytest.raises(errors.MoreThanOneRecordError, match="2 records have this external id"):
        _ = got.record
    with pytest.raises(errors.MoreThanOneRecordError, match="2 records have this external id"):
        served.sobject.get("Opportunity", "same", external_id_field="ExternalId__c")


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        pytest.param(401, "INVALID_SESSION_ID", errors.AuthenticationError, id="A11: 401"),
        pytest.param(412, "BATCH_PROCESSING_HALTED", errors.HaltedError, id="A11: 412"),
        (403, "REQUEST_LIMIT_EXCEEDED", errors.RequestLimitExceededError),
        (404, "NOT_FOUND", errors.NotFoundError),
    ],
)
def test_the_failure_of_a_subrequest_has_the_class_of_its_reason(
    org: LocalOrg,
    served: Salesforce,
    status: int,
    code: str,
    kind: type[errors.SalesforceError],
) -> None:
    org.faults.add(faults.SubrequestAnswer(status, code, "why"))
    with served.composite.batch() as batch:
        failing = batch.sobject.create("Contact", NAMELESS)
        contact = batch.sobject.create("Contact", JON)

    with pytest.raises(kind) as caught:
        failing.raise_for_status()
    assert type(caught.value) is kind
    assert (caught.value.status_code, caught.value.error_code) == (status, code)
    assert contact.is_success
    assert batch.request_count == 1


def test_what_met_a_locked_row_is_sent_again_alone(
    org: LocalOrg, served: Salesforce, pauses: Pauses
) -> None:
    # A11
    org.faults.add(faults.RowLock(), when=lambda subrequest: subrequest.index == 1)
    with served.composite.batch() as batch:
        contacts = [batch.sobject.create("Contact", {"LastName": name}) for name in "abc"]

    assert all(contact.is_success for contact in contacts)
    assert (served.sobject.get("Contact", contacts[1].id))["LastName"] == "b"
    assert last_names(served) == ["a", "b", "c"]
    assert (batch.request_count, len(pauses.seconds)) == (2, 1)


def test_a_row_that_stays_locked_is_an_error_of_its_own(
    org: LocalOrg, served: Salesforce, pauses: Pauses
) -> None:
    # A11
    org.faults.add(faults.RowLock(), times=None)
    with served.composite.batch() as batch:
        contact = batch.sobject.create("Contact", JON)

    assert isinstance(contact.error, errors.RowLockedError)
    assert contact.state is SubrequestState.FAILED
    assert last_names(served) == []
    assert 1 <= len(pauses.seconds) <= 10


def test_a_hook_that_raises_costs_no_result(
    org: LocalOrg, caplog: pytest.LogCaptureFixture
) -> None:
    # A14
    def fail(event: hooks.Event) -> None:
        raise RuntimeError(f"at {type(event).__name__}")

    with org.serve() as server:
        grant = ClientCredentials(org.client_id, org.client_secret)
        with (
            Salesforce(server.url, grant, hooks=[fail]) as salesforce,
            salesforce.composite.batch() as batch,
        ):
            contact = batch.sobject.create("Contact", JON)

        with Salesforce(server.url, grant) as salesforce:
            assert (salesforce.sobject.get("Contact", contact.id))["Name"] == "Jon Doe"
            assert last_names(salesforce) == ["Doe"]
    logged = [record.exc_text or "" for record in caplog.records if record.levelno >= logging.ERROR]
    assert any("RuntimeError: at ResponseEvent" in text for text in logged)


def test_the_examples_of_the_documentation_work(served: Salesforce) -> None:
    # A19
    account_id = served.sobject.create("Account", {"Name": "Old Name"})

    batch = served.composite.batch()
    account = batch.sobject.update("Account", account_id, {"Name": "New Name"})
    opportunity = batch.sobject.upsert(
        "Opportunity", "ExternalId__c", {"ExternalId__c": "123", "Name": "New Opportunity"}
    )
    batch.execute()

    assert account.id == account_id
    assert (served.sobject.get("Account", account_id))["Name"] == "New Name"
    assert opportunity.created
    assert opportunity.id is not None
    record = served.sobject.get("Opportunity", opportunity.id)
    assert (record["ExternalId__c"], record["Name"]) == ("123", "New Opportunity")


def test_what_was_not_executed_yet_says_so_when_it_is_asked(served: Salesforce) -> None:
    # A20
    batch = served.composite.batch()
    contact = batch.sobject.create("Contact", JON)

    assert (contact.done, contact.is_success, contact.error) == (False, False, None)
    with pytest.raises(errors.InvalidStateError, match="no result yet"):
        _ = contact.id
    batch.execute()
    assert contact.done


@pytest.mark.parametrize("status", [403, 429])
def test_the_daily_limit_is_told_and_not_run_into_again(
    org: LocalOrg, served: Salesforce, pauses: Pauses, status: int
) -> None:
    # A23
    refusal = [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}]
    used_up = faults.Answer(status, refusal, {"Retry-After": "2"})
    org.faults.add(used_up, times=None, when=lambda request: request.is_batch)
    batch = served.composite.batch()
    contact = batch.sobject.create("Contact", JON)

    with pytest.raises(errors.RequestLimitExceededError, match="TotalRequests"):
        batch.execute()

    assert contact.state is SubrequestState.PENDING
    assert (len(org.faults.happened), pauses.seconds) == (1, [])


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_says_when_is_not_asked_before(
    org: LocalOrg, served: Salesforce, pauses: Pauses, status: int
) -> None:
    # A23
    refusal = [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "Request limit exceeded."}]
    busy = faults.Answer(status, refusal, {"Retry-After": "2"})
    org.faults.add(busy, when=lambda request: request.is_batch)
    with served.composite.batch() as batch:
        contact = batch.sobject.create("Contact", JON)

    assert contact.is_success
    assert len(pauses.seconds) == 1
    assert pauses.seconds[0] >= 2
    assert last_names(served) == ["Doe"]


@pytest.mark.parametrize("change", [-1, 1])
def test_results_that_do_not_match_are_given_to_nobody(
    org: LocalOrg, served: Salesforce, change: int
) -> None:
    # A24
    org.faults.add(faults.WrongResults(change))
    batch = served.composite.batch()
    contacts = [batch.sobject.create("Contact", {"LastName": name}) for name in "ab"]

    with pytest.raises(errors.MalformedResponseError, match=f"{2 + change} results for 2 sub"):
        batch.execute()
    batch.execute()

    assert batch.unknown == tuple(contacts)
    assert last_names(served) == ["a", "b"]


def test_what_was_only_halted_is_not_among_the_errors(served: Salesforce) -> None:
    # aiosalesforce 0.6.2 puts each 412 into the group, restforce 8.0.1 raises the first alone.
    with pytest.raises(ExceptionGroup) as caught:
        with served.composite.batch(True, autoraise=True, group_errors=True) as batch:
            batch.sobject.create("Contact", JON)
            failing = batch.sobject.create("Contact", NAMELESS)
            batch.sobject.create("Contact", JON)

    assert caught.value.exceptions == (failing.error,)
    assert [item.status_code for item in batch] == [201, 400, 412]


def test_a_later_request_that_fails_costs_no_result_of_an_earlier_one(
    org: LocalOrg, served: Salesforce
) -> None:
    # restforce 8.0.1 loses those of the requests before.
    busy = faults.Answer(400, [{"errorCode": "JSON_PARSER_ERROR", "message": "why"}])
    org.faults.add(busy, skip=1, when=lambda request: request.is_batch)
    batch = served.composite.batch()
    contacts = [batch.sobject.create("Contact", {"LastName": f"{n:02}"}) for n in range(60)]

    with pytest.raises(errors.MalformedRequestError):
        batch.execute()
    assert batch.succeeded == tuple(contacts[:25])
    first = contacts[0].id
    batch.execute()

    assert contacts[0].id == first
    assert len({contact.id for contact in contacts}) == 60
    assert last_names(served) == [f"{number:02}" for number in range(60)]


def test_all_errors_of_an_answer_are_kept(server: ScriptedServer) -> None:
    # go-sfdc keeps the last, restforce 8.0.1 the code only.
    items = [
        {"errorCode": "REQUIRED_FIELD_MISSING", "message": "one", "fields": ["LastName"]},
        {"errorCode": "STRING_TOO_LONG", "message": "two &lt; 3", "fields": ["Title"]},
    ]
    server.play(answer((400, items)))
    with (
        Salesforce(server.url, AccessToken("00D!x")) as salesforce,
        salesforce.composite.batch() as batch,
    ):
        contact = batch.sobject.create("Contact", {})

    assert contact.error is not None
    assert [(item.error_code, item.message, item.fields) for item in contact.error.errors] == [
        ("REQUIRED_FIELD_MISSING", "one", ("LastName",)),
        ("STRING_TOO_LONG", "two < 3", ("Title",)),
    ]
    assert contact.result == items
