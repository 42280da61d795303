"""The layers of ARCHITECTURE.md, held to by reading the imports of every module."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

ROOT = Path(__file__).parent.parent
SOURCES = ROOT / "src"
MODULES = sorted([*(SOURCES / "twinforce").rglob("*.py"), SOURCES / "pytest_twinforce.py"])
GENERATED = "_sync"
MOST_LINES = 600

WAITING = frozenset({"asyncio", "threading", "time"})
HTTP = frozenset({"aiohttp", "requests"})
VALUES = frozenset({"attrs", "orjson"})


@attrs.frozen
class Layer:
    """What the modules of one layer may import: other layers, libraries, and waiting or not."""

    layers: frozenset[str]
    libraries: frozenset[str] = frozenset()
    never: frozenset[str] = frozenset()


TWIN = Layer(
    frozenset({"core", "progress", "twin", "transports"}), libraries=VALUES, never=WAITING | HTTP
)
LAYERS = {
    # The public names, each wherever it is made.
    "names": Layer(
        frozenset({"core", "progress", "async", "sync", "transports", "requests", "aiohttp"})
    ),
    # time tells the time here; time.sleep is looked for on its own.
    "core": Layer(
        frozenset({"core", "progress"}), libraries=VALUES, never=WAITING - {"time"} | HTTP
    ),
    "progress": Layer(frozenset({"core"}), libraries=VALUES | {"tqdm"}, never=WAITING | HTTP),
    "twin": Layer(frozenset(), never=HTTP),
    "async": attrs.evolve(TWIN, layers=TWIN.layers | {"async"}),
    "sync": attrs.evolve(TWIN, layers=TWIN.layers | {"sync"}),
    # The factories and what the two transports share; each transport knows its library only.
    "transports": Layer(
        frozenset({"core", "transports", "requests", "aiohttp"}),
        libraries=frozenset({"attrs", "certifi"}),
    ),
    "requests": Layer(
        frozenset({"core", "transports"}),
        libraries=frozenset({"attrs", "certifi", "requests", "urllib3"}),
    ),
    "aiohttp": Layer(
        frozenset({"core", "transports"}),
        libraries=frozenset({"aiohttp", "attrs", "certifi", "multidict", "yarl"}),
    ),
    "local": Layer(
        frozenset({"names", "core", "local"}),
        libraries=VALUES | {"aiohttp", "cryptography", "lark"},
    ),
    # What pytest imports in every run; beside the package, so that it loads nothing of it.
    "plugin": Layer(frozenset({"names", "local"}), libraries=frozenset({"pytest"})),
}
ROOMS = {
    "_async": "async",
    "_core": "core",
    "_sync": "sync",
    "_transports": "transports",
    "_twin": "twin",
    "local": "local",
    "pytest_twinforce": "plugin",
}


def layer_of(module: str) -> str:
    """Tell in which layer *module* is, by its dotted name."""
    room, _, rest = module.removeprefix("twinforce").removeprefix(".").partition(".")
    if not room:
        return "names"
    if room == "_transports" and rest in {"_aiohttp", "_requests"}:
        return rest.removeprefix("_")
    if room.startswith("_") or room in ROOMS:
        return ROOMS[room]
    return room if room in LAYERS else "core"  # the public modules


def name_of(path: Path, sources: Path = SOURCES) -> str:
    return ".".join(path.relative_to(sources).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path, sources: Path) -> Iterator[str]:
    """Yield the dotted name of everything that the module at *path* imports, wherever it does."""
    package = path.relative_to(sources).parent.parts
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            origin = ".".join((*above, *([node.module] if node.module else [])))
            for alias in node.names:
                yield f"{origin}.{alias.name}"


def module_in(name: str, sources: Path) -> str:
    """Take from *name* what is not a module, such as the class that is imported from it."""
    path = sources.joinpath(*name.split("."))
    return name if path.is_dir() or path.with_suffix(".py").is_file() else name.rpartition(".")[0]


def faults(path: Path, sources: Path = SOURCES) -> Iterator[str]:
    """Find the imports of the module at *path* that its layer does not allow."""
    kind = layer_of(name_of(path, sources))
    layer = LAYERS[kind]
    for name in imports(path, sources):
        root = name.partition(".")[0]
        if root == "twinforce":
            target = layer_of(module_in(name, sources))
            if target not in layer.layers:
                yield f"{name}: {kind} may not import {target}"
        elif root in layer.never or (name == "time.sleep" and kind == "core"):
            yield f"{name}: {kind} never imports it"
        elif root not in sys.stdlib_module_names and root not in layer.libraries:
            yield f"{name}: {kind} may not import {root}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_imports_only_what_its_layer_may(path: Path) -> None:
    assert list(faults(path)) == []


@pytest.mark.parametrize(
    "path", [path for path in MODULES if layer_of(name_of(path)) == "core"], ids=name_of
)
def test_the_core_tells_the_time_but_never_sleeps(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))

    assert "time.sleep" not in {
        ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)
    }


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if "_async" in path.parts and path.name != "__init__.py"],
    ids=name_of,
)
def test_a_module_has_a_twin_only_if_something_in_it_awaits(path: Path) -> None:
    waiting = (ast.Await, ast.AsyncFor, ast.AsyncWith)

    assert any(isinstance(node, waiting) for node in ast.walk(ast.parse(path.read_text("utf-8"))))


def test_no_module_is_too_long_to_be_read_at_once() -> None:
    written = [
        *MODULES,
        ROOT / "noxfile.py",
        *ROOT.glob("scripts/*.py"),
        *ROOT.glob("tests/**/*.py"),
    ]
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text("utf-8").splitlines())
        for path in written
        if GENERATED not in path.parts
    }

    assert {path: length for path, length in lengths.items() if length > MOST_LINES} == {}


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("_core/urls.py", "import asyncio"),
        ("_core/urls.py", "from time import sleep"),
        ("_core/urls.py", "import requests"),
        ("_core/urls.py", "import yarl"),
        ("_core/urls.py", "from .. import _twin"),
        ("auth.py", "from ._async.client import AsyncSalesforce"),
        ("auth.py", "def late():\n    import threading"),
        ("_twin.py", "from . import errors"),
        ("_async/client.py", "import time"),
        ("_async/client.py", "from .._transports._aiohttp import AiohttpTransport"),
        ("_async/client.py", "from .._sync.client import Salesforce"),
        ("_transports/_requests.py", "import aiohttp"),
        ("_transports/_requests.py", "from ._aiohttp import AiohttpTransport"),
        ("__init__.py", "from .local import LocalOrg"),
        ("local/server/web.py", "from ..._async.client import AsyncSalesforce"),
        ("local/server/web.py", "import flask"),
    ],
)
def test_an_import_against_the_layers_is_found(tmp_path: Path, module: str, line: str) -> None:
    path = written(tmp_path, module, line)

    assert len(list(faults(path, tmp_path))) == 1


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("_core/urls.py", "from urllib.parse import quote\nimport time\nfrom . import json"),
        ("_async/client.py", "from .. import _transports\nfrom .._twin import AsyncLock"),
        ("_async/client.py", "from ..errors import SalesforceError\nfrom .batch import AsyncBatch"),
        ("_twin.py", "import asyncio\nimport threading\nfrom time import sleep"),
        ("_transports/_aiohttp.py", "import aiohttp\nfrom .._core.http import Request"),
        ("local/server/web.py", "from twinforce import Salesforce\nfrom .. import store"),
    ],
)
def test_an_import_along_the_layers_is_allowed(tmp_path: Path, module: str, line: str) -> None:
    path = written(tmp_path, module, line)

    assert list(faults(path, tmp_path)) == []


def written(sources: Path, module: str, text: str) -> Path:
    """Write *module* among those that the lines above import: folders do, to be found."""
    for name in (*ROOMS, "_async/client", "_sync/client", "_transports/_aiohttp", "errors"):
        folder = sources / "twinforce" / name
        folder.mkdir(parents=True, exist_ok=True)
    path = sources / "twinforce" / module
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{text}\n", "utf-8")
    return path
