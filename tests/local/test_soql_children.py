"""Queries within queries: children of children, semi-joins and anti-joins."""

from __future__ import annotations

from typing import Any

import pytest

from tests.local.caller import Caller
from tests.local.steps import counted_steps
from twinforce.local import LocalOrg


@pytest.fixture
def call(org: LocalOrg) -> Caller:
    """An account with three levels of accounts below it, a contact and a case on each."""
    call = Caller(org)
    parent = None
    for name in "ABCDEF":
        parent = call.create("Account", Name=name, ParentId=parent)
        contact = call.create("Contact", LastName=f"contact {name}", AccountId=parent)
        call.create("Case", Subject=f"case {name}", AccountId=parent, ContactId=contact)
    return call


def nested(levels: int) -> str:
    """Return a query of accounts whose queries of children make *levels* in all."""
    soql = "SELECT Name FROM ChildAccounts"
    for _ in range(levels - 2):
        soql = f"SELECT Name, ({soql}) FROM ChildAccounts"
    return f"SELECT Name, ({soql}) FROM Account WHERE Name = 'A'"


def test_queries_of_children_may_be_five_levels_deep(call: Caller) -> None:
    [record] = call.query(nested(5))["records"]
    names = ""
    while record is not None:
        names += record["Name"]
        children: Any = record.get("ChildAccounts")
        record = children["records"][0] if children else None
    assert names == "ABCDE"
    assert call.refused(nested(6))["errorCode"] == "MALFORMED_QUERY"


def test_before_58_children_have_no_children(call: Caller) -> None:
    old = call.at("57.0")
    assert old.query(nested(2))["totalSize"] == 1
    assert old.refused(nested(3))["errorCode"] == "MALFORMED_QUERY"


def test_each_level_has_clauses_of_its_own(call: Caller) -> None:
    for name in ("x", "y", "z"):
        [account] = call.query("SELECT Id FROM Account WHERE Name = 'A'")["records"]
        call.create("Contact", LastName=name, AccountId=account["Id"])
    [record] = call.query(
        "SELECT Name, (SELECT LastName, Account.Name, (SELECT Subject FROM Cases WHERE Subject != "
        "null) FROM Contacts c WHERE c.LastName >= 'contact A' AND Contacts.LastName < 'z' "
        "ORDER BY LastName DESC LIMIT 2 OFFSET 1), (SELECT Id FROM Account.Cases) "
        "FROM Account a WHERE a.Name = 'A' LIMIT 1"
    )["records"]
    contacts = record["Contacts"]
    assert (contacts["totalSize"], contacts["done"]) == (2, True)
    first, second = contacts["records"]
    assert (first["LastName"], first["Cases"], first["Account"]["Name"]) == ("x", None, "A")
    assert second["LastName"] == "contact A"
    assert [case["Subject"] for case in second["Cases"]["records"]] == ["case A"]
    assert record["Cases"]["totalSize"] == 1


@pytest.mark.parametrize(
    ("inner", "reason"),
    [
        ("SELECT Id FROM Contact", "Didn't understand relationship 'Contact' in field path."),
        ("SELECT Id FROM Owner.Contacts", "Didn't understand relationship"),
        ("SELECT Id FROM x.Contacts", "Didn't understand relationship"),
        ("SELECT Nam FROM Contacts", "No such column 'Nam' on entity 'Contact'."),
    ],
)
def test_children_that_are_not_there_are_refused(call: Caller, inner: str, reason: str) -> None:
    error = call.refused(f"SELECT Id, ({inner}) FROM Account")
    assert error["errorCode"] == "INVALID_FIELD"
    assert error["message"].split("\n")[-1].startswith(reason)


def test_children_are_selected_once(call: Caller) -> None:
    inner = "(SELECT Id FROM Contacts)"
    error = call.refused(f"SELECT Id, {inner}, {inner} FROM Account")
    assert error["message"].endswith("duplicate relationship selected: Contacts")


def test_only_children_of_one_record_have_an_offset(call: Caller) -> None:
    inner = "(SELECT Id FROM Contacts ORDER BY LastName LIMIT 5 OFFSET 1)"
    for limit in ("", " LIMIT 2"):
        error = call.refused(f"SELECT Id, {inner} FROM Account{limit}")
        assert error["errorCode"] == "MALFORMED_QUERY"
        assert "OFFSET" in error["message"].split("\n")[-1]
    [record] = call.query(f"SELECT Id, {inner} FROM Account LIMIT 1")["records"]
    assert record["Contacts"] is None


@pytest.mark.parametrize("limit", ["", " LIMIT 1"])
@pytest.mark.parametrize("condition", ["IN", "NOT IN"])
def test_a_query_within_that_of_children_runs_once(
    org: LocalOrg, call: Caller, condition: str, limit: str
) -> None:
    soql = (
        f"SELECT Id, (SELECT Id FROM Contacts WHERE AccountId {condition} "
        f"(SELECT AccountId FROM Case){limit}) FROM Account WHERE Name = 'many'"
    )

    def steps() -> int:
        with counted_steps(org) as count:
            assert call.query(soql)["totalSize"] == 40
        return sum(count)

    for _ in range(40):
        account = call.create("Account", Name="many")
        call.create("Contact", LastName="x", AccountId=account)
    before = steps()
    for _ in range(100):
        call.create("Case", AccountId=account)
    assert steps() < 3 * before


@pytest.mark.parametrize(
    "where", ["", "WHERE AccountId IN (SELECT AccountId FROM Case)", "WHERE LastName > 'a'"]
)
def test_children_are_limited_for_each_parent(call: Caller, where: str) -> None:
    accounts = call.query("SELECT Id FROM Account WHERE Name IN ('A', 'B')")["records"]
    for account in accounts:
        for name in ("x", "y", "z"):
            call.create("Contact", LastName=name, AccountId=account["Id"])

    def found(limits: str, of_all: str = "") -> list[list[str] | None]:
        soql = (
            f"SELECT Id, (SELECT LastName FROM Contacts {where} ORDER BY LastName DESC {limits}) "
            f"FROM Account WHERE Name IN ('A', 'B') ORDER BY Name {of_all}"
        )
        pages = [record["Contacts"] for record in call.query(soql)["records"]]
        return [page and [child["LastName"] for child in page["records"]] for page in pages]

    assert found("LIMIT 2") == [["z", "y"], ["z", "y"]]
    assert found("LIMIT 0") == [None, None]
    assert found("LIMIT 2 OFFSET 1", "LIMIT 1") == [["y", "x"]]
    assert found("OFFSET 2", "LIMIT 1") == [["x", "contact A"]]
    assert found("OFFSET 4", "LIMIT 1") == [None]


# ---- semi-joins and anti-joins ----


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ("Id IN (SELECT AccountId FROM Contact WHERE LastName = 'contact B')", "B"),
        ("Id NOT IN (SELECT AccountId FROM Contact WHERE LastName > 'contact B')", "AB"),
        ("ParentId IN (SELECT AccountId FROM Contact WHERE LastName = 'contact B')", "C"),
        ("OwnerId IN (SELECT Id FROM User) AND Name < 'C'", "AB"),
        ("Id IN (SELECT Account.Id FROM Contact WHERE Account.Name = 'C')", "C"),
        (
            (
                "Id IN (SELECT AccountId FROM Contact WHERE LastName > 'contact C') AND "
                "Id NOT IN (SELECT AccountId FROM Case WHERE Subject >= 'case E') AND Name != 'x'"
            ),
            "D",
        ),
    ],
)
def test_a_semi_join_finds(call: Caller, condition: str, names: str) -> None:
    assert "".join(call.names(f"WHERE {condition} ORDER BY Name")) == names


KEYS = "IN (SELECT AccountId FROM Contact)"


@pytest.mark.parametrize(
    ("condition", "word", "reason"),
    [
        (
            f"Id {KEYS} OR Name = 'x'",
            "Id",
            "Semi join sub-selects are not allowed with the 'OR' operator",
        ),
        (
            f"Name = 'x' AND (Name = 'y' OR Id {KEYS})",
            "Id",
            (
                "Semi join sub-selects are only allowed at the top level WHERE expressions and not "
                "in nested WHERE expressions."
            ),
        ),
        (
            f"(NOT Id {KEYS})",
            "Id",
            (
                "Semi join sub-selects are only allowed at the top level WHERE expressions and not "
                "in nested WHERE expressions."
            ),
        ),
        (
            f"Id {KEYS} AND ParentId {KEYS} AND Id NOT {KEYS}",
            "Id NOT",
            "Maximum 2 semi join sub-selects are allowed",
        ),
        (
            "Id IN (SELECT AccountId FROM Contact WHERE OwnerId IN (SELECT Id FROM User))",
            "OwnerId",
            "Nesting of semi join sub-selects is not supported",
        ),
        (
            "Id IN (SELECT WhatId FROM Task)",
            "Task",
            "Entity 'Task' is not supported for semi join inner selects",
        ),
        (
            "Id IN (SELECT ParentId FROM Account)",
            "Id",
            "The inner and outer selects should not be on the same object type",
        ),
        (
            "Id IN (SELECT Id FROM Contact)",
            "Id",
            (
                "The selected field 'Id' in the subquery and the left operand field in the where "
                "expression in the outer query 'Id' should point to the same object type"
            ),
        ),
        (
            "Owner.Id IN (SELECT OwnerId FROM Contact)",
            "Id",
            "The left operand 'Owner.Id' cannot have more than one level of relationships",
        ),
        (
            "Id IN (SELECT LastName FROM Contact)",
            "LastName",
            "The selected field in the inner select should be an id field, cannot use: 'LastName'",
        ),
        (
            "Id IN (SELECT AccountId, Id FROM Contact)",
            "Contact",
            "a query in IN (…) must select exactly one field",
        ),
        (
            "Id IN (SELECT AccountId a FROM Contact)",
            "Contact",
            "a query in IN (…) must select exactly one field",
        ),
        (
            "Id IN (SELECT AccountId FROM Contact LIMIT 1)",
            "Contact",
            "a query in IN (…) takes no ORDER BY, LIMIT and OFFSET",
        ),
        (
            "Id IN (SELECT COUNT() FROM Contact)",
            "COUNT",
            "Only root queries support aggregate expressions",
        ),
    ],
)
def test_a_semi_join_that_salesforce_does_not_allow_is_refused(
    call: Caller, condition: str, word: str, reason: str
) -> None:
    error = call.refused(f"SELECT Id FROM Account WHERE {condition}")
    assert error["errorCode"] == "MALFORMED_QUERY"
    _, excerpt, caret, _, said = error["message"].split("\n")
    assert said == reason
    assert excerpt[caret.index("^") :].startswith(word)


def test_only_ids_are_looked_for_among_ids(call: Caller) -> None:
    error = call.refused(f"SELECT Id FROM Account WHERE Name {KEYS}")
    assert error["errorCode"] == "INVALID_FIELD"
    assert error["message"].endswith("should be an id field, cannot use: 'Name'")
