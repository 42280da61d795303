"""Random conditions and groups, held to what Python makes of the same records."""

from __future__ import annotations

import operator
import random
import re
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import attrs
import pytest

from tests.local.caller import Caller
from twinforce.local import LocalOrg

TEXTS: Final = ["a", "A", "b", "ab", "Ab%", "a_b", "", None, "é", "É"]
NUMBERS: Final = [None, -1, 0, 0.1, 0.2, 5, 7.5]
DAYS: Final = [None, "2024-05-14", "2024-05-15", "2024-04-30", "2023-12-31", "2024-06-01"]
TICKS: Final = [True, False, None]
POOLS: Final[dict[str, list[Any]]] = {
    "Text__c": TEXTS,
    "Num__c": NUMBERS,
    "Day__c": DAYS,
    "Tick__c": TICKS,
}
RANGES: Final = {
    "TODAY": ("2024-05-15", "2024-05-16"),
    "THIS_MONTH": ("2024-05-01", "2024-06-01"),
    "LAST_YEAR": ("2023-01-01", "2024-01-01"),
}
PATTERNS: Final = ["a%", "%b", "_b", "a", "%", "A_%"]
ORDERS: Final = {"<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge}


@attrs.frozen
class Row:
    """A contact: its own values and those of its account, of which there may be none."""

    name: str
    values: dict[str, Any]
    account: dict[str, Any] | None

    def value(self, path: str) -> Any:
        name = path.rpartition(".")[2]
        values = self.account if path.startswith("Account.") else self.values
        if name == "Tick__c":
            return bool(values and values[name])
        value = values[name] if values else None
        return value.lower() or None if isinstance(value, str) else value


Test = Callable[[Row], bool]


def literal(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and not value.startswith("20"):
        return f"'{value}'"
    return str(value)


class Conditions:
    """Makes conditions, each with the function that tells whether a row meets it."""

    def __init__(self, choices: random.Random) -> None:
        self._choices = choices

    def any(self, depth: int) -> tuple[str, Test]:
        kind = self._choices.random()
        if depth == 0 or kind < 0.3:
            return self._comparison()
        if kind < 0.45:
            text, test = self.any(depth - 1)
            return f"(NOT ({text}))", lambda row: not test(row)
        terms = [self.any(depth - 1) for _ in range(self._choices.randint(2, 3))]
        word, holds = self._choices.choice([("AND", all), ("OR", any)])
        text = f" {word} ".join(term for term, _ in terms)
        return f"({text})", lambda row: holds(test(row) for _, test in terms)

    def _comparison(self) -> tuple[str, Test]:
        choose, kind = self._choices.choice, self._choices.random()
        name = choose(list(POOLS))
        path = choose(["", "Account."]) + name
        if kind < 0.25:
            return self._inclusion(path, [choose(POOLS[name]) for _ in range(3)])
        if name == "Day__c" and kind < 0.6:
            return self._range(path, choose(list(RANGES)), choose(["=", "!=", *ORDERS]))
        if name == "Text__c" and kind < 0.5:
            pattern = choose(PATTERNS)
            regex = re.compile(pattern.lower().replace("%", ".*").replace("_", "."))
            return (
                f"{path} LIKE '{pattern}'",
                lambda row: (
                    regex.fullmatch(row.value(path) or "") is not None
                    and row.value(path) is not None
                ),
            )
        value = choose(POOLS[name])
        word = choose(["=", "!="] if name == "Tick__c" else ["=", "!=", *ORDERS])
        wanted = _compared(name, value)

        def test(row: Row) -> bool:
            found = row.value(path)
            if word in {"=", "!="}:
                return bool((found == wanted) == (word == "="))
            return found is not None and wanted is not None and bool(ORDERS[word](found, wanted))

        return f"{path} {word} {literal(value)}", test

    def _inclusion(self, path: str, values: list[Any]) -> tuple[str, Test]:
        negated = self._choices.random() < 0.5
        wanted = [_compared(path.rpartition(".")[2], value) for value in values]
        text = ", ".join(map(literal, values))
        word = "NOT IN" if negated else "IN"
        return f"{path} {word} ({text})", lambda row: (row.value(path) in wanted) != negated

    def _range(self, path: str, name: str, word: str) -> tuple[str, Test]:
        first, behind = RANGES[name]

        def test(row: Row) -> bool:
            day: str | None = row.value(path)
            if day is None:
                return word == "!="
            inside = first <= day < behind
            before, after = day < first, day >= behind
            return {
                "=": inside,
                "!=": not inside,
                "<": before,
                ">": after,
                "<=": not after,
                ">=": not before,
            }[word]

        return f"{path} {word} {name}", test


def _compared(name: str, value: Any) -> Any:
    if name == "Tick__c":
        return bool(value)
    return value.lower() or None if isinstance(value, str) else value


@pytest.fixture
def org() -> LocalOrg:
    org = LocalOrg(clock=lambda: datetime(2024, 5, 15, 12, tzinfo=UTC))
    for sobject in ("Account", "Contact"):
        org.add_field(sobject, "Text__c", "Text")
        org.add_field(sobject, "Num__c", "Number", precision=6, scale=2)
        org.add_field(sobject, "Day__c", "Date")
        org.add_field(sobject, "Tick__c", "Checkbox")
    return org


@pytest.mark.parametrize("seed", [1, 2])
def test_random_queries_find_what_python_finds(org: LocalOrg, seed: int) -> None:
    choices = random.Random(seed)  # noqa: S311 - the same each time
    call = Caller(org)

    def values() -> dict[str, Any]:
        found = {name: choices.choice(pool) for name, pool in POOLS.items()}
        return found | {"Tick__c": bool(found["Tick__c"])}

    accounts = [(call.create("Account", Name="A", **it), it) for it in (values() for _ in range(9))]
    rows = []
    for number in range(40):
        account_id, account = choices.choice([*accounts, (None, None), (None, None)])
        row = Row(f"{number:02}", values(), account)
        call.create("Contact", LastName=row.name, AccountId=account_id, **row.values)
        rows.append(row)
    conditions = Conditions(choices)
    for _ in range(120):
        where, test = conditions.any(choices.randint(0, 3))
        found = [row for row in rows if test(row)]
        names = call.names(f"WHERE ({where}) ORDER BY LastName", "Contact")
        assert names == [row.name for row in found], where
        path = choices.choice(["Account.Text__c", "Day__c", "Tick__c", "Account.Tick__c"])
        assert grouped(call, where, path) == counted(found, path), (where, path)


def grouped(call: Caller, where: str, path: str) -> dict[Any, tuple[Any, ...]]:
    records = call.query(
        f"SELECT {path} key, COUNT(Id) n, SUM(Num__c) total, MIN(Num__c) least, "
        f"MAX(Text__c) latest, COUNT_DISTINCT(Text__c) texts FROM Contact WHERE ({where}) "
        f"GROUP BY {path}"
    )["records"]
    return {
        (it["key"].lower() if isinstance(it["key"], str) else it["key"]): (
            it["n"],
            it["total"],
            it["least"],
            it["latest"] and it["latest"].lower(),
            it["texts"],
        )
        for it in records
    }


def counted(rows: list[Row], path: str) -> dict[Any, tuple[Any, ...]]:
    groups: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.value(path)].append(row)
    told = {}
    for key, members in groups.items():
        numbers = [it.values["Num__c"] for it in members if it.values["Num__c"] is not None]
        texts = [text for it in members if (text := it.value("Text__c")) is not None]
        total = round(sum(numbers), 2) if numbers else None
        last = max(texts, default=None)
        told[key] = (len(members), total, min(numbers, default=None), last, len(set(texts)))
    return told
