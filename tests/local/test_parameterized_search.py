"""What a parameterized search may hold, and that nothing in it is ignored."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

import pytest

from tests.local.caller import Answer, Caller
from twinforce.local import LocalOrg


@pytest.fixture
def call(org: LocalOrg) -> Caller:
    call = Caller(org)
    for number in range(5):
        call.create("Account", Name=f"Acme {number}", NumberOfEmployees=number)
    call.create("Contact", LastName="Acme")
    return call


def names(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.body
    return [record["Name"] for record in answer.body["searchRecords"]]


def post(call: Caller, *sobjects: dict[str, Any], **parameters: Any) -> Answer:
    data = {"q": "acme", "fields": ["Name"], "sobjects": sobjects, **parameters}
    return call("POST", "parameterizedSearch", data)


def get(call: Caller, **parameters: str) -> Answer:
    query = {"q": "acme", "sobject": "Account", "fields": "Name", **parameters}
    return call("GET", f"parameterizedSearch?{urlencode(query)}")


def code(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.body[0]["errorCode"]


ACCOUNT = {"name": "Account"}


def test_an_offset_leaves_out_what_comes_first(call: Caller) -> None:
    sorted_ = {**ACCOUNT, "orderBy": "Name"}
    assert names(post(call, sorted_, offset=3)) == ["Acme 3", "Acme 4"]
    assert names(post(call, {**sorted_, "limit": 1}, offset="3")) == ["Acme 3"]
    assert names(get(call, offset="4", **{"Account.orderBy": "Name"})) == ["Acme 4"]
    assert names(post(call, sorted_, offset=0)) == names(post(call, sorted_))


@pytest.mark.parametrize(
    ("sobjects", "offset", "expected"),
    [
        ([ACCOUNT, {"name": "Contact"}], 1, "MALFORMED_SEARCH"),
        ([], 1, "MALFORMED_SEARCH"),
        ([ACCOUNT], 2001, "NUMBER_OUTSIDE_VALID_RANGE"),
        ([ACCOUNT], -1, "JSON_PARSER_ERROR"),
        ([ACCOUNT], "x", "JSON_PARSER_ERROR"),
    ],
)
def test_an_offset_that_makes_no_sense_is_refused(
    call: Caller, sobjects: list[dict[str, Any]], offset: Any, expected: str
) -> None:
    assert code(post(call, *sobjects, offset=offset)) == (400, expected)


@pytest.mark.parametrize(
    ("clause", "found"),
    [
        ({"where": "NumberOfEmployees > 3"}, ["Acme 4"]),
        ({"where": "Name = 'Acme 1' OR (Name LIKE '%2' AND Industry = null)"}, [1, 2]),
        ({"where": "Name = 'x) LIMIT 0, Contact('"}, []),
        ({"where": "NOT Name IN ('Acme 0', 'Acme 1', 'Acme 2')", "orderBy": "Name DESC"}, [4, 3]),
        ({"orderBy": "NumberOfEmployees DESC NULLS LAST, Name"}, [4, 3, 2, 1, 0]),
        ({"where": " ", "orderBy": None}, [0, 1, 2, 3, 4]),
        ({"where": "Id IN (SELECT AccountId FROM Contact)"}, []),
    ],
)
def test_clauses_say_which_records_and_in_which_order(
    call: Caller, clause: dict[str, Any], found: list[Any]
) -> None:
    wanted = [each if isinstance(each, str) else f"Acme {each}" for each in found]
    assert names(post(call, {**ACCOUNT, **clause})) == wanted


@pytest.mark.parametrize("what", ["where", "orderBy"])
@pytest.mark.parametrize(
    "more",
    [
        " LIMIT 1",
        " OFFSET 1",
        " ORDER BY Name LIMIT 1",
        "), Contact(Name",
        ") LIMIT 1",
        " ALL ROWS",
        " FOR VIEW",
        " GROUP BY Name",
        " WITH SECURITY_ENFORCED",
        " '",
        " {",
    ],
)
def test_a_clause_says_nothing_beyond_itself(call: Caller, what: str, more: str) -> None:
    clause = "Name != 'x'" if what == "where" else "Name"
    answer = post(call, {**ACCOUNT, what: clause + more})
    assert code(answer) == (400, "MALFORMED_SEARCH")
    assert code(get(call, **{f"Account.{what}": clause + more})) == (400, "MALFORMED_SEARCH")


def test_a_clause_of_any_depth_is_answered(call: Caller) -> None:
    deep = "(NOT " * 5_000 + "Name = 'x'" + ")" * 5_000
    assert code(post(call, {**ACCOUNT, "where": deep}))[0] == 400


@pytest.mark.parametrize(
    "sobject",
    [
        {**ACCOUNT, "LIMIT": 1},
        {**ACCOUNT, "orderby": "Name"},
        {**ACCOUNT, "offset": 1},
        {**ACCOUNT, "where": 5},
        {**ACCOUNT, "fields": ["Name LIMIT 1"]},
        {**ACCOUNT, "fields": ["Name), Contact(Id"]},
        {"name": "Account(Id), Contact"},
        {"where": "Name = 'x'"},
    ],
    ids=range(8),
)
def test_what_an_sobject_cannot_have_is_refused(call: Caller, sobject: dict[str, Any]) -> None:
    assert code(post(call, sobject)) == (400, "JSON_PARSER_ERROR")


def test_a_detail_of_an_sobject_that_is_not_searched_is_refused(call: Caller) -> None:
    assert code(get(call, **{"Contact.limit": "1"})) == (400, "JSON_PARSER_ERROR")
    assert code(get(call, **{"Account.limits": "1"})) == (400, "JSON_PARSER_ERROR")


def test_a_search_returns_at_most_20_sobjects(call: Caller) -> None:
    assert len(names(post(call, *[ACCOUNT] * 20))) == 100
    assert code(post(call, *[ACCOUNT] * 21)) == (400, "MALFORMED_SEARCH")
    returning = ", ".join(["Account(Name)"] * 21)
    answer = call("GET", f"search?q={quote(f'FIND {{acme}} RETURNING {returning}')}")
    assert code(answer) == (400, "MALFORMED_SEARCH")
