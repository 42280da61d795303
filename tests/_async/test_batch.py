"""Composite Batch, against the local org."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any
from weakref import ref

import pytest

from twinforce import AsyncSalesforce, Subrequest, SubrequestState, errors

NAMELESS = {"FirstName": "Jon"}
JON = {"FirstName": "Jon", "LastName": "Doe"}


@pytest.fixture
def _no_garbage_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


async def names(salesforce: AsyncSalesforce, sobject: str = "Contact") -> list[str]:
    query = salesforce.query(f"SELECT Name FROM {sobject} ORDER BY Name")
    return [record["Name"] async for record in query]


async def test_a_batch_is_executed_when_its_block_ends(salesforce: AsyncSalesforce) -> None:
    await salesforce.sobject.create("Account", {"Name": "Acme"})

    async with salesforce.composite.batch(halt_on_error=True) as batch:
        query = batch.query("SELECT Id, Name FROM Account LIMIT 10")
        contact = batch.sobject.create("Contact", JON)
        assert batch.request_count == 0

    assert [record["Name"] for record in query.records] == ["Acme"]
    assert (await salesforce.sobject.get("Contact", contact.id))["Name"] == "Jon Doe"
    assert batch.request_count == 1


async def test_a_batch_is_executed_by_hand(salesforce: AsyncSalesforce) -> None:
    batch = salesforce.composite.batch()
    contact = batch.sobject.create("Contact", JON)

    await batch.execute()

    assert await names(salesforce) == ["Jon Doe"]
    assert contact.done


async def test_a_batch_whose_block_raised_is_not_executed(salesforce: AsyncSalesforce) -> None:
    with pytest.raises(KeyError, match="missing"):
        async with salesforce.composite.batch() as batch:
            contact = batch.sobject.create("Contact", JON)
            raise KeyError("missing")

    assert contact.state is SubrequestState.PENDING
    assert await names(salesforce) == []


async def test_a_batch_is_executed_once(salesforce: AsyncSalesforce) -> None:
    async with salesforce.composite.batch() as batch:
        contact = batch.sobject.create("Contact", JON)
        await batch.execute()
        first = contact.id
    await batch.execute()

    assert contact.id == first
    assert await names(salesforce) == ["Jon Doe"]
    assert batch.request_count == 1


async def test_what_is_added_later_is_sent_by_the_next_execution(
    salesforce: AsyncSalesforce,
) -> None:
    batch = salesforce.composite.batch()
    batch.sobject.create("Contact", {"LastName": "A"})
    await batch.execute()
    batch.sobject.create("Contact", {"LastName": "B"})
    await batch.execute()

    assert await names(salesforce) == ["A", "B"]
    assert [subrequest.index for subrequest in batch] == [0, 1]


async def test_an_empty_batch_sends_nothing(salesforce: AsyncSalesforce) -> None:
    async with salesforce.composite.batch() as batch:
        pass

    assert batch.request_count == 0
    assert not batch.has_errors
    assert batch.subrequests == ()


async def test_every_operation_on_a_record(salesforce: AsyncSalesforce) -> None:
    account_id = await salesforce.sobject.create("Account", {"Name": "Acme", "Phone": "1"})
    doomed_id = await salesforce.sobject.create("Account", {"Name": "Doomed"})

    async with salesforce.composite.batch() as batch:
        created = batch.sobject.create("Contact", JON)
        got = batch.sobject.get("Account", account_id, fields=["Name", "Phone"])
        updated = batch.sobject.update("Account", account_id, {"Name": "New", "Phone": None})
        again = batch.sobject.get("Account", account_id, fields=["Name", "Phone"])
        inserted = batch.sobject.upsert(
            "Opportunity", "ExternalId__c", {"ExternalId__c": "123", "Name": "New"}
        )
        upserted = batch.sobject.upsert(
            "Opportunity", "ExternalId__c", {"ExternalId__c": "123", "Name": "Newer"}
        )
        deleted = batch.sobject.delete("Account", doomed_id)
        limits = batch.request("GET", "limits")

    assert all(subrequest.is_success for subrequest in batch)
    assert (created.status_code, len(created.id)) == (201, 18)
    assert got.record["Name"] == "Acme"
    assert got.record["attributes"]["type"] == "Account"
    assert (updated.status_code, updated.result, updated.id) == (204, None, account_id)
    assert (again.record["Name"], again.record["Phone"]) == ("New", None)
    assert (inserted.status_code, inserted.created) == (201, True)
    assert (upserted.status_code, upserted.created) == (200, False)
    assert upserted.id == inserted.id
    assert deleted.id == doomed_id
    assert "DailyApiRequests" in limits.result
    assert await names(salesforce, "Account") == ["New"]
    assert await names(salesforce, "Opportunity") == ["Newer"]


@pytest.mark.parametrize(
    "key", ["a/b", "50% off", "what?x=1#frag", "naïve", "../../limits", "+1 555", "..", "😀", "'\\"]
)
async def test_any_external_id_reaches_its_own_record(
    salesforce: AsyncSalesforce, key: str
) -> None:
    async with salesforce.composite.batch() as batch:
        upserted = batch.sobject.upsert("Contact", "Key__c", {"Key__c": key, "LastName": "A"})
        updated = batch.sobject.update(
            "Contact", key, {"LastName": "B"}, external_id_field="Key__c"
        )
        got = batch.sobject.get("Contact", key, external_id_field="Key__c")
        deleted = batch.sobject.delete("Contact", key, external_id_field="Key__c")

    assert upserted.created
    assert (got.record["Id"], got.record["Key__c"], got.record["Name"]) == (upserted.id, key, "B")
    assert (updated.id, deleted.id) == (None, None)
    assert await names(salesforce) == []


async def test_an_update_by_external_id_creates_nothing(salesforce: AsyncSalesforce) -> None:
    async with salesforce.composite.batch() as batch:
        updated = batch.sobject.update("Contact", "x", JON, external_id_field="Key__c")
        upserted = batch.sobject.upsert(
            "Contact", "Key__c", {"Key__c": "y"} | JON, update_only=True
        )

    assert isinstance(updated.error, errors.NotFoundError)
    assert isinstance(upserted.error, errors.NotFoundError)
    assert await names(salesforce) == []


async def test_an_external_id_of_several_records_is_an_error(salesforce: AsyncSalesforce) -> None:
    for name in ("One", "Two"):
        data = {"Name": name, "ExternalId__c": "same"}
        await salesforce.sobject.create("Opportunity", data)

    async with salesforce.composite.batch(halt_on_error=True) as batch:
        got = batch.sobject.get("Opportunity", "same", external_id_field="ExternalId__c")
        # 300 is no failure in the sense of haltOnError, which is 400 and above.
        contact = batch.sobject.create("Contact", JON)
        for _ in range(30):
            batch.request("GET", "limits")

    assert batch.failed == (got,)
    assert batch.request_count == 2
    assert isinstance(got.error, errors.MoreThanOneRecordError)
    assert "2 records have this external id" in str(got.error)
    assert contact.is_success


async def test_more_than_25_go_out_in_several_requests_in_order(
    salesforce: AsyncSalesforce,
) -> None:
    async with salesforce.composite.batch() as batch:
        contacts = [
            batch.sobject.create("Contact", {"LastName": f"{number:03}"}) for number in range(60)
        ]

    assert batch.request_count == 3
    assert len({contact.id for contact in contacts}) == 60
    assert [contact.index for contact in contacts] == list(range(60))
    for number in (0, 24, 25, 49, 50, 59):
        record = await salesforce.sobject.get("Contact", contacts[number].id)
        assert record["LastName"] == f"{number:03}"


async def test_without_halting_the_others_are_executed(salesforce: AsyncSalesforce) -> None:
    async with salesforce.composite.batch() as batch:
        before = batch.sobject.create("Contact", {"LastName": "A"})
        failing = batch.sobject.create("Contact", NAMELESS)
        after = batch.sobject.create("Contact", {"LastName": "B"})

    assert batch.succeeded == (before, after)
    assert batch.failed == (failing,)
    assert batch.has_errors
    assert await names(salesforce) == ["A", "B"]


async def test_without_halting_the_other_requests_are_sent(salesforce: AsyncSalesforce) -> None:
    async with salesforce.composite.batch() as batch:
        batch.sobject.create("Contact", NAMELESS)
        for number in range(30):
            batch.sobject.create("Contact", {"LastName": f"{number:03}"})

    assert batch.request_count == 2
    assert len(batch.succeeded) == 30


async def test_halting_holds_across_requests(salesforce: AsyncSalesforce) -> None:
    async with salesforce.composite.batch(halt_on_error=True) as batch:
        for number in range(60):
            data = NAMELESS if number == 27 else {"LastName": f"{number:03}"}
            batch.sobject.create("Contact", data)

    assert batch.request_count == 2
    assert len(batch.succeeded) == 27
    assert batch.failed == (batch.subrequests[27],)
    assert batch.halted == batch.subrequests[28:]
    assert len(await names(salesforce)) == 27
    sent, unsent = batch.subrequests[28], batch.subrequests[59]
    assert sent.response == unsent.response
    assert isinstance(unsent.error, errors.HaltedError)
    assert unsent.error.subrequest is unsent
    assert unsent.done


async def test_a_halted_batch_stays_halted(salesforce: AsyncSalesforce) -> None:
    batch = salesforce.composite.batch(halt_on_error=True)
    batch.sobject.create("Contact", NAMELESS)
    await batch.execute()
    later = batch.sobject.create("Contact", JON)
    await batch.execute()

    assert later.state is SubrequestState.HALTED
    assert batch.request_count == 1
    assert await names(salesforce) == []


async def test_a_halted_batch_sends_nothing_more(salesforce: AsyncSalesforce) -> None:
    batch = salesforce.composite.batch(halt_on_error=True)
    batch.sobject.create("Contact", NAMELESS)
    batch.sobject.create("Contact", JON)
    await batch.execute()
    await batch.execute()

    assert batch.request_count == 1
    assert await names(salesforce) == []


async def test_a_result_read_too_early_is_an_error_that_says_so(
    salesforce: AsyncSalesforce,
) -> None:
    batch = salesforce.composite.batch()
    contact = batch.sobject.create("Contact", JON)
    query = batch.query("SELECT Id FROM Contact")

    assert not contact.done
    assert not contact.is_success
    assert contact.error is None
    with pytest.raises(errors.InvalidStateError, match=r"subrequest 0 \(POST sobjects/Contact\)"):
        _ = contact.id
    for name in ("response", "status_code", "result"):
        with pytest.raises(errors.InvalidStateError, match="no result yet"):
            getattr(contact, name)
    for name in ("records", "total_size", "complete", "next_records_url"):
        with pytest.raises(errors.InvalidStateError, match="subrequest 1"):
            getattr(query, name)
    with pytest.raises(errors.InvalidStateError):
        contact.raise_for_status()


async def test_a_failure_is_raised_where_its_result_is_read(salesforce: AsyncSalesforce) -> None:
    async with salesforce.composite.batch() as batch:
        contact = batch.sobject.create("Contact", NAMELESS)
        query = batch.query("SELECT Nam FROM Contact")
        got = batch.sobject.get("Contact", "003000000000000AAA")

    with pytest.raises(errors.MalformedRequestError, match="REQUIRED_FIELD_MISSING") as caught:
        _ = contact.id
    assert caught.value is contact.error
    assert caught.value.subrequest is contact
    assert str(caught.value).startswith("subrequest 0 (POST sobjects/Contact): 400 REQUIRED")
    assert contact.status_code == 400
    assert contact.result[0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    with pytest.raises(errors.MalformedRequestError, match="No such column 'Nam' on entity"):
        _ = query.records
    assert "&#39;" in query.result[0]["message"]
    with pytest.raises(errors.NotFoundError):
        got.raise_for_status()


async def test_autoraise_raises_the_first_failure_after_all_were_sent(
    salesforce: AsyncSalesforce,
) -> None:
    with pytest.raises(errors.MalformedRequestError) as caught:
        async with salesforce.composite.batch(autoraise=True) as batch:
            batch.sobject.create("Contact", {"LastName": "A"})
            failing = batch.sobject.create("Contact", NAMELESS)
            batch.sobject.delete("Contact", "003000000000000AAA")
            batch.sobject.create("Contact", {"LastName": "B"})

    assert caught.value.subrequest is failing
    assert await names(salesforce) == ["A", "B"]


async def test_grouped_errors_are_raised_together(salesforce: AsyncSalesforce) -> None:
    with pytest.raises(ExceptionGroup, match="2 of 3 subrequests failed") as caught:
        async with salesforce.composite.batch(autoraise=True, group_errors=True) as batch:
            batch.sobject.create("Contact", NAMELESS)
            batch.sobject.create("Contact", JON)
            batch.sobject.delete("Contact", "003000000000000AAA")

    assert caught.value.exceptions == (batch.subrequests[0].error, batch.subrequests[2].error)


async def test_what_was_only_halted_is_not_raised(salesforce: AsyncSalesforce) -> None:
    batch = salesforce.composite.batch(halt_on_error=True, autoraise=True, group_errors=True)
    failing = batch.sobject.create("Contact", NAMELESS)
    halted = batch.sobject.create("Contact", JON)

    with pytest.raises(ExceptionGroup) as caught:
        await batch.execute()

    assert caught.value.exceptions == (failing.error,)
    assert batch.halted == (halted,)


async def test_the_options_can_be_given_by_position(salesforce: AsyncSalesforce) -> None:
    batch = salesforce.composite.batch(True, True)
    failing = batch.sobject.create("Contact", NAMELESS)
    batch.sobject.create("Contact", JON)

    with pytest.raises(errors.MalformedRequestError) as caught:
        await batch.execute()

    assert caught.value is failing.error
    assert len(batch.halted) == 1


async def test_autoraise_is_silent_where_nothing_failed(salesforce: AsyncSalesforce) -> None:
    async with salesforce.composite.batch(autoraise=True, group_errors=True) as batch:
        contact = batch.sobject.create("Contact", JON)

    assert contact.is_success


@pytest.mark.parametrize("option", ["halt_on_error", "autoraise", "group_errors"])
async def test_an_option_that_is_neither_true_nor_false_is_refused(
    salesforce: AsyncSalesforce, option: str
) -> None:
    options: dict[str, Any] = {option: "no"}
    with pytest.raises(TypeError, match=f"{option} must be True or False, not 'no'"):
        salesforce.composite.batch(**options)


async def test_a_timeout_that_is_none_is_refused(salesforce: AsyncSalesforce) -> None:
    with pytest.raises(TypeError, match=r"such as Timeout\(read=600\), not int"):
        salesforce.composite.batch(timeout=600)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def test_each_halted_subrequest_has_its_own_answer(salesforce: AsyncSalesforce) -> None:
    batch = salesforce.composite.batch(halt_on_error=True)
    for _ in range(30):
        batch.sobject.create("Contact", NAMELESS)
    await batch.execute()

    batch.subrequests[28].result[0]["message"] = "changed"

    assert batch.subrequests[29].result[0]["message"] == "Batch processing halted per request"


async def test_reading_a_failure_again_and_again_gathers_nothing(
    salesforce: AsyncSalesforce,
) -> None:
    async with salesforce.composite.batch() as batch:
        contact = batch.sobject.create("Contact", NAMELESS)
    for _ in range(50):
        with pytest.raises(errors.MalformedRequestError) as caught:
            _ = contact.id

    assert len(caught.traceback) < 10


async def test_bad_input_is_refused_where_it_is_given_and_nothing_is_added(
    salesforce: AsyncSalesforce,
) -> None:
    batch = salesforce.composite.batch()

    with pytest.raises(ValueError, match="not an API name"):
        batch.sobject.create("Contact/../Account", JON)
    with pytest.raises(ValueError, match=r"Contact\.Amount cannot be sent: nan"):
        batch.sobject.create("Contact", {"Amount": float("nan")})
    with pytest.raises(ValueError, match="not a record id"):
        batch.sobject.delete("Contact", "//evil.example/x")
    with pytest.raises(ValueError, match="absolute URL"):
        batch.request("GET", "https://evil.example/x")
    with pytest.raises(
        ValueError, match=r"version 68\.0 does not fit into a batch of version 67.0"
    ):
        batch.request("GET", "v68.0/limits")

    assert len(batch) == 0


async def test_the_data_is_taken_as_it_was_when_it_was_given(salesforce: AsyncSalesforce) -> None:
    data = dict(JON)
    async with salesforce.composite.batch() as batch:
        batch.sobject.create("Contact", data)
        data["LastName"] = "Changed"

    assert await names(salesforce) == ["Jon Doe"]


@pytest.mark.parametrize(
    "text", ["&lt;b&gt; AT&amp;T", "&quot;hi&quot;", "&#10;", "<h1>x</h1>", "\u2028\n\t\"'\\"]
)
async def test_data_is_returned_as_it_was_sent(salesforce: AsyncSalesforce, text: str) -> None:
    async with salesforce.composite.batch() as batch:
        created = batch.sobject.create("Account", {"Name": "x", "Description": text})
        query = batch.query("SELECT Description FROM Account")

    assert created.is_success
    assert [record["Description"] for record in query.records] == [text]


async def test_any_form_of_url_is_taken(salesforce: AsyncSalesforce) -> None:
    async with salesforce.composite.batch() as batch:
        for url in ("limits", "v60.0/limits", "/v60.0/limits", "/services/data/v60.0/limits"):
            batch.request("get", url)
        created = batch.request("POST", "sobjects/Contact", JON)

    assert all(subrequest.is_success for subrequest in batch)
    assert created.result["success"] is True


async def test_a_refused_resource_fails_alone(salesforce: AsyncSalesforce) -> None:
    async with salesforce.composite.batch() as batch:
        refused = batch.request("POST", "composite/batch", {"batchRequests": []})
        contact = batch.sobject.create("Contact", JON)

    assert isinstance(refused.error, errors.MalformedRequestError)
    assert refused.error.error_code == "INVALID_BATCH_REQUEST"
    assert contact.is_success


async def test_a_batch_shows_where_it_stands(salesforce: AsyncSalesforce) -> None:
    batch = salesforce.composite.batch(halt_on_error=True)
    assert "empty" in repr(batch)
    contact = batch.sobject.create("Contact", NAMELESS)
    batch.sobject.create("Contact", JON)
    assert "2 pending" in repr(batch)
    await batch.execute()

    assert "1 failed, 1 halted" in repr(batch)
    assert repr(contact) == (
        "<CreateSubrequest 0 (POST sobjects/Contact): failed, 400 REQUIRED_FIELD_MISSING>"
    )
    assert all(isinstance(subrequest, Subrequest) for subrequest in batch)
    assert [subrequest.state for subrequest in batch] == [
        SubrequestState.FAILED,
        SubrequestState.HALTED,
    ]


@pytest.mark.usefixtures("_no_garbage_collector")
async def test_the_results_of_a_batch_leave_the_memory_with_it(
    salesforce: AsyncSalesforce,
) -> None:
    async with salesforce.composite.batch() as batch:
        query = batch.query("SELECT Id FROM Account")
        contact = batch.sobject.create("Contact", JON)
    held = ref(batch), ref(query), ref(contact)

    del batch, query, contact

    assert (held[0](), held[1](), held[2]()) == (None, None, None)
