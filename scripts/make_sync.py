"""Write the blocking twin of every module under an ``_async`` folder, or check the committed one.

python scripts/make_sync.py --write   write the twins, delete those whose source is gone (default)
python scripts/make_sync.py --check   write nothing; exit with 1 if writing would change anything

unasync converts the code. What it leaves alone (the names in strings, docstrings and comments) is
converted here; what it cannot convert is refused, with the place and what to do about it. Nothing
is written before everything has been generated.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import tokenize_rt
import unasync

ROOT = Path(__file__).resolve().parent.parent
TREES = ("src/twinforce/_async", "src/twinforce/local/tools/_async", "tests/_async")

# Every name that differs between the twins, besides those unasync knows. It is converted wherever
# it stands as a word: in code, strings, docstrings and comments. A row no source uses is an error.
NAMES = {
    "AiohttpTransport": "RequestsTransport",
    "AsyncActions": "Actions",
    "AsyncAnswers": "Answers",
    "AsyncBatch": "Batch",
    "AsyncCaller": "Caller",
    "AsyncComposite": "Composite",
    "AsyncCrew": "Crew",
    "AsyncHook": "Hook",
    "AsyncHooks": "Hooks",
    "AsyncLocalTransport": "LocalTransport",
    "AsyncLock": "Lock",
    "AsyncPauses": "Pauses",
    "async_together": "together",
    "AsyncQuery": "Query",
    "AsyncReport": "Report",
    "AsyncSObject": "SObject",
    "AsyncSalesforce": "Salesforce",
    "AsyncSession": "Session",
    "AsyncSleep": "Sleep",
    "AsyncSoak": "Soak",
    "AsyncTransport": "Transport",
    "AsyncTrouble": "Trouble",
    "AsyncWire": "Wire",
    "aclose": "close",
    "async_client": "client",
    "async_crowd": "crowd",
    "async_outcome": "outcome",
    "async_serves": "serves",
    "async_sleep": "sleep",
    "default_async_transport": "default_transport",
}

# Names and strings that only look like ours: Salesforce's own, such as "AsyncApexJob".
KEEP: tuple[str, ...] = ()

WRITE = "scripts/test -s twins -- --write"
HEADER = (
    "# Generated from {source} by scripts/make_sync.py.\n"
    "# Change that file, never this one, and then run `" + WRITE + "`.\n"
)

CONVERTED = {
    **unasync.Rule("", "").token_replacements,
    **NAMES,
    **{name: name for name in KEEP},
}
MODULES = frozenset({"aiohttp", "asyncio", "requests", "threading", "time"})
ASYNC_NAME = re.compile(
    r"\w*Async\w*|_*Sync[A-Z]\w*|(?!async$)(\w*_)?async(_\w*)?|_*(asyncio|aiohttp)"
    r"|Awaitable|Coroutine|__await__|aclose|aclosing|aiter|anext|asend|athrow"
)
ASYNC_PREFIX = re.compile(r"Async[A-Z]")
ASYNC_NODES = (ast.AsyncFor, ast.AsyncFunctionDef, ast.AsyncWith, ast.Await)
CODE_IN_PROSE = re.compile(r"\basync (?=(?:def|for|with)\b)|\bawait (?=[\w.]+[(\[])")


class SourceError(Exception):
    """The twins cannot be made from the sources; the message says where, why, and what to do."""


def main(arguments: list[str]) -> int:
    """Write or check the twins and return the exit status."""
    parser = argparse.ArgumentParser(description="Write the blocking twins from their sources.")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--write", action="store_true", help="write what changed (the default)")
    choice.add_argument("--check", action="store_true", help="write nothing; fail if out of step")
    check = parser.parse_args(arguments).check
    try:
        wanted = generated()
    except SourceError as error:
        print(error, file=sys.stderr)
        return 1
    present = committed()
    stale = [path for path in sorted({*wanted, *present}) if wanted.get(path) != present.get(path)]
    for path in stale:
        if check:
            report(path, present.get(path), wanted.get(path))
        else:
            write(path, wanted.get(path))
    if not stale:
        print(f"{len(wanted)} blocking twins are in step with their sources")
    return 1 if check and stale else 0


def generated() -> dict[Path, bytes]:
    """Make all twins, without writing any; raise :class:`SourceError` if one cannot be made."""
    sources = {tree: python_files(ROOT / tree) for tree in TREES}
    problems = [
        f"{tree} holds no Python file, so its twin would be deleted: bring the sources back, or "
        "take it out of TREES in scripts/make_sync.py"
        for tree, paths in sources.items()
        if not paths
    ]
    paths = [path for tree in TREES for path in sources[tree]]
    problems += [problem for path in paths for problem in leaks(path)]
    if not problems:
        problems = list(unused(paths))
    if problems:
        raise SourceError("\n".join(problems))

    with tempfile.TemporaryDirectory() as folder:
        # Each rule names a whole path, as unasync replaces it wherever it finds it in another.
        out = Path(folder).resolve()
        rules = [
            unasync.Rule(f"{(ROOT / tree).as_posix()}/", f"{(out / tree).as_posix()}/", CONVERTED)
            for tree in TREES
        ]
        unasync.unasync_files([str(path) for path in paths], rules)
        made = {path: out / shown(path) for path in paths}
        for path, draft in made.items():
            draft.write_text(finished(draft.read_text("utf-8"), path), "utf-8", newline="\n")
        tidy(made.values())
        return {twin(path): draft.read_bytes() for path, draft in made.items()}


def committed() -> dict[Path, bytes]:
    """Read the twins as they are on the disk."""
    folders = (twin(ROOT / tree) for tree in TREES)
    return {path: path.read_bytes() for folder in folders for path in python_files(folder)}


def leaks(path: Path) -> Iterator[str]:
    """Find what unasync cannot convert in the source at *path*, or converts wrongly."""
    try:
        text = path.read_text("utf-8")
        tree = ast.parse(text)
    except SyntaxError as error:
        yield f"{shown(path)}:{error.lineno}: {error.msg}: mend the source first"
        return
    except ValueError as error:
        yield f"{shown(path)}: {error}: save it as UTF-8 text"
        return

    imports = set()
    for node in ast.walk(tree):
        line = f"{shown(path)}:{getattr(node, 'lineno', 0)}"
        imports |= imported(node)
        for module in sorted(imported(node) & MODULES):
            yield (
                f"{line}: '{module}' has no place in a twin: use a pair from "
                "src/twinforce/_twin.py (or write the test by hand, outside tests/_async)"
            )
        # Until Python 3.12 an f-string was one token, so its code would be converted by some
        # Pythons only; and unasync takes a piece of text "async" or "await" for the keyword.
        if isinstance(node, ast.JoinedStr) and any(is_async(part) for part in ast.walk(node)):
            yield f"{line}: 'async' or 'await' inside an f-string: give its value a name first"

    known = {*CONVERTED, *imports}
    for token in tokenize_rt.src_to_tokens(text):
        line = f"{shown(path)}:{token.line}"
        if token.name == "NAME" and ASYNC_NAME.fullmatch(token.src) and token.src not in known:
            yield (
                f"{line}: '{token.src}' has no blocking twin: give it a row in NAMES of "
                "scripts/make_sync.py, or use a pair from src/twinforce/_twin.py"
            )
        content = token.src[1:-1]
        if token.name == "STRING" and ASYNC_PREFIX.match(content) and content not in known:
            yield (
                f"{line}: the string {token.src} would lose its 'A': give it a row in NAMES of "
                "scripts/make_sync.py, or list it in KEEP there if it is a name of Salesforce's"
            )


def imported(node: ast.AST) -> set[str]:
    """Name the top-level modules that *node* imports, if it is an import."""
    if isinstance(node, ast.Import):
        return {alias.name.partition(".")[0] for alias in node.names}
    if isinstance(node, ast.ImportFrom) and not node.level and node.module:
        return {node.module.partition(".")[0]}
    return set()


def is_async(node: ast.AST) -> bool:
    """Tell whether *node* is, or reads to unasync like, something only async code has."""
    if isinstance(node, ast.Constant):
        return node.value in {"async", "await"}
    if isinstance(node, ast.comprehension):
        return bool(node.is_async)
    return isinstance(node, ASYNC_NODES)


def unused(paths: Iterable[Path]) -> Iterator[str]:
    """Find the rows of NAMES and KEEP that none of the sources at *paths* needs."""
    words = {word for path in paths for word in re.findall(r"\w+", path.read_text("utf-8"))}
    for table, names in (("NAMES", NAMES), ("KEEP", KEEP)):
        for name in names:
            if not set(re.findall(r"\w+", name)) <= words:
                yield f"scripts/make_sync.py: no source uses '{name}': take it out of {table}"


def finished(text: str, path: Path) -> str:
    """Complete what unasync made of the source at *path*; make sure that nothing async is left."""
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        message = (
            f"{shown(path)}:{error.lineno}: unasync made no valid Python of this: "
            "run `ruff format` on the source, and keep to `await name(...)`"
        )
        raise SourceError(message) from error
    for node in ast.walk(tree):
        if is_async(node) and not isinstance(node, ast.Constant):
            message = f"{shown(path)}:{getattr(node, 'lineno', 0)}: still async after unasync"
            raise SourceError(message)
    docstrings = {
        (node.lineno, node.col_offset)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    pieces = [
        converted(token, is_docstring=(token.line, token.utf8_byte_offset) in docstrings)
        for token in tokenize_rt.src_to_tokens(text)
    ]
    return HEADER.format(source=shown(path)) + "".join(pieces)


def converted(token: tokenize_rt.Token, *, is_docstring: bool) -> str:
    """Convert *token* if it is a string, a part of an f-string, or a comment."""
    text = str(token.src)
    if is_docstring or token.name == "COMMENT":
        text = CODE_IN_PROSE.sub("", text)
    if token.name in {"COMMENT", "FSTRING_MIDDLE", "STRING"}:
        text = re.sub(r"\w+", lambda word: CONVERTED.get(word[0], word[0]), text)
    return text


def tidy(paths: Iterable[Path]) -> None:
    """Sort the imports of the files at *paths* anew, as names have changed, and format them."""
    config = ["--quiet", "--no-cache", "--config", str(ROOT / "pyproject.toml")]
    for command in (["check", "--select", "I", "--fix"], ["format"]):
        ruff = [sys.executable, "-m", "ruff", *command, *config, *map(str, paths)]
        result = subprocess.run(ruff, cwd=ROOT, capture_output=True, text=True, check=False)
        if result.returncode:
            message = f"ruff {command[0]} failed on the twins:\n{result.stdout}{result.stderr}"
            raise SourceError(message)


def report(path: Path, present: bytes | None, wanted: bytes | None) -> None:
    """Show the difference, if that says more, and then what is wrong with the twin at *path*."""
    source = shown(source_of(path))
    if present is None:
        reason = f"is missing: run `{WRITE}`"
    elif wanted is None:
        reason = f"has no source: delete it, or bring {source} back"
    else:
        reason = (
            f"is not what {source} makes: change that file, never this one, and then run `{WRITE}`"
        )
        before, after = (
            side.decode("utf-8", "backslashreplace").splitlines(keepends=True)
            for side in (present, wanted)
        )
        names = f"committed/{shown(path)}", f"generated/{shown(path)}"
        sys.stderr.writelines(difflib.unified_diff(before, after, *names))
    print(f"{shown(path)} {reason}", file=sys.stderr)


def write(path: Path, wanted: bytes | None) -> None:
    """Write the twin at *path*, or delete it if it is not *wanted*."""
    if wanted is None:
        path.unlink()
        print(f"deleted {shown(path)}")
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(wanted)
        print(f"wrote {shown(path)}")


def python_files(folder: Path) -> list[Path]:
    """List the modules under *folder*; caches and other files are nobody's business here."""
    return sorted(path for path in folder.rglob("*.py") if path.is_file())


def twin(path: Path) -> Path:
    """Where the twin of the source, or of the folder of sources, at *path* belongs."""
    return moved(path, "_async", "_sync")


def source_of(path: Path) -> Path:
    """Where the source of the twin at *path* belongs."""
    return moved(path, "_sync", "_async")


def moved(path: Path, old: str, new: str) -> Path:
    """Change the folder *old* in *path* to *new*, but nothing above the project."""
    parts = path.relative_to(ROOT).parts
    return ROOT.joinpath(*(new if part == old else part for part in parts))


def shown(path: Path) -> str:
    """Show *path* as a user of any system writes it, relative to the project."""
    return path.relative_to(ROOT).as_posix()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
