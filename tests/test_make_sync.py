"""The generator of the blocking twins, run on small projects of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import attrs
import pytest

ROOT = Path(__file__).parent.parent
SOURCE = '''
"""Batches; see :class:`AsyncBatch`."""

from __future__ import annotations

from collections.abc import AsyncIterator

from .._core import Response
from .._twin import AsyncLock


class AsyncBatch:
    """Sends what it is given.

    >>> async with AsyncBatch() as batch:
    ...     answer = await batch.send()

    The others await its outcome; ``await batch.aclose()`` ends it.
    """

    async def send(self) -> Response:
        """Send it once."""
        async with AsyncLock():  # await self.aclose() comes later
            return [await part async for part in self.parts()]

    async def parts(self) -> AsyncIterator[int]:
        """Go through the parts, in order."""
        yield 1

    async def aclose(self) -> None:
        """Close it."""
'''
TWIN = '''
# Generated from src/twinforce/_async/batch.py by scripts/make_sync.py.
# Change that file, never this one, and then run `scripts/test -s twins -- --write`.
"""Batches; see :class:`Batch`."""

from __future__ import annotations

from collections.abc import Iterator

from .._core import Response
from .._twin import Lock


class Batch:
    """Sends what it is given.

    >>> with Batch() as batch:
    ...     answer = batch.send()

    The others await its outcome; ``batch.close()`` ends it.
    """

    def send(self) -> Response:
        """Send it once."""
        with Lock():  # self.close() comes later
            return [part for part in self.parts()]

    def parts(self) -> Iterator[int]:
        """Go through the parts, in order."""
        yield 1

    def close(self) -> None:
        """Close it."""
'''
TEST = """
from twinforce import AsyncBatch


async def test_it_closes() -> None:
    await AsyncBatch().aclose()
"""
NAMES = {"AsyncBatch": "Batch", "AsyncLock": "Lock", "aclose": "close"}

WRITE = "scripts/test -s twins -- --write"
BATCH = (
    "src/twinforce/_sync/batch.py is not what src/twinforce/_async/batch.py makes: change that "
    f"file, never this one, and then run `{WRITE}`\n"
)
OLD = "src/twinforce/_sync/old.py has no source"


@attrs.frozen
class Project:
    """A project with a generator and two trees, whose names and sources a test may change."""

    root: Path

    @property
    def sources(self) -> Path:
        return self.root / "src" / "twinforce" / "_async"

    @property
    def twins(self) -> Path:
        return self.root / "src" / "twinforce" / "_sync"

    def add(self, text: str, name: str = "more.py") -> Path:
        """Write a source that holds *text*, and return the path of its twin."""
        (self.sources / name).write_text(dedent(text).lstrip(), "utf-8")
        return self.twins / name

    def know(self, names: dict[str, str], keep: tuple[str, ...] = ()) -> None:
        """Give the generator tables of its own instead of those of this project."""
        script = (ROOT / "scripts" / "make_sync.py").read_text("utf-8")
        trees = ("src/twinforce/_async", "tests/_async")
        tables = f"\nTREES = {trees!r}\nNAMES = {names!r}\nKEEP = {keep!r}\n\nCONVERTED = "
        assert script.count("\nCONVERTED = ") == 1
        changed = script.replace("\nCONVERTED = ", tables)
        (self.root / "scripts" / "make_sync.py").write_text(changed, "utf-8")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the generator from somewhere else."""
        command = [sys.executable, str(self.root / "scripts" / "make_sync.py"), *arguments]
        return subprocess.run(
            command, cwd=self.root.parent, capture_output=True, text=True, check=False
        )

    def write(self) -> None:
        """Write the twins, which must succeed."""
        result = self.run("--write")
        assert (result.returncode, result.stderr) == (0, "")


def make_project(root: Path) -> Project:
    project = Project(root)
    (root / "scripts").mkdir(parents=True)
    (root / "tests" / "_async").mkdir(parents=True)
    (root / "tests" / "_async" / "test_batch.py").write_text(TEST.lstrip(), "utf-8")
    (root / "pyproject.toml").write_text("[tool.ruff]\nline-length = 100\n", "utf-8")
    project.sources.mkdir(parents=True)
    project.add("", "__init__.py")
    project.add(SOURCE, "batch.py")
    project.know(NAMES)
    return project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path / "project")


def test_the_twins_of_this_project_are_in_step_on_this_python() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "make_sync.py"), "--check"]

    result = subprocess.run(command, capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stderr


def test_a_twin_is_blocking_code_with_docstrings_to_match(project: Project) -> None:
    project.write()

    assert (project.twins / "batch.py").read_text("utf-8") == TWIN.lstrip()
    tests = (project.root / "tests" / "_sync" / "test_batch.py").read_text("utf-8")
    assert "\n\ndef test_it_closes() -> None:\n    Batch().close()\n" in tests


def test_what_was_written_passes_the_check(project: Project) -> None:
    project.write()

    result = project.run("--check")

    assert (result.returncode, result.stderr) == (0, "")
    assert "3 blocking twins are in step" in result.stdout


def test_writing_again_touches_nothing(project: Project) -> None:
    project.write()
    before = (project.twins / "batch.py").stat().st_mtime_ns

    project.write()

    assert (project.twins / "batch.py").stat().st_mtime_ns == before


def edit(twin: Path) -> None:
    twin.write_text(twin.read_text("utf-8").replace("yield 1", "yield 2"), "utf-8")


def add_a_neighbour(twin: Path) -> None:
    twin.with_name("old.py").write_text("gone = 1\n", "utf-8")


def end_lines_as_windows_does(twin: Path) -> None:
    twin.write_bytes(twin.read_bytes().replace(b"\n", b"\r\n"))


@pytest.mark.parametrize(
    ("sabotage", "message", "difference"),
    [
        (
            edit,
            BATCH,
            "\n-        yield 2\n+        yield 1\n",
        ),
        (
            Path.unlink,
            f"src/twinforce/_sync/batch.py is missing: run `{WRITE}`\n",
            None,
        ),
        (
            add_a_neighbour,
            f"{OLD}: delete it, or bring src/twinforce/_async/old.py back\n",
            None,
        ),
        (
            end_lines_as_windows_does,
            BATCH,
            "\n+class Batch:\n",
        ),
    ],
)
def test_a_twin_out_of_step_fails_the_check_and_is_mended_by_writing(
    project: Project, sabotage: Callable[[Path], None], message: str, difference: str | None
) -> None:
    project.write()
    sabotage(project.twins / "batch.py")

    result = project.run("--check")

    assert result.returncode == 1
    assert result.stderr.endswith(message)
    if difference is None:
        assert result.stderr == message
    else:
        assert difference in result.stderr
    project.write()
    assert sorted(path.name for path in project.twins.iterdir()) == ["__init__.py", "batch.py"]
    assert project.run("--check").returncode == 0


def test_a_changed_source_fails_the_check(project: Project) -> None:
    project.write()
    project.add(SOURCE.replace("yield 1", "yield 3"), "batch.py")

    result = project.run("--check")

    assert result.returncode == 1
    assert "src/twinforce/_sync/batch.py is not what" in result.stderr


def test_the_check_writes_nothing(project: Project) -> None:
    result = project.run("--check")

    assert result.returncode == 1
    assert not project.twins.exists()


LEAKS = [
    ("import asyncio", "'asyncio' has no place in a twin"),
    ("import aiohttp.web", "'aiohttp' has no place in a twin"),
    ("from requests.adapters import HTTPAdapter", "'requests' has no place in a twin"),
    ("import threading as t", "'threading' has no place in a twin"),
    ("from time import monotonic", "'time' has no place in a twin"),
    ("mark = pytest.mark.asyncio", "'asyncio' has no blocking twin"),
    ("class AsyncCursor: ...", "'AsyncCursor' has no blocking twin"),
    ("class _AsyncPool: ...", "'_AsyncPool' has no blocking twin"),
    ("stack = AsyncExitStack()", "'AsyncExitStack' has no blocking twin"),
    ("Manager = AbstractAsyncContextManager", "'AbstractAsyncContextManager' has no blocking"),
    ("Work = Awaitable[None]", "'Awaitable' has no blocking twin"),
    ("item = anext(items)", "'anext' has no blocking twin"),
    ("items = async_map(call)", "'async_map' has no blocking twin"),
    ("from twinforce._async.batch import X", "'_async' has no blocking twin"),
    ("from x import _aiohttp", "'_aiohttp' has no blocking twin"),
    ("job = 'AsyncApexJob is full'", "the string 'AsyncApexJob is full' would lose its 'A'"),
    ("async def f(): return f'{await g()}'", "'async' or 'await' inside an f-string"),
    ("text = f'{a}await{b}'", "'async' or 'await' inside an f-string"),
]


def test_what_has_no_twin_is_refused_with_its_place_and_all_at_once(project: Project) -> None:
    for number, (line, _) in enumerate(LEAKS, start=10):
        project.add(f'"""More."""\n\n{line}\n', f"more_{number}.py")

    result = project.run("--write")

    assert result.returncode == 1
    assert not project.twins.exists()
    told = result.stderr.splitlines()
    assert len(told) == len(LEAKS)
    for number, (_, problem) in enumerate(LEAKS, start=10):
        place = f"src/twinforce/_async/more_{number}.py:3: "
        assert told[number - 10].startswith(place + problem)


@pytest.mark.parametrize(
    ("names", "keep", "message"),
    [
        ({"AsyncGone": "Gone"}, (), "no source uses 'AsyncGone': take it out of NAMES"),
        ({}, ("AsyncApexJob",), "no source uses 'AsyncApexJob': take it out of KEEP"),
    ],
)
def test_a_row_that_no_source_uses_is_refused(
    project: Project, names: dict[str, str], keep: tuple[str, ...], message: str
) -> None:
    project.know({**NAMES, **names}, keep)

    result = project.run("--check")

    assert result.returncode == 1
    assert result.stderr == f"scripts/make_sync.py: {message}\n"


@pytest.mark.parametrize("statement", ["def broken(:", "class X:\nreturn"])
def test_a_syntax_error_in_a_source_is_told_with_its_place(
    project: Project, statement: str
) -> None:
    project.write()
    twin = project.add(f'"""More."""\n{statement}\n')

    result = project.run("--write")

    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert result.stderr.startswith("src/twinforce/_async/more.py:")
    assert result.stderr.endswith(": mend the source first\n")
    assert not twin.exists()


def test_a_source_that_is_not_utf_8_is_told_by_its_name(project: Project) -> None:
    (project.sources / "more.py").write_bytes(b"name = '\xff'\n")

    result = project.run("--check")

    assert result.returncode == 1
    assert result.stderr.startswith("src/twinforce/_async/more.py: ")
    assert "UTF-8" in result.stderr


def test_what_unasync_cannot_convert_is_told_with_its_place(project: Project) -> None:
    project.add("async def f(g):\n    return await(g())\n")

    result = project.run("--check")

    assert result.returncode == 1
    assert result.stderr.startswith("src/twinforce/_async/more.py:2: unasync made no valid Python")


def test_twins_are_not_deleted_when_all_sources_are_missing(project: Project) -> None:
    project.write()
    for path in project.sources.iterdir():
        path.unlink()

    result = project.run("--write")

    assert result.returncode == 1
    assert result.stderr.startswith("src/twinforce/_async holds no Python file")
    assert (project.twins / "batch.py").is_file()


def test_a_project_without_a_tree_is_told_so(project: Project) -> None:
    (project.root / "tests" / "_async" / "test_batch.py").unlink()
    (project.root / "tests" / "_async").rmdir()

    result = project.run("--check")

    assert result.returncode == 1
    assert result.stderr.startswith("tests/_async holds no Python file")


def test_caches_and_other_files_are_left_alone(project: Project) -> None:
    project.write()
    for folder in (project.sources, project.twins):
        (folder / "__pycache__").mkdir()
        (folder / "__pycache__" / "batch.cpython-311.pyc").write_bytes(b"\x00\xff")
        (folder / "notes.txt").write_text("async def is not Python here", "utf-8")

    result = project.run("--check")
    project.write()

    assert (result.returncode, result.stderr) == (0, "")
    assert (project.twins / "notes.txt").is_file()


def test_folders_of_modules_have_twins_too(project: Project) -> None:
    (project.sources / "parts").mkdir()
    twin = project.add("async def f() -> None: ...\n", "parts/one.py")

    project.write()

    assert "\ndef f() -> None: ...\n" in twin.read_text("utf-8")


def test_names_are_converted_in_strings_and_f_strings(project: Project) -> None:
    twin = project.add(
        '''
        __all__ = ["AsyncBatch", "aclose"]
        text = "call AsyncBatch.aclose() first"
        code = f"AsyncBatch({AsyncBatch.__name__}), {{aclose}} and {'aclose'}"
        long = f"""aclose
        and {code!r} AsyncBatch
        """
        '''
    )

    project.write()

    assert twin.read_text("utf-8").partition("`.\n")[2] == dedent(
        '''\
        __all__ = ["Batch", "close"]
        text = "call Batch.close() first"
        code = f"Batch({Batch.__name__}), {{close}} and {'close'}"
        long = f"""close
        and {code!r} Batch
        """
        '''
    )


def test_text_that_is_data_keeps_its_words(project: Project) -> None:
    project.know(NAMES, ("AsyncApexJob",))
    text = '''
        query = "SELECT Id FROM AsyncApexJob"
        name = "AsyncApexJob"
        url = f"{name}/async/jobs"
        code = """
        x = await g()
        async with h():
        """
        '''
    twin = project.add(text)

    project.write()

    assert twin.read_text("utf-8").partition("`.\n")[2] == dedent(text).lstrip()


def test_a_module_of_ours_may_be_named_as_one_that_is_refused(project: Project) -> None:
    twin = project.add("from .requests import Answer\n\nprint(Answer)\n")

    project.write()

    assert "from .requests import Answer\n" in twin.read_text("utf-8")


def test_imports_are_sorted_anew(project: Project) -> None:
    twin = project.add("from .batch import AsyncBatch, Answer, Cursor\n\nprint(AsyncBatch)\n")

    project.write()

    assert "import Answer, Batch, Cursor\n" in twin.read_text("utf-8")


@pytest.mark.parametrize("folders", ["_async/project", "twinforce/_async", "src/twinforce"])
def test_a_project_may_lie_in_a_folder_of_any_name(tmp_path: Path, folders: str) -> None:
    project = make_project(tmp_path / folders)
    source = (project.sources / "batch.py").read_bytes()

    project.write()

    assert (project.twins / "batch.py").read_text("utf-8") == TWIN.lstrip()
    assert (project.sources / "batch.py").read_bytes() == source


def test_line_ends_of_windows_in_a_source_make_no_difference(project: Project) -> None:
    project.write()
    path = project.sources / "batch.py"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))

    assert project.run("--check").returncode == 0


def test_an_unknown_argument_is_refused(project: Project) -> None:
    result = project.run("--chekc")

    assert result.returncode == 2
    assert "--chekc" in result.stderr
    assert not project.twins.exists()
