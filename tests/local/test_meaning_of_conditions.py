"""Conditions of SOQL made up at random, executed by the org and worked out by hand from the rows.

What a condition means is written here a second time, in Python and from the reference alone: two
truth values, nulls that differ from every value and are neither less nor more, case that does
not matter.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from typing import Any, Final

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.local.caller import Caller
from twinforce.local import LocalOrg

Row = dict[str, Any]
Predicate = Callable[[Row], bool]

TEXTS: Final = (
    *("Acme", "acme", "ACME Inc", "É", "é", "a_b", "a%b", "it's", "b", "back\\slash", None, None),
)
NUMBERS: Final = (None, 0, 1, 2, 10, -3)
DATES: Final = (None, "2024-01-31", "2024-02-29", "2025-01-01")
CHOICES: Final = ("a", "b", "c", "É")
VALUES: Final[dict[str, tuple[Any, ...]]] = {
    "Text__c": TEXTS,
    "Number__c": NUMBERS,
    "Date__c": DATES,
    "Check__c": (True, False),
    "Parent__r.Text__c": TEXTS,
    "Parent__r.Number__c": NUMBERS,
}
PATTERNS: Final = ("a%", "%e", "_cm%", r"a\_b", r"a\%b", "%", "É", "é%", "%'%", "", "b")
COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@attrs.frozen
class Condition:
    """The text of a condition, and whether it is true of a row."""

    soql: str
    holds: Predicate = attrs.field(repr=False)


def same_case(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


def literal(field: str, value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and field != "Date__c":
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return str(value)


def is_like(value: str | None, pattern: str) -> bool:
    tokens: list[str] = re.findall(r"\\.|.", pattern.casefold(), re.DOTALL)
    meanings = {"%": ".*", "_": "."}
    regex = "".join(meanings.get(token, re.escape(token[-1])) for token in tokens)
    return value is not None and re.fullmatch(regex, value.casefold(), re.DOTALL) is not None


@st.composite
def comparisons(draw: st.DrawFn) -> Condition:
    field = draw(st.sampled_from(sorted(VALUES)))
    value = draw(st.sampled_from(VALUES[field]))
    only_equal = value is None or isinstance(value, bool)
    word = draw(st.sampled_from(["=", "!=", "<>"] if only_equal else sorted(COMPARE)))
    compare = COMPARE[word]

    def holds(row: Row) -> bool:
        found, wanted = same_case(row[field]), same_case(value)
        if word in {"=", "!=", "<>"}:
            return compare(found, wanted)
        return found is not None and compare(found, wanted)

    return Condition(f"{field} {word} {literal(field, value)}", holds)


@st.composite
def memberships(draw: st.DrawFn) -> Condition:
    field = draw(st.sampled_from([field for field in sorted(VALUES) if field != "Check__c"]))
    given = [value for value in VALUES[field] if value is not None]
    values = draw(st.lists(st.sampled_from(given), min_size=1, max_size=3))
    word = draw(st.sampled_from(["IN", "NOT IN"]))
    listed = ", ".join(literal(field, value) for value in values)
    among = {same_case(value) for value in values}
    return Condition(
        f"{field} {word} ({listed})",
        lambda row: (same_case(row[field]) in among) is (word == "IN"),
    )


@st.composite
def patterns(draw: st.DrawFn) -> Condition:
    field = draw(st.sampled_from(["Text__c", "Parent__r.Text__c"]))
    pattern = draw(st.sampled_from(PATTERNS))
    shown = pattern.replace("'", "\\'")
    return Condition(f"{field} LIKE '{shown}'", lambda row: is_like(row[field], pattern))


@st.composite
def selections(draw: st.DrawFn) -> Condition:
    several = st.lists(st.sampled_from(CHOICES), min_size=1, max_size=2, unique=True)
    wanted = draw(st.lists(several, min_size=1, max_size=2))
    word = draw(st.sampled_from(["INCLUDES", "EXCLUDES"]))

    def holds(row: Row) -> bool:
        chosen = set((row["Choices__c"] or "").split(";"))
        return any(set(values) <= chosen for values in wanted) is (word == "INCLUDES")

    listed = ", ".join("'" + ";".join(values) + "'" for values in wanted)
    return Condition(f"Choices__c {word} ({listed})", holds)


@st.composite
def chains(draw: st.DrawFn, inner: st.SearchStrategy[Condition]) -> Condition:
    """Put conditions into parentheses and join them, or turn one around."""
    terms = draw(st.lists(inner, min_size=1, max_size=3))
    if len(terms) == 1:
        (term,) = terms
        return Condition(f"NOT ({term.soql})", lambda row: not term.holds(row))
    word, join = draw(st.sampled_from([("AND", all), ("OR", any)]))
    soql = f" {word} ".join(f"({term.soql})" for term in terms)
    return Condition(soql, lambda row: join(term.holds(row) for term in terms))


TESTS = st.one_of(comparisons(), memberships(), patterns(), selections())


@pytest.fixture(scope="module")
def rows() -> Iterator[tuple[Caller, dict[str, Row]]]:
    """Return a caller of an org, and its rows by id."""
    with LocalOrg() as org:
        call = Caller(org)
        for name in ("Parent__c", "Row__c"):
            org.add_object(name)
            org.add_field(name, "Text__c", "Text")
            org.add_field(name, "Number__c", "Number")
        org.add_field("Row__c", "Date__c", "Date")
        org.add_field("Row__c", "Check__c", "Checkbox")
        org.add_field("Row__c", "Choices__c", "MultiselectPicklist", values=CHOICES)
        org.add_field("Row__c", "Parent__c", "Lookup", reference_to="Parent__c")
        parents: list[Row | None] = [None]
        for text, number in zip(TEXTS, cycle(NUMBERS), strict=False):
            record = {"Text__c": text, "Number__c": number}
            parents.append({"Id": call.create("Parent__c", **record), **record})
        kept: dict[str, Row] = {}
        # Cycles of lengths that have nothing in common: all sorts of rows.
        sources = (TEXTS, NUMBERS, DATES, (True, False, True), (None, "a", "a;b", "c", "É;b"))
        columns = zip(*map(cycle, (*sources, parents)), strict=False)
        for text, number, date, check, choices, parent in islice(columns, 60):
            record = {"Text__c": text, "Number__c": number, "Date__c": date, "Check__c": check}
            record["Choices__c"] = choices
            row_id = call.create("Row__c", **record, Parent__c=parent and parent["Id"])
            above = parent or {}
            kept[row_id] = record | {
                f"Parent__r.{name}": above.get(name) for name in ("Text__c", "Number__c")
            }
        yield call, kept


@settings(
    max_examples=400,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(condition=st.recursive(TESTS, chains, max_leaves=6))
def test_a_condition_selects_the_rows_of_which_it_is_true(
    rows: tuple[Caller, dict[str, Row]], condition: Condition
) -> None:
    call, kept = rows
    found = call.query(f"SELECT Id FROM Row__c WHERE {condition.soql}")
    wanted = {row_id for row_id, row in kept.items() if condition.holds(row)}
    assert {record["Id"] for record in found["records"]} == wanted
