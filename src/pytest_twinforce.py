"""The pytest plugin of twinforce: a fresh local org, and its clients, for each test that asks.

It stands beside the package, for pytest imports it in every run, and nothing else of twinforce
before a fixture is used.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from twinforce import AsyncSalesforce, Salesforce
    from twinforce.local import LocalOrg


class _Once(logging.Filter):
    """Lets each message pass once, so that what is loaded for each test is told of once."""

    def __init__(self) -> None:
        super().__init__()
        self._told: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        is_new = message not in self._told
        self._told.add(message)
        return is_new


_ONCE: Final = pytest.StashKey[_Once]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the settings of the fixtures."""
    parser.addini(
        "twinforce_schema",
        "folders of SFDX source whose custom objects and fields each local_org has",
        type="paths",
        default=[],
    )
    parser.addini(
        "twinforce_seed",
        "seed files (tree plans, tree files, lists by sobject) that each local_org begins with",
        type="paths",
        default=[],
    )


@pytest.fixture
def local_org(pytestconfig: pytest.Config) -> Iterator[LocalOrg]:
    """Give a new local org in memory, with the schema and the records of the settings."""
    try:
        from twinforce.local import LocalOrg

        org = LocalOrg()
    except ImportError as error:
        pytest.fail(str(error), pytrace=False)
    with org:
        log = logging.getLogger("twinforce.local")
        once = pytestconfig.stash.setdefault(_ONCE, _Once())
        log.addFilter(once)
        try:
            _begin(pytestconfig, "twinforce_schema", org.load_metadata)
            _begin(pytestconfig, "twinforce_seed", org.seed)
        finally:
            log.removeFilter(once)
        yield org


def _begin(config: pytest.Config, setting: str, load: Callable[..., object]) -> None:
    try:
        load(*config.getini(setting))
    except (OSError, ValueError) as error:
        pytest.fail(f"{setting}: {error}", pytrace=False)


@pytest.fixture
def sf(local_org: LocalOrg) -> Iterator[Salesforce]:
    """Give a blocking client of the test's local org."""
    with local_org.client() as client:
        yield client


@pytest.fixture
def async_sf(local_org: LocalOrg) -> AsyncSalesforce:
    """Give an async client of the test's local org.

    It holds nothing that must be closed in an event loop, so that this is no async fixture, and
    works with pytest-asyncio in any mode, with anyio, and with asyncio.run() in the test.
    """
    return local_org.async_client()
