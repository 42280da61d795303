"""Values on their way to Salesforce: unchanged, or refused by name."""

from __future__ import annotations

import datetime as dt
import json as stdlib_json
import math
from collections import OrderedDict
from decimal import Decimal
from enum import Enum, StrEnum
from types import MappingProxyType
from uuid import UUID

import pytest

from twinforce._core import json


class Stage(Enum):
    WON = "Closed Won"


class Rating(StrEnum):
    HOT = "Hot"


class UserId(int):
    """A subclass, for which membership in a range is a search."""


class Text(str):
    """A subclass, as numpy has one."""

    __slots__ = ()


class NaT(dt.datetime):
    """A datetime that is none, as pandas has it."""

    def utcoffset(self) -> dt.timedelta | None:
        raise ValueError("no offset")


class Money(Decimal):
    """A number that shows itself with its currency."""

    def __str__(self) -> str:
        return '1.10", "OwnerId": "EUR'


CET = dt.timezone(dt.timedelta(hours=1))


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("Zoë <b>&amp; \u2028", '"Zoë <b>&amp; \u2028"'),
        (None, "null"),
        (True, "true"),
        (0.1, "0.1"),
        (10**30, str(10**30)),
        (-(2**63), str(-(2**63))),
        (Decimal("12345678901234567.89"), "12345678901234567.89"),
        (Decimal("1.10"), "1.10"),
        (Money("1.10"), "1.10"),
        (dt.date(2024, 2, 29), '"2024-02-29"'),
        (dt.datetime(2024, 1, 1, 12, tzinfo=dt.UTC), '"2024-01-01T12:00:00+00:00"'),
        (dt.datetime(2024, 1, 1, 12, 0, 0, 123456, CET), '"2024-01-01T11:00:00.123456+00:00"'),
        (
            UUID("12345678-1234-5678-1234-567812345678"),
            '"12345678-1234-5678-1234-567812345678"',
        ),
        (Stage.WON, '"Closed Won"'),
        (Rating.HOT, '"Hot"'),
        (b"\x00\xff", '"AP8="'),
        (bytearray(b"ab"), '"YWI="'),
        (memoryview(b"aXbX")[::2], '"YWI="'),
        (UserId(5), "5"),
        (Text("x"), '"x"'),
        (Decimal("1E+400"), "1E+400"),
        ([1, (2, None)], "[1,[2,null]]"),
        (OrderedDict(a=1), '{"a":1}'),
        (MappingProxyType({"a": {"b": Decimal(1)}}), '{"a":{"b":1}}'),
    ],
)
def test_a_value_is_written_without_loss(value: object, written: str) -> None:
    assert json.encode({"Field": value}, "Account") == f'{{"Field":{written}}}'.encode()


@pytest.mark.parametrize(
    ("value", "kind", "reason"),
    [
        (float("nan"), ValueError, "Account.Amount cannot be sent: nan is no number"),
        (float("inf"), ValueError, "Account.Amount cannot be sent: inf is no number"),
        (Decimal("NaN"), ValueError, "Account.Amount cannot be sent: NaN is no number"),
        (
            dt.datetime(2024, 1, 1),  # noqa: DTZ001
            ValueError,
            "Account.Amount cannot be sent: the datetime 2024-01-01T00:00:00 has no time zone",
        ),
        (
            dt.datetime.min.replace(tzinfo=CET),
            ValueError,
            "Account.Amount cannot be sent: date value out of range",
        ),
        ({1, 2}, TypeError, "Account.Amount is a set"),
        (object(), TypeError, "Account.Amount is a object"),
        pytest.param(
            10**5000,
            ValueError,
            "Account.Amount cannot be sent: Exceeds the limit",
            id="many digits",
        ),
        (NaT(1, 1, 1), ValueError, "Account.Amount cannot be sent: no offset"),
        (1j, TypeError, "Account.Amount is a complex"),
        ({3: "x"}, TypeError, "Account.Amount has the key 3"),
        ([1, {"a": float("nan")}], ValueError, r"Account.Amount\[1\].a cannot be sent: nan"),
        ("\ud800", ValueError, "Account.Amount cannot be written"),
        (["ok", {"x": "\udfff"}], ValueError, r"Account.Amount\[1\].x cannot be written"),
    ],
)
def test_a_value_that_cannot_be_sent_is_refused_by_name(
    value: object, kind: type[Exception], reason: str
) -> None:
    with pytest.raises(kind, match=reason):
        json.encode({"Name": "fine", "Amount": value}, "Account")


def test_a_key_that_is_not_text_is_refused_in_words_that_can_be_printed() -> None:
    with pytest.raises(ValueError, match=r"a key of Account") as caught:
        json.encode({"\ud800": 1}, "Account")

    str(caught.value).encode()


def test_data_that_holds_itself_is_refused() -> None:
    data: dict[str, object] = {}
    data["Self"] = data

    with pytest.raises(ValueError, match=r"Account.* is nested too deeply, or holds itself"):
        json.encode(data, "Account")


def test_the_value_of_an_enum_is_the_key_that_is_written() -> None:
    assert json.encode({Rating.HOT: 1}, "Account") == b'{"Hot":1}'


def test_a_key_may_be_of_a_subclass_of_str() -> None:
    assert json.encode({Text("Name"): 1}, "Account") == b'{"Name":1}'


def test_text_that_was_cut_within_a_surrogate_pair_can_be_read() -> None:
    assert json.loads(b'{"Name": "cut \\ud83d"}') == {"Name": "cut \ud83d"}


@pytest.mark.parametrize("body", [b"<html>", b"", b"{", b'{"a": NaN}', b"[" * 100_000, b"\xff"])
def test_what_is_no_json_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        json.loads(body)


def test_what_is_written_already_is_set_into_an_envelope_as_it_stands() -> None:
    body = json.encode({"Amount": Decimal("1.10")}, "Opportunity")

    assert json.write({"richInput": json.Fragment(body)}) == b'{"richInput":{"Amount":1.10}}'


class Nothing(Enum):
    NONE = None


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"Name": "Acme", "Active__c": True, "Fax": None, "NumberOfEmployees": 7},
        {"Name": "Åcme \U0001f600", "AnnualRevenue": 1.5, "Tags": ["a", {"b": ("c", None)}]},
        {"Least": -(2**63), "Most": 2**64 - 1, "More": 2**64, "Less": -(2**63) - 1},
        {"Größe__c": "x"},
        {"Name": "null and annulled", "Fax": None, "Key": UUID(int=7), "No": Nothing.NONE},
        {
            "Opened__c": dt.datetime(2026, 1, 2, 3, 4, 5, 600, tzinfo=dt.UTC),
            "Amount": Decimal("1.10"),
        },
    ],
)
def test_a_dict_is_written_as_any_other_mapping(value: dict[str, object]) -> None:
    assert json.encode(value, "Account") == json.encode(MappingProxyType(value), "Account")


class Moody(Enum):
    """An Enum whose value is worked out when it is asked for, as it may be."""

    FAILS = 1
    CHANGES = 2

    @property
    def value(self) -> int:
        if self is Moody.FAILS:
            raise RuntimeError("no value today")
        changed.clear()
        return 2


changed: dict[str, object] = {}


def test_what_runs_when_a_record_is_written_can_fail() -> None:
    with pytest.raises(RuntimeError, match="no value today"):
        json.encode({"A": 1, "B": Moody.FAILS, "C": 3}, "Account")


def test_what_runs_when_a_record_is_written_can_change_it() -> None:
    changed.update({"A": 1, "B": Moody.CHANGES, **{f"C{n}": n for n in range(100)}})

    with pytest.raises(RuntimeError, match="changed size"):
        json.encode(changed, "Account")


def test_what_is_written_already_is_refused_in_data() -> None:
    with pytest.raises(TypeError, match=r"Account.A is a Fragment"):
        json.encode({"A": json.Fragment(b"}")}, "Account")


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("others", [{}, {"Fax": None}, {"Name": "null"}, {"Name": "nullnull"}])
def test_no_number_that_json_has_not_hides_behind_a_null(
    others: dict[str, object], number: float
) -> None:
    for hidden in ({"Amount": number}, {"Amounts": [number]}, {"Amounts": {"Last": number}}):
        with pytest.raises(ValueError, match="is no number that JSON has"):
            json.encode(others | hidden, "Opportunity")


def test_what_is_written_is_read_back() -> None:
    value = {"a": [1, 2.5, "x\u0000y", None, True]}

    assert json.loads(json.encode(value, "body")) == value
    assert stdlib_json.loads(json.encode(value, "body")) == value


def test_a_key_that_is_given_as_a_str_and_as_an_enum_is_refused() -> None:
    with pytest.raises(ValueError, match="Opportunity holds the key Closed Won twice: as"):
        json.encode({"Closed Won": 1, Stage.WON: 2}, "Opportunity")


@pytest.mark.parametrize("value", [float("nan"), object(), {7: 1}, {"Hot": 1, Rating.HOT: 2, 7: 3}])
def test_an_error_can_be_printed_whatever_the_key_holds(value: object) -> None:
    with pytest.raises((TypeError, ValueError), match=r"^Account\.\\ud800 ") as caught:
        json.encode({"\ud800": value}, "Account")

    assert str(caught.value).encode()


def test_a_number_beyond_all_numbers_in_a_text_of_json_is_refused() -> None:
    with pytest.raises(ValueError, match=r"the data is a str that is not JSON: 1e9+ is beyond"):
        json.parse_object('{"Amount": 1e99999999999999999999}', "the data")
