"""Records to begin with: from the files of the Salesforce CLI, and from plain lists."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path
from typing import Any

import pytest

from twinforce.local import LocalOrg
from twinforce.local.tools.seed_files import SeedRecord
from twinforce.local.tools.seeding import parents_first

RECIPES = Path(__file__).parents[2] / "../shared/data/apex-recipes"


def write(folder: Path, name: str, document: Any) -> Path:
    path = folder / name
    path.write_text(json.dumps(document), "utf-8")
    return path


def record(sobject: str, reference: str, /, **fields: Any) -> dict[str, Any]:
    return {"attributes": {"type": sobject, "referenceId": reference}, **fields}


def plan(folder: Path) -> Path:
    """Write a plan whose contacts refer to its accounts, and one account to a later one."""
    accounts = [
        record("Account", "AccountRef1", name="Acme", parentId="@AccountRef2"),
        record("Account", "AccountRef2", name="Globex", NumberOfEmployees="12"),
    ]
    contacts = [record("Contact", "ContactRef1", lastName="Doe", accountId="@AccountRef1")]
    write(folder, "Accounts.json", {"records": accounts})
    write(folder, "Contacts.json", {"records": contacts})
    parts = [
        {"sobject": "Account", "saveRefs": True, "resolveRefs": False, "files": ["Accounts.json"]},
        {"sobject": "Contact", "saveRefs": True, "resolveRefs": True, "files": ["Contacts.json"]},
    ]
    return write(folder, "data-plan.json", parts)


def rows(org: LocalOrg, soql: str) -> list[dict[str, Any]]:
    with org.client() as salesforce:
        return [
            {k: v for k, v in row.items() if k != "attributes"} for row in salesforce.query(soql)
        ]


def count(org: LocalOrg, sobject: str) -> int:
    return len(rows(org, f"SELECT Id FROM {sobject}"))


def test_a_plan_of_the_salesforce_cli_is_loaded_with_its_references(
    org: LocalOrg, tmp_path: Path
) -> None:
    ids = org.seed(plan(tmp_path))

    [acme, globex] = rows(
        org, "SELECT Id, Name, ParentId, NumberOfEmployees FROM Account ORDER BY Name"
    )
    assert (acme["Name"], acme["ParentId"]) == ("Acme", globex["Id"])
    assert (globex["Name"], globex["NumberOfEmployees"]) == ("Globex", 12)
    [doe] = rows(org, "SELECT Id, LastName, AccountId FROM Contact")
    assert (doe["LastName"], doe["AccountId"]) == ("Doe", acme["Id"])
    assert ids == {"AccountRef1": acme["Id"], "AccountRef2": globex["Id"], "ContactRef1": doe["Id"]}


def test_the_recipes_of_salesforce_are_loaded(org: LocalOrg) -> None:
    if not RECIPES.is_dir():
        pytest.skip("the data of apex-recipes is not here")
    ids = org.seed(RECIPES / "data-plan.json", RECIPES / "Campaigns.json")

    counts = [count(org, name) for name in ("Account", "Contact", "Opportunity", "Campaign")]
    assert counts == [50, 150, 50, 15]
    contacts = json.loads((RECIPES / "Contacts.json").read_text("utf-8"))["records"]
    expected = {ids[c["attributes"]["referenceId"]]: ids[c["accountId"][1:]] for c in contacts}
    assert {
        r["Id"]: r["AccountId"] for r in rows(org, "SELECT Id, AccountId FROM Contact")
    } == expected
    [day] = rows(
        org, f"SELECT CloseDate, Amount FROM Opportunity WHERE Id = '{ids['OpportunityRef1']}'"
    )
    assert day == {"CloseDate": "2020-12-22", "Amount": 119373.34}


def test_children_may_stand_within_their_parent(org: LocalOrg, tmp_path: Path) -> None:
    acme = record("Account", "a", Name="Acme")
    acme["Contacts"] = {"records": [record("Contact", "c", LastName="Doe")]}
    ids = org.seed(write(tmp_path, "tree.json", {"records": [acme]}))

    assert rows(org, "SELECT Id, AccountId FROM Contact") == [
        {"Id": ids["c"], "AccountId": ids["a"]}
    ]


def test_plain_lists_are_loaded_whatever_their_order(org: LocalOrg, tmp_path: Path) -> None:
    lists = {
        "contact": [{"LastName": "Doe", "AccountId": "@acme"}, {"LastName": "@Roe"}],
        "Account": [{"attributes": {"referenceId": "acme"}, "Name": "Acme"}],
    }
    ids = org.seed(write(tmp_path, "plain.json", lists))

    assert rows(org, "SELECT LastName, AccountId FROM Contact ORDER BY LastName DESC") == [
        {"LastName": "Doe", "AccountId": ids["acme"]},
        {"LastName": "@Roe", "AccountId": None},  # text is text, also with an @
    ]


def test_files_that_are_loaded_together_may_refer_to_each_other(
    org: LocalOrg, tmp_path: Path
) -> None:
    contacts = write(tmp_path, "c.json", {"Contact": [{"LastName": "Doe", "AccountId": "@acme"}]})
    acme = {"records": [record("Account", "acme", Name="Acme")]}
    accounts = write(tmp_path, "a.json", acme)
    org.seed(accounts)
    ids = org.seed(contacts, accounts)

    assert rows(org, "SELECT AccountId FROM Contact") == [{"AccountId": ids["acme"]}]
    assert count(org, "Account") == 1


def test_a_parent_may_be_found_by_its_external_id(org: LocalOrg, tmp_path: Path) -> None:
    org.add_field("Account", "Key__c", "Text", external_id=True)
    lists = {
        "Account": [{"Name": "Acme", "Key__c": "k"}],
        "Contact": [{"LastName": "Doe", "Account": {"Key__c": "k"}}],
    }
    org.seed(write(tmp_path, "plain.json", lists))

    assert rows(org, "SELECT Account.Name FROM Contact")[0]["Account"]["Name"] == "Acme"


def test_a_seed_is_loaded_once_also_when_the_org_is_opened_again(tmp_path: Path) -> None:
    path = plan(tmp_path)
    with LocalOrg(tmp_path / "org.db") as org:
        ids = org.seed(path)
    accounts = tmp_path / "Accounts.json"
    accounts.write_text(json.dumps(json.loads(accounts.read_text("utf-8")), indent=4), "utf-8")
    with LocalOrg(tmp_path / "org.db") as org:
        assert org.seed(path, path) == ids
        assert (count(org, "Account"), count(org, "Contact")) == (2, 1)
        with org.client() as salesforce:
            salesforce.sobject.delete("Contact", ids["ContactRef1"])
        org.seed(path)
        assert count(org, "Contact") == 0  # what was deleted stays deleted


def test_a_seed_that_was_moved_is_still_known(tmp_path: Path, org: LocalOrg) -> None:
    path = write(tmp_path, "a.json", {"Account": [{"Name": "Acme"}]})
    org.seed(path)
    org.seed(path.rename(tmp_path / "b.json"))

    assert count(org, "Account") == 1


def test_a_seed_that_was_moved_and_then_changed_is_refused(tmp_path: Path, org: LocalOrg) -> None:
    path = write(tmp_path, "a.json", {"Account": [{"Name": "Acme"}]})
    copy = write(tmp_path, "copy.json", {"Account": [{"Name": "Acme"}]})
    org.seed(path, copy)
    moved = path.rename(tmp_path / "b.json")
    org.seed(moved)

    for changed in (moved, copy):
        write(tmp_path, changed.name, {"Account": [{"Name": "Acme"}, {"Name": "Globex"}]})
        with pytest.raises(ValueError, match=rf"seeded with {changed.name} already"):
            org.seed(changed)
    assert count(org, "Account") == 1


def test_a_file_that_was_seeded_by_an_earlier_release_knows_where_from(tmp_path: Path) -> None:
    path = write(tmp_path, "a.json", {"Account": [{"Name": "Acme"}]})
    with LocalOrg(tmp_path / "org.db") as org:
        org.seed(path)
        org._store.rows("DROP TABLE _seed_places")
    write(tmp_path, "a.json", {"Account": [{"Name": "Globex"}]})
    with LocalOrg(tmp_path / "org.db") as org, pytest.raises(ValueError, match="has changed since"):
        org.seed(path)


def test_a_seed_that_has_changed_is_refused(org: LocalOrg, tmp_path: Path) -> None:
    path = write(tmp_path, "a.json", {"Account": [{"Name": "Acme"}]})
    org.seed(path)
    write(tmp_path, "a.json", {"Account": [{"Name": "Acme"}, {"Name": "Globex"}]})

    with pytest.raises(ValueError, match=r"seeded with a\.json already, and the seed has changed"):
        org.seed(path)
    assert count(org, "Account") == 1


def test_nothing_is_loaded_if_one_record_is_refused(org: LocalOrg, tmp_path: Path) -> None:
    good = write(tmp_path, "good.json", {"Account": [{"Name": "Acme"}]})
    bad = write(tmp_path, "bad.json", {"Account": [{"Name": "Globex"}, {"Name": "x" * 256}]})

    with pytest.raises(ValueError, match=r"bad\.json, Account, record 2, field Name: .*too large"):
        org.seed(good, bad)
    assert count(org, "Account") == 0
    org.seed(good)  # it was not remembered either
    assert count(org, "Account") == 1


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        (
            {"Account": [{"Nam": "A"}]},
            r"seed\.json, Account, record 1: No such column 'Nam'.*declare",
        ),
        ({"Foo__c": [{"Name": "A"}]}, r"record 1: there is no sobject 'Foo__c'; declare it first"),
        ({"Contact": [{}]}, r"record 1, field LastName: Required fields are missing"),
        (
            {"Account": [{"Name": "A", "NumberOfEmployees": "many"}]},
            r"record 1, field NumberOfEmployees: Cannot deserialize .* from VALUE_STRING value many;",
        ),
        (
            {"Contact": [{"LastName": "Doe", "AccountId": "@a"}]},
            r"record 1, field AccountId: no record has the referenceId 'a'; load the file that has it",
        ),
        (
            {"records": [record("Account", "a", Name="A"), record("Account", "a", Name="B")]},
            r"record 2 \(a\): a is also the reference of seed\.json, record 1 \(a\)",
        ),
        (
            {
                "records": [
                    record("Account", "a", Name="A", ParentId="@b"),
                    record("Account", "b", Name="B", ParentId="@a"),
                ]
            },
            r"record 1 \(a\), seed\.json, record 2 \(b\): these records refer to each other",
        ),
        (
            {
                "Account": [
                    {"Name": "A", "Foos": {"records": [record("Contact", "c", LastName="D")]}}
                ]
            },
            r"Account has no child relationship 'Foos' to Contact",
        ),
        ({"records": [{"Name": "A"}]}, r'record 1: give its sobject, as in "attributes"'),
        ({"Account": [{"attributes": "Account"}]}, "its attributes must be an object"),
        ({"Account": [{"attributes": {"referenceId": 1}}]}, "its attributes must be an object"),
        (
            {"Account": [record("Contact", "c")]},
            "its type is Contact, though it is among .* Account",
        ),
        ({"Account": [5]}, "record 1: a record must be an object"),
        (
            {"Account": {"Name": "A"}},
            r"seed\.json: 'Account' must be a list of records; a seed file",
        ),
        ("Account", r"seed\.json holds no records: a seed file is a plan"),
        ([{"Name": "A"}], r'entry 1: it must be an object with the name of an "sobject"'),
        ([{"sobject": "Account", "files": [5]}], "entry 1: it must be an object"),
        ([{"sobject": "Account", "files": ["a.json"]}], "the seed file .*a.json.* cannot be read"),
        (
            [{"sobject": "Account", "files": ["plain.json"]}],
            r"plain\.json must be a tree file, .* since a plan names it",
        ),
        (
            [{"sobject": "Account", "files": ["tree.json", "tree.json"]}],
            r"seed\.json names tree\.json twice",
        ),
    ],
)
def test_what_cannot_be_loaded_is_named_with_what_to_do(
    org: LocalOrg, tmp_path: Path, document: Any, complaint: str
) -> None:
    write(tmp_path, "plain.json", {"Account": []})
    write(tmp_path, "tree.json", {"records": []})
    path = write(tmp_path, "seed.json", document)

    with pytest.raises((ValueError, OSError)) as caught:
        org.seed(path)
    assert re.search(complaint, str(caught.value)), str(caught.value)
    assert not org.seed(write(tmp_path, "after.json", {"Account": [{"Name": "A"}]}))
    assert [count(org, "Account"), count(org, "Contact")] == [1, 0]


def test_a_file_that_is_no_json_is_named(org: LocalOrg, tmp_path: Path) -> None:
    path = tmp_path / "seed.json"
    path.write_bytes(b'{"Account": [}')

    with pytest.raises(ValueError, match=r"seed\.json is not JSON: .*line 1 column 14"):
        org.seed(path)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_file_that_is_not_utf_8_is_named(org: LocalOrg, tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "seed.json"
    path.write_text('{"Account": [{"Name": "Süd"}]}', encoding)

    with pytest.raises(ValueError, match=r"^seed\.json is not UTF-8; save it as UTF-8$"):
        org.seed(path)


@pytest.mark.parametrize(
    "document",
    [
        {},
        [],
        {"Account": []},
        {"records": []},
        [{"sobject": "Account", "files": []}],
        [{"sobject": "Account", "files": ["tree.json"]}],
    ],
)
def test_a_seed_without_records_is_refused(org: LocalOrg, tmp_path: Path, document: Any) -> None:
    write(tmp_path, "tree.json", {"records": []})
    path = write(tmp_path, "seed.json", document)

    with pytest.raises(ValueError, match=r"^seed\.json holds no records: a seed file is a plan"):
        org.seed(path)


def test_a_file_with_a_byte_order_mark_is_read(org: LocalOrg, tmp_path: Path) -> None:
    path = tmp_path / "seed.json"
    path.write_text('{"Account": [{"Name": "Acme"}]}', "utf-8-sig")
    org.seed(os.fspath(path))

    assert count(org, "Account") == 1


def test_a_path_that_is_none_is_refused(org: LocalOrg) -> None:
    nothing: Any = None

    with pytest.raises(TypeError, match="must be a str or a Path, not NoneType"):
        org.seed(nothing)


def test_seeding_costs_no_api_requests_and_meets_no_faults(org: LocalOrg, tmp_path: Path) -> None:
    from twinforce.local import faults

    org.faults.add(faults.RowLock())
    org.seed(write(tmp_path, "seed.json", {"Account": [{"Name": "Acme"}]}))
    org.faults.clear()

    with org.client() as salesforce:
        limits = salesforce.limits()["DailyApiRequests"]
        assert limits["Max"] - limits["Remaining"] <= 1


def test_a_chain_is_loaded_from_its_end(org: LocalOrg, tmp_path: Path) -> None:
    chain = [
        record("Account", f"a{number}", Name="Acme", ParentId=f"@a{number + 1}")
        for number in range(50)
    ]
    path = write(tmp_path, "tree.json", {"records": [*chain, record("Account", "a50", Name="A")]})
    ids = org.seed(path)
    parents = {row["Id"]: row["ParentId"] for row in rows(org, "SELECT Id, ParentId FROM Account")}
    assert all(parents[ids[f"a{number}"]] == ids[f"a{number + 1}"] for number in range(50))
    assert parents[ids["a50"]] is None


def test_the_order_of_a_long_chain_is_found_at_once() -> None:
    length = 20_000
    chain = [SeedRecord("Account", {}, "", f"a{number}") for number in range(length)]
    links = {
        record: {"ParentId": f"a{number + 1}"} if number < length - 1 else {}
        for number, record in enumerate(chain)
    }
    begin = time.process_time()
    assert list(parents_first(links)) == chain[::-1]
    assert time.process_time() - begin < 5


def test_records_are_created_as_they_stand_in_the_files(org: LocalOrg, tmp_path: Path) -> None:
    acme, globex = record("Account", "a", Name="Acme"), record("Account", "g", Name="Globex")
    acme["Contacts"] = {"records": [record("Contact", "c", LastName="Doe")]}
    waiting = record("Account", "w", Name="Waits", ParentId="@g")
    order: list[str] = []
    for sobject in ("Account", "Contact"):
        org.add_validation_rule(
            sobject, lambda change: order.append(change.record["Name"]), message="No."
        )
    org.seed(write(tmp_path, "tree.json", {"records": [waiting, acme, globex]}))

    assert order == ["Acme", "Doe", "Globex", "Waits"]


def test_a_file_name_that_none_can_have_is_named(org: LocalOrg, tmp_path: Path) -> None:
    path = write(tmp_path, "plan.json", [{"sobject": "Account", "files": ["a\0.json"]}])
    with pytest.raises(ValueError, match=r"the seed file '.*a\\x00.json' cannot be read"):
        org.seed(path)
