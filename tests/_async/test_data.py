"""What can be the data of a record, and how answers are parsed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from types import MappingProxyType
from typing import Any

import attrs
import pytest

from tests.server import ScriptedServer, reply
from twinforce import AccessToken, AsyncSalesforce, Json, errors

EXACT = Json(loads=partial(json.loads, parse_float=Decimal))


@dataclasses.dataclass
class Deal:
    Name: str
    Amount: Decimal


@attrs.define
class SlottedDeal:
    Name: str
    Amount: Decimal


AMOUNT = Decimal("12345678901234567.89")


@pytest.mark.parametrize(
    "data",
    [
        {"Name": "Deal", "Amount": AMOUNT},
        MappingProxyType({"Name": "Deal", "Amount": AMOUNT}),
        Deal("Deal", AMOUNT),
        SlottedDeal("Deal", AMOUNT),
        '{"Name": "Deal", "Amount": 12345678901234567.89}',
    ],
    ids=["dict", "mapping", "dataclass", "attrs", "JSON"],
)
async def test_data_may_have_any_of_these_forms(
    server: ScriptedServer, scripted: AsyncSalesforce, data: Any
) -> None:
    created = b'{"id": "006", "success": true, "errors": []}'
    server.play(reply(201, created))
    server.play(reply(200, b'{"results": [{"statusCode": 201, "result": %b}]}' % created))

    await scripted.sobject.create("Opportunity", data)
    async with scripted.composite.batch() as batch:
        batch.sobject.create("Opportunity", data)

    assert server.received[0].body == b'{"Name":"Deal","Amount":12345678901234567.89}'
    assert server.received[0].body in server.received[1].body


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("[1]", "no object"),
        ("{", "not JSON"),
        ('{"Name": NaN}', "not JSON"),
        ('{"Name": "a", "Name": "b"}', "twice"),
        (7, "must be a dict"),
        (Deal, "must be a dict"),
        (None, "must be a dict"),
    ],
)
async def test_data_that_is_no_record_is_refused(
    server: ScriptedServer, scripted: AsyncSalesforce, data: Any, reason: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=reason):
        await scripted.sobject.create("Opportunity", data)

    assert server.received == []


async def test_the_key_of_an_upsert_is_taken_out_of_any_form(
    server: ScriptedServer, scripted: AsyncSalesforce
) -> None:
    server.always(reply(201, b'{"id": "006", "success": true, "errors": [], "created": true}'))

    await scripted.sobject.upsert("Opportunity", "Name", Deal("a/b", Decimal(1)))
    await scripted.sobject.upsert("Opportunity", "Name", '{"Name": "a/b", "Amount": 1}')

    for request in server.received:
        assert request.target == "/services/data/v67.0/sobjects/Opportunity/Name/a%2Fb"
        assert request.body == b'{"Amount":1}'


async def test_decimals_of_answers_keep_their_digits_on_request(server: ScriptedServer) -> None:
    record = b'{"Amount": 12345678901234567.89}'
    page = b'{"totalSize": 1, "done": true, "records": [%b]}' % record
    server.play(reply(200, b'{"results": [{"statusCode": 200, "result": %b}]}' % page))
    server.play(reply(200, page))
    async with AsyncSalesforce(server.url, AccessToken("00D!x"), json=EXACT) as salesforce:
        async with salesforce.composite.batch() as batch:
            query = batch.query("SELECT Amount FROM Opportunity")
        alone = await salesforce.query("SELECT Amount FROM Opportunity").all()

    assert query.records == alone == [{"Amount": AMOUNT}]


async def test_an_answer_that_loads_refuses_is_an_error_of_ours(server: ScriptedServer) -> None:
    def broken(_: bytes) -> Any:
        raise KeyError("oops")

    server.always(reply(200, b"{}"))
    async with AsyncSalesforce(server.url, AccessToken("x"), json=Json(loads=broken)) as salesforce:
        with pytest.raises(errors.MalformedResponseError, match="KeyError of the function loads"):
            await salesforce.limits()


async def test_data_is_written_by_dumps_on_request(server: ScriptedServer) -> None:
    def dumps(data: Any) -> str:
        assert isinstance(data, Mapping)
        return json.dumps(data, default=str)

    server.always(reply(201, b'{"id": "006", "success": true, "errors": []}'))
    async with AsyncSalesforce(server.url, AccessToken("x"), json=Json(dumps=dumps)) as salesforce:
        await salesforce.sobject.create("Opportunity", {"Name": {1}.__class__})
        with pytest.raises(ValueError, match="cannot be written by the function dumps"):
            await salesforce.sobject.create("Opportunity", {"Amount": float("nan")})

    assert len(server.received) == 1
    assert json.loads(server.received[0].body) == {"Name": "<class 'set'>"}


async def test_what_is_no_json_is_refused() -> None:
    for wrong in (json, None, {"loads": json.loads}):
        with pytest.raises(TypeError, match=r"must be a twinforce\.Json"):
            AsyncSalesforce("https://acme.my.salesforce.com", AccessToken("x"), json=wrong)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
