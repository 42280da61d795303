"""Every kind of subrequest, in a batch and alone, on the local org over HTTP."""

from __future__ import annotations

import base64
import json
import logging
import os
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from tests.answers import answer
from tests.files import SharedFile
from tests.server import ScriptedServer
from twinforce import AccessToken, AsyncSalesforce, Binary, SubrequestState, errors
from twinforce.local import ActionError, LocalOrg

ID = "0011R00001K1H2IQAV"


@pytest.fixture
async def sf(org: LocalOrg) -> AsyncIterator[AsyncSalesforce]:
    """Give a client of the local org over HTTP."""
    org.add_action("custom/apex/Greet", greet)
    with org.serve() as server:
        async with AsyncSalesforce(server.url, AccessToken(server.access_token)) as salesforce:
            yield salesforce


def greet(inputs: dict[str, Any]) -> dict[str, Any]:
    if not inputs.get("name"):
        raise ActionError("REQUIRED_FIELD_MISSING", "whom?", ["name"])
    return {"greeting": f"Hello {inputs['name']}"}


async def test_a_search_finds_records(sf: AsyncSalesforce) -> None:
    account = await sf.sobject.create("Account", {"Name": "Acme Rockets"})
    sosl = "FIND {Rockets} IN NAME FIELDS RETURNING Account(Id, Name)"

    async with sf.composite.batch() as batch:
        found = batch.search(sosl)
        bare = batch.search(sosl, attributes=False)

    assert [(record["Id"], record["Name"]) for record in found.records] == [
        (account, "Acme Rockets")
    ]
    assert found.records[0]["attributes"]["type"] == "Account"
    assert bare.records == [{"Id": account, "Name": "Acme Rockets"}]
    assert await sf.search(sosl) == found.records
    assert await sf.search(sosl, attributes=False) == bare.records


async def test_a_search_of_an_old_version_finds_the_same(sf: AsyncSalesforce) -> None:
    account = await sf.sobject.create("Account", {"Name": "Acme Rockets"})
    async with sf.composite.batch() as batch:
        found = batch.search("FIND {Rockets} RETURNING Account(Id)", version="36.0")

    assert isinstance(found.result, list)
    assert [record["Id"] for record in found.records] == [account]


async def test_limits_are_told(sf: AsyncSalesforce) -> None:
    async with sf.composite.batch() as batch:
        limits = batch.limits()

    assert limits.limits.keys() == (await sf.limits()).keys()
    assert limits.limits["DailyApiRequests"]["Max"] > 0


async def test_sobjects_are_described(sf: AsyncSalesforce) -> None:
    async with sf.composite.batch() as batch:
        contact = batch.sobject.describe("Contact")
        everything = batch.sobject.describe_global()

    assert contact.describe["name"] == "Contact"
    assert contact.describe == await sf.sobject.describe("Contact")
    names = {each["name"] for each in everything.describe["sobjects"]}
    assert {"Account", "Contact"} <= names
    assert everything.describe == await sf.sobject.describe_global()


async def test_what_is_related_is_one_record_or_many(sf: AsyncSalesforce) -> None:
    account = await sf.sobject.create("Account", {"Name": "Acme"})
    contacts = [
        await sf.sobject.create("Contact", {"LastName": name, "AccountId": account})
        for name in ("Doe", "Roe")
    ]

    async with sf.composite.batch() as batch:
        parent = batch.sobject.get_related("Contact", contacts[0], "Account", fields=["Name"])
        children = batch.sobject.get_related(
            "Account", account, "Contacts", fields=["LastName"], attributes=False
        )

    assert parent.record["Name"] == "Acme"
    assert sorted(record["LastName"] for record in children.records) == ["Doe", "Roe"]
    assert "attributes" not in children.records[0]
    assert (children.total_size, children.complete) == (2, True)
    with pytest.raises(errors.InvalidStateError, match=r"one record; read it as \.record"):
        _ = parent.records
    with pytest.raises(errors.InvalidStateError, match=r"several records; read them as \.records"):
        _ = children.record
    alone = await sf.sobject.get_related("Contact", contacts[0], "Account", fields=["Name"])
    assert alone == parent.record
    listed = await sf.sobject.get_related(
        "Account", account, "Contacts", fields=["LastName"], attributes=False
    )
    assert listed == children.records


async def test_all_pages_of_what_is_related_are_fetched(sf: AsyncSalesforce) -> None:
    account = await sf.sobject.create("Account", {"Name": "Acme"})
    async with sf.composite.batch(autoraise=True) as batch:
        for number in range(450):
            batch.sobject.create("Contact", {"LastName": f"Doe {number}", "AccountId": account})
    async with sf.composite.batch() as batch:
        children = batch.sobject.get_related("Account", account, "Contacts")

    assert len({record["Id"] for record in children.records}) == 450
    listed = await sf.sobject.get_related("Account", account, "Contacts")
    assert len(listed) == 450


async def test_what_relates_to_nothing_is_not_found(sf: AsyncSalesforce) -> None:
    contact = await sf.sobject.create("Contact", {"LastName": "Doe"})
    async with sf.composite.batch() as batch:
        nothing = batch.sobject.get_related("Contact", contact, "Account")

    with pytest.raises(errors.NotFoundError):
        _ = nothing.record
    with pytest.raises(errors.NotFoundError):
        await sf.sobject.get_related("Contact", contact, "Account")


async def test_an_action_is_invoked(sf: AsyncSalesforce) -> None:
    async with sf.composite.batch() as batch:
        one = batch.actions.invoke("custom/apex/Greet", {"name": "Jon"})
        two = batch.actions.invoke("custom/apex/Greet", [{"name": "Jon"}, {"name": "Ann"}])

    assert one.outputs == [{"greeting": "Hello Jon"}]
    assert two.outputs == [{"greeting": "Hello Jon"}, {"greeting": "Hello Ann"}]
    assert await sf.actions.invoke("custom/apex/Greet", {"name": "Jon"}) == one.outputs


@pytest.mark.parametrize("status", [200, 400])
async def test_an_action_that_says_that_it_failed_has_failed(
    org: LocalOrg, sf: AsyncSalesforce, status: int
) -> None:
    org.add_action("custom/apex/Greet", greet, failure_status=status)
    async with sf.composite.batch() as batch:
        failed = batch.actions.invoke("custom/apex/Greet", [{"name": "Jon"}, {"name": ""}])

    assert failed.state is SubrequestState.FAILED
    assert [result["isSuccess"] for result in failed.result] == [True, False]
    for caught in (failed.error, await action_error(sf)):
        assert isinstance(caught, errors.ActionError)
        assert (caught.error_code, caught.message) == ("REQUIRED_FIELD_MISSING", "whom?")
        assert caught.fields == ("name",)


async def action_error(sf: AsyncSalesforce) -> errors.ActionError:
    with pytest.raises(errors.ActionError) as caught:
        await sf.actions.invoke("custom/apex/Greet")
    return caught.value


@pytest.mark.parametrize("form", ["bytes", "memory", "disk"])
async def test_binary_data_arrives_as_it_is(sf: AsyncSalesforce, tmp_path: Path, form: str) -> None:
    data = bytes(range(256)) * 1000 + b"\r\n--twinforce"
    path = tmp_path / "data.bin"
    path.write_bytes(data)
    with path.open("rb") as file:
        contents: dict[str, Any] = {"bytes": data, "memory": BytesIO(data), "disk": file}
        content = contents[form]
        async with sf.composite.batch() as batch:
            account = batch.sobject.create("Account", {"Name": "Acme"})
            files = [
                batch.sobject.create_with_blob(
                    "ContentVersion",
                    {"Title": f"Data {number}", "PathOnClient": "data.bin"},
                    blob_field="VersionData",
                    content=content,
                    filename='a "file" .bin',
                )
                for number in range(2)
            ]
        files.append(batch.sobject.create("Account", {"Name": "after"}))
        alone = await sf.sobject.create_with_blob(
            "ContentVersion",
            {"Title": "Alone", "PathOnClient": "data.bin"},
            blob_field="VersionData",
            content=content,
            filename="data.bin",
        )

    assert account.is_success
    for version in (files[0].id, files[1].id, alone):
        assert await blob(sf, "ContentVersion", version, "VersionData") == data


async def test_binary_data_is_updated(sf: AsyncSalesforce) -> None:
    account = await sf.sobject.create("Account", {"Name": "Acme"})
    body = base64.b64encode(b"old").decode()
    attachment = await sf.sobject.create(
        "Attachment", {"ParentId": account, "Name": "a.txt", "Body": body}
    )
    new: dict[str, Any] = {"blob_field": "Body", "content": b"new", "filename": "a.txt"}
    async with sf.composite.batch() as batch:
        updated = batch.sobject.update_with_blob("Attachment", attachment, {"Name": "b.txt"}, **new)

    assert updated.id == attachment
    assert await blob(sf, "Attachment", attachment, "Body") == b"new"
    later: dict[str, Any] = {**new, "content": b"newer"}
    await sf.sobject.update_with_blob("Attachment", attachment, {}, **later)
    assert await blob(sf, "Attachment", attachment, "Body") == b"newer"


async def blob(sf: AsyncSalesforce, sobject: str, id: str, field: str) -> bytes:
    return (await sf.request("GET", f"sobjects/{sobject}/{id}/{field}")).body


async def test_any_request_may_have_binary_data(sf: AsyncSalesforce) -> None:
    async with sf.composite.batch() as batch:
        file = batch.request(
            "POST",
            "sobjects/ContentVersion",
            {"Title": "Data", "PathOnClient": "data.bin"},
            binary=Binary("VersionData", b"\x00\xff", "data.bin"),
        )

    assert await blob(sf, "ContentVersion", file.result["id"], "VersionData") == b"\x00\xff"


async def test_one_file_may_be_sent_by_several_requests_at_once(sf: AsyncSalesforce) -> None:
    data = os.urandom(400_000)  # no piece of it is like another
    content = SharedFile(b"before" + data)
    content.seek(6)
    async with sf.composite.batch(concurrency=4) as batch:
        files = [
            batch.sobject.create_with_blob(
                "ContentVersion",
                {"Title": f"Data {number}", "PathOnClient": "data.bin"},
                blob_field="VersionData",
                content=content,
                filename="data.bin",
            )
            for number in range(52)
        ]

    assert content.tell() == 6
    for file in files:
        assert await blob(sf, "ContentVersion", file.id, "VersionData") == data


async def test_in_process_a_file_that_cannot_be_read_leaves_nothing_in_doubt(org: LocalOrg) -> None:
    content = BytesIO(b"x")
    async with org.async_client() as sf:
        batch = sf.composite.batch()
        version = batch.sobject.create_with_blob(
            "ContentVersion",
            {"Title": "Data", "PathOnClient": "data.bin"},
            blob_field="VersionData",
            content=content,
            filename="data.bin",
        )
        content.close()
        with pytest.raises(errors.TransportError, match="the data to send cannot be read"):
            await batch.execute()

    assert version.state is SubrequestState.PENDING


async def test_a_file_that_became_shorter_sends_nothing(
    sf: AsyncSalesforce, tmp_path: Path
) -> None:
    path = tmp_path / "data.bin"
    path.write_bytes(b"x" * 300_000)
    with path.open("rb", buffering=0) as file:
        batch = sf.composite.batch()
        version = batch.sobject.create_with_blob(
            "ContentVersion",
            {"Title": "Data", "PathOnClient": "data.bin"},
            blob_field="VersionData",
            content=file,
            filename="data.bin",
        )
        path.write_bytes(b"x" * 100)
        with pytest.raises(errors.TransportError, match="is shorter than when it was given"):
            await batch.execute()

    assert version.state is SubrequestState.PENDING
    assert await sf.query("SELECT Id FROM ContentVersion").all() == []


async def test_a_subrequest_may_have_a_version_of_its_own(sf: AsyncSalesforce) -> None:
    async with sf.composite.batch() as batch:
        upserted = batch.sobject.upsert(
            "Opportunity",
            "ExternalId__c",
            {"ExternalId__c": "1", "Name": "Deal", "StageName": "x", "CloseDate": "2027-01-31"},
            version="40.0",
        )
        query = batch.query("SELECT Id FROM Opportunity", version="50.0")

    assert upserted.created
    assert "/v50.0/" in query.records[0]["attributes"]["url"]


async def test_a_version_that_does_not_fit_is_refused(org: LocalOrg) -> None:
    async with org.async_client(version="50.0") as sf:
        batch = sf.composite.batch()
        with pytest.raises(ValueError, match="older, not newer"):
            batch.limits(version="51.0")
        with pytest.raises(ValueError, match=r"at least 34\.0"):
            batch.query("SELECT Id FROM Account", version="33.0")
        with pytest.raises(ValueError, match=r"needs version 35\.0"):
            batch.actions.invoke("custom/apex/Greet", version="34.0")
        with pytest.raises(ValueError, match=r"needs version 36\.0"):
            batch.sobject.get_related("Account", ID, "Contacts", version="35.0")
    async with org.async_client(version="35.0") as sf:
        with pytest.raises(ValueError, match=r"needs version 36\.0"):
            await sf.sobject.get_related("Account", ID, "Contacts")

    assert len(batch) == 0


async def test_lists_of_children_are_completed(sf: AsyncSalesforce) -> None:
    accounts = [await sf.sobject.create("Account", {"Name": name}) for name in ("A", "B", "C")]
    async with sf.composite.batch(autoraise=True) as batch:
        for number in range(1200):
            account = accounts[number % 3]
            batch.sobject.create("Contact", {"LastName": f"Doe {number}", "AccountId": account})
    soql = "SELECT Name, (SELECT LastName FROM Contacts) FROM Account ORDER BY Name"
    async with sf.composite.batch() as batch:
        query = batch.query(soql)
        bare = batch.query(soql, attributes=False)
        first = batch.query(soql, first_page_only=True)

    expected = [{f"Doe {number}" for number in range(start, 1200, 3)} for start in range(3)]
    for records in (query.records, bare.records, await sf.query(soql).all()):
        assert [names(record) for record in records] == expected
        assert all(record["Contacts"]["done"] for record in records)
        assert all(len(record["Contacts"]["records"]) == 400 for record in records)
    assert "attributes" not in json.dumps(bare.records)
    assert not first.records[0]["Contacts"]["done"]


def names(record: dict[str, Any]) -> set[str]:
    return {child["LastName"] for child in record["Contacts"]["records"]}


async def test_a_list_of_children_without_a_next_page_is_a_failure(
    server: ScriptedServer, scripted: AsyncSalesforce
) -> None:
    contacts = {"totalSize": 2, "done": False, "records": [{"Name": "a"}]}
    page = {"totalSize": 1, "done": True, "records": [{"Contacts": contacts}]}
    server.play(answer((200, page)))
    async with scripted.composite.batch() as batch:
        query = batch.query("SELECT (SELECT Name FROM Contacts) FROM Account")

    with pytest.raises(errors.MalformedResponseError, match="Contacts is not done"):
        _ = query.records


async def test_a_query_that_is_too_long_for_a_url_goes_through_a_batch(
    sf: AsyncSalesforce, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(3):
        await sf.sobject.create("Account", {"Name": f"Acme {number}"})
    wanted = ",".join(f"'Acme {number}'" for number in range(2000))
    soql = f"SELECT Name FROM Account WHERE Name IN ({wanted}) ORDER BY Name"

    with caplog.at_level(logging.INFO, "twinforce"):
        records = await sf.query(soql, attributes=False).all()

    assert records == [{"Name": f"Acme {number}"} for number in range(3)]
    assert "too long for a URL" in caplog.text


async def test_a_long_query_that_is_wrong_says_so(sf: AsyncSalesforce) -> None:
    soql = "SELECT Nothing__c FROM Account WHERE Name IN (" + ",".join(["'x'"] * 6000) + ")"

    with pytest.raises(errors.MalformedRequestError, match="INVALID_FIELD"):
        await sf.query(soql).all()
