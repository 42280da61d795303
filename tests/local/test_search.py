"""Searches: SOSL, what it finds, and how it is refused."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.local.caller import Answer, Caller
from twinforce.local import LocalOrg


@pytest.fixture
def call(org: LocalOrg) -> Caller:
    """Four accounts and two contacts to be found."""
    call = Caller(org)
    acme = call.create(
        "Account",
        Name="Acme Corp & Sons",
        Phone="(415) 555-1212",
        Website="www.acme.com",
        Description="Makes rockets, and anvils.",
        Industry="Banking",
    )
    call.create("Account", Name="ACMEtal", Site="west wing")
    call.create("Account", Name="Straße 7 {Berlin} C*")
    call.create("Account", Name="Corp of Acme")
    call.create(
        "Contact",
        FirstName="John",
        LastName="Smith",
        AccountId=acme,
        Email="john@acme.com",
        Title="Rocket scientist",
    )
    call.create("Contact", FirstName="Joan", LastName="Doe", MobilePhone="+49 30 1234")
    return call


def search(call: Caller, sosl: str) -> Answer:
    return call("GET", f"search?q={quote(sosl)}")


def found(call: Caller, sosl: str) -> list[str]:
    """Return the Names of what a search finds; *sosl* may leave RETURNING out."""
    if "RETURNING" not in sosl.upper():
        sosl += " RETURNING Account(Name), Contact(Name)"
    answer = search(call, sosl)
    assert answer.status == 200, answer.body
    return [record["Name"] for record in answer.body["searchRecords"]]


def refusal(call: Caller, sosl: str) -> dict[str, Any]:
    answer = search(call, sosl)
    assert answer.status == 400, answer.body
    [error] = answer.body
    refusal: dict[str, Any] = error
    return refusal


A, M, S, C = "Acme Corp & Sons", "ACMEtal", "Straße 7 {Berlin} C*", "Corp of Acme"
JOHN, JOAN = "John Smith", "Joan Doe"


@pytest.mark.parametrize(
    ("term", "names"),
    [
        ("acme", [A, C, JOHN]),
        ("ACME", [A, C, JOHN]),
        ("acm", []),
        ("acme*", [A, M, C, JOHN]),
        ("a*e", [A, C, JOHN]),
        ("acm?", [A, C, JOHN]),
        ("jo?n", [JOHN, JOAN]),
        ("jo??", [JOHN, JOAN]),
        ("jo*n", [JOHN, JOAN]),
        ("*acme", [A, C, JOHN]),
        ("*tal", []),
        ("john AND smith", [JOHN]),
        ("john smith", [JOHN]),
        ("smith john", [JOHN]),
        ("john doe", []),
        ("john or doe", [JOHN, JOAN]),
        ("acme AND NOT corp", [JOHN]),
        ("acme and not (corp OR smith)", []),
        ("john OR joan AND doe", [JOHN, JOAN]),
        ("(john OR joan) AND doe", [JOAN]),
        ("NOT acme", [M, S, JOAN]),
        ('"acme corp"', [A]),
        ('"corp acme"', []),
        ('"corp of acme"', [C]),
        ('"ACME CO*"', [A, JOHN]),
        ('"of" corp', [C]),
        ('"and" rockets', [A]),
        ("acme.com", [A, JOHN]),
        ("com.acme", []),
        ("john@acme.com", [JOHN]),
        ("Acme \\& Sons", [A]),
        ("\\{berlin\\}", [S]),
        ("C\\* berlin", [S]),
        ("be\\r*", [S]),
        ("be\\*", []),
        ("STRAẞE", [S]),
        ("andes", []),
        ("notes", []),
        ("4155551212", [A]),
        ("555 1212", [A]),
        ("banking", []),
        ('acme ""', [A, C, JOHN]),
        ("  acme  ", [A, C, JOHN]),
        (f"acme OR {'x' * 9_000}", [A, C, JOHN]),
        (f"acme OR {'x' * 10_000}", []),
    ],
)
def test_a_term_finds(call: Caller, term: str, names: list[str]) -> None:
    assert found(call, f"FIND {{{term}}}") == names


@pytest.mark.parametrize(
    ("group", "term", "names"),
    [
        ("ALL", "rocket*", [A, JOHN]),
        ("NAME", "acme", [A, C]),
        ("name", "john", [JOHN]),
        ("NAME", "rocket", []),
        ("EMAIL", "acme", [JOHN]),
        ("PHONE", "4155551212", [A]),
        ("PHONE", "49301234", [JOAN]),
        ("PHONE", "acme", []),
        ("SIDEBAR", "acme", [A, C, JOHN]),
        ("SIDEBAR", "rocket*", []),
    ],
)
def test_a_group_says_in_which_fields(
    call: Caller, group: str, term: str, names: list[str]
) -> None:
    assert found(call, f"FIND {{{term}}} IN {group} FIELDS") == names


@pytest.mark.parametrize(
    ("returning", "names"),
    [
        ("Account(Name)", [A, C]),
        ("Contact(Name), Account(Name)", [JOHN, A, C]),
        ("account(name WHERE Name LIKE 'Corp%')", [C]),
        ("Account(Name WHERE Name LIKE 'Corp%' OR Industry = 'Banking')", [A, C]),
        ("Account(Name ORDER BY Name DESC)", [C, A]),
        ("Account(Name ORDER BY Name LIMIT 1)", [A]),
        ("Account(Name ORDER BY Name LIMIT 1 OFFSET 1)", [C]),
        ("Account(Name), Contact(Name) LIMIT 2", [A, C]),
        ("Account(Name LIMIT 1), Contact(Name) LIMIT 2", [A, JOHN]),
        ("Account(Name) LIMIT 0", []),
        ("Account(Name WHERE Id IN (SELECT AccountId FROM Contact))", [A]),
        ("Lead(Name)", []),
    ],
)
def test_returning_says_what_comes_back(call: Caller, returning: str, names: list[str]) -> None:
    assert found(call, f"FIND {{acme}} RETURNING {returning}") == names


def test_the_records_look_like_those_of_a_query(call: Caller) -> None:
    sosl = "FIND {smith} RETURNING contact(lastname, account.name, Id)"
    [record] = search(call, sosl).body["searchRecords"]
    assert list(record) == ["attributes", "LastName", "Account", "Id"]
    assert record["attributes"]["url"].endswith(f"/sobjects/Contact/{record['Id']}")
    assert record["Account"]["Name"] == A


def test_functions_show_values_as_users_read_them(call: Caller) -> None:
    call.create("Opportunity", Name="acme", StageName="x", CloseDate="2024-02-29", Amount=1234.5)
    sosl = (
        "FIND {acme} RETURNING Opportunity(toLabel(StageName), FORMAT(Amount), FORMAT(CloseDate))"
    )
    [record] = search(call, sosl).body["searchRecords"]
    del record["attributes"]
    assert record == {"StageName": "x", "Amount": "$1,234.50", "CloseDate": "2/29/2024"}
    sosl = "FIND {acme} RETURNING Opportunity(Amount, FORMAT(Amount) read ORDER BY Name LIMIT 1)"
    [record] = search(call, sosl).body["searchRecords"]
    assert (record["Amount"], record["read"]) == (1234.5, "$1,234.50")


def test_a_parent_of_any_sobject_is_read_as_a_name(call: Caller) -> None:
    [account] = call.query("SELECT Id FROM Account WHERE Name = 'ACMEtal'")["records"]
    call.create("Task", Subject="acme", WhatId=account["Id"])
    sosl = "FIND {acme} RETURNING Task(What.Name, What.Type)"
    [record] = search(call, sosl).body["searchRecords"]
    assert (record["What"]["Name"], record["What"]["Type"]) == ("ACMEtal", "Account")


def test_without_fields_only_ids_come_back(call: Caller) -> None:
    for sosl in ("FIND {smith}", "FIND {smith} RETURNING Contact"):
        [record] = search(call, sosl).body["searchRecords"]
        assert list(record) == ["attributes", "Id"]
        assert record["attributes"]["type"] == "Contact"


def test_without_returning_everything_is_searched(org: LocalOrg, call: Caller) -> None:
    org.add_object("Widget__c")
    org.add_field("Widget__c", "Maker__c", "Text")
    call.create("Widget__c", Name="w", Maker__c="acme")
    call.create("ContentVersion", PathOnClient="acme.txt", VersionData="YWJj")
    call.create("Attachment", ParentId=call.create("Case"), Name="acme", Body="YWJj")
    records = search(call, "FIND {acme}").body["searchRecords"]
    assert [record["attributes"]["type"] for record in records] == [
        "Account",
        "Account",
        "Contact",
        "ContentDocument",
        "ContentVersion",
        "Widget__c",
    ]


def test_before_37_the_answer_is_an_array(call: Caller) -> None:
    records = search(call.at("37.0"), "FIND {smith}").body["searchRecords"]
    array = search(call.at("36.0"), "FIND {smith}").body
    assert [record["Id"] for record in array] == [record["Id"] for record in records]
    assert len(array) == 1


def test_deleted_records_are_not_found(call: Caller) -> None:
    [record] = search(call, "FIND {smith}").body["searchRecords"]
    call("DELETE", f"sobjects/Contact/{record['Id']}")
    assert search(call, "FIND {smith}").body == {"searchRecords": []}


def test_2000_records_are_the_most(org: LocalOrg) -> None:
    call = Caller(org)
    with org._store.transaction():  # one by one takes its time
        for _ in range(2001):
            org._store.insert(
                org._schema["Account"], {"Id": f"{org._store.next_number('x')}", "Name": "acme"}
            )
    for limit in ("", " LIMIT 5000"):
        answer = search(call, f"FIND {{acme}} RETURNING Account{limit}")
        assert len(answer.body["searchRecords"]) == 2000


def test_a_batch_can_search(call: Caller) -> None:
    url = f"search?q={quote('FIND {smith} RETURNING Contact(Name)')}"
    new, old, bad = call.batch(
        ("GET", f"v67.0/{url}"), ("GET", f"v36.0/{url}"), ("GET", "v67.0/search?q=FIND")
    ).body["results"]
    assert [record["Name"] for record in new["result"]["searchRecords"]] == [JOHN]
    assert [record["Name"] for record in old["result"]] == [JOHN]
    assert (bad["statusCode"], bad["result"][0]["errorCode"]) == (400, "MALFORMED_SEARCH")


@pytest.mark.parametrize("sosl", ["FIND", "FIND acme", "FIND 'acme'", "FIND {acme", "find {a}b}"])
def test_a_search_without_a_term_is_refused(call: Caller, sosl: str) -> None:
    error = refusal(call, sosl)
    assert error["errorCode"] == "MALFORMED_SEARCH"
    if sosl != "find {a}b}":
        message = "No search term found. The search term must be enclosed in braces."
        assert error["message"] == message


@pytest.mark.parametrize(
    "term", ["", "a", "a*", "*", "**", "??", '"a"', " a ", '""', "\\-\\+", "()"]
)
def test_a_term_of_one_character_is_refused(call: Caller, term: str) -> None:
    error = refusal(call, f"FIND {{{term}}}")
    assert error["errorCode"] == "INVALID_SEARCH"
    assert error["message"] == f"search term must be longer than one character: {term}"


@pytest.mark.parametrize(
    ("sosl", "place", "reason"),
    [
        ("FIND {acme} RETURNIN Account", 13, "unexpected token: 'RETURNIN'"),
        ("FIND {acme} IN SIDE FIELDS", 16, "unexpected token: 'SIDE'"),
        ("FIND {acme} RETURNING", 22, "unexpected token: '<EOF>'"),
        ("FIND {acme} RETURNING Account()", 31, "unexpected token: ')'"),
        ("FIND {acme} RETURNING Account(WHERE Name = 'x')", 31, "unexpected token: 'WHERE'"),
        ("FIND {acme} LIMIT x", 19, "unexpected token: 'x'"),
        ("FIND {acme} LIMIT 99999999999", 19, "LIMIT 99999999999 is not a valid integer"),
        ("FIND {(acme}", 12, "unexpected token: '<EOF>'"),
        ("FIND {acme OR}", 14, "unexpected token: '<EOF>'"),
        ("FIND {acme AND OR corp}", 16, "unexpected token: 'OR'"),
        ('FIND {"acme}', 7, "which needs a backslash before it here"),
        ("FIND {acme & corp}", 12, "unexpected token: '&'"),
        ("FIND {O'Brien}", 8, "unexpected token: ''', which needs a backslash before it here"),
        ("FIND {acme} RETURNING Account(Name ORDER BY Description)", 45, "can not be sorted"),
        ("SELECT Id FROM Account", 1, "unexpected token: 'SELECT'"),
    ],
)
def test_a_malformed_search_is_refused_with_the_place(
    call: Caller, sosl: str, place: int, reason: str
) -> None:
    error = refusal(call, sosl)
    assert error["errorCode"] == "MALFORMED_SEARCH"
    assert f"ERROR at Row:1:Column:{place}\n" in error["message"]
    assert reason in error["message"]


@pytest.mark.parametrize(
    ("returning", "code", "reason"),
    [
        ("Account(Nam)", "INVALID_FIELD", "No such column 'Nam' on entity 'Account'."),
        ("Foo(Id)", "INVALID_TYPE", "sObject type 'Foo' is not supported."),
        ("Profile(Id)", "INVALID_TYPE", "entity type Profile does not support search"),
        ("Account(COUNT())", "MALFORMED_SEARCH", "Aggregates are not allowed in a search"),
        ("Account(MAX(Name))", "MALFORMED_SEARCH", "Aggregates are not allowed in a search"),
        ("Account(Name WHERE Name = 5)", "INVALID_FIELD", "must be of type string"),
        ("Contact LIMIT 0, Foo", "MALFORMED_SEARCH", "unexpected token: ','"),
    ],
)
def test_what_returning_may_not_name_is_refused(
    call: Caller, returning: str, code: str, reason: str
) -> None:
    error = refusal(call, f"FIND {{acme}} RETURNING {returning}")
    assert error["errorCode"] == code
    assert reason in error["message"]


@pytest.mark.parametrize(
    "rest",
    [
        "WITH HIGHLIGHT",
        "WITH SNIPPET (target_length=120)",
        "WITH DIVISION = 'Global' LIMIT 5",
        "RETURNING Account(Id) WITH DATA CATEGORY Geography__c AT asia__c",
        "WITH NETWORK IN ('0DB000000000001')",
        "WITH SPELL_CORRECTION = false",
        "RETURNING Account(Id) UPDATE TRACKING, VIEWSTAT",
        "RETURNING Account(Id USING ListView = Mine)",
    ],
)
def test_what_is_not_executed_is_said_so(call: Caller, rest: str) -> None:
    assert refusal(call, f"FIND {{acme}} {rest}")["errorCode"] == "NOT_IMPLEMENTED_IN_LOCAL_ORG"


@pytest.mark.parametrize("query", ["", "?q=", "?q=%20"])
def test_a_search_needs_a_string(call: Caller, query: str) -> None:
    answer = call("GET", f"search{query}")
    assert (answer.status, answer.body[0]["errorCode"]) == (400, "MALFORMED_SEARCH")


@pytest.mark.parametrize(("depth", "status"), [(50, 200), (520, 400)])
def test_a_term_that_nests_too_deeply_is_refused(call: Caller, depth: int, status: int) -> None:
    for term in ("NOT " * 2 * depth + "acme", "(aa OR acme " * depth + "acme" + ")" * depth):
        answer = search(call, f"FIND {{{term}}} RETURNING Account")
        assert answer.status == status
        if status == 400:
            assert answer.body[0]["errorCode"] == "QUERY_TOO_COMPLICATED"
        else:
            assert len(answer.body["searchRecords"]) == 2


def test_what_goes_wrong_while_matching_comes_out(org: LocalOrg) -> None:
    def matches(texts: list[str]) -> bool:
        raise RecursionError(texts)

    with pytest.raises(RecursionError, match="'a', 'b'"):
        org._store.matching("SELECT found('a' || char(0) || 'b')", (), matches)


def test_wildcards_do_not_take_for_ever(call: Caller) -> None:
    call.create("Account", Name="b", Description="a" * 30_000)
    assert found(call, f"FIND {{{'a*' * 30}b}}") == []
