# Generated from tests/_async/conftest.py by scripts/make_sync.py.
# Change that file, never this one, and then run `scripts/test -s twins -- --write`.
"""The clients that tests have."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.server import ScriptedServer
from tests.twin import Pauses
from twinforce import AccessToken, ClientCredentials, Salesforce
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


@pytest.fixture
def pauses() -> Pauses:
    """Note how long the client *served* should have waited between its tries."""
    return Pauses()


@pytest.fixture
def served(org: LocalOrg, pauses: Pauses) -> Iterator[Salesforce]:
    """Give a client of the local org over HTTP, with the retries that every client has."""
    with org.serve() as server:
        grant = ClientCredentials(org.client_id, org.client_secret)
        with Salesforce(server.url, grant, sleep=pauses) as salesforce:
            yield salesforce
