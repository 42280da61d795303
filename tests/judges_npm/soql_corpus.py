"""SOQL queries made up from the documented grammar, and the same queries broken.

The grammar is that of the SOQL and SOSL Reference for API users (no Apex). A query is a list of
tokens here, so that one can be dropped, doubled, swapped or replaced. Names mean nothing: what is
judged is syntax, not schema. The same seed always makes the same queries.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Final, TypeVar

Tokens = list[str]
Item = TypeVar("Item")

_FIELDS: Final = (
    *("Id", "Name", "Industry", "Email", "IsWon", "Amount", "CreatedDate", "CloseDate", "Rate__c"),
    *(
        "acme__Level__c",
        "Account.Name",
        "Account.Owner.Profile.Name",
        "Parent__r.Owner.Name",
        "Key__c",
    ),
)
# Words of the grammar that may also name a field or an alias.
_NAMES_LIKE_KEYWORDS: Final = (
    "Group",
    "Order",
    "Count",
    "Scope",
    "End",
    "Offset",
    "Data",
    "Category",
)
_OBJECTS: Final = (
    "Account",
    "Contact",
    "Opportunity",
    "Task",
    "Invoice__c",
    "acme__Item__c",
    "Group",
)
_CHILDREN: Final = ("Contacts", "Opportunities", "Cases", "Items__r", "acme__Lines__r")
_AGGREGATES: Final = ("COUNT", "COUNT_DISTINCT", "SUM", "AVG", "MIN", "MAX")
_DATE_FUNCTIONS: Final = (
    *("CALENDAR_YEAR", "CALENDAR_QUARTER", "CALENDAR_MONTH", "DAY_IN_MONTH", "DAY_IN_WEEK"),
    *("DAY_IN_YEAR", "DAY_ONLY", "FISCAL_MONTH", "FISCAL_QUARTER", "FISCAL_YEAR", "HOUR_IN_DAY"),
    *("WEEK_IN_MONTH", "WEEK_IN_YEAR"),
)
_DATES: Final = (
    *("YESTERDAY", "TODAY", "TOMORROW", "LAST_WEEK", "THIS_WEEK", "NEXT_WEEK", "LAST_MONTH"),
    *("THIS_MONTH", "NEXT_MONTH", "LAST_90_DAYS", "NEXT_90_DAYS", "THIS_QUARTER", "LAST_QUARTER"),
    *("NEXT_QUARTER", "THIS_YEAR", "LAST_YEAR", "NEXT_YEAR", "THIS_FISCAL_QUARTER"),
    *("LAST_FISCAL_QUARTER", "NEXT_FISCAL_QUARTER", "THIS_FISCAL_YEAR", "LAST_FISCAL_YEAR"),
    "NEXT_FISCAL_YEAR",
)
_DATES_WITH_N: Final = (
    *("LAST_N_DAYS", "NEXT_N_DAYS", "N_DAYS_AGO", "LAST_N_WEEKS", "NEXT_N_WEEKS", "N_WEEKS_AGO"),
    *("LAST_N_MONTHS", "NEXT_N_MONTHS", "N_MONTHS_AGO", "LAST_N_QUARTERS", "NEXT_N_QUARTERS"),
    *("N_QUARTERS_AGO", "LAST_N_YEARS", "NEXT_N_YEARS", "N_YEARS_AGO", "LAST_N_FISCAL_QUARTERS"),
    *("NEXT_N_FISCAL_QUARTERS", "N_FISCAL_QUARTERS_AGO", "LAST_N_FISCAL_YEARS"),
    *("NEXT_N_FISCAL_YEARS", "N_FISCAL_YEARS_AGO"),
)
_STRINGS: Final = (
    *("'Acme'", "''", r"'it\'s'", r"'back\\slash'", r"'line\nfeed'", r"'\u00e9t\u00E9'", "'100%'"),
    *(
        r"'50\% off'",
        r"'a\_b'",
        "'naïve 名'",
        "'SELECT'",
        "'\"'",
        r"'\"'",
        "'a;b'",
        "'-- no comment'",
    ),
)
_NUMBERS: Final = (
    "0",
    "1",
    "-1",
    "+7",
    "3.14",
    "-0.5",
    "1000000",
    "0001",
    ".5",
    "12345678901234567890",
)
_DATED: Final = (
    *("2024-01-31", "1999-12-31", "2024-02-29T00:00:00Z", "2024-01-01T12:34:56.789Z"),
    *("2024-01-01T00:00:00+05:30", "2024-01-01T00:00:00-08:00", "2024-01-01T23:59:59.000+00:00"),
)
_CURRENCIES: Final = ("USD5000", "EUR10.50", "JPY1")
# What a mutant gets in place of a token, or beside one.
_STRANGERS: Final = (
    *(
        "SELECT",
        "FROM",
        "WHERE",
        "AND",
        "OR",
        "NOT",
        "IN",
        "LIKE",
        "GROUP",
        "ORDER",
        "BY",
        "HAVING",
    ),
    *(
        "LIMIT",
        "OFFSET",
        "NULLS",
        "FIRST",
        "ASC",
        "USING",
        "SCOPE",
        "WITH",
        "FOR",
        "VIEW",
        "TYPEOF",
    ),
    *("END", "JOIN", "DISTINCT", "BETWEEN", "IS", "UNION", "AS", "ON", "ALL", "ROWS", "UPDATE"),
    *("(", ")", ",", ".", ";", ":", "*", "=", "==", "!", "<>", "%", "+", "-", "/", "||", "--", "@"),
    *("'open", '"double"', "5", "-5", "1.5", "1e3", "0x1F", "1,5", "2024-13-45", "2024-1-1"),
    *(
        "2024-01-01T00:00:00",
        "24:00",
        "TRUE",
        "null",
        "TODAY",
        "LAST_N_DAYS",
        "LAST_N_DAYS:",
        "FOO",
    ),
    *("LAST_N_DAYS:-1", "TODAY:3", ":bound", r"'\q'", r"'\u12'", "Na-me", "_x", "1st", "é", "A..B"),
)


class Writer:
    """Writes valid queries; *random* decides everything."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def query(self) -> Tokens:
        """Write a whole query, of one of the shapes that SOQL has."""
        shapes = (self._rows, self._rows, self._rows, self._count, self._groups, self._all_fields)
        return self._one(shapes)()

    # ---- shapes ----

    def _rows(self) -> Tokens:
        name = self._object()
        alias = ["a"] if self._chance(0.1) else []
        columns = self._list(lambda: self._column("a." if alias and self._chance(0.7) else ""), 4)
        if self._chance(0.2):
            columns += [",", *self._child(1)]
        if self._chance(0.06):
            columns += [",", *self._type_of()]
        sources = [name, *alias]
        if alias and self._chance(0.3):
            sources += [",", f"a.{self._one(_CHILDREN)}", "c"]
        return [
            *("SELECT", *columns, "FROM", *sources),
            *(self._scope() if self._chance(0.06) else []),
            *self._where(0.6),
            *(self._with() if self._chance(0.05) else []),
            *self._order(0.3, self._path),
            *self._page(),
            *(["FOR", self._one(("VIEW", "REFERENCE"))] if self._chance(0.05) else []),
            *(["UPDATE", self._one(("TRACKING", "VIEWSTAT"))] if self._chance(0.03) else []),
        ]

    def _count(self) -> Tokens:
        return [
            "SELECT",
            "COUNT",
            "(",
            ")",
            "FROM",
            self._object(),
            *self._where(0.6),
            *self._page(),
        ]

    def _groups(self) -> Tokens:
        key = self._group_key
        keys = self._list(lambda: [*key(), *self._alias(0.2)], 2) if self._chance(0.8) else []
        aggregates = self._list(lambda: [*self._aggregate(), *self._alias(0.4)], 3)
        grouping = self._list(key, 2)
        if self._chance(0.12):
            grouping = [self._one(("ROLLUP", "CUBE")), "(", *grouping, ")"]
        columns = [*keys, ",", *aggregates] if keys else aggregates
        clauses = ["GROUP", "BY", *grouping] if keys or self._chance(0.5) else []
        if clauses and self._chance(0.35):
            clauses += ["HAVING", *self._conditions(self._having_test, 1)]
        order = self._order(0.3, self._aggregate if self._chance(0.5) else key)
        return [
            *("SELECT", *columns, "FROM", self._object(), *self._where(0.4), *clauses),
            *(order if clauses else []),
            *(self._page() if clauses else []),
        ]

    def _all_fields(self) -> Tokens:
        fields = ["FIELDS", "(", self._one(("ALL", "STANDARD", "CUSTOM")), ")"]
        more = [",", "Id"] if self._chance(0.2) else []
        return ["SELECT", *fields, *more, "FROM", self._object(), *self._where(0.3), "LIMIT", "200"]

    # ---- SELECT and FROM ----

    def _object(self) -> str:
        return self._one(_OBJECTS)

    def _path(self) -> Tokens:
        return [self._one(_NAMES_LIKE_KEYWORDS if self._chance(0.03) else _FIELDS)]

    def _column(self, prefix: str) -> Tokens:
        if self._chance(0.08):
            function = self._one(("toLabel", "FORMAT", "convertCurrency"))
            return [function, "(", *self._path(), ")", *self._alias(0.4)]
        if self._chance(0.02):
            return ["FORMAT", "(", "convertCurrency", "(", "Amount", ")", ")", *self._alias(0.7)]
        if self._chance(0.02):
            return [*self._distance(), *self._alias(0.3)]
        return [prefix + self._path()[0]]

    def _alias(self, of: float) -> Tokens:
        return [self._one(("n", "total", "expr_1", "Big"))] if self._chance(of) else []

    def _child(self, depth: int) -> Tokens:
        columns = self._list(self._path, 3)
        if depth < 3 and self._chance(0.1):
            columns += [",", *self._child(depth + 1)]
        relationship = self._one(_CHILDREN)
        source = f"Account.{relationship}" if self._chance(0.1) else relationship
        clauses = [*self._where(0.3), *self._order(0.3, self._path), *self._page()]
        return ["(", "SELECT", *columns, "FROM", source, *clauses, ")"]

    def _type_of(self) -> Tokens:
        tokens = ["TYPEOF", self._one(("What", "Who", "Owner", "Parent"))]
        for _ in range(self._random.randrange(1, 3)):
            tokens += ["WHEN", self._object(), "THEN", *self._list(self._path, 3)]
        if self._chance(0.6):
            tokens += ["ELSE", *self._list(self._path, 2)]
        return [*tokens, "END"]

    def _scope(self) -> Tokens:
        scopes = ("everything", "mine", "team", "delegated", "mine_and_my_groups", "my_territory")
        return ["USING", "SCOPE", self._one(scopes)]

    # ---- WHERE and HAVING ----

    def _where(self, of: float) -> Tokens:
        return ["WHERE", *self._conditions(self._test, 0)] if self._chance(of) else []

    def _conditions(self, test: Callable[[], Tokens], depth: int) -> Tokens:
        """Write conditions; AND and OR never stand side by side without parentheses."""
        operator = self._one(("AND", "OR"))
        tokens = self._condition(test, depth)
        for _ in range(self._one((0, 0, 0, 1, 1, 2))):
            tokens += [operator, *self._condition(test, depth)]
        return tokens

    def _condition(self, test: Callable[[], Tokens], depth: int) -> Tokens:
        if depth < 3 and self._chance(0.15):
            inner = ["(", *self._conditions(test, depth + 1), ")"]
        else:
            inner = test()
        return ["NOT", *inner] if self._chance(0.06) else inner

    def _test(self) -> Tokens:
        kind = self._random.random()
        if kind < 0.12:
            return [*self._path(), *self._membership(), "(", *self._list(self._literal, 3), ")"]
        if kind < 0.17:
            return [*self._path(), *self._membership(), *self._joined()]
        if kind < 0.22:
            operator = self._one(("INCLUDES", "EXCLUDES"))
            return ["Levels__c", operator, "(", *self._list(lambda: [self._one(_STRINGS)], 3), ")"]
        if kind < 0.32:
            return ["Name", "LIKE", self._one(_STRINGS)]
        if kind < 0.38:
            return [*self._date_function(), self._comparison(), self._one(("5", "2024"))]
        if kind < 0.4:
            return [*self._distance(), self._one(("<", ">")), "20"]
        return [*self._path(), self._comparison(), *self._literal()]

    def _having_test(self) -> Tokens:
        if self._chance(0.2):
            return [*self._group_key(), self._comparison(), self._one(("2024", "'Acme'", "null"))]
        return [*self._aggregate(), self._comparison(), self._one(_NUMBERS)]

    def _comparison(self) -> str:
        return self._one(("=", "!=", "<>", "<", "<=", ">", ">="))

    def _membership(self) -> Tokens:
        return self._one((["IN"], ["NOT", "IN"]))

    def _joined(self) -> Tokens:
        where = self._where(0.6)
        return ["(", "SELECT", self._one(("Id", "AccountId")), "FROM", self._object(), *where, ")"]

    def _literal(self) -> Tokens:
        kind = self._random.random()
        if kind < 0.3:
            return [self._one(_STRINGS)]
        if kind < 0.5:
            return [self._one(_NUMBERS)]
        if kind < 0.65:
            return [self._one(_DATED)]
        if kind < 0.75:
            return [self._one(_DATES)]
        if kind < 0.85:
            return [f"{self._one(_DATES_WITH_N)}:{self._random.randrange(1, 400)}"]
        if kind < 0.88:
            return [self._one(_CURRENCIES)]
        return [self._one(("null", "true", "false", "NULL", "TRUE"))]

    # ---- functions ----

    def _aggregate(self) -> Tokens:
        return [self._one(_AGGREGATES), "(", *self._path(), ")"]

    def _date_function(self) -> Tokens:
        argument = self._path()
        if self._chance(0.15):
            argument = ["convertTimezone", "(", *argument, ")"]
        return [self._one(_DATE_FUNCTIONS), "(", *argument, ")"]

    def _group_key(self) -> Tokens:
        return self._date_function() if self._chance(0.25) else self._path()

    def _distance(self) -> Tokens:
        place = ["GEOLOCATION", "(", "37.775", ",", "-122.418", ")"]
        unit = self._one(("'mi'", "'km'"))
        return ["DISTANCE", "(", "Location__c", ",", *place, ",", unit, ")"]

    # ---- the clauses behind WHERE ----

    def _with(self) -> Tokens:
        if self._chance(0.4):
            return ["WITH", "SECURITY_ENFORCED"]
        operator = self._one(("AT", "ABOVE", "BELOW", "ABOVE_OR_BELOW"))
        tokens = ["WITH", "DATA", "CATEGORY", "Geography__c", operator, "USA__c"]
        if self._chance(0.3):
            tokens += ["AND", "Product__c", "AT", "(", "A__c", ",", "B__c", ")"]
        return tokens

    def _order(self, of: float, key: Callable[[], Tokens]) -> Tokens:
        def ordering() -> Tokens:
            direction = self._one(([], [], ["ASC"], ["DESC"]))
            return [*key(), *direction, *self._one(([], [], ["NULLS", "FIRST"], ["NULLS", "LAST"]))]

        return ["ORDER", "BY", *self._list(ordering, 3)] if self._chance(of) else []

    def _page(self) -> Tokens:
        limit = ["LIMIT", self._one(("0", "1", "10", "50000"))] if self._chance(0.35) else []
        offset = ["OFFSET", self._one(("0", "5", "2000"))] if self._chance(0.12) else []
        return [*limit, *offset]

    def _list(self, make: Callable[[], Tokens], most: int) -> Tokens:
        tokens = [*make()]
        for _ in range(self._random.randrange(most)):
            tokens += [",", *make()]
        return tokens

    def _chance(self, of: float) -> bool:
        return self._random.random() < of

    def _one(self, items: Sequence[Item]) -> Item:
        return self._random.choice(items)


def break_it(tokens: Tokens, random: Random) -> Tokens:
    """Drop, double, swap, replace, insert or cut off a token; what comes out may still be valid."""
    place = random.randrange(len(tokens))
    before, token, after = tokens[:place], tokens[place], tokens[place + 1 :]
    stranger = random.choice(_STRANGERS)
    return random.choice(
        (
            [*before, *after],
            [*before, token, token, *after],
            [*before, *after[:1], token, *after[1:]],
            [*before, stranger, *after],
            [*before, token, stranger, *after],
            [*before, token],
        )
    )


def write_out(tokens: Tokens, random: Random) -> str:
    """Make text of *tokens*, in a spelling that means the same: case and white space do not matter."""
    spelling = random.random()
    if spelling < 0.1:
        tokens = [token if "'" in token else token.lower() for token in tokens]
    text = (random.choice(("  ", "\n", "\t")) if spelling > 0.9 else " ").join(tokens)
    if spelling < 0.7:
        # As people write it: no blanks within parentheses nor before commas.
        for loose, tight in ((" ( ", "("), ("( ", "("), (" )", ")"), (" ,", ",")):
            text = text.replace(loose, tight) if "'" not in text else text
    return text


def corpus(seed: int, count: int) -> list[str]:
    """Make *count* distinct queries, every other one broken once or twice."""
    random = Random(seed)  # noqa: S311 - the same corpus each time is the point
    writer = Writer(random)
    queries: dict[str, None] = {}
    while len(queries) < count:
        tokens = writer.query()
        queries.setdefault(write_out(tokens, random))
        for _ in range(random.choice((1, 1, 2))):
            tokens = break_it(tokens, random) or tokens
        queries.setdefault(write_out(tokens, random))
    return list(queries)[:count]
