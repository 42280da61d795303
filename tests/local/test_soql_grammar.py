"""What the grammar accepts and refuses; what a query means is in test_soql.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from twinforce.local.errors import ApiError
from twinforce.local.soql import ast
from twinforce.local.soql.parser import parse

CASES = Path(__file__).parents[2].parent / "shared" / "data" / "soql-cases.json"


def cases() -> list[tuple[str, str]]:
    if not CASES.exists():
        return []
    return [(name, query) for name, query in json.loads(CASES.read_text("utf-8"))]


@pytest.mark.parametrize(("name", "query"), cases(), ids=[name for name, _ in cases()])
def test_the_collected_cases(name: str, query: str) -> None:
    if name.startswith("NEG"):
        with pytest.raises(ApiError) as caught:
            parse(query)
        assert caught.value.error_code == "MALFORMED_QUERY"
    else:
        assert parse(query).sources


@pytest.mark.parametrize(
    "query",
    [
        "",
        "SELECT",
        "SELECT FROM Account",
        "SELECT Id FROM",
        "SELECT Id FROM Account WHERE",
        "SELECT Id FROM Account WHERE Name = 'x",
        "SELECT Id FROM Account WHERE Name IN ()",
        "SELECT Id FROM Account WHERE Name IN 'x'",
        "SELECT Id FROM Account WHERE Name == 'x'",
        "SELECT Id FROM Account WHERE Name IS NULL",
        "SELECT Id FROM Account WHERE Name = :name",
        "SELECT Id FROM Account WHERE 'x' = Name",
        "SELECT Id FROM Account WHERE (Name = 'x'",
        "SELECT Id FROM Account WHERE Name = 'x')",
        "SELECT Id FROM Account LIMIT x",
        "SELECT Id FROM Account LIMIT -1",
        "SELECT Id FROM Account LIMIT 1.5",
        "SELECT Id FROM Account LIMIT 5 WHERE Name = 'x'",
        "SELECT Id FROM Account ORDER Name",
        "SELECT Id FROM Account OFFSET 5 LIMIT 5",
        "SELECT Id FROM Account; DELETE",
        "SELECT Id, Name FROM Account UNION SELECT Id FROM Contact",
        "SELECT DISTINCT Id, Name x y FROM Account",
        "SELECT Id FROM Account WHERE Name = 'a' OR Name = 'b' AND Name = 'c'",
        "SELECT Account.* FROM Account",
        "SELECT Id -- comment\nFROM Account",
        "INSERT INTO Account",
        "SELECT Id FROM Account WHERE Name = 'a' AND NOT Name = 'b'",
        "SELECT Id FROM Account WHERE NOT Name = 'a' AND Name = 'b'",
        "SELECT Id FROM Account WHERE NOT NOT Name = 'a'",
        "SELECT Id FROM Account WHERE Name = 'a\\_b'",
        "SELECT Id FROM Account WHERE Name IN ('50\\%')",
        "SELECT Id FROM Account WHERE NumberOfEmployees = 5e3",
        "SELECT Id FROM Account WHERE NumberOfEmployees = 5 HAVING COUNT(Id) > 1",
        "SELECT Id, ASC FROM Account",
        "SELECT Id FROM AND",
        "SELECT IN(Id) FROM Account",
        "SELECT Account . Name FROM Account",
        "SELECT FORMAT() FROM Account",
        "SELECT SUM() FROM Account",
        "SELECT COUNT(1.5) FROM Account",
        "SELECT COUNT(), Name FROM Account",
        "SELECT COUNT() n FROM Account",
        "SELECT FIELDS(SOME) FROM Account",
        "SELECT FIELDS() FROM Account",
        "SELECT LOWER(Name) FROM Account",
        "SELECT Id FROM Account FOR FUN",
        "SELECT Id FROM Account UPDATE VIEW",
        "SELECT Id FROM Account WITH Name LIKE 'x'",
        "SELECT FIELDS(-5) FROM Account LIMIT 200",
        "SELECT SUM('x') FROM Account",
        "SELECT FORMAT(5) FROM Account",
    ],
)
def test_what_is_no_soql_is_malformed(query: str) -> None:
    with pytest.raises(ApiError) as caught:
        parse(query)
    assert caught.value.error_code == "MALFORMED_QUERY"
    assert "ERROR at Row:" in caught.value.message


def test_keywords_can_be_names() -> None:
    query = parse(
        "SELECT Group.Name, Order, Scope, Type FROM Group WHERE End LIKE 'x' ORDER BY Order"
    )
    paths = [str(column.value) for column in query.select if isinstance(column, ast.Column)]
    assert paths == ["Group.Name", "Order", "Scope", "Type"]
    assert str(query.sources[0].path) == "Group"


def test_a_name_may_begin_like_a_keyword() -> None:
    query = parse("SELECT Fromage__c, Order__c, Inn FROM Selected__c WHERE Notes__c = 'x'")
    assert str(query.sources[0].path) == "Selected__c"
    assert isinstance(query.where, ast.Comparison)
    assert str(query.where.value) == "Notes__c"


def test_not_in_is_told_from_not() -> None:
    query = parse("SELECT Id FROM Account WHERE NOT Name NOT  IN ('x')")
    assert parse("SELECT Id FROM Account WHERE Name = 'a' AND (NOT Name = 'b')").where
    assert isinstance(query.where, ast.Negation)
    assert isinstance(query.where.term, ast.Inclusion)
    assert query.where.term.negated
