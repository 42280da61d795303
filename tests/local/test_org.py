"""The org as an object: declarations, files, threads, closing."""

from __future__ import annotations

import contextlib
import re
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.local.caller import Caller
from twinforce._core.http import Request, Timeout
from twinforce.errors import InvalidStateError
from twinforce.local import LocalOrg


def test_a_custom_object_holds_records(org: LocalOrg, call: Caller) -> None:
    org.add_object("Widget__c", label="Widget")
    org.add_field(
        "Widget__c",
        "Account__c",
        "Lookup",
        reference_to="Account",
        child_relationship_name="Widgets",
    )
    account = call.create("Account", Name="Acme")
    widget = call.create("Widget__c", Name="W", Account__c=account)
    assert widget.startswith("a00")
    page = call.query("SELECT Name, Account__r.Name FROM Widget__c")
    assert page["records"][0]["Account__r"]["Name"] == "Acme"
    page = call.query("SELECT Id, (SELECT Name FROM Widgets__r) FROM Account")
    assert page["records"][0]["Widgets__r"]["totalSize"] == 1


def test_the_name_of_a_custom_record_may_be_left_to_the_org(org: LocalOrg, call: Caller) -> None:
    org.add_object("Plain__c")
    org.add_object("Counted__c", name_format="C-{0000}")
    plain = call.create("Plain__c", OwnerId=org.user_id)
    assert call.get("Plain__c", plain)["Name"] == plain
    counted = call.create("Counted__c", OwnerId=org.user_id)
    assert call.get("Counted__c", counted)["Name"] == "C-0001"


def test_a_master_takes_its_details_along(org: LocalOrg, call: Caller) -> None:
    org.add_object("Line__c")
    org.add_field("Line__c", "Account__c", "MasterDetail", reference_to="Account")
    account = call.create("Account", Name="Acme")
    assert call("POST", "sobjects/Line__c", {"Name": "x"}).body[0]["fields"] == ["Account__c"]
    line = call.create("Line__c", Account__c=account)
    call("DELETE", f"sobjects/Account/{account}")
    assert call("GET", f"sobjects/Line__c/{line}").status == 404


FIELDS: list[tuple[str, dict[str, Any], Any, Any]] = [
    ("Text", {"length": 3}, "abc", "abc"),
    ("TextArea", {}, "a\nb", "a\nb"),
    ("LongTextArea", {"length": 100_000}, "x" * 100_000, "x" * 100_000),
    ("Html", {}, "<p>x</p>", "<p>x</p>"),
    ("Number", {"precision": 5, "scale": 2}, "123.456", 123.46),
    ("Currency", {}, 0.125, 0.13),
    ("Percent", {}, 12.5, 12.5),
    ("Checkbox", {}, "TRUE", True),
    ("Date", {}, "2024-02-29", "2024-02-29"),
    ("DateTime", {}, "2024-01-01T00:00:00Z", "2024-01-01T00:00:00.000+0000"),
    ("Time", {}, "13:04:05.5Z", "13:04:05.500Z"),
    ("Email", {}, "a@b.example", "a@b.example"),
    ("Phone", {}, "+47 1", "+47 1"),
    ("Url", {}, "https://x.example", "https://x.example"),
    ("Picklist", {"values": ["Red", "Green"], "restricted": True}, "green", "Green"),
    ("MultiselectPicklist", {"values": ["Red", "Green"]}, "green;Red;green", "Green;Red"),
]


@pytest.mark.parametrize(
    ("kind", "options", "given", "answered"), FIELDS, ids=[case[0] for case in FIELDS]
)
def test_every_type_of_field(
    org: LocalOrg, call: Caller, kind: str, options: dict[str, Any], given: Any, answered: Any
) -> None:
    org.add_field("Account", "F__c", kind, **options)
    record_id = call.create("Account", Name="A", F__c=given)
    assert call.get("Account", record_id)["F__c"] == answered
    assert call.query("SELECT F__c FROM Account")["records"][0]["F__c"] == answered


def test_a_default_fills_in(org: LocalOrg, call: Caller) -> None:
    org.add_field("Account", "Size__c", "Picklist", values=["S", "M"], default="M")
    record_id = call.create("Account", Name="A")
    assert call.get("Account", record_id)["Size__c"] == "M"


def test_a_required_field_is_required(org: LocalOrg, call: Caller) -> None:
    org.add_field("Account", "Code__c", "Text", required=True)
    answer = call("POST", "sobjects/Account", {"Name": "A"})
    assert answer.body[0]["fields"] == ["Code__c"]


def test_require_says_exactly_what_a_create_needs(org: LocalOrg, call: Caller) -> None:
    org.require("opportunity", "name")
    call.create("Opportunity", Name="Deal")
    assert call("POST", "sobjects/Opportunity", {}).body[0]["fields"] == ["Name"]
    org.require("Opportunity", "Amount")
    assert call("POST", "sobjects/Opportunity", {}).body[0]["fields"] == ["Amount"]
    fields = call("GET", "sobjects/Opportunity/describe").body["fields"]
    nillable = {field["name"]: field["nillable"] for field in fields}
    assert (nillable["Name"], nillable["Amount"]) == (True, False)


def test_rows_from_before_a_field_have_it_empty(org: LocalOrg, call: Caller) -> None:
    record_id = call.create("Account", Name="A")
    org.add_field("Account", "Note__c", "Text")
    org.add_field("Account", "Ok__c", "Checkbox")
    record = call.get("Account", record_id)
    assert (record["Note__c"], record["Ok__c"]) == (None, False)


def test_the_same_declaration_again_changes_nothing(org: LocalOrg, call: Caller) -> None:
    for _ in range(2):
        org.add_object("Widget__c", label="Widget")
        org.add_field("widget__C", "Code__c", "Text", length=5, unique=True)
        call.create("Widget__c", Name="W")
    assert call.query("SELECT COUNT() FROM Widget__c")["totalSize"] == 2


@pytest.mark.parametrize(
    ("arguments", "options", "reason"),
    [
        (("Nope", "F__c", "Text"), {}, "no sobject 'Nope'"),
        (("Account", "F", "Text"), {}, "not a custom name"),
        (("Account", "F g__c", "Text"), {}, "not a custom name"),
        (("Account", '"; DROP TABLE Account; --__c', "Text"), {}, "not a custom name"),
        (("Account", "F__c", "Textual"), {}, "not a type of field"),
        (("Account", "F__c", "Checkbox"), {"length": 5}, "does not take length"),
        (("Account", "F__c", "Lookup"), {}, "needs reference_to="),
        (("Account", "F__c", "Lookup"), {"reference_to": "Nope"}, "no sobject 'Nope'"),
        (("Account", "Known__c", "Text"), {"length": 9}, "declared already, and differently"),
    ],
)
def test_an_impossible_declaration_is_refused(
    org: LocalOrg, arguments: tuple[str, str, str], options: dict[str, Any], reason: str
) -> None:
    org.add_field("Account", "Known__c", "Text", length=5)
    with pytest.raises(ValueError, match=reason):
        org.add_field(*arguments, **options)


def test_an_impossible_requirement_is_refused(org: LocalOrg) -> None:
    with pytest.raises(ValueError, match="Account has no field 'Nope'"):
        org.require("Account", "Nope")
    with pytest.raises(ValueError, match="IsDeleted"):
        org.require("Account", "IsDeleted")
    with pytest.raises(ValueError, match="'Nope'"):
        org.require("Nope", "Name")


@pytest.mark.parametrize(
    ("options", "error", "reason"),
    [
        ({"page_size": 0}, ValueError, "page_size must be a whole number of at least 1, not 0"),
        ({"page_size": "5"}, TypeError, "page_size must be a whole number .*, not str"),
        ({"path": 5}, TypeError, "path must be a str or a Path, not int"),
        ({"path": ""}, ValueError, "path must not be empty"),
    ],
)
def test_an_org_that_cannot_be_made_is_refused(
    options: dict[str, Any], error: type[Exception], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        LocalOrg(**options)


def test_without_the_extra_an_org_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lark", None)
    with pytest.raises(ImportError, match=re.escape('pip install "twinforce[local]"')):
        LocalOrg()


def test_a_path_in_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nonexistent" / "org.db"
    with pytest.raises(OSError, match="folder must exist") as caught:
        LocalOrg(path)
    assert repr(str(path)) in str(caught.value)
    assert isinstance(caught.value.__cause__, sqlite3.OperationalError)


def test_a_file_that_is_not_a_database_is_named_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database " * 100)
    with pytest.raises(ValueError, match=r"not the file of a local org.*pass a new path") as caught:
        LocalOrg(str(path))
    assert repr(str(path)) in str(caught.value)
    assert isinstance(caught.value.__cause__, sqlite3.DatabaseError)
    assert path.read_text() == "not a database " * 100


def test_the_database_of_another_program_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE Account (number INTEGER)")
    before = path.read_bytes()
    with pytest.raises(ValueError, match="not the file of a local org"):
        LocalOrg(path)
    assert path.read_bytes() == before


def test_a_repr_tells_where_the_org_is_and_no_secrets(org: LocalOrg, tmp_path: Path) -> None:
    assert repr(org) == "<LocalOrg in memory>"
    org.close()
    assert repr(org) == "<LocalOrg in memory, closed>"
    path = tmp_path / "org.db"
    with LocalOrg(path) as kept:
        assert repr(kept) == f"<LocalOrg {str(path)!r}>"
    assert repr(kept) == f"<LocalOrg {str(path)!r}, closed>"


def test_declarations_of_one_org_do_not_show_in_another(org: LocalOrg) -> None:
    org.add_field("Account", "Mine__c", "Text")
    org.require("Contact", "FirstName")
    with LocalOrg() as other:
        call = Caller(other)
        assert "Mine__c" not in call.get("Account", call.create("Account", Name="A"))
        call.create("Contact", LastName="Doe")


def test_a_file_keeps_the_records(tmp_path: Path) -> None:
    path = tmp_path / "org.db"

    def opened() -> LocalOrg:
        org = LocalOrg(path)
        org.add_object("Widget__c")
        org.add_field("Account", "Key__c", "Text", external_id=True)
        return org

    with opened() as org:
        call = Caller(org)
        account = call.create("Account", Name="Acme", Key__c="k")
        widget = call.create("Widget__c", Name="W")
        user_id = org.user_id
    with opened() as org:
        call = Caller(org)
        assert org.user_id == user_id
        assert call("GET", "sobjects/Account/Key__c/K").body["Id"] == account
        assert call.get("Widget__c", widget)["Name"] == "W"
        assert call.create("Account", Name="New") != account
        assert call.query("SELECT COUNT() FROM User")["totalSize"] == 1


def test_key_prefixes_do_not_depend_on_the_order_of_declaration(tmp_path: Path) -> None:
    prefixes = []
    for names in (("A__c", "B__c"), ("B__c", "A__c")):
        with LocalOrg(str(tmp_path / "org.db")) as org:
            for name in names:
                org.add_object(name)
            prefixes.append(Caller(org).create("A__c", Name="x")[:3])
    assert prefixes == ["a00", "a00"]


def test_what_was_answered_survives_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "org.db"
    script = f"""
import os
from tests.local.caller import Caller
from twinforce.local import LocalOrg
Caller(LocalOrg({str(path)!r})).create("Account", Name="Acme")
os._exit(9)
"""
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", script], cwd=root, check=False)
    assert done.returncode == 9
    with LocalOrg(path) as org:
        assert Caller(org).names("") == ["Acme"]


def test_a_file_is_written_ahead(tmp_path: Path) -> None:
    with LocalOrg(tmp_path / "org.db") as org:
        Caller(org).create("Account", Name="Acme")
        assert (tmp_path / "org.db-wal").stat().st_size > 0


def test_threads_take_turns(org: LocalOrg, call: Caller) -> None:
    org.add_field("Account", "Key__c", "Text", external_id=True, unique=True)

    def upsert(number: int) -> int:
        path = f"sobjects/Account/Key__c/{number % 10}"
        return call("PATCH", path, {"Name": str(number)}).status

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(upsert, range(200)))
    assert (statuses.count(201), statuses.count(200)) == (10, 190)
    assert call.query("SELECT COUNT() FROM Account")["totalSize"] == 10


def test_a_closed_org_says_so(call: Caller) -> None:
    org = LocalOrg()
    org.close()
    org.close()
    request = Request("GET", "https://x.example/services/data", {}, None, Timeout())
    with pytest.raises(InvalidStateError, match="closed"):
        org.handle(request)
    with pytest.raises(InvalidStateError, match="closed"):
        org.add_field("Account", "F__c", "Text")
    with pytest.raises(InvalidStateError, match="closed"):
        org.serve()


def test_a_url_without_a_host_is_refused(org: LocalOrg) -> None:
    with pytest.raises(ValueError, match="http"):
        org.handle(Request("GET", "/services/data", {}, None, Timeout()))


def test_importing_the_org_loads_neither_parser_nor_server() -> None:
    script = "import sys, twinforce.local; print('lark' in sys.modules, 'aiohttp' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "False"]


def test_a_field_may_be_declared_again_after_require(org: LocalOrg, call: Caller) -> None:
    org.add_field("Opportunity", "ExternalId__c", "Text", external_id=True)
    org.require("Opportunity", "Name", "ExternalId__c")
    org.add_field("Opportunity", "ExternalId__c", "Text", external_id=True)
    answer = call("POST", "sobjects/Opportunity", {"Name": "Deal"})
    assert answer.body[0]["fields"] == ["ExternalId__c"]
    with pytest.raises(ValueError, match="declared already, and differently"):
        org.add_field("Opportunity", "ExternalId__c", "Text", external_id=True, required=True)


def test_a_file_may_be_reopened_with_names_in_another_case(tmp_path: Path) -> None:
    path = tmp_path / "org.db"
    with LocalOrg(path) as org:
        org.add_object("Widget__c", name_format="W-{0}")
        org.add_field("Widget__c", "Colour__c", "Text")
        org.add_field("Widget__c", "Number__c", "AutoNumber")
        record_id = Caller(org).create("Widget__c", Colour__c="red")
    with LocalOrg(path) as org:
        org.add_object("WIDGET__c", name_format="W-{0}")
        org.add_field("WIDGET__c", "COLOUR__c", "Text")
        org.add_field("WIDGET__c", "NUMBER__c", "AutoNumber")
        call = Caller(org)
        fields = ("COLOUR__c", "Name", "NUMBER__c")
        first = call.get("WIDGET__c", record_id, *fields)
        assert [first[name] for name in fields] == ["red", "W-1", "0001"]
        second = call.get("WIDGET__c", call.create("WIDGET__c"), *fields)
        assert [second[name] for name in fields] == [None, "W-2", "0002"]


def test_a_file_of_an_earlier_release_counts_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "org.db"
    with LocalOrg(path) as org:
        Caller(org).create("Case", Subject="first")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("DELETE FROM _numbers WHERE sequence = 'case.casenumber'")
        file.execute("INSERT INTO _numbers VALUES ('Case.CaseNumber', 7)")
        file.execute("PRAGMA user_version=0")
    for number in ("00000008", "00000009"):
        with LocalOrg(path) as org:
            call = Caller(org)
            case = call.get("Case", call.create("Case", Subject="next"), "CaseNumber")
            assert case["CaseNumber"] == number


def test_a_file_of_an_earlier_release_finds_text_that_was_folded_otherwise(
    tmp_path: Path,
) -> None:
    path = tmp_path / "org.db"
    with LocalOrg(path) as org:
        org.add_field("Account", "Key__c", "Text", external_id=True)
        Caller(org).create("Account", Name="A", Key__c="ß")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.create_function(
            "casefold", 1, lambda text: text and text.casefold(), deterministic=True
        )
        file.execute("REINDEX")
        file.execute("PRAGMA user_version=0")
    with LocalOrg(path) as org:
        org.add_field("Account", "Key__c", "Text", external_id=True)
        assert Caller(org)("GET", "sobjects/Account/Key__c/%C3%9F").status == 200
