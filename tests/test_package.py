"""The package as its users have it: its names, its files, what it needs and what it loads."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from importlib import metadata, resources
from pathlib import Path
from types import ModuleType

import pytest

import twinforce

PAIRS = [
    ("AiohttpTransport", "RequestsTransport"),
    *(
        (name, name.removeprefix("Async"))
        for name in twinforce.__all__
        if name.startswith("Async") and name.removeprefix("Async") in twinforce.__all__
    ),
]


def test_the_public_names_are_sorted_and_all_there() -> None:
    assert sorted(twinforce.__all__) == twinforce.__all__
    assert [name for name in twinforce.__all__ if not hasattr(twinforce, name)] == []


def test_no_public_name_is_left_out() -> None:
    public = {
        name
        for name, value in vars(twinforce).items()
        if not (name.startswith("_") or isinstance(value, ModuleType))
    }

    assert public - {"TYPE_CHECKING", "Final", "annotations", "import_module"} <= set(
        twinforce.__all__
    )


def test_a_name_that_is_not_there_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Salesfroce'"):
        getattr(twinforce, "Salesfroce")  # noqa: B009 - no type checker lets it through otherwise
    assert set(twinforce.__all__) <= set(dir(twinforce))


def test_both_clients_have_a_twin() -> None:
    assert ("AsyncSalesforce", "Salesforce") in PAIRS
    assert ("AsyncTransport", "Transport") in PAIRS


@pytest.mark.parametrize(("left", "right"), PAIRS)
def test_twins_take_the_same_arguments(left: str, right: str) -> None:
    awaiting, blocking = (calls(getattr(twinforce, name)) for name in (left, right))

    assert {"close" if name == "aclose" else name: awaiting[name] for name in awaiting} == blocking


def calls(kind: type) -> dict[str, list[tuple[str, object, object]]]:
    """List the public methods of *kind* and ``__init__``, with the parameters of each."""
    methods = inspect.getmembers(kind, inspect.isfunction)
    return {
        name: [
            # asyncio.sleep and time.sleep are the same to a twin
            (
                parameter.name,
                parameter.kind,
                getattr(parameter.default, "__name__", parameter.default),
            )
            for parameter in inspect.signature(method).parameters.values()
        ]
        for name, method in methods
        if name == "__init__" or not name.startswith("_")
    }


def run(code: str, folder: Path) -> None:
    """Run *code* in a Python of its own, away from the sources, with warnings as errors."""
    command = [sys.executable, "-W", "error", "-c", code]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_importing_it_loads_no_http_library_and_no_local_org(tmp_path: Path) -> None:
    run(
        "import sys, twinforce\n"
        "heavy = {'aiohttp', 'requests', 'urllib3', 'lark', 'sqlite3', 'twinforce.local'}\n"
        "assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()",
        tmp_path,
    )


def test_a_blocking_client_never_loads_aiohttp(tmp_path: Path) -> None:
    run(
        "import sys\n"
        "from twinforce import AccessToken, Salesforce\n"
        "with Salesforce('https://acme.my.salesforce.com', AccessToken('secret')):\n"
        "    assert 'aiohttp' not in sys.modules\n"
        "assert 'aiohttp' not in sys.modules",
        tmp_path,
    )


def test_an_async_client_never_loads_requests(tmp_path: Path) -> None:
    run(
        "import asyncio, sys\n"
        "from twinforce import AccessToken, AsyncSalesforce\n"
        "async def main():\n"
        "    async with AsyncSalesforce('https://acme.my.salesforce.com', AccessToken('secret')):\n"
        "        pass\n"
        "asyncio.run(main())\n"
        "assert 'requests' not in sys.modules",
        tmp_path,
    )


@pytest.mark.parametrize(
    ("program", "loaded", "unloaded"),
    [
        ("import twinforce", (), ("attrs", "asyncio", "twinforce._sync", "twinforce._async")),
        ("from twinforce import Salesforce", ("twinforce._sync",), ("twinforce._async",)),
        ("from twinforce import AsyncSalesforce", ("twinforce._async",), ("twinforce._sync",)),
        ("import twinforce; twinforce.errors.NotFoundError; twinforce.hooks.logger", (), ()),
        ("from twinforce import *; Salesforce; soql('SELECT Id FROM Account')", (), ()),
        ("import twinforce.soql; twinforce.soql('SELECT Id FROM Account')", (), ()),
    ],
)
def test_a_program_loads_what_it_uses(
    program: str, loaded: tuple[str, ...], unloaded: tuple[str, ...], tmp_path: Path
) -> None:
    run(
        f"{program}\n"
        "import sys\n"
        f"assert sys.modules.keys() >= {set(loaded)}\n"
        f"assert not sys.modules.keys() & {set(unloaded)}",
        tmp_path,
    )


def test_type_checkers_are_told_that_it_is_typed() -> None:
    assert resources.files("twinforce").joinpath("py.typed").is_file()


@pytest.mark.parametrize("pattern", ["*.json", "*.lark"])
def test_the_data_of_the_local_org_is_shipped(pattern: str) -> None:
    with resources.as_file(resources.files("twinforce") / "local") as folder:
        assert list(folder.rglob(pattern))


def test_the_version_is_that_of_the_distribution() -> None:
    assert twinforce.__version__ == metadata.version("twinforce")


def test_it_needs_four_libraries_and_few_more_for_its_extras() -> None:
    needed = metadata.requires("twinforce") or []
    always = {re.split(r"\W", line)[0] for line in needed if "extra ==" not in line}
    sometimes = {re.split(r"\W", line)[0] for line in needed if "extra ==" in line}

    assert always == {"aiohttp", "attrs", "orjson", "requests"}
    assert sometimes == {"cryptography", "lark", "tqdm"}


def test_the_command_is_there() -> None:
    (command,) = metadata.entry_points(group="console_scripts", name="twinforce")

    assert callable(command.load())


@pytest.mark.parametrize("name", [name for name in twinforce.__all__ if name[0].isupper()])
def test_everything_public_is_described(name: str) -> None:
    kind = getattr(twinforce, name)

    assert inspect.getdoc(kind)
    for method, member in inspect.getmembers(kind):
        if not method.startswith("_") and (
            inspect.isfunction(member) or isinstance(member, property)
        ):
            assert inspect.getdoc(member), method
