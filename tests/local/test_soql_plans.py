"""How queries run: what has an index is looked up by it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.local.caller import Caller
from twinforce.local import LocalOrg
from twinforce.local.soql.compiler import compile_query
from twinforce.local.soql.parser import parse
from twinforce.local.soql.plan import Context, Node, Plan
from twinforce.local.store.ids import make_id

ACCOUNT, CONTACT = make_id("001", 7), make_id("003", 7)


@pytest.fixture
def org(org: LocalOrg) -> LocalOrg:
    org.add_field("Account", "Ext__c", "Text", external_id=True, unique=True)
    org.add_field("Account", "Cased__c", "Text", external_id=True, case_sensitive=True)
    org.add_field("Account", "Number__c", "Number", external_id=True)
    org.add_object("Widget__c")
    org.add_field("Widget__c", "Owner__c", "Lookup", reference_to="Account")
    return org


def compiled(org: LocalOrg, soql: str) -> Plan:
    context = Context(org._schema, datetime.now(UTC), org.user_id, "GMT", 67.0)
    return compile_query(parse(soql), soql, context)


def scans(org: LocalOrg, plan: Plan) -> list[str]:
    """Return the steps of *plan* that read a whole table."""
    parameters = (*plan.parameters,)
    if plan.sql.count("?") > len(parameters):  # that of children begins with their parents
        parameters = (f'["{ACCOUNT}"]', *parameters)
    steps = org._store.rows(f"EXPLAIN QUERY PLAN {plan.sql}", parameters)
    return [step[3] for step in steps if "SCAN" in step[3] and "json_each" not in step[3]]


@pytest.mark.parametrize(
    "soql",
    [
        f"SELECT Name FROM Account WHERE Id = '{ACCOUNT}'",
        f"SELECT Name FROM Account WHERE Id IN ('{ACCOUNT}', '{ACCOUNT[:15]}')",
        f"SELECT Name FROM Contact WHERE AccountId = '{ACCOUNT}'",
        f"SELECT Name FROM Contact WHERE AccountId IN ('{ACCOUNT}') AND LastName != 'x'",
        f"SELECT Name FROM Widget__c WHERE Owner__c = '{ACCOUNT}'",
        "SELECT Name FROM Account WHERE Ext__c = 'x'",
        "SELECT Name FROM Account WHERE Ext__c IN ('x', 'y')",
        "SELECT Name FROM Account WHERE Cased__c = 'X'",
        "SELECT Name FROM Account WHERE Number__c = 5",
        "SELECT Name FROM Account WHERE Name = 'x'",
        "SELECT Name FROM Account WHERE Name > 'x' AND Name < 'y' ORDER BY Name LIMIT 5",
        "SELECT Name FROM Account WHERE CreatedDate = LAST_N_DAYS:3",
        "SELECT COUNT() FROM Account WHERE Ext__c = 'x'",
        "SELECT Name FROM Account WHERE Name LIKE 'Acme%'",
        "SELECT Name FROM Account WHERE Name LIKE '_x' AND Cased__c LIKE 'A\\_c_e%'",
        "SELECT COUNT(Id), MAX(CreatedDate) FROM Account WHERE Ext__c = 'x'",
        f"SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Contact WHERE Id = '{CONTACT}')",
        "SELECT Id FROM Contact WHERE AccountId IN (SELECT Id FROM Account WHERE Name = 'x')",
        "SELECT Id, Account.Owner.Name FROM Contact WHERE Account.Ext__c = 'x'",
        "SELECT Id FROM Contact WHERE Account.Parent.Name IN ('x') AND LastName = 'y'",
        f"SELECT What.Name, TYPEOF Who WHEN Lead THEN Company END FROM Task WHERE WhatId = '{ACCOUNT}'",
    ],
)
def test_what_has_an_index_is_looked_up_by_it(org: LocalOrg, soql: str) -> None:
    plan = compiled(org, soql)
    found = [step for step in scans(org, plan) if "subquery" not in step]
    assert found == []


def test_without_an_index_the_table_is_read(org: LocalOrg) -> None:
    """The test above can fail."""
    assert scans(org, compiled(org, "SELECT Id FROM Account WHERE Industry = 'x'")) != []


def test_children_are_looked_up_by_their_parent(org: LocalOrg) -> None:
    soql = (
        "SELECT (SELECT Id, (SELECT Subject FROM Cases) FROM Contacts ORDER BY LastName LIMIT 5), "
        "(SELECT Name FROM ChildAccounts WHERE Name != 'x') FROM Account"
    )
    root = compiled(org, soql).root
    assert isinstance(root, Node)
    contacts, accounts = (item for item in root.items.values() if isinstance(item, Plan))
    assert isinstance(contacts.root, Node)
    [cases] = (item for item in contacts.root.items.values() if isinstance(item, Plan))
    for plan in (contacts, accounts, cases):
        assert scans(org, plan) == []


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ("Account.Name = 'A'", "X"),
        ("Account.Name != 'A'", "YZ"),
        ("Account.Name = null", "Z"),
        ("Account.Name IN ('A', null)", "XZ"),
        ("Account.Name = ''", "Z"),
        ("Account.Name IN ('A', '')", "XZ"),
        ("Account.Name LIKE ''", ""),
        ("Account.IsDeleted = false", "XYZ"),
        ("Account.Name > 'A' AND LastName != 'q'", "Y"),
        ("Account.Name > 'A' OR LastName = 'Z'", "YZ"),
        ("NOT Account.Name = 'A'", "YZ"),
        ("Account.Name NOT IN ('A')", "YZ"),
        ("Account.CreatedDate = TODAY", "XY"),
    ],
)
def test_who_has_no_parent_is_not_lost(call: Caller, condition: str, names: str) -> None:
    for name, account in (("X", "A"), ("Y", "B"), ("Z", None)):
        parent = call.create("Account", Name=account) if account else None
        call.create("Contact", LastName=name, AccountId=parent)
    found = call.names(f"WHERE {condition} ORDER BY LastName", "Contact")
    assert "".join(found) == names
