"""What other clients were seen to do to addresses and values, tried on ours.

The numbers of the cases are explained in tests/_async/test_known_defects_of_batches.py.
"""

from __future__ import annotations

import json as stdlib_json
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest

from twinforce import AccessToken, AsyncSalesforce, Salesforce, Token
from twinforce._core import json, operations, usage


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("https://acme--dev.scratch.my.salesforce.com", id="A16: scratch org"),
        pytest.param("https://acme.trailblaze.my.salesforce.com", id="A16: playground"),
        pytest.param("https://acme.my.salesforce.mil", id="A16: .mil"),
        pytest.param("https://acme.my.sfcrmproducts.cn", id="A16: China"),
        pytest.param("http://127.0.0.1:8080", id="A16: this machine"),
        pytest.param("https://acme.my.salesforce.com.evil.example", id="A16: not trimmed"),
        pytest.param("https://my-api-corp.my.salesforce.com", id="S13: -api within the name"),
    ],
)
def test_an_address_is_taken_as_it_is(url: str) -> None:
    for client in (Salesforce, AsyncSalesforce):
        assert client(url, AccessToken("00D!x")).instance_url == url
        assert client(f"{url}/x?y#z", AccessToken("00D!x")).instance_url == url
    assert Token("00D!x", f"{url}/services/Soap/u/60.0/00D").instance_url == url


@pytest.mark.parametrize(
    "text", ["12345678901234567.89", "0.1", "1.10", "-0.00", "999999999999999999", "1E-18"]
)
def test_a_decimal_keeps_its_digits(text: str) -> None:
    # A18, S11; django-salesforce 6.0 makes it a float.
    written = json.encode({"Amount": Decimal(text)}, "Opportunity")

    assert written == b'{"Amount":' + text.encode() + b"}"
    read = stdlib_json.loads(written, parse_float=Decimal, parse_int=Decimal)["Amount"]
    assert read.as_tuple() == Decimal(text).as_tuple()


def test_the_use_of_the_api_is_split_between_org_and_app() -> None:
    # A15, django-salesforce 6.0
    found = usage.parse("api-usage=25/5000; per-app-api-usage=17/250(appName=sample-app)")

    assert found is not None
    assert (found.used, found.total, found.remaining) == (25, 5000, 4975)
    (app,) = found.per_app
    assert (app.app, app.used, app.total, app.remaining) == ("sample-app", 17, 250, 233)


class Name(Enum):
    LAST = "LastName"


def test_no_field_is_lost_to_another_of_the_same_name() -> None:
    # Like A26, input that has no meaning.
    pairs: list[tuple[Any, str]] = [(Name.LAST, "Doe"), ("LastName", "Roe")]
    for data in (dict(pairs), dict(reversed(pairs))):
        with pytest.raises(ValueError, match="Contact holds the key LastName twice"):
            json.encode(data, "Contact")
        with pytest.raises(ValueError, match=r"Contact\.Inner holds the key LastName twice"):
            json.encode({"Inner": data}, "Contact")
        with pytest.raises(ValueError, match="Contact holds the key LastName twice"):
            operations.upsert("Contact", "Key__c", {"Key__c": "x"} | data)
