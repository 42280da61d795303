# Generated from tests/_async/test_pages.py by scripts/make_sync.py.
# Change that file, never this one, and then run `scripts/test -s twins -- --write`.
"""The pages of queries, where the server loses, repeats or forgets them."""

from __future__ import annotations

import json

import pytest

from tests.answers import answer, created, page
from tests.server import ScriptedServer, reply
from twinforce import Salesforce, errors


def test_pages_that_are_cut_short_for_no_reason_are_fetched(
    server: ScriptedServer, scripted: Salesforce
) -> None:
    locator = "/services/data/v50.0/query/01g09000000h1LvAAI-"
    server.play(answer((200, page("a", 4, f"{locator}1")), (200, page("x", 1))))
    server.play(reply(200, json.dumps(page("bc", 4, f"{locator}3")).encode()))
    server.play(reply(200, json.dumps(page("d", 4)).encode()))

    with scripted.composite.batch() as batch:
        query = batch.query("SELECT Name FROM Account")
        other = batch.query("SELECT Name FROM Contact")

    assert "".join(record["Name"] for record in query.records) == "abcd"
    assert len(other.records) == 1
    assert [request.target for request in server.received[1:]] == [f"{locator}1", f"{locator}3"]
    assert batch.request_count == 3


def test_a_page_that_got_lost_is_fetched_by_the_next_execution(
    server: ScriptedServer, scripted: Salesforce
) -> None:
    locator = "/services/data/v67.0/query/01g-"
    server.play(answer((200, page("a", 3, f"{locator}1")), created(1)))
    server.play(reply(200, json.dumps(page("b", 3, f"{locator}2")).encode()))
    server.play(reply(500))
    batch = scripted.composite.batch()
    query = batch.query("SELECT Name FROM Account")
    contact = batch.sobject.create("Contact", {"LastName": "Doe"})

    with pytest.raises(errors.ServerError):
        batch.execute()
    assert contact.is_success
    assert not query.done
    assert query.response["statusCode"] == 200
    with pytest.raises(errors.InvalidStateError, match="2 of 3 records were fetched"):
        _ = query.records

    server.play(reply(200, json.dumps(page("c", 3)).encode()))
    batch.execute()
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
def test_a_query_without_a_next_page_that_can_be_trusted_has_failed(
    server: ScriptedServer, scripted: Salesforce, next_url: str | None, reason: str
) -> None:
    first = {"totalSize": 3, "done": False, "records": [{"Name": "a"}], "nextRecordsUrl": next_url}
    server.play(answer((200, first), created(1)))

    with scripted.composite.batch() as batch:
        query = batch.query("SELECT Name FROM Account")
        contact = batch.sobject.create("Contact", {"LastName": "Doe"})

    assert contact.is_success
    assert batch.failed == (query,)
    with pytest.raises(errors.MalformedResponseError, match=reason):
        _ = query.records
    assert len(server.received) == 1


def test_a_query_that_leads_in_a_circle_is_ended(
    server: ScriptedServer, scripted: Salesforce
) -> None:
    first = page("a", 3, "/services/data/v67.0/query/01g-1")
    server.play(answer((200, first)))
    server.always(reply(200, json.dumps(first).encode()))

    with scripted.composite.batch() as batch:
        query = batch.query("SELECT Name FROM Account")
    with pytest.raises(errors.MalformedResponseError, match="does not end"):
        _ = query.records
    with pytest.raises(errors.MalformedResponseError, match="does not end"):
        scripted.query("SELECT Name FROM Account").all()


def test_a_query_whose_page_fails_does_not_keep_another_from_its_own(
    server: ScriptedServer, scripted: Salesforce
) -> None:
    server.play(
        answer(
            (200, page("a", 2, "/services/data/v67.0/query/01g-1")),
            (200, page("b", 2, "/services/data/v67.0/query/01h-1")),
        )
    )
    server.play(reply(500))
    server.play(reply(200, json.dumps(page("c", 2)).encode()))
    batch = scripted.composite.batch()
    failing = batch.query("SELECT Name FROM Account")
    other = batch.query("SELECT Name FROM Contact")

    with pytest.raises(errors.ServerError, match="subrequest 0"):
        batch.execute()

    assert other.complete
    assert not failing.done


def test_a_query_that_goes_on_without_records_is_ended(
    server: ScriptedServer, scripted: Salesforce
) -> None:
    def more(number: int) -> bytes:
        body = page("", 3, f"/services/data/v67.0/query/01g-{number}")
        return reply(200, json.dumps(body).encode())

    for number in range(20):
        server.play(more(number))

    with pytest.raises(errors.MalformedResponseError, match="does not end"):
        scripted.query("SELECT Name FROM Account").all()

    assert len(server.received) < 10


def test_a_page_that_salesforce_no_longer_has_is_a_failure_of_its_query(
    server: ScriptedServer, scripted: Salesforce
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

    with scripted.composite.batch() as batch:
        stale = batch.query("SELECT Name FROM Account")
        fresh = batch.query("SELECT Name FROM Contact")

    assert [record["Name"] for record in fresh.records] == ["b", "c"]
    with pytest.raises(errors.MalformedRequestError, match=r"subrequest 0 .*INVALID_QUERY_LOCATOR"):
        _ = stale.records
