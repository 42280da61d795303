"""Queries that are refused: the code, the place and the reason are those of Salesforce."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.local.caller import Caller

CARET: list[tuple[str, str, int, str, str]] = [
    (
        "SELECT Nam FROM Account",
        "INVALID_FIELD",
        8,
        "Nam",
        (
            "No such column 'Nam' on entity 'Account'. If you are attempting to use a custom field, be "
            "sure to append the '__c' after the custom field name. Please reference your WSDL or the "
            "describe call for the appropriate names."
        ),
    ),
    (
        "SELECT Id FROM Nope",
        "INVALID_TYPE",
        16,
        "Nope",
        (
            "sObject type 'Nope' is not supported. If you are attempting to use a custom object, be "
            "sure to append the '__c' after the entity name. Please reference your WSDL or the "
            "describe call for the appropriate names."
        ),
    ),
    (
        "SELECT Id, Boss.Name FROM Account",
        "INVALID_FIELD",
        12,
        "Boss",
        (
            "Didn't understand relationship 'Boss' in field path. If you are attempting to use a custom "
            "relationship, be sure to append the '__r' after the custom relationship name. Please "
            "reference your WSDL or the describe call for the appropriate names."
        ),
    ),
    (
        "SELECT Id, FROM Account",
        "MALFORMED_QUERY",
        12,
        "FROM",
        "unexpected token: 'FROM'",
    ),
    (
        "SELECT Id FROM Account WHERE Name = 'a' AND Name = 'b' OR Name = 'c'",
        "MALFORMED_QUERY",
        56,
        "OR",
        "unexpected token: 'OR'",
    ),
    (
        "SELECT Id FROM Account WHERE Name = 5",
        "INVALID_FIELD",
        37,
        "5",
        (
            "value of filter criterion for field 'Name' must be of type string and should be enclosed "
            "in quotes"
        ),
    ),
    (
        "SELECT Id FROM Account WHERE CreatedDate > '2024-01-01'",
        "INVALID_FIELD",
        44,
        "'2024",
        (
            "value of filter criterion for field 'CreatedDate' must be of type dateTime and should not "
            "be enclosed in quotes"
        ),
    ),
    (
        "SELECT Id FROM Account WHERE Description = 'x'",
        "INVALID_FIELD",
        30,
        "Description",
        "field 'Description' can not be filtered in a query call",
    ),
    (
        "SELECT Id FROM Account ORDER BY Description",
        "MALFORMED_QUERY",
        33,
        "Description",
        "field 'Description' can not be sorted in a query call",
    ),
    (
        "SELECT Id FROM Account WHERE Id = 'x'",
        "INVALID_QUERY_FILTER_OPERATOR",
        35,
        "'x'",
        "invalid ID field: x",
    ),
    (
        "SELECT Id FROM Account WHERE Name = '\\q'",
        "MALFORMED_QUERY",
        37,
        "'\\q'",
        "Invalid string literal '\\q'. Illegal character sequence '\\q' in string literal.",
    ),
    (
        "SELECT Id FROM Account WHERE CreatedDate = LAST_MOON",
        "INVALID_FIELD",
        44,
        "LAST_MOON",
        (
            "value of filter criterion for field 'CreatedDate' must be of type dateTime and should not "
            "be enclosed in quotes"
        ),
    ),
]


@pytest.mark.parametrize(
    ("soql", "code", "column", "word", "reason"), CARET, ids=[case[0] for case in CARET]
)
def test_an_error_shows_the_place(
    call: Caller, soql: str, code: str, column: int, word: str, reason: str
) -> None:
    error = call.refused(soql)
    assert error["errorCode"] == code
    empty, excerpt, caret, place, said = error["message"].split("\n")
    assert (empty, place, said) == ("", f"ERROR at Row:1:Column:{column}", reason)
    assert excerpt[caret.index("^") :].startswith(word)
    assert excerpt in soql


def test_an_error_in_a_later_row_counts_the_rows(call: Caller) -> None:
    message = call.refused("SELECT Id,\n  Nam\nFROM Account")["message"]
    assert message.startswith("\n  Nam\n  ^\nERROR at Row:2:Column:3\n")


def test_of_a_long_query_the_surroundings_are_shown(call: Caller) -> None:
    message = call.refused(
        "SELECT Id, Phone, Fax, Website, Industry, Type, Rating, Site, Nam, Id FROM Account "
        "WHERE Name != 'x' AND Phone != 'y' LIMIT 10"
    )["message"]
    excerpt, caret, place = message.split("\n")[1:4]
    assert (
        excerpt
        == "Website, Industry, Type, Rating, Site, Nam, Id FROM Account WHERE Name != 'x' AND"
    )
    assert excerpt[caret.index("^") :].startswith("Nam, Id FROM Account")
    assert place == "ERROR at Row:1:Column:63"


REFUSED: list[tuple[str, str, str]] = [
    ("SELECT Id, Name, id FROM Account", "INVALID_FIELD", "duplicate field selected: Id"),
    (
        "SELECT Id FROM Account OFFSET 2001",
        "NUMBER_OUTSIDE_VALID_RANGE",
        "Maximum SOQL offset allowed is 2000",
    ),
    (" ", "MALFORMED_QUERY", "A query string has to be specified"),
]


@pytest.mark.parametrize(("soql", "code", "message"), REFUSED)
def test_an_error_without_a_place(call: Caller, soql: str, code: str, message: str) -> None:
    assert call.refused(soql) == {"message": message, "errorCode": code}


@pytest.mark.parametrize(
    "soql",
    [
        "SELECT Id FROM Account USING SCOPE Team",
        "SELECT Id FROM Account WHERE AnnualRevenue > USD5000",
        "SELECT Industry, COUNT(Id) FROM Account GROUP BY ROLLUP(Industry)",
        "SELECT Industry, COUNT(Id) FROM Account GROUP BY CUBE(Industry)",
        "SELECT Industry, GROUPING(Industry) g FROM Account GROUP BY Industry",
        "SELECT Id FROM Account WHERE DISTANCE(BillingAddress, GEOLOCATION(1.5, 2), 'mi') < 20",
        "SELECT Id FROM Account WITH DATA CATEGORY Geography__c AT usa__c",
        "SELECT Id FROM Account UPDATE VIEWSTAT",
    ],
)
def test_what_the_org_does_not_execute_it_says_so(call: Caller, soql: str) -> None:
    error = call.refused(soql)
    assert error["errorCode"] == "NOT_IMPLEMENTED_IN_LOCAL_ORG"
    assert error["message"].startswith("The local org does not execute ")


@pytest.mark.parametrize(
    ("escape", "operator", "is_legal"),
    [("\\_", "LIKE", True), ("\\%", "LIKE", True), ("\\_", "=", False), ("\\%", "!=", False)],
)
def test_wildcards_are_escaped_in_patterns_only(
    call: Caller, escape: str, operator: str, is_legal: bool
) -> None:
    soql = f"SELECT Id FROM Account WHERE Name {operator} 'a{escape}'"
    if is_legal:
        assert call.query(soql)["totalSize"] == 0
    else:
        error = call.refused(soql)
        assert f"Illegal character sequence '{escape}' in string literal." in error["message"]


def test_a_bind_variable_belongs_to_apex(call: Caller) -> None:
    error = call.refused("SELECT Id FROM Account WHERE Name = :name")
    assert error["errorCode"] == "MALFORMED_QUERY"
    assert error["message"].endswith("Column:37\nBind variables only allowed in Apex code")


def test_all_rows_are_for_apex(call: Caller) -> None:
    error = call.refused("SELECT Id FROM Account ALL ROWS")
    assert error["errorCode"] == "MALFORMED_QUERY"
    assert error["message"].endswith("ALL ROWS not allowed in this context")


@pytest.mark.parametrize(
    ("soql", "reason"),
    [
        ("SELECT Id, (SELECT COUNT() FROM Contacts) FROM Account", "Only root queries"),
        ("SELECT COUNT() c FROM Account", "must be the only element in the SELECT list"),
        ("SELECT COUNT(), Name FROM Account", "must be the only element in the SELECT list"),
        ("SELECT COUNT() FROM Account GROUP BY Name", "GROUP BY"),
        ("SELECT COUNT() FROM Account ORDER BY Name", "ORDER BY"),
    ],
)
def test_count_is_the_whole_answer_of_a_query(call: Caller, soql: str, reason: str) -> None:
    error = call.refused(soql)
    assert error["errorCode"] == "MALFORMED_QUERY"
    assert reason in error["message"]


@pytest.mark.parametrize("digits", ["2147483648", "9" * 5000])
@pytest.mark.parametrize("clause", ["LIMIT", "OFFSET"])
def test_a_limit_or_offset_that_is_no_integer_is_refused(
    call: Caller, clause: str, digits: str
) -> None:
    error = call.refused(f"SELECT Id FROM Account {clause} {digits}")
    assert error["errorCode"] == "MALFORMED_QUERY"
    assert "is not a valid integer" in error["message"]


def test_an_unexpected_word_is_shown_as_it_was_written(call: Caller) -> None:
    error = call.refused("SELECT Id FROM Account WHERE Name = fooBar")
    assert "unexpected token: 'fooBar'" in error["message"]
    assert call.names("WHERE CreatedDate > last_N_days:3") == []


@pytest.mark.parametrize("days", ["LAST_N_DAYS:99999999999", "NEXT_N_YEARS:9999999"])
def test_days_beyond_the_calendar_are_refused(call: Caller, days: str) -> None:
    error = call.refused(f"SELECT Id FROM Account WHERE CreatedDate = {days}")
    assert "beyond the calendar" in error["message"]


@pytest.mark.parametrize("literal", ["2023-02-29", "2024-13-01"])
def test_a_day_that_never_was_is_refused(call: Caller, literal: str) -> None:
    error = call.refused(f"SELECT Id FROM Opportunity WHERE CloseDate = {literal}")
    assert f"invalid date: {literal}" in error["message"]


@pytest.mark.parametrize(
    "condition",
    [
        "(NOT " * 3000 + "Name = 'x'" + ")" * 3000,
        "(Name = 'x' AND (Name = 'y' OR " * 1000 + "Name = 'z'" + "))" * 1000,
    ],
    ids=["not", "nested"],
)
def test_a_query_nested_too_deeply_is_refused(call: Caller, condition: str) -> None:
    soql = f"SELECT Name FROM Account WHERE {condition}"
    [result] = call.batch(("GET", f"v67.0/query?q={quote(soql)}")).body["results"]
    assert result["result"][0]["errorCode"] == "QUERY_TOO_COMPLICATED"


def test_a_missing_query_is_malformed(call: Caller) -> None:
    answer: Any = call("GET", "query")
    assert (answer.status, answer.body[0]["errorCode"]) == (400, "MALFORMED_QUERY")


def test_a_query_of_more_than_100_000_characters_is_refused(call: Caller) -> None:
    for length, status in ((100_000, 200), (100_001, 400)):
        soql = "SELECT Id FROM Account".ljust(length)
        url = f"v67.0/query?q={quote(soql)}"
        [result] = call.batch(("GET", url)).body["results"]
        assert result["statusCode"] == status
    [error] = result["result"]
    assert error == {
        "errorCode": "MALFORMED_QUERY",
        "message": "SOQL statements can not be longer than 100000 characters",
    }
