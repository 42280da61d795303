"""What a batch says of its subrequests when the server fails: never more than is known."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest

import twinforce
from tests.answers import answer, created, page
from tests.server import Fault, ScriptedServer, reply
from tests.twin import Arrivals, AsyncAnswers, async_together
from twinforce import (
    AccessToken,
    AsyncBatch,
    AsyncSalesforce,
    Response,
    SubrequestState,
    Timeout,
    errors,
)

ID = "0011R00001K1H2IQAV"
PENDING, SUCCEEDED, UNKNOWN = (
    SubrequestState.PENDING,
    SubrequestState.SUCCEEDED,
    SubrequestState.UNKNOWN,
)


def sent(server: ScriptedServer, number: int = -1) -> list[str]:
    """List the urls of the subrequests in a request that *server* received."""
    return [item["url"] for item in json.loads(server.received[number].body)["batchRequests"]]


async def test_the_envelope_is_that_of_the_documentation(
    server: ScriptedServer, scripted: AsyncSalesforce
) -> None:
    server.play(answer((200, page("", 0)), created(1), (204, None)))

    async with scripted.composite.batch(halt_on_error=True) as batch:
        batch.query("SELECT Id FROM Account")
        batch.sobject.create("Contact", {"LastName": "Doe"})
        batch.sobject.delete("Contact", ID)

    (request,) = server.received
    assert (request.method, request.target) == ("POST", "/services/data/v67.0/composite/batch")
    assert request.values("Authorization") == ["Bearer 00D!x"]
    assert request.values("Content-Type") == ["application/json; charset=UTF-8"]
    assert request.values("Accept") == ["application/json"]
    assert request.values("X-Chatter-Entity-Encoding") == ["false"]
    assert request.values("User-Agent") == [f"twinforce/{twinforce.__version__}"]
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
        (reply(302, b"", [("Location", "/x")]),),
        (reply(303),),
        (reply(400, b'[{"errorCode": "REQUEST_RUNNING_TOO_LONG", "message": "x"}]'),),
        (reply(500, b"<html>Oops</html>"),),
        (reply(502),),
        (reply(503, b'[{"errorCode": "SERVER_UNAVAILABLE", "message": "later"}]'),),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{", Fault.DROP),
    ],
)
async def test_what_was_sent_and_not_answered_is_unknown(
    server: ScriptedServer, scripted: AsyncSalesforce, fault: tuple[bytes | Fault, ...]
) -> None:
    server.play(answer(*(created(number) for number in range(25))))
    server.play(*fault)
    batch = scripted.composite.batch()
    contacts = [batch.sobject.create("Contact", {"LastName": "Doe"}) for _ in range(60)]

    with pytest.raises(
        errors.OutcomeUnknownError, match=r"25 subrequests \(25, 26, 27, … 49\)"
    ) as caught:
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
    server: ScriptedServer, scripted: AsyncSalesforce
) -> None:
    server.play(Fault.DROP)
    batch = scripted.composite.batch()
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
    server: ScriptedServer, scripted: AsyncSalesforce
) -> None:
    server.play(Fault.DROP)
    batch = scripted.composite.batch(autoraise=True)
    contact = batch.sobject.create("Contact", {"LastName": "Doe"})
    with pytest.raises(errors.OutcomeUnknownError):
        await batch.execute()

    server.play(answer(created(1)))
    await batch.execute(resend_unknown=True)

    assert contact.id == f"003{1:015}"
    assert contact.error is None
    assert not batch.has_errors


async def test_what_is_unknown_stays_so_until_it_is_answered(
    server: ScriptedServer, scripted: AsyncSalesforce
) -> None:
    server.play(Fault.DROP)
    batch = scripted.composite.batch()
    contacts = [batch.sobject.create("Contact", {"LastName": "Doe"}) for _ in range(30)]
    with pytest.raises(errors.OutcomeUnknownError):
        await batch.execute()

    server.play(reply(429))
    with pytest.raises(errors.RequestLimitExceededError):
        await batch.execute(resend_unknown=True)
    assert batch.unknown == tuple(contacts[:25])
    assert isinstance(contacts[0].error, errors.OutcomeUnknownError)

    server.play(answer(*(created(number) for number in range(5))))
    await batch.execute()
    assert batch.unknown == tuple(contacts[:25])
    assert batch.succeeded == tuple(contacts[25:])

    await scripted.aclose()
    with pytest.raises(errors.InvalidStateError):
        await batch.execute(resend_unknown=True)
    assert batch.unknown == tuple(contacts[:25])


async def test_what_is_unknown_is_not_called_halted(
    server: ScriptedServer, scripted: AsyncSalesforce
) -> None:
    batch = scripted.composite.batch(halt_on_error=True)
    contacts = [batch.sobject.create("Contact", {"LastName": "Doe"}) for _ in range(60)]
    for _ in range(2):
        server.play(Fault.DROP)
        with pytest.raises(errors.OutcomeUnknownError):
            await batch.execute()

    failing = [(400, [{"errorCode": "DUPLICATE_VALUE", "message": "x"}])]
    halted = (412, [{"errorCode": "BATCH_PROCESSING_HALTED", "message": "x"}])
    server.play(answer(*failing, *[halted] * 24))
    with pytest.raises(errors.OutcomeUnknownError, match=r"50 subrequests \(0, 1, 2, … 49\)"):
        await batch.execute(resend_unknown=True)

    # What failed or was not executed the second time may have been executed the first time.
    assert batch.failed == ()
    assert batch.unknown == tuple(contacts[:50])
    assert "sent again, it failed: 400 DUPLICATE_VALUE" in str(contacts[0].error)
    assert batch.halted == tuple(contacts[50:])


class Interruption(BaseException):
    """As KeyboardInterrupt, which a test cannot raise without ending the run."""


class Interrupting(dict[str, str]):
    """Headers of an answer that are never read to their end."""

    def get(self, *_: object) -> Any:
        raise Interruption


def batch_of_two(transport: AsyncAnswers) -> AsyncBatch:
    salesforce = AsyncSalesforce(
        "https://acme.my.salesforce.com", AccessToken("00D!x"), transport=transport, retry=None
    )
    batch = salesforce.composite.batch()
    for _ in range(2):
        batch.sobject.create("Contact", {"LastName": "Doe"})
    return batch


async def test_an_interruption_behind_the_answer_loses_nothing_of_it() -> None:
    body = json.dumps({"results": [{"statusCode": 201, "result": {"id": "003"}}] * 2})
    batch = batch_of_two(AsyncAnswers(Response(200, Interrupting(), body.encode())))

    with pytest.raises(Interruption):
        await batch.execute()

    assert len(batch.succeeded) == 2


async def test_an_interruption_within_the_answer_leaves_the_outcome_unknown() -> None:
    batch = batch_of_two(AsyncAnswers(Response(503, Interrupting(), b"")))

    with pytest.raises(Interruption):
        await batch.execute()

    assert len(batch.unknown) == 2
    assert isinstance(batch.subrequests[0].error, errors.OutcomeUnknownError)


@pytest.mark.parametrize(
    ("error", "is_unknown"),
    [
        (errors.ConnectError("x"), False),
        (errors.TransportError("x", sent=False), False),
        (errors.InvalidStateError("closed"), False),
        (errors.TransportError("x"), True),
        (errors.ServerError("x"), True),
        (errors.SalesforceError("x"), True),
        (OSError("x"), True),
        (OSError(), True),
        (KeyError("x"), True),
    ],
)
async def test_an_error_of_a_transport_is_believed_only_where_it_is_plain(
    error: Exception, is_unknown: bool
) -> None:
    transport = AsyncAnswers(error)
    batch = batch_of_two(transport)

    with pytest.raises(errors.OutcomeUnknownError if is_unknown else type(error)) as caught:
        await batch.execute()

    assert (caught.value.__cause__ or caught.value) is error
    if is_unknown:
        assert f"have been executed: {str(error) or repr(error)}. Look" in str(caught.value)
    assert len(batch.unknown) == (2 if is_unknown else 0)


async def test_any_success_that_holds_the_results_is_one() -> None:
    items = b'{"statusCode": 201, "result": {"id": "003"}}'
    batch = batch_of_two(
        AsyncAnswers(Response(202, {}, b'{"results": [' + items + b"," + items + b"]}"))
    )

    await batch.execute()

    assert len(batch.succeeded) == 2


async def test_a_transport_that_is_empty_is_a_transport() -> None:
    class Empty(AsyncAnswers):
        def __len__(self) -> int:
            return 0

    transport = Empty(errors.ConnectError("mine"))
    with pytest.raises(errors.ConnectError, match="mine"):
        await batch_of_two(transport).execute()


async def test_an_unknown_outcome_is_raised_by_autoraise_again(
    server: ScriptedServer, scripted: AsyncSalesforce
) -> None:
    server.play(Fault.DROP)
    batch = scripted.composite.batch(autoraise=True)
    contact = batch.sobject.create("Contact", {"LastName": "Doe"})
    for _ in range(2):
        with pytest.raises(errors.OutcomeUnknownError):
            await batch.execute()

    assert batch.unknown == (contact,)
    assert len(server.received) == 1


async def test_reads_that_were_not_answered_stay_pending(
    server: ScriptedServer, scripted: AsyncSalesforce
) -> None:
    server.play(Fault.DROP)
    batch = scripted.composite.batch()
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
    server: ScriptedServer, scripted: AsyncSalesforce
) -> None:
    server.play(Fault.HANG)
    batch = scripted.composite.batch(timeout=Timeout(connect=5, read=0.05))
    contact = batch.sobject.create("Contact", {"LastName": "Doe"})

    with pytest.raises(errors.OutcomeUnknownError) as caught:
        await batch.execute()

    assert isinstance(caught.value.__cause__, errors.ReadTimeoutError)
    assert contact.state is UNKNOWN


async def test_what_never_left_stays_pending() -> None:
    with ScriptedServer() as server:
        url = server.url
    async with AsyncSalesforce(url, AccessToken("00D!x"), retry=None) as scripted:
        batch = scripted.composite.batch()
        contact = batch.sobject.create("Contact", {"LastName": "Doe"})
        with pytest.raises(errors.ConnectError):
            await batch.execute()

    assert contact.state is PENDING
    assert not batch.has_errors


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
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
    scripted: AsyncSalesforce,
    status: int,
    body: bytes,
    kind: type[errors.SalesforceError],
) -> None:
    server.play(reply(status, body, [("Location", "https://evil.example/")]))
    batch = scripted.composite.batch()
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
    server: ScriptedServer, scripted: AsyncSalesforce, body: bytes
) -> None:
    server.play(reply(200, body))
    batch = scripted.composite.batch()
    contacts = [batch.sobject.create("Contact", {"LastName": "Doe"}) for _ in range(2)]

    with pytest.raises(errors.MalformedResponseError, match="batch of 2"):
        await batch.execute()

    assert [contact.state for contact in contacts] == [UNKNOWN, UNKNOWN]
    assert isinstance(contacts[0].error, errors.OutcomeUnknownError)


async def test_a_success_that_cannot_be_read_is_none(
    server: ScriptedServer, scripted: AsyncSalesforce
) -> None:
    denied = {"id": "003", "success": False, "errors": []}
    server.play(answer((201, ["?"]), (201, denied), (200, "?"), (200, "?"), created(4)))

    batch = scripted.composite.batch()
    odd = batch.sobject.create("Contact", {"LastName": "Doe"})
    contrary = batch.sobject.create("Contact", {"LastName": "Doe"})
    got = batch.sobject.get("Contact", ID)
    query = batch.query("SELECT Id FROM Contact")
    fine = batch.sobject.create("Contact", {"LastName": "Doe"})
    with pytest.raises(errors.OutcomeUnknownError, match=r"2 subrequests \(0, 1\)") as caught:
        await batch.execute()

    assert caught.value.subrequests == batch.unknown == (odd, contrary)
    assert batch.failed == (got, query)
    assert batch.succeeded == (fine,)
    with pytest.raises(errors.OutcomeUnknownError, match=r"subrequest 0 .*the id of a record"):
        _ = odd.id
    assert odd.status_code == 201
    with pytest.raises(errors.MalformedResponseError, match=r"subrequest 2 .*a record"):
        _ = got.record
    with pytest.raises(errors.MalformedResponseError, match=r"subrequest 3 .*a page of a query"):
        _ = query.records


async def test_an_odd_result_is_that_of_one_subrequest_alone(
    server: ScriptedServer, scripted: AsyncSalesforce
) -> None:
    deep: list[object] = []
    for _ in range(500):
        deep = [deep]
    digits = [{"errorCode": "X", "message": "&#" + "9" * 5000 + ";"}]
    nested = [{"errorCode": "X", "message": deep, "fields": [deep, 7]}]
    server.play(answer(created(0), (400, [deep]), (400, digits), (400, nested), created(4)))

    async with scripted.composite.batch() as batch:
        for _ in range(5):
            batch.sobject.create("Contact", {"LastName": "Doe"})

    assert [item.is_success for item in batch] == [True, False, False, False, True]
    assert len(batch.failed) == 3


async def test_reads_whose_answer_does_not_match_are_unknown_too(
    server: ScriptedServer, scripted: AsyncSalesforce
) -> None:
    server.play(answer((200, page("A", 1))))
    batch = scripted.composite.batch()
    batch.query("SELECT Name FROM Account")
    batch.query("SELECT Name FROM Contact")

    with pytest.raises(errors.MalformedResponseError):
        await batch.execute()
    assert [item.state for item in batch] == [UNKNOWN, UNKNOWN]

    server.play(answer((200, page("A", 1)), (200, page("B", 1))))
    await batch.execute(resend_unknown=True)
    assert [item.state for item in batch] == [SUCCEEDED, SUCCEEDED]


async def test_what_was_only_halted_is_raised_where_nothing_else_failed(
    server: ScriptedServer, scripted: AsyncSalesforce
) -> None:
    halted = (412, [{"errorCode": "BATCH_PROCESSING_HALTED", "message": "x"}])
    server.play(answer(halted))
    batch = scripted.composite.batch(autoraise=True)
    batch.sobject.create("Contact", {"LastName": "Doe"})

    with pytest.raises(errors.HaltedError):
        await batch.execute()


async def test_a_batch_is_not_executed_twice_at_once(
    server: ScriptedServer, scripted: AsyncSalesforce
) -> None:
    arrivals = Arrivals(2)
    server.play(arrivals.wait, answer(created(1)))
    batch = scripted.composite.batch()
    contact = batch.sobject.create("Contact", {"LastName": "Doe"})

    async def execute() -> None:
        arrivals.arrive()
        await batch.execute()

    results = await async_together(execute, 2)

    assert sorted(type(result).__name__ for result in results) == ["InvalidStateError", "NoneType"]
    assert contact.is_success
    assert len(server.received) == 1


async def test_an_upsert_of_an_old_version_has_no_id(
    server: ScriptedServer, scripted: AsyncSalesforce
) -> None:
    server.play(answer((204, None)))

    async with scripted.composite.batch() as batch:
        upserted = batch.sobject.upsert("Contact", "Key__c", {"Key__c": "x"})

    assert (upserted.id, upserted.created) == (None, False)


async def test_the_failures_of_a_batch_survive_pickling(
    server: ScriptedServer, scripted: AsyncSalesforce
) -> None:
    server.play(answer((400, [{"errorCode": "X", "message": "why"}])))
    batch = scripted.composite.batch()
    contact = batch.sobject.create("Contact", {"LastName": "Doe"})
    await batch.execute()

    error = pickle.loads(pickle.dumps(contact.error))

    assert str(error) == str(contact.error)
    assert error.subrequest.index == 0
    assert error.subrequest.error is error
