# Generated from tests/_async/conftest.py by scripts/make_sync.py.
# Change that file, never this one, and then run `scripts/test -s twins -- --write`.
"""The clients that tests have."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.server import ScriptedServer
from twinforce import AccessToken, Salesforce
from twinforce.local import LocalOrg


@pytest.fixture
def salesforce(org: LocalOrg) -> Iterator[Salesforce]:
    """Give a client of the local org."""
    with org.client() as salesforce:
        yield salesforce


@pytest.fixture
def scripted(server: ScriptedServer) -> Iterator[Salesforce]:
    """Give a client of the server that does as it is told."""
    with Salesforce(server.url, AccessToken("00D!x"), retry=None) as salesforce:
        yield salesforce
