"""The pytest plugin, in test runs of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

DOCUMENT = Path(__file__).parents[2] / "docs" / "local-org.md"
HEAVY = ("aiohttp", "attr", "attrs", "lark", "orjson", "requests", "sqlite3", "twinforce")
BLOCKING = """
def test_fresh_one(sf, local_org):
    sf.sobject.create("Account", {"Name": "Acme"})
    assert len(sf.query("SELECT Id FROM Account").all()) == 1
    with local_org.serve() as server:
        assert server.url.startswith("http://127.0.0.1:")


def test_fresh_two(sf):
    assert sf.query("SELECT Id FROM Account").all() == []
"""
WORK = """
    async with async_sf.composite.batch(concurrency=2) as batch:
        for number in range(60):
            batch.sobject.create("Account", {"Name": f"Account {number}"})
    assert len(await async_sf.query("SELECT Id FROM Account").all()) == 60
    with local_org.client() as same_org:
        assert len(same_org.query("SELECT Id FROM Account").all()) == 60
"""


def run(
    folder: Path, source: str, *options: str, without: tuple[str, ...] = (), settings: str = ""
) -> str:
    """Run pytest with the plugin, and none that it does not need; return what it said."""
    (folder / "pytest.ini").write_text(f"[pytest]\nfilterwarnings = error\n{settings}\n", "utf-8")
    (folder / "test_it.py").write_text(source, "utf-8")
    blocked = f"import sys; sys.modules.update(dict.fromkeys({without!r}))"
    start = f"{blocked}; import pytest; sys.exit(pytest.main())"
    plugins = ("-p", "pytest_twinforce", "-p", "no:cacheprovider")
    environment = {key: os.environ[key] for key in os.environ if not key.startswith("PYTEST")}
    done = subprocess.run(
        [sys.executable, "-c", start, "-q", *plugins, *options, str(folder)],
        cwd=folder,
        env={**environment, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        check=False,
    )
    return done.stdout


def test_pytest_finds_the_plugin_by_itself() -> None:
    [found] = [entry for entry in entry_points(group="pytest11") if entry.name == "twinforce"]

    assert found.value == "pytest_twinforce"
    assert found.load().pytest_addoption


def test_each_test_has_an_org_of_its_own(tmp_path: Path) -> None:
    assert "2 passed" in run(tmp_path, BLOCKING)


def test_nothing_is_loaded_before_a_fixture_is_used(tmp_path: Path) -> None:
    source = f"import sys\ndef test_it():\n    assert not {set(HEAVY)!r} & set(sys.modules)\n"

    assert "1 passed" in run(tmp_path, source)


@pytest.mark.parametrize("mode", ["auto", "strict"])
def test_the_async_client_works_with_pytest_asyncio(tmp_path: Path, mode: str) -> None:
    mark = "" if mode == "auto" else "import pytest\n\n\n@pytest.mark.asyncio\n"
    source = f"{mark}async def test_it(async_sf, local_org):{WORK}"
    settings = f"asyncio_mode = {mode}\nasyncio_default_fixture_loop_scope = function"

    assert "1 passed" in run(tmp_path, source, "-p", "pytest_asyncio.plugin", settings=settings)


def test_the_async_client_works_with_anyio(tmp_path: Path) -> None:
    source = f"""import pytest

@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.mark.anyio
async def test_it(async_sf, local_org):{WORK}"""

    assert "1 passed" in run(tmp_path, source, "-p", "anyio")


def test_the_async_client_needs_no_plugin_for_async_tests(tmp_path: Path) -> None:
    work = WORK.replace("\n", "\n    ")
    source = f"""import asyncio

def test_it(async_sf, local_org):
    async def work():{work}
    asyncio.run(work())
"""
    assert "1 passed" in run(tmp_path, source, without=("pytest_asyncio", "anyio"))


def test_a_schema_and_a_seed_are_settings(tmp_path: Path) -> None:
    fields = tmp_path / "source" / "objects" / "Account" / "fields"
    fields.mkdir(parents=True)
    (fields / "Rank__c.field-meta.xml").write_text(
        '<CustomField xmlns="http://soap.sforce.com/2006/04/metadata"><fullName>Rank__c</fullName>'
        "<label>Rank</label><type>Number</type><precision>3</precision><scale>0</scale>"
        "</CustomField>",
        "utf-8",
    )
    (tmp_path / "seed.json").write_text(
        json.dumps({"Account": [{"Name": "Acme", "Rank__c": 1}]}), "utf-8"
    )
    source = """import pytest

@pytest.mark.parametrize("time", [1, 2])
def test_it(sf, time):
    [acme] = sf.query("SELECT Name, Rank__c FROM Account").all()
    assert (acme["Name"], acme["Rank__c"]) == ("Acme", 1)
    sf.sobject.delete("Account", sf.query("SELECT Id FROM Account").all()[0]["Id"])
"""
    settings = "twinforce_schema = source\ntwinforce_seed =\n    seed.json"

    assert "2 passed" in run(tmp_path, source, settings=settings)


def test_what_is_not_taken_from_source_is_told_once_a_session(tmp_path: Path) -> None:
    for folder, name in (("one", "News__e"), ("two", "Other__e")):
        event = tmp_path / folder / "objects" / name
        event.mkdir(parents=True)
        (event / f"{name}.object-meta.xml").write_text(
            '<CustomObject xmlns="http://soap.sforce.com/2006/04/metadata"><label>N</label>'
            "</CustomObject>",
            "utf-8",
        )
    source = """import pytest

@pytest.mark.parametrize("time", [1, 2])
def test_it(sf, local_org, time):
    assert len(local_org.load_metadata("one").skipped) == 1
"""
    settings = "twinforce_schema = one two\nlog_cli = true"
    said = run(tmp_path, source, settings=settings)

    assert "2 passed" in said
    setup, _, calls = said.partition("live log call")
    assert setup.count("not taken from source") == 2
    assert calls.count("not taken from source") == 2, "what tests themselves load is told"


def test_a_project_may_add_to_the_org_under_the_same_name(tmp_path: Path) -> None:
    source = """import pytest

@pytest.fixture
def local_org(local_org):
    local_org.add_object("Widget__c")
    return local_org

def test_it(sf):
    assert sf.sobject.create("Widget__c", {"Name": "Bolt"}).startswith("a0")
"""
    assert "1 passed" in run(tmp_path, source)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        (
            "twinforce_seed = none.json",
            "^(E +)?twinforce_seed: the seed file '.*none.json' cannot be",
        ),
        (
            "twinforce_schema = none",
            "^(E +)?twinforce_schema: the folder '.*none' cannot be read: ",
        ),
        ("twinforce_schema = .", "^(E +)?twinforce_schema: '.*' holds no metadata of objects"),
    ],
)
def test_a_setting_that_cannot_be_used_is_one_line(
    tmp_path: Path, settings: str, complaint: str
) -> None:
    said = run(tmp_path, BLOCKING, settings=settings)

    assert "2 errors" in said
    assert len(re.findall(complaint, said, re.MULTILINE)) == 2
    assert "Traceback" not in said
    assert "pytest_twinforce.py" not in said


def test_without_the_extra_only_the_fixtures_fail_and_say_what_to_install(tmp_path: Path) -> None:
    source = f"{BLOCKING}\n\ndef test_of_something_else():\n    pass\n"
    said = run(tmp_path, source, without=("lark",))

    assert "1 passed, 2 errors" in said
    assert 'The local org needs an extra: pip install "twinforce[local]"' in said
    assert "Traceback" not in said


def test_the_examples_of_the_documents_run(tmp_path: Path) -> None:
    blocks = re.findall(r"(?ms)^```py\n(.*?)^```", DOCUMENT.read_text("utf-8"))
    assert len(blocks) == 2

    assert "1 passed" in run(tmp_path, "\n\n".join(reversed(blocks)))
