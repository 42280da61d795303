"""What a batch says of its subrequests when the server fails: never more than is known."""

from __future__ import annotations

import json
import pickle
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.server import Fault, ScriptedServer, reply
from twinforce import AccessToken, AsyncSalesforce, SubrequestState, Timeout, errors

ID = "0011R00001K1H2IQAV"
PENDING, SUCCEEDED, UNKNOWN = (
    SubrequestState.PENDING,
    SubrequestState.SUCCEEDED,
    SubrequestState.UNKNOWN,
)


def answer(*items: tuple[int, object]) -> bytes:
    """Write the answer to a batch."""
    results = [{"statusCode": status, "result": result} for status, result in items]
    return reply(200, json.dumps({"hasErrors": False, "results": results}).encode())


def created(number: int) -> tuple[int, object]:
    return 201, {"id": f"003{number:015}", "success": True, "errors": []}


def page(names: str, total: int, next_url: str | None = None) -> dict[str, object]:
    """Make a page of a query with a record for each letter of *names*."""
    body: dict[str, object] = {"totalSize": total, "done": next_url is None}
    body["records"] = [{"Name": name} for name in names]
    return body if next_url is None else body | {"nextRecordsUrl": next_url}


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


@pytest.fixture
async def salesforce(server: ScriptedServer) -> AsyncIterator[AsyncSalesforce]:
    async with AsyncSalesforce(server.url, AccessToken("00D!x")) as salesforce:
        yield salesforce


def sent(server: ScriptedServer, number: int = -1) -> list[str]:
    """List the urls of the subrequests in a request that *server* received."""
    return [item["url"] for item in json.loads(server.received[number].body)["batchRequests"]]


async def test_the_envelope_is_that_of_the_documentation(
    server: ScriptedServer, salesforce: AsyncSalesforce
) -> None:
    server.play(answer((200, page("", 0)), created(1), (204, None)))

    async with salesforce.composite.batch(halt_on_error=True) as batch:
        batch.query("SELECT Id FROM Account")
        batch.sobject.create("Contact", {"LastName": "Doe"})
        batch.sobject.delete("Contact", ID)

    (request,) = server.received
    assert (request.method, request.target) == ("POST", "/services/data/v67.0/composite/batch")
    assert request.values("Authorization") == ["Bearer 00D!x"]
    assert request.values("Content-Type") == ["application/json; charset=UTF-8"]
    assert request.values("Accept") == ["application/json"]
    assert json.loads(request.body) == {
        "haltOnError": True,
        "batchRequests": [
            {"method": "GET", "url": "v67.0/query?q=SELECT%20Id%20FROM%20Account"},
            {
                "method": "POST",
                "url": "v67.0/sobjects/Contact",
                "richInput": {"LastName": "Doe"},
            },
            {"method": "DELETE", "url": f"v67.0/sobjects/Contact/{ID}"},
        ],
    }


@pytest.mark.parametrize(
    "fault",
    [
        (Fault.DROP,),
        (Fault.RESET,),
        (reply(500, b"<html>Oops</html>"),),
        (reply(502),),
        (reply(503, b'[{"errorCode": "SERVER_UNAVAILABLE", "message": "later"}]'),),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{", Fault.DROP),
    ],
)
async def test_what_was_sent_and_not_answered_is_unknown(
    server: ScriptedServer, salesforce: AsyncSalesforce, fault: tuple[bytes | Fault, ...]
) -> None:
    server.play(answer(*(created(number) for number in range(25))))
    server.play(*fault)
    batch = salesforce.composite.batch()
    contacts = [batch.sobject.create("Contact", {"LastName": "Doe"}) for _ in range(60)]

    with pytest.raises(errors.OutcomeUnknownError, match=r"25 subrequests \(25 to 49\)") as caught:
        await batch.execute()

    assert caught.value.subrequests == batch.unknown == tuple(contacts[25:50])
    assert caught.value.__cause__ is not None
    assert [contact.state for contact in contacts] == [SUCCEEDED] * 25 + [UNKNOWN] * 25 + [
        PENDING
    ] * 10
    assert contacts[7].id == f"003{7:015}"
    lost = contacts[30]
    assert not lost.done
    assert not lost.is_success
    with pytest.raises(errors.OutcomeUnknownError, match="subrequest 30"):
        _ = lost.id
    with pytest.raises(errors.OutcomeUnknownError):
        lost.raise_for_status()
    assert len(server.received) == 2


async def test_the_next_execution_sends_only_what_is_pending(
    server: ScriptedServer, salesforce: AsyncSalesforce
) -> None:
    server.play(Fault.DROP)
    batch = salesforce.composite.batch()
    contacts = [batch.sobject.create("Contact", {"LastName": str(n)}) for n in range(26)]
    with pytest.raises(errors.OutcomeUnknownError):
        await batch.execute()

    server.play(answer(created(25)))
    await batch.execute()

    assert contacts[25].id == f"003{25:015}"
    assert batch.unknown == tuple(contacts[:25])
    (only,) = json.loads(server.received[-1].body)["batchRequests"]
    assert only["richInput"] == {"LastName": "25"}


async def test_what_is_unknown_is_sent_again_when_the_caller_says_so(
    server: ScriptedServer, salesforce: AsyncSalesforce
) -> None:
    server.play(Fault.DROP)
    batch = salesforce.composite.batch(autoraise=True)
    contact = batch.sobject.create("Contact", {"LastName": "Doe"})
    with pytest.raises(errors.OutcomeUnknownError):
        await batch.execute()

    server.play(answer(created(1)))
    await batch.execute(resend_unknown=True)

    assert contact.id == f"003{1:015}"
    assert contact.error is None
    assert not batch.has_errors


async def test_an_unknown_outcome_is_raised_by_autoraise_again(
    server: ScriptedServer, salesforce: AsyncSalesforce
) -> None:
    server.play(Fault.DROP)
    batch = salesforce.composite.batch(autoraise=True)
    contact = batch.sobject.create("Contact", {"LastName": "Doe"})
    for _ in range(2):
        with pytest.raises(errors.OutcomeUnknownError):
            await batch.execute()

    assert batch.unknown == (contact,)
    assert len(server.received) == 1


async def test_reads_that_were_not_answered_stay_pending(
    server: ScriptedServer, salesforce: AsyncSalesforce
) -> None:
    server.play(Fault.DROP)
    batch = salesforce.composite.batch()
    query = batch.query("SELECT Id FROM Account")
    got = batch.sobject.get("Account", ID)

    with pytest.raises(errors.ConnectionLostError):
        await batch.execute()
    assert [item.state for item in batch] == [PENDING, PENDING]

    server.play(answer((200, page("A", 1)), (200, {"Id": ID})))
    await batch.execute()
    assert query.records == [{"Name": "A"}]
    assert got.record == {"Id": ID}


async def test_an_answer_that_comes_too_late_leaves_the_outcome_unknown(
    server: ScriptedServer, salesforce: AsyncSalesforce
) -> None:
    server.play(Fault.HANG)
    batch = salesforce.composite.batch(timeout=Timeout(connect=5, read=0.05))
    contact = batch.sobject.create("Contact", {"LastName": "Doe"})

    with pytest.raises(errors.OutcomeUnknownError) as caught:
        await batch.execute()

    assert isinstance(caught.value.__cause__, errors.ReadTimeoutError)
    assert contact.state is UNKNOWN


async def test_what_never_left_stays_pending() -> None:
    with ScriptedServer() as server:
        url = server.url
    async with AsyncSalesforce(url, AccessToken("00D!x")) as salesforce:
        batch = salesforce.composite.batch()
        contact = batch.sobject.create("Contact", {"LastName": "Doe"})
        with pytest.raises(errors.ConnectError):
            await batch.execute()

    assert contact.state is PENDING
    assert not batch.has_errors


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (302, b"", errors.SalesforceError),
        (
            400,
            b'[{"errorCode": "JSON_PARSER_ERROR", "message": "x"}]',
            errors.MalformedRequestError,
        ),
        (
            403,
            b'[{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "x"}]',
            errors.RequestLimitExceededError,
        ),
        (404, b"<html>", errors.NotFoundError),
        (429, b"", errors.RequestLimitExceededError),
        (
            503,
            b'[{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "x"}]',
            errors.RequestLimitExceededError,
        ),
    ],
)
async def test_what_was_refused_as_a_whole_stays_pending(
    server: ScriptedServer,
    salesforce: AsyncSalesforce,
    status: int,
    body: bytes,
    kind: type[errors.SalesforceError],
) -> None:
    server.play(reply(status, body, [("Location", "https://evil.example/")]))
    batch = salesforce.composite.batch()
    contact = batch.sobject.create("Contact", {"LastName": "Doe"})

    with pytest.raises(kind, match=f"batch of 1: {status}") as caught:
        await batch.execute()

    assert not isinstance(caught.value, errors.OutcomeUnknownError)
    assert contact.state is PENDING
    assert len(server.received) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"results": []}',
        b'{"results": [{"statusCode": 201, "result": {"id": "003"}}]}',
        b'{"results": [{"statusCode": 201}, {"statusCode": 201}, {"statusCode": 201}]}',
        b'{"results": [{"statusCode": 201}, {"result": null}]}',
    ],
)
async def test_an_answer_that_does_not_match_is_given_to_nobody(
    server: ScriptedServer, salesforce: AsyncSalesforce, body: bytes
) -> None:
    server.play(reply(200, body))
    batch = salesforce.composite.batch()
    contacts = [batch.sobject.create("Contact", {"LastName": "Doe"}) for _ in range(2)]

    with pytest.raises(errors.MalformedResponseError, match="batch of 2"):
        await batch.execute()

    assert [contact.state for contact in contacts] == [UNKNOWN, UNKNOWN]
    assert isinstance(contacts[0].error, errors.OutcomeUnknownError)


async def test_a_success_that_cannot_be_read_is_no_id(
    server: ScriptedServer, salesforce: AsyncSalesforce
) -> None:
    server.play(answer((201, ["?"]), (200, "?")))

    async with salesforce.composite.batch() as batch:
        contact = batch.sobject.create("Contact", {"LastName": "Doe"})
        got = batch.sobject.get("Contact", ID)

    assert contact.is_success
    with pytest.raises(errors.MalformedResponseError, match=r"subrequest 0 .*the id of a record"):
        _ = contact.id
    with pytest.raises(errors.MalformedResponseError, match=r"subrequest 1 .*a record"):
        _ = got.record


async def test_an_upsert_of_an_old_version_has_no_id(
    server: ScriptedServer, salesforce: AsyncSalesforce
) -> None:
    server.play(answer((204, None)))

    async with salesforce.composite.batch() as batch:
        upserted = batch.sobject.upsert("Contact", "Key__c", {"Key__c": "x"})

    assert (upserted.id, upserted.created) == (None, False)


async def test_pages_that_are_cut_short_for_no_reason_are_fetched(
    server: ScriptedServer, salesforce: AsyncSalesforce
) -> None:
    locator = "/services/data/v50.0/query/01g09000000h1LvAAI-"
    server.play(answer((200, page("a", 4, f"{locator}1")), (200, page("x", 1))))
    server.play(reply(200, json.dumps(page("bc", 4, f"{locator}3")).encode()))
    server.play(reply(200, json.dumps(page("d", 4)).encode()))

    async with salesforce.composite.batch() as batch:
        query = batch.query("SELECT Name FROM Account")
        other = batch.query("SELECT Name FROM Contact")

    assert "".join(record["Name"] for record in query.records) == "abcd"
    assert len(other.records) == 1
    assert [request.target for request in server.received[1:]] == [f"{locator}1", f"{locator}3"]
    assert batch.request_count == 3


async def test_a_page_that_got_lost_is_fetched_by_the_next_execution(
    server: ScriptedServer, salesforce: AsyncSalesforce
) -> None:
    locator = "/services/data/v67.0/query/01g-"
    server.play(answer((200, page("a", 3, f"{locator}1")), created(1)))
    server.play(reply(200, json.dumps(page("b", 3, f"{locator}2")).encode()))
    server.play(reply(500))
    batch = salesforce.composite.batch()
    query = batch.query("SELECT Name FROM Account")
    contact = batch.sobject.create("Contact", {"LastName": "Doe"})

    with pytest.raises(errors.ServerError):
        await batch.execute()
    assert contact.is_success
    assert not query.done
    assert query.response["statusCode"] == 200
    with pytest.raises(errors.InvalidStateError, match="2 of 3 records were fetched"):
        _ = query.records

    server.play(reply(200, json.dumps(page("c", 3)).encode()))
    await batch.execute()
    assert "".join(record["Name"] for record in query.records) == "abc"
    assert len(server.received) == 4


@pytest.mark.parametrize(
    ("next_url", "reason"),
    [
        (None, "its next page cannot be read"),
        ("https://evil.example/services/data/v67.0/query/01g-2", "its next page cannot be read"),
        ("//evil.example/query/01g-2", "its next page cannot be read"),
        ("/services/data/v67.0/limits", "not a query locator"),
    ],
)
async def test_a_query_without_a_next_page_that_can_be_trusted_has_failed(
    server: ScriptedServer, salesforce: AsyncSalesforce, next_url: str | None, reason: str
) -> None:
    first = {"totalSize": 3, "done": False, "records": [{"Name": "a"}], "nextRecordsUrl": next_url}
    server.play(answer((200, first), created(1)))

    async with salesforce.composite.batch() as batch:
        query = batch.query("SELECT Name FROM Account")
        contact = batch.sobject.create("Contact", {"LastName": "Doe"})

    assert contact.is_success
    assert batch.failed == (query,)
    with pytest.raises(errors.MalformedResponseError, match=reason):
        _ = query.records
    assert len(server.received) == 1


async def test_a_query_that_leads_in_a_circle_ends(
    server: ScriptedServer, salesforce: AsyncSalesforce
) -> None:
    first = page("a", 3, "/services/data/v67.0/query/01g-1")
    server.play(answer((200, first)))
    server.always(reply(200, json.dumps(first).encode()))

    async with salesforce.composite.batch() as batch:
        query = batch.query("SELECT Name FROM Account")
    with pytest.raises(errors.MalformedResponseError, match="in a circle"):
        _ = query.records
    with pytest.raises(errors.MalformedResponseError, match="in a circle"):
        await salesforce.query("SELECT Name FROM Account").all()


async def test_a_page_that_salesforce_no_longer_has_is_a_failure_of_its_query(
    server: ScriptedServer, salesforce: AsyncSalesforce
) -> None:
    server.play(
        answer(
            (200, page("a", 2, "/services/data/v67.0/query/01g-1")),
            (200, page("b", 2, "/services/data/v67.0/query/01h-1")),
        )
    )
    gone = b'[{"errorCode": "INVALID_QUERY_LOCATOR", "message": "invalid query locator"}]'
    server.play(reply(400, gone))
    server.play(reply(200, json.dumps(page("c", 2)).encode()))

    async with salesforce.composite.batch() as batch:
        stale = batch.query("SELECT Name FROM Account")
        fresh = batch.query("SELECT Name FROM Contact")

    assert [record["Name"] for record in fresh.records] == ["b", "c"]
    with pytest.raises(errors.MalformedRequestError, match=r"subrequest 0 .*INVALID_QUERY_LOCATOR"):
        _ = stale.records


async def test_the_failures_of_a_batch_survive_pickling(
    server: ScriptedServer, salesforce: AsyncSalesforce
) -> None:
    server.play(answer((400, [{"errorCode": "X", "message": "why"}])))
    batch = salesforce.composite.batch()
    contact = batch.sobject.create("Contact", {"LastName": "Doe"})
    await batch.execute()

    error = pickle.loads(pickle.dumps(contact.error))

    assert str(error) == str(contact.error)
    assert error.subrequest.index == 0
    assert error.subrequest.error is error
