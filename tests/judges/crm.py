"""Some 20,000 related rows, the same each time, and what queries of them must answer."""

from __future__ import annotations

import io
import json
import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import attrs

SEED: Final = 5
Row = dict[str, Any]


@attrs.frozen
class Crm:
    """The rows by sObject; an Account's key is ``A`` and its number."""

    accounts: tuple[Row, ...]
    contacts: tuple[Row, ...]
    opportunities: tuple[Row, ...]

    def __len__(self) -> int:
        return len(self.accounts) + len(self.contacts) + len(self.opportunities)


def key(number: int) -> str:
    """Return the external id of the Account with this *number*."""
    return f"A{number}"


def make() -> Crm:
    """Let snowfakery make the rows of load.yml."""
    # It is installed for this alone; nothing else, the type checkers included, knows it.
    snowfakery: Any = import_module("snowfakery")
    faker: Any = import_module("faker")
    random.seed(SEED)
    faker.Faker.seed(SEED)
    made = io.StringIO()
    recipe = Path(__file__).with_name("load.yml")
    snowfakery.generate_data(str(recipe), output_format="json", output_file=made)
    rows: dict[str, list[Row]] = defaultdict(list)
    for row in json.loads(made.getvalue()):
        rows[row.pop("_table")].append(row)
    return Crm(tuple(rows["Account"]), tuple(rows["Contact"]), tuple(rows["Opportunity"]))


@attrs.frozen
class Question:
    """A query, what the rows say that it answers, and how its records are put beside that."""

    name: str
    soql: str
    expected: Any
    read: Callable[[list[Row]], Any]


def questions(crm: Crm) -> list[Question]:
    """Ask for counts, sums, parents, children, semi-joins and many pages."""
    accounts = {row["id"]: row for row in crm.accounts}
    return [
        Question(
            "all, page after page",
            "SELECT Email FROM Contact",
            sorted(row["Email"].lower() for row in crm.contacts),
            lambda records: sorted(str(record["Email"]).lower() for record in records),
        ),
        Question(
            "in order, nothing twice",
            "SELECT Amount FROM Opportunity ORDER BY Amount DESC, Id LIMIT 5000",
            sorted((row["Amount"] for row in crm.opportunities), reverse=True)[:5000],
            lambda records: [record["Amount"] for record in records],
        ),
        Question(
            "counts and sums by stage",
            "SELECT StageName, COUNT(Id) n, SUM(Amount) total, MAX(CloseDate) latest "
            "FROM Opportunity GROUP BY StageName",
            _by_stage(crm),
            lambda records: {
                r["StageName"]: (r["n"], round(r["total"], 2), r["latest"]) for r in records
            },
        ),
        Question(
            "sums by the industry of a parent",
            "SELECT Account.Industry, SUM(Amount) total FROM Opportunity "
            "GROUP BY Account.Industry HAVING COUNT(Id) > 1",
            _by_industry(crm, accounts),
            lambda records: {r["Industry"]: round(r["total"], 2) for r in records},
        ),
        Question(
            "parents of parents",
            "SELECT Email, Account.Name, Account.Parent.Key__c FROM Contact "
            "WHERE Account.Parent.Industry = 'energy'",
            sorted(
                (row["Email"].lower(), account["Name"], key(account["Parent"]))
                for row in crm.contacts
                if accounts[(account := accounts[row["Account"]])["Parent"]]["Industry"] == "Energy"
            ),
            lambda records: sorted(
                (str(r["Email"]).lower(), r["Account"]["Name"], r["Account"]["Parent"]["Key__c"])
                for r in records
            ),
        ),
        Question(
            "children of all accounts",
            "SELECT Key__c, (SELECT Email FROM Contacts), "
            "(SELECT Amount FROM Opportunities WHERE StageName = 'Closed Won') FROM Account",
            _families(crm),
            lambda records: {
                r["Key__c"]: (
                    sorted(str(child["Email"]).lower() for child in _children(r["Contacts"])),
                    sorted(child["Amount"] for child in _children(r["Opportunities"])),
                )
                for r in records
            },
        ),
        Question(
            "semi-join",
            "SELECT Key__c FROM Account WHERE Id IN "
            "(SELECT AccountId FROM Opportunity WHERE Amount > 900000)",
            {key(row["Account"]) for row in crm.opportunities if row["Amount"] > 900_000},
            lambda records: {record["Key__c"] for record in records},
        ),
        Question(
            "anti-join",
            "SELECT Key__c FROM Account WHERE ParentId != null AND Id NOT IN "
            "(SELECT AccountId FROM Opportunity WHERE StageName = 'Closed Won')",
            {key(number) for number, row in accounts.items() if row.get("Parent")}
            - {key(r["Account"]) for r in crm.opportunities if r["StageName"] == "Closed Won"},
            lambda records: {record["Key__c"] for record in records},
        ),
        Question(
            "one of many, by external id",
            "SELECT Name FROM Account WHERE Key__c = 'a1234'",
            [accounts[1234]["Name"]],
            lambda records: [record["Name"] for record in records],
        ),
    ]


def _by_stage(crm: Crm) -> dict[str, tuple[int, float, str]]:
    rows: dict[str, list[Row]] = defaultdict(list)
    for row in crm.opportunities:
        rows[row["StageName"]].append(row)
    return {
        stage: (
            len(of_stage),
            round(sum(row["Amount"] for row in of_stage), 2),
            max(row["CloseDate"] for row in of_stage),
        )
        for stage, of_stage in rows.items()
    }


def _by_industry(crm: Crm, accounts: Mapping[int, Row]) -> dict[str, float]:
    totals: dict[str, float] = defaultdict(float)
    for row in crm.opportunities:
        totals[accounts[row["Account"]]["Industry"]] += row["Amount"]
    return {industry: round(total, 2) for industry, total in totals.items()}


def _families(crm: Crm) -> dict[str, tuple[list[str], list[float]]]:
    families: dict[str, tuple[list[str], list[float]]] = {
        key(row["id"]): ([], []) for row in crm.accounts
    }
    for row in crm.contacts:
        families[key(row["Account"])][0].append(row["Email"].lower())
    for row in crm.opportunities:
        if row["StageName"] == "Closed Won":
            families[key(row["Account"])][1].append(row["Amount"])
    return {name: (sorted(emails), sorted(amounts)) for name, (emails, amounts) in families.items()}


def _children(related: Any) -> list[Row]:
    """Return the records of a child subquery; the client has made its pages one list."""
    return [] if related is None else related["records"]
