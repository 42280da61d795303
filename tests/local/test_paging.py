"""Queries whose answer does not fit on one page."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.local.caller import Caller
from twinforce.local import LocalOrg

SELECT = "query?q=SELECT+Name+FROM+Account+ORDER+BY+Name"


@pytest.fixture
def call() -> Iterator[Caller]:
    with LocalOrg(page_size=2) as org:
        call = Caller(org)
        for name in "ABCDE":
            call.create("Account", Name=name)
        yield call


def relative(url: str) -> str:
    return url.removeprefix("/services/data/v67.0/")


def names(page: dict[str, Any]) -> str:
    return "".join(record["Name"] for record in page["records"])


def test_pages_follow_each_other_to_the_end(call: Caller) -> None:
    page = call("GET", SELECT).body
    assert list(page) == ["totalSize", "done", "nextRecordsUrl", "records"]
    pattern = r"/services/data/v67\.0/query/01g\w{15}-2"
    assert re.fullmatch(pattern, page["nextRecordsUrl"])
    seen = names(page)
    while not page["done"]:
        assert page["totalSize"] == 5
        page = call("GET", relative(page["nextRecordsUrl"])).body
        seen += names(page)
    assert seen == "ABCDE"
    assert "nextRecordsUrl" not in page


def test_a_page_is_there_again_and_again(call: Caller) -> None:
    url = relative(call("GET", SELECT).body["nextRecordsUrl"])
    assert [names(call("GET", url).body) for _ in range(2)] == ["CD", "CD"]


def test_the_rows_are_those_of_when_the_query_ran(call: Caller) -> None:
    url = relative(call("GET", SELECT).body["nextRecordsUrl"])
    call.create("Account", Name="BB")
    assert names(call("GET", url).body) == "CD"


def test_the_next_page_has_the_version_of_its_request(call: Caller) -> None:
    url = relative(call("GET", SELECT).body["nextRecordsUrl"])
    page = call.at("50.0")("GET", url).body
    assert page["nextRecordsUrl"].startswith("/services/data/v50.0/query/")


@pytest.mark.parametrize(("wanted", "got"), [("300", 300), ("1", 200), ("5000", 400)])
def test_the_caller_may_ask_for_another_size(wanted: str, got: int) -> None:
    with LocalOrg() as org:
        call = Caller(org)
        for number in range(400):
            call.create("Account", Name=f"{number:03}")
        page = call("GET", SELECT, Sforce_Query_Options=f"batchSize={wanted}").body
        assert len(page["records"]) == got


def test_2000_records_are_one_page() -> None:
    with LocalOrg() as org:
        call = Caller(org)
        for number in range(2001):
            call.create("Account", Name=str(number))
        page = call("GET", SELECT).body
        assert (len(page["records"]), page["totalSize"], page["done"]) == (2000, 2001, False)
        assert page["nextRecordsUrl"].endswith("-2000")
        assert call("GET", SELECT + "+LIMIT+2000").body["done"] is True


@pytest.mark.parametrize("locator", ["01gLo0000000009IAA-2", "x", "x-y"])
def test_an_unknown_locator_is_refused(call: Caller, locator: str) -> None:
    answer = call("GET", f"query/{locator}")
    assert (answer.status, answer.body[0]["errorCode"]) == (400, "INVALID_QUERY_LOCATOR")


def test_an_offset_behind_the_end_is_refused(call: Caller) -> None:
    url = relative(call("GET", SELECT).body["nextRecordsUrl"]).replace("-2", "-5")
    assert call("GET", url).body[0]["errorCode"] == "INVALID_QUERY_LOCATOR"


def test_a_batch_can_follow_the_pages(call: Caller) -> None:
    first = call.batch(("GET", f"v67.0/{SELECT}")).body["results"][0]["result"]
    [second] = call.batch(("GET", first["nextRecordsUrl"])).body["results"]
    assert (second["statusCode"], names(second["result"])) == (200, "CD")


def test_a_locator_with_thousands_of_digits_is_invalid() -> None:
    with LocalOrg(page_size=1) as org:
        call = Caller(org)
        for name in "AB":
            call.create("Account", Name=name)
        page = call.query("SELECT Id FROM Account")
        cursor = page["nextRecordsUrl"].rpartition("/")[2].partition("-")[0]
        assert call("GET", f"query/{cursor}-1").status == 200
        answer = call("GET", f"query/{cursor}-{'9' * 5000}")
    assert (answer.status, answer.body[0]["errorCode"]) == (400, "INVALID_QUERY_LOCATOR")


def test_a_page_size_with_thousands_of_digits_is_the_largest(org: LocalOrg) -> None:
    options = {"Sforce_Query_Options": f"batchSize={'9' * 5000}"}
    answer = Caller(org)("GET", "query?q=SELECT+Id+FROM+Account", **options)
    assert (answer.status, answer.body["done"]) == (200, True)


@pytest.fixture
def parents(call: Caller) -> None:
    """Give A five contacts and B one."""
    soql = "SELECT Id FROM Account ORDER BY Name LIMIT 2"
    first, second = (record["Id"] for record in call.query(soql)["records"])
    for name in "VWXYZ":
        call.create("Contact", LastName=name, AccountId=first)
    call.create("Contact", LastName="B", AccountId=second)


CHILDREN = "SELECT (SELECT LastName FROM Contacts ORDER BY LastName) FROM Account ORDER BY Name"


def last_names(page: dict[str, Any]) -> str:
    return "".join(record["LastName"] for record in page["records"])


@pytest.mark.usefixtures("parents")
def test_many_children_come_in_pages_of_their_own(call: Caller) -> None:
    page = call.query(CHILDREN)
    first, second = (record["Contacts"] for record in page["records"])
    assert list(first) == ["totalSize", "done", "nextRecordsUrl", "records"]
    assert (first["totalSize"], first["done"], last_names(first)) == (5, False, "VW")
    assert list(second) == ["totalSize", "done", "records"]
    assert (second["totalSize"], second["done"], last_names(second)) == (1, True, "B")
    assert first["nextRecordsUrl"] != page["nextRecordsUrl"]
    more = call("GET", relative(first["nextRecordsUrl"])).body
    assert (more["totalSize"], more["done"], last_names(more)) == (5, False, "XY")
    last = call("GET", relative(more["nextRecordsUrl"])).body
    assert (last["totalSize"], last["done"], last_names(last)) == (5, True, "Z")
    following = call("GET", relative(page["nextRecordsUrl"])).body
    assert [record["Contacts"] for record in following["records"]] == [None, None]


@pytest.mark.usefixtures("parents")
def test_a_batch_can_follow_the_pages_of_children(call: Caller) -> None:
    [result] = call.batch(("GET", f"v60.0/query?q={quote(CHILDREN)}")).body["results"]
    url = result["result"]["records"][0]["Contacts"]["nextRecordsUrl"]
    assert url.startswith("/services/data/v60.0/query/01g")
    [more] = call.batch(("GET", url)).body["results"]
    assert (more["statusCode"], last_names(more["result"])) == (200, "XY")


def test_the_children_of_one_answer_do_not_push_each_other_out() -> None:
    size = 101
    with LocalOrg(page_size=size) as org:
        call = Caller(org)
        with org._store.transaction():  # one by one takes its time
            for number in range(size):
                account = f"001{number:015}"
                org._store.insert(org._schema["Account"], {"Id": account, "Name": "A"})
                for child in range(size + 1):
                    row = {"Id": f"003{number:07}{child:08}", "AccountId": account}
                    org._store.insert(org._schema["Contact"], row)
        page = call.query("SELECT (SELECT Id FROM Contacts) FROM Account")
        for record in page["records"]:
            rest = call("GET", relative(record["Contacts"]["nextRecordsUrl"]))
            assert (rest.status, len(rest.body["records"])) == (200, 1)


def test_forgotten_cursors_go_and_used_ones_stay(call: Caller) -> None:
    forgotten, used = (relative(call("GET", SELECT).body["nextRecordsUrl"]) for _ in range(2))
    for _ in range(101):
        call("GET", SELECT)
        assert names(call("GET", used).body) == "CD"
    answer = call("GET", forgotten)
    assert (answer.status, answer.body[0]["errorCode"]) == (400, "INVALID_QUERY_LOCATOR")


def test_a_query_of_several_pages_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("twinforce.local.store.tables._BUSY_SECONDS", 0.01)
    with LocalOrg(tmp_path / "o.db", page_size=1) as org:
        call = Caller(org)
        for name in "AB":
            account = call.create("Account", Name=name)
            for number in "12":
                call.create("Contact", LastName=number, AccountId=account)
        with closing(sqlite3.connect(tmp_path / "o.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            page = call.query("SELECT Name, (SELECT LastName FROM Contacts) FROM Account")
            assert page["records"][0]["Contacts"]["done"] is False
            assert names(call("GET", relative(page["nextRecordsUrl"])).body) == "B"


def test_a_cursor_of_another_process_is_not_taken_for_an_own_one(tmp_path: Path) -> None:
    with LocalOrg(tmp_path / "o.db", page_size=1) as here:
        for name in "AB":
            Caller(here).create("Account", Name=name)
        url = relative(Caller(here)("GET", SELECT).body["nextRecordsUrl"])
        with LocalOrg(tmp_path / "o.db", page_size=1) as there:
            Caller(there)("GET", SELECT + "+DESC")
            answer = Caller(there)("GET", url)
    assert (answer.status, answer.body[0]["errorCode"]) == (400, "INVALID_QUERY_LOCATOR")


def test_cursors_hold_so_many_rows_and_those_of_the_last_answer(
    call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("twinforce.local.resources.queries._MOST_ROWS", 12)
    first, used, third = (relative(call("GET", SELECT).body["nextRecordsUrl"]) for _ in range(3))
    assert call("GET", first).body[0]["errorCode"] == "INVALID_QUERY_LOCATOR"
    assert names(call("GET", used).body) == "CD"
    fourth = relative(call("GET", SELECT).body["nextRecordsUrl"])
    assert call("GET", third).body[0]["errorCode"] == "INVALID_QUERY_LOCATOR"
    monkeypatch.setattr("twinforce.local.resources.queries._MOST_ROWS", 4)
    assert [names(call("GET", fourth).body) for _ in range(2)] == ["CD", "CD"]
    last = relative(call("GET", SELECT).body["nextRecordsUrl"])
    assert call("GET", used).body[0]["errorCode"] == "INVALID_QUERY_LOCATOR"
    assert names(call("GET", last).body) == "CD"
