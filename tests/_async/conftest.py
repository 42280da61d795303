"""The clients that tests have."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.server import ScriptedServer
from twinforce import AccessToken, AsyncSalesforce
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
