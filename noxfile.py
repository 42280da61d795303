"""Everything that CI checks, as nox sessions. `scripts/test` runs them all."""

from __future__ import annotations

import shutil
import sys
import tarfile
import zipfile
from pathlib import Path

import nox

nox.options.default_venv_backend = "virtualenv"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = False
nox.options.reuse_venv = "yes"
# What runs unless something is asked for: all but the soak, which takes minutes.
nox.options.sessions = ["twins", "lint", "types", "package", "wire", "peers", "tests"]
nox.options.default_venv_backend = "virtualenv"
# What failed and what to do about it then stands at the end of the output.
nox.options.stop_on_first_error = True

ROOT = Path(__file__).parent
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
RUNTIME = (
    *PROJECT["project"]["dependencies"],
    *PROJECT["project"]["optional-dependencies"]["local"],
)
# Those of the project's classifiers; a newer Python than these is tried if it runs nox.
PYTHONS = list(
    dict.fromkeys(
        [*nox.project.python_versions(PROJECT), f"{sys.version_info[0]}.{sys.version_info[1]}"]
    )
)
IMPORT_BOTH_TWINS = """
import sys
from twinforce import AsyncSalesforce, Salesforce
assert AsyncSalesforce.__module__.startswith("twinforce._async."), AsyncSalesforce
assert Salesforce.__module__.startswith("twinforce._sync."), Salesforce
loaded = {"aiohttp", "lark", "requests", "twinforce.local"} & sys.modules.keys()
assert not loaded, f"importing twinforce loads {loaded}"
"""


def group(*names: str) -> tuple[str, ...]:
    """Look up the dependency groups *names* of pyproject.toml, the one place of versions."""
    return nox.project.dependency_groups(PROJECT, *names)


@nox.session
def twins(session: nox.Session) -> None:
    """Check the blocking twins; with `-- --write`, write them."""
    session.install(*group("twins"))
    session.run("python", "scripts/make_sync.py", *session.posargs or ["--check"])


@nox.session
def lint(session: nox.Session) -> None:
    """Check the style and the layout of the code."""
    session.install(*group("lint"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types, with both checkers that users have."""
    session.install(*RUNTIME, *group("types"))
    session.run("mypy")
    # Else it would look into a .venv beside pyproject.toml.
    session.run("basedpyright", "--pythonpath", str(Path(session.bin, "python")))


@nox.session
def package(session: nox.Session) -> None:
    """Build the distributions, look inside, and import the wheel where nothing else is."""
    session.install(*group("package"))
    place = Path(session.create_tmp()).resolve()
    shutil.rmtree(place)
    place.mkdir()
    session.run("python", "-m", "build", "--outdir", str(place), silent=True)

    (wheel,) = place.glob("*.whl")
    (sdist,) = place.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        missing = shipped("src") - {f"src/{name}" for name in archive.namelist()}
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
        missing |= shipped("src", "tests", "scripts") - names
    if missing:
        session.error(f"the distributions lack {', '.join(sorted(missing))}")

    python = str(place / "clean" / "bin" / "python")
    session.run("python", "-m", "venv", str(place / "clean"))
    session.run(python, "-m", "pip", "install", "-qq", str(wheel), external=True)
    session.chdir(place)
    session.run(python, "-W", "error", "-c", IMPORT_BOTH_TWINS, external=True)


def shipped(*folders: str) -> set[str]:
    """List the files under *folders*, the parts of the package that are data included."""
    return {
        path.relative_to(ROOT).as_posix()
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@nox.session
def wire(session: nox.Session) -> None:
    """Hold both transports to their contract, over real sockets."""
    session.install(".[local]", *group("test"))
    session.run("pytest", "tests/wire", *session.posargs)


@nox.session
def peers(session: nox.Session) -> None:
    """Let clients that others wrote, unmodified, use the served local org."""
    session.install(".[local]", *group("peers"))
    session.run("pytest", "tests/peers", *session.posargs)


@nox.session
def recordings(session: nox.Session) -> None:
    """Hold the local org to what real orgs answered, as the wheel of CumulusCI has it."""
    session.install(".[local]", *group("recordings"))
    place = Path(session.create_tmp()).resolve()
    wheel = "cumulusci==4.10.1"
    session.run("pip", "download", "-qq", "--no-deps", "--dest", str(place), wheel, silent=True)
    (found,) = place.glob("cumulusci-*.whl")
    where = {"TWINFORCE_RECORDINGS": str(found)}
    session.run("pytest", "tests/judges", *session.posargs, env=where)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Test the built package, not the tree."""
    session.install(".[local]", *group("test"))
    elsewhere = ("--ignore=tests/wire", "--ignore=tests/peers", "--ignore=tests/judges_npm")
    session.run("pytest", "-n", "2", *elsewhere, *session.posargs)


@nox.session
def soak(session: nox.Session) -> None:
    """Hold thousands of batches that go wrong to the org's own truth; a share of it is in tests."""
    session.install(".[local]")
    session.run("python", "-W", "error", "-m", "tests.soak", *session.posargs)


@nox.session
def killed(session: nox.Session) -> None:
    """Kill the server of a file org during loads; a share of it is in tests."""
    session.install(".[local]")
    session.run("python", "-W", "error", "-m", "tests.judges.killed", *session.posargs)


@nox.session
def load(session: nox.Session) -> None:
    """Load some 20,000 related rows, made by snowfakery, into a file org, and query them."""
    session.install(".[local]", *group("load"))
    session.run("python", "-m", "tests.judges.load", *session.posargs)


def npm(session: nox.Session, *packages: str) -> dict[str, str]:
    """Install Node.js (from PyPI) and *packages* of npm; the environment that has them."""
    session.install(".[local]", *group("npm"))
    place = Path(session.create_tmp()).resolve()
    session.run(
        *("npm", "install", "--prefix", str(place), "--no-save", "--ignore-scripts"),
        *("--no-audit", "--no-fund", "--loglevel=error", *packages),
    )
    return {"NODE_PATH": str(place / "node_modules")}


@nox.session
def jsforce(session: nox.Session) -> None:
    """Let jsforce, unmodified, use the served local org."""
    environment = npm(session, "jsforce@3.10.26")
    session.run("pytest", "tests/judges_npm/test_jsforce.py", *session.posargs, env=environment)


@nox.session
def ts_force(session: nox.Session) -> None:
    """Let ts-force, unmodified, use the served local org."""
    environment = npm(session, "ts-force@3.5.0")
    session.run("pytest", "tests/judges_npm/test_ts_force.py", *session.posargs, env=environment)


@nox.session
def sf(session: nox.Session) -> None:
    """Let the Salesforce CLI, unmodified, use the served local org."""
    environment = npm(session, "@salesforce/cli@2.150.6")
    session.run("pytest", "tests/judges_npm/test_sf.py", *session.posargs, env=environment)


@nox.session
def soql_oracle(session: nox.Session) -> None:
    """Compare what our SOQL parser accepts and refuses with what Salesforce's own does."""
    environment = npm(session, "@salesforce/soql-common@0.2.2", "antlr4ts@0.5.0-alpha.4")
    tests = "tests/judges_npm/test_soql_oracle.py"
    session.run("pytest", tests, *session.posargs, env=environment)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure this library, its peers and the bare HTTP libraries at the same work."""
    session.install(".", *group("rivals"))
    session.run("python", "-m", "benchmarks", *session.posargs)
