"""The file of an org: one commit for each request, several processes, indexes, full disks."""

from __future__ import annotations

import gc
import json
import sqlite3
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from tests.local.caller import Caller
from twinforce.local import LocalOrg
from twinforce.local.records.intake import RecordData
from twinforce.local.schema import standard_schema
from twinforce.local.store.tables import Store, comparable
from twinforce.local.store.transactions import StoreError

ACCOUNT = standard_schema()["Account"]
ITEM = ("POST", "v67.0/sobjects/Account", {"Name": "Acme"})


def opened(path: Path | None = None) -> Store:
    store = Store(path)
    store.prepare(ACCOUNT)
    return store


def names(store: Store) -> list[str]:
    return [name for (name,) in store.rows('SELECT "Name" FROM "Account" ORDER BY rowid')]


def put(store: Store, name: str) -> None:
    store.insert(ACCOUNT, {"Id": name, "Name": name})


# ---- transactions ----


def test_a_transaction_within_another_fails_alone() -> None:
    store = opened()
    with store.transaction():
        put(store, "a")
        with pytest.raises(KeyError), store.transaction():
            put(store, "b")
            raise KeyError
        with store.transaction():
            put(store, "c")
    assert names(store) == ["a", "c"]


def test_a_transaction_that_fails_takes_those_within_it_along() -> None:
    store = opened()
    with pytest.raises(KeyError), store.transaction():
        with store.transaction():
            put(store, "a")
        raise KeyError
    assert names(store) == []
    with store.transaction():
        put(store, "b")
    assert names(store) == ["b"]


def test_what_is_kept_together_is_committed_at_the_end(tmp_path: Path) -> None:
    here, there = opened(tmp_path / "o.db"), opened(tmp_path / "o.db")
    with here.together():
        for name in "ab":
            with here.transaction():
                put(here, name)
        with pytest.raises(KeyError), here.transaction():
            put(here, "c")
            raise KeyError
        assert names(there) == []
    assert names(there) == ["a", "b"]


def test_a_block_that_only_reads_locks_nothing(tmp_path: Path) -> None:
    here, there = opened(tmp_path / "o.db"), opened(tmp_path / "o.db")
    with here.together():
        names(here)
        with there.transaction():
            put(there, "a")
        assert names(here) == ["a"]


def test_a_block_that_raises_leaves_nothing() -> None:
    store = opened()
    with pytest.raises(KeyError), store.together():
        with store.transaction():
            put(store, "a")
        raise KeyError
    assert names(store) == []


def test_a_request_is_committed_once(tmp_path: Path) -> None:
    commits: list[str] = []
    with LocalOrg(tmp_path / "o.db") as org:
        org._store._connection.set_trace_callback(
            lambda sql: commits.append(sql) if sql.startswith(("BEGIN", "COMMIT")) else None
        )
        body = Caller(org).batch(*[ITEM] * 25).body
    assert body["hasErrors"] is False
    assert commits == ["BEGIN IMMEDIATE", "COMMIT"]


def test_a_subrequest_that_fails_late_leaves_the_others_alone(org: LocalOrg, call: Caller) -> None:
    account = call.create("Account", Name="Acme")
    contact = call.create("Contact", LastName="Doe", AccountId=account)
    call.create("Case", ContactId=contact)
    body = call.batch(ITEM, ("DELETE", f"v67.0/sobjects/Account/{account}"), ITEM).body
    assert [result["statusCode"] for result in body["results"]] == [201, 400, 201]
    # The delete had come as far as the contact before the case stood in its way.
    assert call.get("Contact", contact)["AccountId"] == account
    assert len(call.names("")) == 3


def test_a_full_disk_answers_nothing_as_done(tmp_path: Path) -> None:
    with LocalOrg(tmp_path / "o.db") as org:
        call = Caller(org)
        call.create("Account", Name="first")
        [(pages,)] = org._store.rows("PRAGMA page_count")
        org._store.rows(f"PRAGMA max_page_count={pages + 8}")
        item = ("POST", "v67.0/sobjects/Account", {"Name": "x", "Description": "x" * 30_000})
        answer = call.batch(ITEM, *[item] * 3, ITEM)
        assert (answer.status, answer.body[0]["errorCode"]) == (500, "UNKNOWN_EXCEPTION")
        assert call.names("") == ["first"]
        org._store.rows("PRAGMA max_page_count=1000000")
        call.create("Account", Name="last")
        assert call.names("") == ["first", "last"]


def test_a_transaction_that_sqlite_gave_up_is_never_taken_for_done() -> None:
    store = opened()
    with pytest.raises(StoreError), store.together():
        with store.transaction():
            put(store, "a")
        store._connection.execute("ROLLBACK")  # as SQLite does itself, on an I/O error
        with pytest.raises(StoreError), store.transaction():
            put(store, "b")
    assert names(store) == []
    with store.together(), store.transaction():
        put(store, "c")
    assert names(store) == ["c"]


def test_an_upsert_looks_for_the_record_when_nobody_else_can_make_it(org: LocalOrg) -> None:
    org.add_field("Contact", "Key__c", "Text", external_id=True)
    seen: list[str] = []
    org._store._connection.set_trace_callback(seen.append)
    Caller(org)("PATCH", "sobjects/Contact/Key__c/k", {"LastName": "Doe"})
    looks = next(index for index, sql in enumerate(seen) if 'casefold("Key__c")' in sql)
    assert seen.index("BEGIN IMMEDIATE") < looks < seen.index("COMMIT")


# ---- several processes ----


def test_a_file_that_another_process_sets_up_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "o.db"
    Store(path).close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA journal_mode=DELETE")
    other.execute("BEGIN IMMEDIATE")
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        other.execute("COMMIT")

    monkeypatch.setattr("twinforce.local.store.tables.time.sleep", wait)
    store = Store(path)
    assert store.rows("PRAGMA journal_mode") == [("wal",)]
    assert len(waits) == 1
    store.close()
    other.close()


LOADER = """
import json, sys
from tests.local.caller import Caller
from twinforce.local import LocalOrg

path, who = sys.argv[1:]
with LocalOrg(path) as org:
    org.add_field("Account", "Key__c", "Text", external_id=True, unique=True)
    org.add_field("Contact", "Key__c", "Text", external_id=True)
    org.add_object(f"Of_{who}__c", name_format="{0000}")
    org.add_object("Shared__c", name_format="S-{0000}")
    call = Caller(org)
    out = {"ids": [], "created": 0, "duplicates": 0, "numbers": []}
    print("ready", flush=True)
    sys.stdin.readline()
    for key in range(40):
        answer = call("POST", "sobjects/Account", {"Name": who, "Key__c": f"k{key}"})
        out["created" if answer.status == 201 else "duplicates"] += 1
        answer = call("PATCH", f"sobjects/Contact/Key__c/k{key}", {"LastName": who})
        out["ids"].append(answer.body["id"])
        shared = call.create("Shared__c")
        out["numbers"].append(call.get("Shared__c", shared)["Name"])
    prefix = call.create(f"Of_{who}__c")[:3], call.create("Shared__c")[:3]
    print(json.dumps({**out, "prefixes": prefix}), flush=True)
"""


def test_two_processes_share_a_file_and_make_nothing_twice(tmp_path: Path) -> None:
    path = str(tmp_path / "o.db")
    loaders = [
        subprocess.Popen(
            [sys.executable, "-c", LOADER, path, who],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
            text=True,
        )
        for who in ("One", "Two")
    ]
    for loader in loaders:  # both have opened the new file at the same time
        assert loader.stdout is not None
        assert loader.stdout.readline() == "ready\n"
    with ThreadPoolExecutor() as pool:
        outputs = pool.map(lambda loader: loader.communicate("go\n", timeout=60)[0], loaders)
        one, two = map(json.loads, outputs)
    assert [loader.returncode for loader in loaders] == [0, 0]
    # Each unique value was taken by one of them, and each external id is one record.
    assert one["created"] + two["created"] == one["duplicates"] + two["duplicates"] == 40
    assert one["ids"] == two["ids"]
    assert len({*one["numbers"], *two["numbers"]}) == 80
    assert one["prefixes"][0] != two["prefixes"][0]
    assert one["prefixes"][1] == two["prefixes"][1]
    with LocalOrg(path) as org:
        call = Caller(org)
        assert call.query("SELECT COUNT() FROM Account")["totalSize"] == 40
        assert call.query("SELECT COUNT() FROM Contact")["totalSize"] == 40


def test_a_file_in_which_another_process_writes_on_and_on_is_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("twinforce.local.store.tables._BUSY_SECONDS", 0.01)
    with LocalOrg(tmp_path / "o.db") as org:
        call = Caller(org)
        other = sqlite3.connect(tmp_path / "o.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        answer = call("POST", "sobjects/Account", {"Name": "Acme"})
        assert (answer.status, answer.body[0]["errorCode"]) == (400, "UNABLE_TO_LOCK_ROW")
        assert call.names("") == []
        with pytest.raises(OSError, match="unable to obtain exclusive access"):
            LocalOrg(tmp_path / "o.db")
        other.execute("COMMIT")
        other.close()
        call.create("Account", Name="Acme")


def test_two_orgs_on_one_file_see_what_the_other_wrote(tmp_path: Path) -> None:
    with LocalOrg(tmp_path / "o.db") as here, LocalOrg(tmp_path / "o.db") as there:
        here.add_field("Account", "Here__c", "Text")
        record_id = Caller(here).create("Account", Name="Acme", Here__c="x")
        assert Caller(there).get("Account", record_id)["Name"] == "Acme"
        path = f"sobjects/Account/{record_id}"
        assert Caller(there)("PATCH", path, {"Name": "New"}).status == 204
        assert Caller(here).get("Account", record_id)["Name"] == "New"
        assert Caller(there).create("Account", Name="Other") != record_id


def test_orgs_in_memory_have_nothing_in_common_but_the_shape() -> None:
    with LocalOrg() as here, LocalOrg() as there:
        Caller(here).create("Account", Name="Acme")
        assert Caller(there).names("") == []
        with LocalOrg() as later:
            assert Caller(later).names("") == []


# ---- indexes ----


@pytest.mark.parametrize(
    ("sobject", "field"),
    [
        ("Account", "Id"),
        ("Account", "Name"),
        ("Account", "Key__c"),
        ("Account", "Unique__c"),
        ("Account", "OwnerId"),
        ("Account", "SystemModstamp"),
        ("Contact", "AccountId"),
        ("Contact", "Email"),
        ("Contact", "Name"),
        ("Case", "CaseNumber"),
        ("Task", "WhatId"),
    ],
)
def test_a_lookup_by_what_is_asked_for_often_looks_at_few_rows(
    org: LocalOrg, sobject: str, field: str
) -> None:
    org.add_field("Account", "Key__c", "Text", external_id=True)
    org.add_field("Account", "Unique__c", "Text", unique=True, case_sensitive=True)
    owner = org._schema[sobject]
    wanted = owner.field(field)
    assert wanted is not None
    plan = org._store.rows(
        f'EXPLAIN QUERY PLAN SELECT "Id" FROM "{sobject}" WHERE {comparable(wanted)} = ?', ("x",)
    )
    assert [step[3].split()[0] for step in plan] == ["SEARCH"]


def test_of_two_indexes_the_one_that_tells_rows_apart_is_used(org: LocalOrg) -> None:
    contact = org._schema["Contact"]
    with org._store.transaction():
        for number in range(1_000):
            fields = {"LastName": "Doe", "Email": f"{number}@example.com"}
            org._records.create(contact, RecordData(fields, b""))
    plan = org._store.rows(
        'EXPLAIN QUERY PLAN SELECT "Id" FROM "Contact" '
        'WHERE "OwnerId" = ? AND casefold("Email") = ?',
        (org.user_id, "5@example.com"),
    )
    assert [step[3] for step in plan] == ["SEARCH Contact USING INDEX Contact.Email (<expr>=?)"]
    assert org._store.rows("SELECT COUNT(*) > 0 FROM sqlite_stat1") == [(1,)]


def test_the_records_changed_last_are_found_without_sorting_all(org: LocalOrg) -> None:
    seen: list[str] = []
    org._store._connection.set_trace_callback(seen.append)
    org._store.recent(org._schema["Account"], 10)
    [sql] = seen
    plan = org._store.rows(f"EXPLAIN QUERY PLAN {sql}")
    assert [step[3] for step in plan] == ["SCAN Account USING INDEX Account.SystemModstamp"]


def test_ids_are_given_in_order_and_never_again(org: LocalOrg, call: Caller) -> None:
    ids = [call.create("Account", Name="Acme") for _ in range(3)]
    for record_id in ids:
        call("DELETE", f"sobjects/Account/{record_id}")
    ids.append(call.create("Account", Name="Acme"))
    assert all(earlier[:15] < later[:15] for earlier, later in pairwise(ids))


# ---- declarations ----


def works(org: LocalOrg) -> bool:
    """Add the field A__c to Account, and tell whether it is there."""
    org.add_field("Account", "A__c", "Text")
    call = Caller(org)
    call.create("Account", Name="Acme", A__c="a")
    return call.names("WHERE A__c = 'a'") == ["Acme"]


def test_a_declaration_in_a_locked_file_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("twinforce.local.store.tables._BUSY_SECONDS", 0.01)
    with LocalOrg(tmp_path / "o.db") as org:
        org.add_object("Known__c")
        with closing(sqlite3.connect(tmp_path / "o.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            org.add_object("Known__c")  # has nothing to write
            with pytest.raises(OSError, match="unable to obtain exclusive access"):
                org.add_field("Account", "A__c", "Text")
            with pytest.raises(OSError, match="unable to obtain exclusive access"):
                org.add_object("New__c")
            other.execute("COMMIT")
        call = Caller(org)
        assert call("GET", "query?q=SELECT+FIELDS(ALL)+FROM+Account+LIMIT+1").status == 200
        assert call("GET", "sobjects/New__c/describe").status == 404
        assert works(org)
        org.add_object("New__c")
        assert call.create("New__c")[:3] == "a01"


def test_a_declaration_on_a_full_disk_changes_nothing(tmp_path: Path) -> None:
    with LocalOrg(tmp_path / "o.db") as org:
        [(pages,)] = org._store.rows("PRAGMA page_count")
        org._store.rows(f"PRAGMA max_page_count={pages}")
        with pytest.raises(StoreError, match="full"):
            org.add_object("New__c")
        with pytest.raises(StoreError, match="full"):
            for number in range(200):
                org.add_field("Account", f"A{number}__c", "Text", external_id=True)
        call = Caller(org)
        assert call("GET", "query?q=SELECT+FIELDS(ALL)+FROM+Account+LIMIT+1").status == 200
        assert call("GET", "sobjects/New__c/describe").status == 404
        org._store.rows("PRAGMA max_page_count=1000000")
        assert works(org)


def test_what_a_rule_declares_goes_with_the_record_that_it_refuses(
    org: LocalOrg, call: Caller
) -> None:
    def refuse(_: object) -> bool:
        org.add_object("New__c")
        org.add_field("Account", "A__c", "Text")
        return True

    org.add_validation_rule("Contact", refuse, message="No.")
    answer = call("POST", "sobjects/Contact", {"LastName": "Doe"})
    assert answer.body[0]["message"] == "No."
    assert call("GET", "sobjects/New__c/describe").status == 404
    assert works(org)


def test_a_declaration_that_cannot_be_committed_is_taken_back(org: LocalOrg) -> None:
    with pytest.raises(StoreError), org._store.together():
        org.add_field("Account", "A__c", "Text")
        org._store._connection.execute("ROLLBACK")  # as SQLite does itself, on an I/O error
    assert works(org)


def test_what_an_action_declares_stays(org: LocalOrg, call: Caller) -> None:
    org.add_action("custom/apex/Add", lambda _: org.add_field("Account", "A__c", "Text"))
    org.add_validation_rule("Contact", lambda _: True, message="No.")
    first, second = call.batch(
        ("POST", "v67.0/actions/custom/apex/Add", {"inputs": [{}]}),
        ("POST", "v67.0/sobjects/Contact", {"LastName": "Doe"}),
    ).body["results"]
    assert (first["statusCode"], second["statusCode"]) == (200, 400)
    assert works(org)


def test_many_objects_from_source_are_prepared_once_each(org: LocalOrg, tmp_path: Path) -> None:
    for name in ("One__c", "Two__c"):
        fields = "".join(
            f"<fields><fullName>F{number}__c</fullName><type>Date</type></fields>"
            for number in range(20)
        )
        place = tmp_path / f"{name}.object"
        place.write_text(f"<CustomObject><label>{name}</label>{fields}</CustomObject>", "utf-8")
    seen: list[str] = []
    org._store._connection.set_trace_callback(seen.append)
    org.load_metadata(tmp_path)
    assert len([sql for sql in seen if sql.startswith("CREATE TABLE")]) == 2
    assert not [sql for sql in seen if sql.startswith("ALTER TABLE")]
    assert len([sql for sql in seen if "table_info" in sql]) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes")
@pytest.mark.parametrize("name", ["org.db", "link.db"])
def test_only_its_owner_may_read_the_file_of_an_org(tmp_path: Path, name: str) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "org.db")
    with LocalOrg(tmp_path / name) as org:
        Caller(org).create("Account", Name="Acme")
        modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.glob("org.db*")}
        assert modes == {"org.db": 0o600, "org.db-shm": 0o600, "org.db-wal": 0o600}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes")
def test_a_file_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "org.db"
    path.touch()
    path.chmod(0o640)
    with LocalOrg(path) as org:
        Caller(org).create("Account", Name="Acme")
    assert path.stat().st_mode & 0o777 == 0o640


def test_an_org_that_nobody_closes_closes_itself(tmp_path: Path) -> None:
    org = LocalOrg(tmp_path / "org.db")
    with org.client() as salesforce:
        salesforce.sobject.create("Account", {"Name": "Acme"})

    with warnings.catch_warnings(record=True) as warned:  # as Python 3.13 does of connections
        warnings.simplefilter("always")
        del org, salesforce
        gc.collect()

    assert [str(warning.message) for warning in warned] == []
    with LocalOrg(tmp_path / "org.db") as again, again.client() as salesforce:
        assert len(salesforce.query("SELECT Id FROM Account").all()) == 1
