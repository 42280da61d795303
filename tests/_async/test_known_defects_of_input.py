"""What other clients were seen to do with what users gave them, tried on ours, over HTTP.

The numbers of the cases are explained in test_known_defects_of_batches.py.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest

from tests.answers import answer, created
from tests.server import ScriptedServer, reply
from twinforce import AsyncSalesforce, SubrequestState, errors
from twinforce.local import LocalOrg, faults

ID = "0011R00001K1H2IQAV"
JON = {"FirstName": "Jon", "LastName": "Doe"}


async def last_names(salesforce: AsyncSalesforce) -> list[str]:
    query = salesforce.query("SELECT LastName FROM Contact ORDER BY LastName")
    return [record["LastName"] for record in await query.all()]


@pytest.mark.parametrize(
    "id",
    [
        "https://evil.example/x",
        "//evil.example/x",
        f"../User/{ID}",
        f"{ID}?fields=Id",
        f"{ID}#x",
        f"{ID}/Contacts",
        f"{ID}\n",
        "",
    ],
)
async def test_what_is_no_record_id_leads_nowhere(
    server: ScriptedServer, scripted: AsyncSalesforce, id: str
) -> None:
    # S4
    batch = scripted.composite.batch()
    for add in (batch.sobject.get, batch.sobject.delete):
        with pytest.raises(ValueError, match="record id"):
            add("Contact", id)
    with pytest.raises(ValueError, match="record id"):
        batch.sobject.update("Contact", id, JON)
    for send in (scripted.sobject.get, scripted.sobject.delete):
        with pytest.raises(ValueError, match="record id"):
            await send("Contact", id)
    with pytest.raises(ValueError, match="record id"):
        await scripted.sobject.update("Contact", id, JON)

    assert len(batch) == 0
    assert server.received == []


class Stage(Enum):
    WON = "Closed Won"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        pytest.param(
            Decimal("12345678901234567.89"), b"12345678901234567.89", id="A18, S11, django: Decimal"
        ),
        pytest.param(dt.date(2024, 2, 29), b'"2024-02-29"', id="S11: date"),
        pytest.param(
            dt.datetime(2024, 1, 1, 12, 0, 0, 123456, dt.timezone(dt.timedelta(hours=1))),
            b'"2024-01-01T11:00:00.123456+00:00"',
            id="A18: datetime with a zone and microseconds",
        ),
        pytest.param(b"\x00\xff", b'"AP8="', id="A18: bytes"),
        pytest.param(Stage.WON, b'"Closed Won"', id="Enum"),
    ],
)
async def test_a_python_value_is_sent_as_salesforce_reads_it(
    server: ScriptedServer, scripted: AsyncSalesforce, value: object, written: bytes
) -> None:
    server.play(answer(created(1)))
    server.play(reply(201, b'{"id": "003", "success": true}'))
    async with scripted.composite.batch() as batch:
        batch.sobject.create("Opportunity", {"Name": "x", "Field__c": value})
    await scripted.sobject.create("Opportunity", {"Name": "x", "Field__c": value})

    in_batch, alone = (request.body for request in server.received)
    assert alone == b'{"Name":"x","Field__c":' + written + b"}"
    assert b'"richInput":' + alone + b"}" in in_batch


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        pytest.param(float("nan"), ValueError, id="A18, S11: NaN"),
        pytest.param(Decimal("NaN"), ValueError, id="A18, S11: NaN of Decimal"),
        pytest.param(float("inf"), ValueError, id="A18: infinity"),
        pytest.param(dt.datetime(2024, 1, 1), ValueError, id="A18: naive datetime"),  # noqa: DTZ001
        pytest.param({1}, TypeError, id="A18: set"),
    ],
)
async def test_a_value_that_would_change_on_the_way_is_refused_by_the_name_of_its_field(
    server: ScriptedServer, scripted: AsyncSalesforce, value: object, kind: type[Exception]
) -> None:
    data = {"Name": "x", "Amount": value}
    batch = scripted.composite.batch()
    with pytest.raises(kind, match=r"Opportunity\.Amount"):
        batch.sobject.create("Opportunity", data)
    with pytest.raises(kind, match=r"Opportunity\.Amount"):
        await scripted.sobject.create("Opportunity", data)

    assert len(batch) == 0
    assert server.received == []


async def test_soql_arrives_as_it_was_written(served: AsyncSalesforce) -> None:
    # django-salesforce sends a new line in a literal as it is; here the user's escape stands.
    name = "one\ntwo + 50% & #3 = é?"
    await served.sobject.create("Account", {"Name": name})
    await served.sobject.create("Account", {"Name": "one"})
    soql = "SELECT Name\n\tFROM Account\nWHERE Name = 'one\\ntwo + 50% & #3 = é?'"

    async with served.composite.batch() as batch:
        query = batch.query(soql)

    assert [record["Name"] for record in query.records] == [name]
    assert [record["Name"] for record in await served.query(soql).all()] == [name]


async def test_a_number_is_read_alike_wherever_it_comes_from(served: AsyncSalesforce) -> None:
    # S9
    data = {"Name": "Big", "Amount": Decimal("119373.34")}
    opportunity_id = await served.sobject.create("Opportunity", data)
    soql = "SELECT Amount FROM Opportunity"
    async with served.composite.batch() as batch:
        got = batch.sobject.get("Opportunity", opportunity_id)
        query = batch.query(soql)

    amounts = [
        got.record["Amount"],
        query.records[0]["Amount"],
        (await served.sobject.get("Opportunity", opportunity_id))["Amount"],
        (await served.query(soql).all())[0]["Amount"],
    ]
    assert amounts == [119373.34] * 4
    assert {type(amount) for amount in amounts} == {float}


class Name(Enum):
    LAST = "LastName"


BAD_INPUT: list[Callable[[Any], Any]] = [
    lambda records: records.create("Contact", "[1,2]"),  # A26
    lambda records: records.create("Contact", b'{"LastName": "Doe"}'),
    lambda records: records.create("Contact", [JON]),
    lambda records: records.create("Contact", list(JON.items())),
    lambda records: records.create("Contact", None),
    lambda records: records.create("Contact", {7: "Doe"}),
    lambda records: records.create("Contact", {Name.LAST: "Doe", "LastName": "Roe"}),
    lambda records: records.create("Contact/..", JON),
    lambda records: records.update("Contact", ID, "[1,2]"),
    lambda records: records.update("Contact", JON, ID),
    lambda records: records.upsert("Contact", "Key__c", [1, 2]),
    lambda records: records.upsert("Contact", "Key__c", JON),
    lambda records: records.upsert("Contact", "Key__c", {"Key__c": None} | JON),
    lambda records: records.upsert("Contact", "Key__c", {"Key__c": "x", "KEY__C": "y"}),
    lambda records: records.upsert(
        "Contact", "Key__c", {"Key__c": "x", Name.LAST: "Doe", "LastName": "Roe"}
    ),
    lambda records: records.upsert("Contact", "Key__c", {"Key__c": "x"}, update_only="no"),
    lambda records: records.upsert("Contact", "x", "Key__c", JON),  # in aiosalesforce's order
    lambda records: records.upsert("Contact", "Key__c/x", JON),  # as simple-salesforce spells it
    lambda records: records.get("Contact", ID, fields="Id,Name"),
    lambda records: records.get("Contact", ID, fields=["Id,Name"]),
    lambda records: records.get("Contact", ID, fields=[]),
    lambda records: records.delete("Contact", 7),
    lambda records: records.delete("Contact", [ID]),
    lambda records: records.delete("Contact", True, external_id_field="Key__c"),
]


@pytest.mark.parametrize("call", BAD_INPUT)
async def test_bad_input_is_refused_before_anything_is_sent(
    server: ScriptedServer, scripted: AsyncSalesforce, call: Callable[[Any], Any]
) -> None:
    batch = scripted.composite.batch()
    with pytest.raises((TypeError, ValueError)):
        call(batch.sobject)
    with pytest.raises((TypeError, ValueError)):
        await call(scripted.sobject)

    assert len(batch) == 0
    assert server.received == []


@pytest.mark.parametrize(
    "call",
    [
        lambda salesforce: salesforce.query("SELECT Id FROM Contact", "no"),
        lambda salesforce: salesforce.query(b"SELECT Id FROM Contact"),
        lambda salesforce: salesforce.query(" "),
        lambda salesforce: salesforce.composite.batch().query("SELECT Id FROM Contact", 0),
        lambda salesforce: salesforce.composite.batch().query(
            "SELECT Id FROM Contact", first_page_only="no"
        ),
        lambda salesforce: salesforce.composite.batch("no"),
        lambda salesforce: salesforce.composite.batch(timeout=600),
        lambda salesforce: salesforce.composite.batch(retry=3),
        lambda salesforce: salesforce.composite.batch().request("GET", "query?q=SELECT Id"),
    ],
)
async def test_a_bad_argument_is_refused_where_it_is_given(
    scripted: AsyncSalesforce, call: Callable[[Any], Any]
) -> None:
    with pytest.raises((TypeError, ValueError)):
        call(scripted)


@pytest.mark.parametrize(
    "headers", [{"X-A": "1", "x-a": "2"}, {"Content-Type": "a/b", "content-type": "c/d"}]
)
async def test_a_header_that_is_given_twice_is_refused(
    server: ScriptedServer, scripted: AsyncSalesforce, headers: dict[str, str]
) -> None:
    with pytest.raises(ValueError, match="twice"):
        await scripted.request("POST", "sobjects/Contact", json=JON, headers=headers)

    assert server.received == []


@pytest.mark.parametrize("answer", ["no", 1, None])
async def test_only_true_sends_again_what_may_have_been_executed(
    org: LocalOrg, served: AsyncSalesforce, answer: Any
) -> None:
    org.faults.add(faults.DropAfter(), when=lambda request: request.is_batch)
    batch = served.composite.batch()
    contact = batch.sobject.create("Contact", JON)
    with pytest.raises(errors.OutcomeUnknownError):
        await batch.execute()

    with pytest.raises(TypeError, match=r"resend_unknown must be True or False"):
        await batch.execute(resend_unknown=answer)

    assert contact.state is SubrequestState.UNKNOWN
    assert await last_names(served) == ["Doe"]
