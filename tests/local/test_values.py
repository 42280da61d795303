"""Values at the edge of what a field can hold."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.local.caller import Caller
from twinforce.local import LocalOrg

BIG = 123456789012345678


def with_number(org: LocalOrg) -> Caller:
    org.add_field(
        "Account", "Num__c", "Number", precision=18, scale=0, external_id=True, unique=True
    )
    return Caller(org)


def test_numbers_of_18_digits_are_told_apart(org: LocalOrg) -> None:
    call = with_number(org)
    first = call.create("Account", Name="first", Num__c=BIG)
    answer = call("PATCH", f"sobjects/Account/Num__c/{BIG + 1}", {"Name": "second"})
    assert (answer.status, answer.body["created"]) == (201, True)
    assert call.get("Account", first, "Name", "Num__c")["Num__c"] == BIG
    for condition, names in (
        (f"= {BIG}", ["first"]),
        (f"= {BIG + 1}", ["second"]),
        (f"> {BIG}", ["second"]),
        (f"IN ({BIG}, {BIG + 1}, 1)", ["first", "second"]),
    ):
        assert call.names(f"WHERE Num__c {condition}") == names
    contact = call.create("Contact", LastName="Doe", Account={"Num__c": str(BIG + 1)})
    soql = f"SELECT Account.Name FROM Contact WHERE Id = '{contact}'"
    assert call.query(soql)["records"][0]["Account"]["Name"] == "second"


def test_small_numbers_stay_floats(org: LocalOrg) -> None:
    call = with_number(org)
    for number in (5, "7", 2**53):
        account = call.create("Account", Name="x", Num__c=number)
        shown = call.get("Account", account)["Num__c"]
        assert (shown, type(shown)) == (float(number), float)
    [total] = call.query("SELECT SUM(Num__c) total FROM Account WHERE Num__c < 10")["records"]
    assert (total["total"], type(total["total"])) == (12.0, float)


def test_the_sum_of_many_large_numbers_is_one(org: LocalOrg) -> None:
    call = with_number(org)
    for number in range(11):
        call.create("Account", Name="x", Num__c=10**18 - 1 - number)
    [row] = call.query("SELECT SUM(Num__c) s, AVG(Num__c) a FROM Account")["records"]
    assert (row["s"], row["a"]) == (pytest.approx(11e18), pytest.approx(1e18))


def test_a_file_of_before_tells_its_large_numbers_apart_too(tmp_path: Path) -> None:
    path = tmp_path / "org.db"
    with LocalOrg(path) as org:
        with_number(org).create("Account", Name="small", Num__c=5)
    with sqlite3.connect(path) as connection:  # as the releases before made the column
        connection.create_function("casefold", 1, str.casefold, deterministic=True)
        connection.execute('DROP INDEX "Account.Num__c"')
        connection.execute('ALTER TABLE "Account" DROP COLUMN "Num__c"')
        connection.execute('ALTER TABLE "Account" ADD COLUMN "Num__c" REAL')
        connection.execute('UPDATE "Account" SET "Num__c" = 5')
    connection.close()
    with LocalOrg(path) as org:
        call = with_number(org)
        call.create("Account", Name="big", Num__c=BIG)
        assert call("GET", f"sobjects/Account/Num__c/{BIG + 1}").status == 404
        assert call("GET", f"sobjects/Account/Num__c/{BIG}").body["Num__c"] == BIG
        assert call("GET", "sobjects/Account/Num__c/5").body["Num__c"] == 5.0


def test_fields_that_an_org_did_not_have_before_are_filled(tmp_path: Path) -> None:
    path = tmp_path / "org.db"
    with LocalOrg(path) as org:
        user_id = org.user_id
    with sqlite3.connect(path) as connection:
        connection.execute('ALTER TABLE "User" DROP COLUMN "DigestFrequency"')
    connection.close()
    with LocalOrg(path) as org:
        assert Caller(org).get("User", user_id)["DigestFrequency"] == "D"


@pytest.mark.parametrize("wrong", ["23:60:99Z", "23:59:60Z", "24:00:00Z", "2:00:00Z"])
def test_a_time_is_one_of_a_clock(org: LocalOrg, call: Caller, wrong: str) -> None:
    org.add_field("Account", "At__c", "Time")
    answer = call("POST", "sobjects/Account", {"Name": "x", "At__c": wrong})
    assert (answer.status, answer.body[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")
    account = call.create("Account", Name="x", At__c="23:59:59Z")
    assert call.get("Account", account)["At__c"] == "23:59:59.000Z"


@pytest.mark.parametrize(
    ("given", "kept"), [(";", None), (" ; ;", None), ("A;;B", "A;B"), ("a ; A;b", "A;B")]
)
def test_a_choice_of_nothing_is_no_choice(
    org: LocalOrg, call: Caller, given: str, kept: str | None
) -> None:
    org.add_field("Account", "Some__c", "MultiselectPicklist", values=["A", "B"])
    account = call.create("Account", Name="x", Some__c=given)
    assert call.get("Account", account)["Some__c"] == kept
    found = call.names("WHERE Some__c = null")
    assert found == ([] if kept else ["x"])


def test_a_default_that_must_be_unique_is_taken_once(org: LocalOrg, call: Caller) -> None:
    org.add_field("Account", "Key__c", "Text", unique=True, default="x")
    first = call.create("Account", Name="a")
    answer = call("POST", "sobjects/Account", {"Name": "b"})
    assert (answer.status, answer.body[0]["errorCode"]) == (400, "DUPLICATE_VALUE")
    assert answer.body[0]["message"].endswith(first[:15])
    call.create("Account", Name="c", Key__c="y")
