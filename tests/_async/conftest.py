"""The clients that tests have."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.server import ScriptedServer
from tests.twin import AsyncPauses
from twinforce import AccessToken, AsyncSalesforce, ClientCredentials
from twinforce.local import LocalOrg


@pytest.fixture
async def salesforce(org: LocalOrg) -> AsyncIterator[AsyncSalesforce]:
    """Give a client of the local org."""
    async with org.async_client() as salesforce:
        yield salesforce


@pytest.fixture
async def scripted(server: ScriptedServer) -> AsyncIterator[AsyncSalesforce]:
    """Give a client of the server that does as it is told."""
    async with AsyncSalesforce(server.url, AccessToken("00D!x"), retry=None) as salesforce:
        yield salesforce


@pytest.fixture
def pauses() -> AsyncPauses:
    """Note how long the client *served* should have waited between its tries."""
    return AsyncPauses()


@pytest.fixture
async def served(org: LocalOrg, pauses: AsyncPauses) -> AsyncIterator[AsyncSalesforce]:
    """Give a client of the local org over HTTP, with the retries that every client has."""
    with org.serve() as server:
        grant = ClientCredentials(org.client_id, org.client_secret)
        async with AsyncSalesforce(server.url, grant, sleep=pauses) as salesforce:
            yield salesforce
