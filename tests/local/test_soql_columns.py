"""``&columns=true``: what the columns of a query are, which the Salesforce CLI asks for."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from tests.local.caller import Caller


def columns(call: Caller, soql: str) -> dict[str, Any]:
    answer = call("GET", f"query?q={quote(soql)}&columns=true")
    assert answer.status == 200, answer.body
    body: dict[str, Any] = answer.body
    return body


def column(name: str, apex_type: str | None, **changes: Any) -> dict[str, Any]:
    return {
        "aggregate": False,
        "apexType": apex_type,
        "booleanType": False,
        "columnName": name,
        "custom": False,
        "displayName": name,
        "foreignKeyName": None,
        "insertable": False,
        "joinColumns": [],
        "numberType": False,
        "textType": False,
        "updatable": False,
    } | changes


WRITABLE = {"insertable": True, "updatable": True}


def test_fields_are_told_instead_of_records(call: Caller) -> None:
    call.create("Account", Name="A")
    assert columns(call, "SELECT id, NAME, IsDeleted, AnnualRevenue FROM Account") == {
        "columnMetadata": [
            column("Id", "Id"),
            column("Name", "String", textType=True, **WRITABLE),
            column("IsDeleted", "Boolean", booleanType=True),
            column("AnnualRevenue", "Double", numberType=True, **WRITABLE),
        ],
        "entityName": "Account",
        "groupBy": False,
        "idSelected": True,
        "keyPrefix": "001",
    }


def test_parents_and_children_have_columns_of_their_own(call: Caller) -> None:
    soql = "SELECT Owner.Username, (SELECT LastName, Account.Name FROM Contacts) FROM Account"
    owner, contacts = columns(call, soql)["columnMetadata"]
    username = column("Username", "String", textType=True, **WRITABLE)
    assert owner == column("Owner", None, foreignKeyName="OwnerId", joinColumns=[username])
    assert contacts == column(
        "Contacts",
        None,
        aggregate=True,
        joinColumns=[
            column("LastName", "String", textType=True, **WRITABLE),
            column(
                "Account",
                None,
                foreignKeyName="AccountId",
                joinColumns=[column("Name", "String", textType=True, **WRITABLE)],
            ),
        ],
    )


def test_aggregates_have_the_text_of_their_function(call: Caller) -> None:
    soql = "SELECT AccountId, AVG(Amount), COUNT(Id) n FROM Opportunity GROUP BY AccountId"
    told = columns(call, soql)
    assert (told["groupBy"], told["idSelected"]) == (True, False)
    assert told["columnMetadata"] == [
        column("AccountId", "Id"),
        column("expr0", None, aggregate=True, displayName="avg(Amount)", numberType=True),
        column("n", None, aggregate=True, displayName="count(Id)", numberType=True),
    ]


def test_of_typeof_the_columns_of_all_branches_are_told(call: Caller) -> None:
    soql = "SELECT TYPEOF What WHEN Account THEN Phone, Name ELSE Name, Type END FROM Task"
    [what] = columns(call, soql)["columnMetadata"]
    assert (what["columnName"], what["foreignKeyName"]) == ("What", "WhatId")
    assert [joined["columnName"] for joined in what["joinColumns"]] == ["Phone", "Name", "Type"]


def test_count_has_no_columns(call: Caller) -> None:
    assert columns(call, "SELECT COUNT() FROM Account")["columnMetadata"] == []


def test_a_query_that_is_wrong_has_none_either(call: Caller) -> None:
    answer = call("GET", "query?q=SELECT+Nam+FROM+Account&columns=true")
    assert (answer.status, answer.body[0]["errorCode"]) == (400, "INVALID_FIELD")
