"""SOQL: each value is one literal, and nothing gets out of it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Any, LiteralString
from uuid import UUID

import pytest

from tests.hostile import ANYTHING, TEXTS, Disguised, Money, Outcomes, hostile, plain
from twinforce import soql

NAIVE = dt.datetime(2024, 1, 1)  # noqa: DTZ001 - that is the point
PARIS_IN_1900 = dt.timezone(dt.timedelta(minutes=9, seconds=21))


class Stage(Enum):
    WON = "Closed Won"
    LOST = None
    LATE = dt.date(2024, 2, 29)


class Rating(StrEnum):
    HOT = "it's hot"


class Level(IntEnum):
    HIGH = 3


class Timestamp(dt.datetime):
    """A datetime that shows itself in another way, as that of pandas does."""

    def isoformat(self, sep: str = "T", timespec: str = "auto") -> str:
        return "' OR Id != null"

    def astimezone(self, tz: dt.tzinfo | None = None) -> Any:
        raise AssertionError(tz)


class NaT(dt.datetime):
    """A datetime that is none, as pandas has it."""

    def utcoffset(self) -> dt.timedelta | None:
        raise ValueError("no offset")


class Key(UUID):
    def __str__(self) -> str:
        return "' OR Id != '"


class Bool:
    """No bool, though its name says so."""


Bool.__module__, Bool.__qualname__ = "numpy", "bool"


class Day(dt.date):
    def isoformat(self) -> str:
        return "TODAY OR Id != null"


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-7, "-7"),
        (10**30, str(10**30)),
        (Level.HIGH, "3"),
        (1.5, "1.5"),
        (-0.5, "-0.5"),
        (1e22, "10000000000000000000000"),
        (1e-7, "0.0000001"),
        (Decimal("12345678901234567.89"), "12345678901234567.89"),
        (Decimal("1E+3"), "1000"),
        (Decimal("1.10"), "1.10"),
        (Money("1.10"), "1.10"),
        (dt.date(2024, 2, 29), "2024-02-29"),
        (Day(2024, 2, 29), "2024-02-29"),
        (dt.date(33, 4, 3), "0033-04-03"),
        (dt.datetime(2024, 1, 1, 12, tzinfo=dt.UTC), "2024-01-01T12:00:00Z"),
        (dt.datetime(2024, 1, 1, 12, 0, 0, 123999, dt.UTC), "2024-01-01T12:00:00.123Z"),
        (dt.datetime(1900, 1, 1, tzinfo=PARIS_IN_1900), "1899-12-31T23:50:39Z"),
        (Timestamp(2024, 1, 1, 12, tzinfo=PARIS_IN_1900), "2024-01-01T11:50:39Z"),
        (dt.time(9, 30), "09:30:00.000Z"),
        (dt.time(9, 30, 0, 123456), "09:30:00.123Z"),
        (UUID(int=1), "'00000000-0000-0000-0000-000000000001'"),
        (Key(int=1), "'00000000-0000-0000-0000-000000000001'"),
        ("", "''"),
        ("0011R00001K1H2IQAV", "'0011R00001K1H2IQAV'"),
        ("Zoë 😀 \u202e", "'Zoë 😀 \u202e'"),
        ("50%_", "'50%_'"),
        ("O'Hara", r"'O\'Hara'"),
        ('say "x"', r"'say \"x\"'"),
        ("a\\", r"'a\\'"),
        ("\\' OR Id != '", r"'\\\' OR Id != \''"),
        ("a\n\r\t\f", r"'a\n\r\t\f'"),
        # What SOQL means by \b, its reference calls a bell; this is a backspace beyond doubt.
        ("\0\b\x07\x1f\x7f\x85", r"'\u0000\u0008\u0007\u001f\u007f\u0085'"),
        ("{x}", "'{x}'"),
        (Rating.HOT, r"'it\'s hot'"),
        (Stage.WON, "'Closed Won'"),
        (Stage.LOST, "null"),
        (Stage.LATE, "2024-02-29"),
        (Disguised("it's"), r"'it\'s'"),
    ],
)
def test_a_value_is_one_literal(value: Any, literal: str) -> None:
    assert soql("WHERE Field__c = {}", value) == f"WHERE Field__c = {literal}"
    assert soql("WHERE Field__c IN {}", [value]) == f"WHERE Field__c IN ({literal})"


@pytest.mark.parametrize(
    "values",
    [
        ["a", None, 3],
        ("a", None, 3),
        {"a": 1, None: 2, 3: 3}.keys(),
        [Disguised("a"), Stage.LOST, Level.HIGH],
    ],
)
@pytest.mark.parametrize("operator", ["IN", "NOT IN", "not in", "NOT\nIN"])
def test_a_list_of_any_kind_stands_behind_in(values: Any, operator: str) -> None:
    template: Any = f"WHERE Field__c {operator} {{}}"

    assert soql(template, values) == f"WHERE Field__c {operator} ('a',null,3)"


def test_a_list_stands_behind_includes_and_excludes() -> None:
    assert soql("M__c INCLUDES {}", ["a;b", "c"]) == "M__c INCLUDES ('a;b','c')"
    assert soql("M__c excludes {list}", list={"c"}) == "M__c excludes ('c')"


def test_values_are_given_in_turn_or_by_name() -> None:
    query = soql("A = {} AND B = {b} AND C = {} AND D = {b}", 1, 2, b="x")

    assert query == "A = 1 AND B = 'x' AND C = 2 AND D = 'x'"


@pytest.mark.parametrize("name", ["template", "values", "named", "self", "like", "class"])
def test_a_value_may_have_any_name(name: str) -> None:
    template: Any = f"A = {{{name}}}"
    assert soql(template, **{name: 1}) == "A = 1"


def test_doubled_braces_mean_themselves() -> None:
    assert (
        soql("A = '{{}}' AND B = {} AND C = '{{{{'", "{}") == "A = '{}' AND B = '{}' AND C = '{{'"
    )


@pytest.mark.parametrize(
    "template",
    [
        # Within these braces, a brace ends the term, and quotes mean nothing.
        "FIND {{{}}} IN ALL FIELDS RETURNING Contact(Id)",
        "FIND {{it}} RETURNING Contact(Id WHERE Name = {})",
        "A = {} }}",
        "{{A}} = {}",
    ],
)
def test_a_brace_outside_of_quotes_is_refused(template: Any) -> None:
    with pytest.raises(ValueError, match="a brace stands outside of quotes, where SOQL has none"):
        soql(template, "x} IN ALL FIELDS RETURNING User(Id)")


@pytest.mark.parametrize(
    ("template", "query"),
    [
        (r"A = 'it\'s' AND B = {}", r"A = 'it\'s' AND B = 'x'"),
        (r"A = 'x\\' AND B = {}", r"A = 'x\\' AND B = 'x'"),
        (r"A = '\\\'' AND B = {}", r"A = '\\\'' AND B = 'x'"),
        ("A = '' AND B = {}", "A = '' AND B = 'x'"),
        ("A = '{{' AND B = {}", "A = '{' AND B = 'x'"),
        (r"A = '\\{{' AND B = {}", r"A = '\\{' AND B = 'x'"),
        ("A={}AND", None),
        ("(A={})", "(A='x')"),
        ("A={}\nAND B != 1", "A='x'\nAND B != 1"),
    ],
)
def test_what_is_within_quotes_is_known(template: Any, query: str | None) -> None:
    if query is None:
        with pytest.raises(ValueError, match="must be a space"):
            soql(template, "x")
    else:
        assert soql(template, "x") == query


def test_a_number_may_complete_a_date_literal() -> None:
    assert soql("CreatedDate = LAST_N_DAYS:{} LIMIT {}", 30, 5) == (
        "CreatedDate = LAST_N_DAYS:30 LIMIT 5"
    )


# ---- LIKE ----


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("5%", r"5\%"),
        ("a_b", r"a\_b"),
        ("O'Hara", r"O\'Hara"),
        (r"\%", r"\\\%"),
        ("\\", r"\\"),
        ("'%' OR Name != '", r"\'\%\' OR Name != \'"),
        ("\n", r"\n"),
        ("", ""),
        (Rating.HOT, r"it\'s hot"),
        (Stage.WON, "Closed Won"),
        (Disguised("5%"), r"5\%"),
    ],
)
def test_text_in_a_pattern_means_itself(text: Any, pattern: str) -> None:
    assert soql("Name LIKE '%{:like}_'", text) == f"Name LIKE '%{pattern}_'"
    assert soql("Name like'{a:like}%{a:like}'", a=text) == f"Name like'{pattern}%{pattern}'"


def test_a_whole_pattern_keeps_its_wildcards() -> None:
    assert soql("Name LIKE {}", "O'%") == r"Name LIKE 'O\'%'"


@pytest.mark.parametrize("value", [None, 5, ["a"], b"a", True])
def test_only_text_goes_into_a_pattern(value: Any) -> None:
    with pytest.raises(TypeError, match=r"the value 1, for \{:like\}, must be a str, not"):
        soql("Name LIKE '{:like}%'", value)


@pytest.mark.parametrize(
    "template",
    [
        "Name LIKE {:like}",
        "Name = '{:like}'",
        "Name IN ('{:like}')",
        "NameLIKE '{:like}'",
        "Name LIKE 'x' AND Alias = '{:like}'",
        "{:like}",
    ],
)
def test_a_pattern_is_refused_where_there_is_no_like(template: Any) -> None:
    with pytest.raises(ValueError, match="for the value 1, belongs within the quotes of a pattern"):
        soql(template, "x")


# ---- what is refused ----


@pytest.mark.parametrize(
    ("value", "kind", "reason"),
    [
        (NAIVE, ValueError, "has no time zone, so its instant is unknown; give it one"),
        (b"x", TypeError, "is a bytes, of which SOQL has no literal; use str, int"),
        (object(), TypeError, "is a object, of which SOQL has no literal"),
        (1j, TypeError, "is a complex, of which SOQL has no literal"),
        (str, TypeError, "is a type, of which SOQL has no literal"),
        (Bool(), TypeError, "is a numpy.bool, of which SOQL has no literal"),
        ({"a": 1}, TypeError, "is a dict, of which SOQL has no literal"),
        ((item for item in "ab"), TypeError, "is a generator, of which SOQL has no literal"),
        (float("nan"), ValueError, "is NaN, which is no number"),
        (float("-inf"), ValueError, "is -Infinity, which is no number"),
        (Decimal("NaN"), ValueError, "is NaN, which is no number"),
        (Decimal("sNaN"), ValueError, "is sNaN, which is no number"),
        (Decimal("1E+999999999"), ValueError, "is a number of more than 400 digits"),
        (Decimal("1E-999999999"), ValueError, "is a number of more than 400 digits"),
        pytest.param(10**5000, ValueError, "is a number of more than 400 digits", id="5000 digits"),
        ("\ud800", ValueError, "holds half of a surrogate pair, which is not text"),
        (NaT(1, 1, 1), ValueError, "has no time zone, so its instant is unknown; give it one"),
        (
            dt.datetime.min.replace(tzinfo=dt.timezone(dt.timedelta(hours=5))),
            ValueError,
            "has no year from 1 to 9999 in UTC",
        ),
        (dt.time(9, tzinfo=dt.UTC), ValueError, "has a time zone, and a Time field has none"),
    ],
)
def test_a_value_without_a_literal_is_refused(
    value: Any, kind: type[Exception], reason: str
) -> None:
    with pytest.raises(kind, match=f"^the value 1,? .*{re.escape(reason)}"):
        soql("A = {}", value)
    with pytest.raises(kind, match=f"^the value x,? .*{re.escape(reason)}"):
        soql("A = {x}", x=value)
    with pytest.raises(kind, match=rf"^the value 1\[1\],? .*{re.escape(reason)}"):
        soql("A IN {}", ["a", value])


def test_a_list_within_a_list_is_refused() -> None:
    with pytest.raises(
        TypeError, match=r"the value 1\[0\] is a list, of which SOQL has no literal"
    ):
        soql("A IN {}", [["a"]])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("values", [[], (), set(), range(0)])
def test_an_empty_list_is_refused(values: Sequence[str]) -> None:
    with pytest.raises(ValueError, match="the value 1 is empty, and SOQL has no empty list: IN"):
        soql("A IN {}", values)


@pytest.mark.parametrize("template", ["A = {}", "A IN ({})", "A IN ('x', {})", "PIN {}", "{}"])
def test_a_list_that_does_not_stand_behind_in_is_refused(template: Any) -> None:
    with pytest.raises(TypeError, match="the value 1 is a list, which brings its own parentheses"):
        soql(template, ["a"])


@pytest.mark.parametrize("value", ["a", 5, None, b"ab"])
def test_a_single_value_behind_in_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="the value 1 stands behind IN, so it must be a list"):
        soql("A NOT IN {}", value)
    assert soql("A IN ({}, {})", "a", 5) == "A IN ('a', 5)"


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("A = '{}'", "the value 1 stands within quotes: leave these out, as it brings its own"),
        ("A = 'x{}", "the value 1 stands within quotes"),
        (r"A = '\{}'", "a backslash of the template stands right before a value"),
        ("A = {}{}", "there must be a space before the value 2"),
        ("A = 5{}", "there must be a space before the value 1"),
        ("A = 'x'{}", "there must be a space before the value 1"),
        ("A = 1.{}", "there must be a space before the value 1"),
        ("A ={}5", "there must be a space between a value and '5' after it"),
        ("A ={}'x'", "there must be a space between a value and"),
        ("A ={}.5", "there must be a space between a value and"),
        ("A ={}é", "there must be a space between a value and"),
        ("A = {0}", "{0} is no place for a value; one is {}, {name} or {:like}"),
        ("A = {a.b}", "{a.b} is no place"),
        ("A = {a[0]}", "{a[0]} is no place"),
        ("A = {!r}", "{!r} is no place"),
        ("A = {a!s:like}", "{a!s:like} is no place"),
        ("A = {:>5}", "{:>5} is no place"),
        ("A = {:literal}", "{:literal} is no place"),
        ("A = {:{}}", "{:{}} is no place"),
        ("A = { }", "{ } is no place"),
        ("A = {", "the template cannot be read (Single '{'"),
        ("A = }", "the template cannot be read (Single '}'"),
        ("A = {x!}", "the template cannot be read ("),
        ("A = {x}", "no value was given for the place {x}; pass it by name"),
        ("A = {} {} {}", "the template has more places than the 2 values that were given"),
        ("A = {}", "the template has no place for the values 2"),
        ("A = 1", "the template has no place for the values 1, 2"),
        ("A = {} B = {} C = 'x", "the template has a quote that is never closed"),
        ("A = {} B = {} C = 'x\\", "a backslash of the template stands right before"),
    ],
)
def test_a_template_that_does_not_fit_is_refused(template: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        soql(template, "secret", "secret")


def test_a_name_without_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match="the template has no place for the values y, z"):
        soql("A = {x}", x=1, y=2, z=3)


@pytest.mark.parametrize("template", [None, b"A = {}", 5, ["A = {}"]])
def test_a_template_of_another_type_is_refused(template: Any) -> None:
    with pytest.raises(TypeError, match="the template must be a str, not"):
        soql(template, 1)


# ---- all that may come ----

LITERAL = re.compile(
    r"'(?:[^'\\\x00-\x1f]|\\(?:[nrtf'\"\\]|u[0-9a-f]{4}))*'"
    r"|null|true|false|-?[0-9]+(?:\.[0-9]+)?"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{3})?Z)?"
    r"|[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z"
)
ESCAPE = re.compile(r"\\(?:u([0-9a-f]{4})|(.))")


def meant(literal: str) -> str:
    """Read a literal as the reference of SOQL has it."""
    controls = {"n": "\n", "r": "\r", "t": "\t", "f": "\f"}
    return ESCAPE.sub(
        lambda escape: chr(int(escape[1], 16)) if escape[1] else controls.get(escape[2], escape[2]),
        literal[1:-1],
    )


def check_refusal(error: Exception) -> None:
    Outcomes().refuse(error)
    assert str(error).startswith("the value 1")


@hostile(value=ANYTHING)
def test_no_value_gets_out_of_its_literal(value: Any) -> None:
    before: LiteralString = "SELECT Id FROM Account WHERE (Name = "
    after: LiteralString = ") AND Secret__c = false"
    try:
        query = soql(before + "{}" + after, value)
    except (TypeError, ValueError) as error:
        check_refusal(error)
        return

    assert query.startswith(before)
    assert query.endswith(after)
    literal = query.removeprefix(before).removesuffix(after)
    assert LITERAL.fullmatch(literal)
    if isinstance(value, str):
        assert meant(literal) == plain(value)


@hostile(value=TEXTS)
def test_no_text_gets_out_of_its_pattern(value: str) -> None:
    try:
        query = soql("WHERE (Name LIKE '%{:like}%') AND Secret__c = false", value)
    except ValueError as error:
        check_refusal(error)
        return

    pattern = query.removeprefix("WHERE (Name LIKE '%").removesuffix("%') AND Secret__c = false")
    assert not re.search("[%_]", re.sub(r"\\.", "", pattern))
    plainer = re.sub(r"\\([%_])", r"\1", re.sub(r"\\\\", "", pattern))
    assert LITERAL.fullmatch(f"'{plainer}'")
    assert meant(f"'{pattern}'") == plain(value)
