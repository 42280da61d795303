"""Aggregates, GROUP BY and HAVING: what a row of the answer is, and what is refused."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.local.caller import Caller
from twinforce.local import LocalOrg


@pytest.fixture
def call(org: LocalOrg) -> Caller:
    """Three accounts, two of one industry, and four opportunities of two of them."""
    call = Caller(org)
    acme = call.create("Account", Name="Acme", Industry="Banking", NumberOfEmployees=5)
    other = call.create("Account", Name="ACME", Industry="Banking", NumberOfEmployees=8)
    call.create("Account", Name="Zed")
    for account, stage, day, amount in (
        (acme, "Prospecting", "2023-12-31", 0.1),
        (acme, "Closed Won", "2024-02-29", 0.2),
        (other, "Prospecting", "2024-02-29", 10),
        (None, "Closed Won", "2024-08-01", None),
    ):
        fields = {"StageName": stage, "CloseDate": day, "Amount": amount, "AccountId": account}
        call.create("Opportunity", Name=stage, **fields)
    return call


def rows(call: Caller, soql: str) -> list[list[Any]]:
    """Return the values of each row, without its attributes, which are those of an aggregate."""
    values = []
    for record in call.query(soql)["records"]:
        assert record.pop("attributes") == {"type": "AggregateResult"}
        values.append(list(record.values()))
    return values


def names(call: Caller, soql: str) -> list[str]:
    [record, *_] = call.query(soql)["records"]
    return list(record)[1:]


@pytest.mark.parametrize(
    ("selected", "values"),
    [
        ("COUNT(Id)", [4]),
        ("COUNT(Amount)", [3]),
        ("COUNT(Account.Name)", [3]),
        ("COUNT_DISTINCT(AccountId)", [2]),
        ("COUNT_DISTINCT(Account.Name)", [1]),  # whatever the case
        ("COUNT_DISTINCT(StageName)", [2]),
        ("SUM(Amount)", [10.3]),
        ("SUM(Account.NumberOfEmployees)", [18]),
        ("AVG(Account.NumberOfEmployees)", [6.0]),
        ("MIN(Amount), MAX(Amount)", [0.1, 10.0]),
        ("MIN(CloseDate), MAX(CloseDate)", ["2023-12-31", "2024-08-01"]),
        ("MIN(StageName), MAX(StageName)", ["Prospecting", "Closed Won"]),  # in Setup's order
        ("MIN(Owner.Name), MAX(Account.Name)", ["Local Admin", "Acme"]),
        ("count(id), Max(ID) latest", [4, None]),
        ("FORMAT(SUM(Amount)), FORMAT(MAX(CloseDate))", ["$10.30", "8/1/2024"]),
    ],
)
def test_without_groups_one_row_tells_of_all(
    call: Caller, selected: str, values: list[Any]
) -> None:
    [row] = rows(call, f"SELECT {selected} FROM Opportunity")
    if values[-1] is None:  # an id
        row[-1] = None
    assert row == values
    assert [type(value) for value in row] == [type(value) for value in values]


def test_of_no_records_there_is_a_row_too(call: Caller) -> None:
    soql = "SELECT COUNT(Id), SUM(Amount), MAX(Name) FROM Opportunity WHERE Name = 'no'"
    assert rows(call, soql) == [[0, None, None]]
    assert rows(call, f"{soql} GROUP BY StageName") == []


@pytest.mark.parametrize(
    ("soql", "expected"),
    [
        (
            "SELECT StageName, COUNT(Id) FROM Opportunity GROUP BY StageName ORDER BY StageName",
            [["Prospecting", 2], ["Closed Won", 2]],
        ),
        (
            "SELECT StageName FROM Opportunity GROUP BY StageName ORDER BY StageName DESC",
            [["Closed Won"], ["Prospecting"]],
        ),
        (  # texts that differ in case are one group
            "SELECT Name, COUNT(Id) FROM Account GROUP BY Name ORDER BY Name DESC",
            [["Zed", 1], ["ACME", 2]],
        ),
        (
            (
                "SELECT Account.Industry, SUM(Amount) FROM Opportunity GROUP BY Account.Industry "
                "ORDER BY Account.Industry"
            ),
            [[None, None], ["Banking", 10.3]],
        ),
        (
            (
                "SELECT AccountId, Account.Name, COUNT(Id) FROM Opportunity WHERE AccountId != null "
                "GROUP BY AccountId, Account.Name HAVING COUNT(Id) > 1 AND Account.Name LIKE 'a%'"
            ),
            [["", "Acme", 2]],
        ),
        (
            (
                "SELECT StageName, COUNT(Id) FROM Opportunity GROUP BY StageName "
                "HAVING NOT (SUM(Amount) < 5 OR MAX(Name) = 'closed won')"
            ),
            [["Prospecting", 2]],
        ),
        (  # sums are decimal, though 0.1 and 0.2 are not in binary
            (
                "SELECT Account.Name n, SUM(Amount) FROM Opportunity WHERE Amount < 1 "
                "GROUP BY Account.Name HAVING SUM(Amount) = 0.3"
            ),
            [["Acme", 0.3]],
        ),
        (  # least is the stage that comes first in Setup, in HAVING as in SELECT
            (
                "SELECT Account.Name, MIN(StageName) FROM Opportunity GROUP BY Account.Name "
                "HAVING MIN(StageName) = 'prospecting' AND MAX(StageName) LIKE 'closed%'"
            ),
            [["ACME", "Prospecting"]],
        ),
        (
            "SELECT StageName FROM Opportunity GROUP BY StageName HAVING MAX(CloseDate) > 2024-06-01",
            [["Closed Won"]],
        ),
        (
            "SELECT Industry, COUNT(Id) n FROM Account GROUP BY Industry ORDER BY COUNT(Id) DESC",
            [["Banking", 2], [None, 1]],
        ),
        (
            "SELECT Industry, COUNT(Id) n FROM Account GROUP BY Industry ORDER BY n, Industry",
            [[None, 1], ["Banking", 2]],
        ),
        (
            "SELECT Industry FROM Account GROUP BY Industry ORDER BY MAX(Name) LIMIT 1 OFFSET 1",
            [[None]],
        ),
        (
            (
                "SELECT CALENDAR_YEAR(CloseDate), CALENDAR_QUARTER(CloseDate) q, COUNT(Id) "
                "FROM Opportunity GROUP BY CALENDAR_YEAR(CloseDate), CALENDAR_QUARTER(CloseDate) "
                "ORDER BY CALENDAR_YEAR(CloseDate) DESC, CALENDAR_QUARTER(CloseDate)"
            ),
            [[2024, 1, 2], [2024, 3, 1], [2023, 4, 1]],
        ),
        (  # of one grouped day, everything is one
            (
                "SELECT CALENDAR_MONTH(CloseDate), COUNT(Id) FROM Opportunity GROUP BY CloseDate "
                "ORDER BY CloseDate"
            ),
            [[12, 1], [2, 2], [8, 1]],
        ),
        (
            (
                "SELECT toLabel(StageName), COUNT(Id) FROM Opportunity GROUP BY StageName "
                "ORDER BY COUNT(Id), StageName LIMIT 1"
            ),
            [["Prospecting", 2]],
        ),
        (
            "SELECT Account.IsDeleted, COUNT(Id) FROM Opportunity GROUP BY Account.IsDeleted",
            [[False, 4]],
        ),
    ],
)
def test_groups(call: Caller, soql: str, expected: list[list[Any]]) -> None:
    found = rows(call, soql)
    for row in found:
        row[0] = "" if str(row[0]).startswith("001") else row[0]
    assert found == expected


def test_values_without_an_alias_are_numbered(call: Caller) -> None:
    soql = (
        "SELECT COUNT(Id), Account.Name, StageName s, MAX(Amount) top, CALENDAR_YEAR(CloseDate), "
        "MIN(Amount) FROM Opportunity GROUP BY Account.Name, StageName, CALENDAR_YEAR(CloseDate)"
    )
    assert names(call, soql) == ["expr0", "Name", "s", "top", "expr1", "expr2"]


def test_names_are_those_of_the_schema(call: Caller) -> None:
    assert names(call, "SELECT industry, COUNT(ID) N FROM account GROUP BY INDUSTRY") == [
        "Industry",
        "N",
    ]


def test_rows_of_groups_have_to_fit_on_one_page(org: LocalOrg) -> None:
    call = Caller(org)
    with org._store.transaction():  # one by one takes its time
        for number in range(450):
            row = {"Id": f"001{number:015}", "Name": f"{number:03}"}
            org._store.insert(org._schema["Account"], row)
    soql = "SELECT Name, COUNT(Id) FROM Account GROUP BY Name ORDER BY Name"
    refused = call("GET", f"query?q={quote(soql)}", Sforce_Query_Options="batchSize=200")
    assert (refused.status, refused.body) == (
        400,
        [
            {
                "message": "Aggregate query does not support queryMore(), "
                "use LIMIT to restrict the results to a single batch",
                "errorCode": "EXCEEDED_ID_LIMIT",
            }
        ],
    )
    page = call("GET", f"query?q={quote(soql)}").body
    assert (page["totalSize"], page["done"], len(page["records"])) == (450, True, 450)


@pytest.mark.parametrize(
    ("soql", "word", "reason"),
    [
        (
            "SELECT Name, COUNT(Id) FROM Account",
            "Name",
            "Field must be grouped or aggregated: Name",
        ),
        (
            "SELECT Name FROM Account ORDER BY COUNT(Id)",
            "Name",
            "Field must be grouped or aggregated: Name",
        ),
        (
            "SELECT Industry, Owner.Name FROM Account GROUP BY Industry",
            "Name",
            "Field must be grouped or aggregated: Owner.Name",
        ),
        (
            "SELECT Industry FROM Account GROUP BY Industry HAVING Name = 'x'",
            "Name",
            "Field must be grouped or aggregated: Name",
        ),
        (
            "SELECT Industry FROM Account GROUP BY Industry ORDER BY Name",
            "Name",
            "Ordered field must be grouped or aggregated: Name",
        ),
        (
            "SELECT CALENDAR_YEAR(CreatedDate) FROM Account",
            "CALENDAR_YEAR",
            "Field must be grouped or aggregated: CALENDAR_YEAR(CreatedDate)",
        ),
        (
            "SELECT FIELDS(STANDARD) FROM Account GROUP BY Name",
            "FIELDS",
            "Field must be grouped or aggregated: Id",
        ),
        (
            "SELECT MAX(Industry) FROM Account GROUP BY Industry",
            "MAX",
            "Grouped field should not be aggregated: Industry",
        ),
        (
            "SELECT COUNT(Id) FROM Account GROUP BY Industry, industry",
            "industry",
            "duplicate grouping expression: Industry",
        ),
        (
            "SELECT Owner.Name, Account.Name FROM Opportunity GROUP BY Owner.Name, Account.Name",
            "Name FROM",
            "duplicate alias: Name",
        ),
        (
            "SELECT COUNT(Id) n, MAX(Name) N FROM Account",
            "MAX",
            "duplicate alias: N",
        ),
        (
            "SELECT COUNT(Id) FROM Account LIMIT 5",
            "COUNT",
            "Non-grouped query that uses overall aggregate functions cannot also use LIMIT",
        ),
        (
            "SELECT MAX(Name) FROM Account OFFSET 5",
            "MAX",
            "Non-grouped query that uses overall aggregate functions cannot also use OFFSET",
        ),
        (
            "SELECT Description, COUNT(Id) FROM Account GROUP BY Description",
            "Description",
            "field 'Description' can not be grouped in a query call",
        ),
        (
            "SELECT CreatedDate FROM Account GROUP BY CreatedDate",
            "CreatedDate",
            "field 'CreatedDate' can not be grouped in a query call",
        ),
        (
            "SELECT COUNT(Id) FROM Account GROUP BY MAX(Name)",
            "MAX",
            "aggregate functions can not be used in GROUP BY",
        ),
        (
            "SELECT SUM(Name) FROM Account",
            "Name",
            "field Name does not support aggregate operator SUM",
        ),
        (
            "SELECT COUNT(IsDeleted) FROM Account",
            "IsDeleted",
            "field IsDeleted does not support aggregate operator COUNT",
        ),
        (
            "SELECT MIN(Description) FROM Account",
            "Description",
            "field Description does not support aggregate operator MIN",
        ),
        (
            "SELECT Name, (SELECT Id FROM Contacts) FROM Account GROUP BY Name",
            "Contacts",
            "Grouped query cannot use child relationships in the SELECT list",
        ),
        (
            "SELECT Id, (SELECT MAX(Name) FROM Contacts) FROM Account",
            "MAX",
            "Only root queries support aggregate expressions",
        ),
        (
            "SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Contact GROUP BY AccountId)",
            "AccountId)",
            "Only root queries support aggregate expressions",
        ),
        (
            "SELECT Id FROM Account WHERE COUNT(Id) > 1",
            "COUNT",
            "COUNT() can not be used here",
        ),
        (
            "SELECT Name FROM Account GROUP BY Name HAVING Name IN (SELECT AccountId FROM Contact)",
            "Name IN",
            "Semi join sub-selects are not allowed in HAVING",
        ),
    ],
)
def test_what_cannot_be_grouped_is_refused(call: Caller, soql: str, word: str, reason: str) -> None:
    error = call.refused(soql)
    assert error["errorCode"] == "MALFORMED_QUERY"
    _, excerpt, caret, _, said = error["message"].split("\n")
    assert said == reason
    assert excerpt[caret.index("^") :].startswith(word)
