"""The client of the local org."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from twinforce import AsyncSalesforce
from twinforce.local import LocalOrg


@pytest.fixture
async def salesforce(org: LocalOrg) -> AsyncIterator[AsyncSalesforce]:
    async with org.async_client() as salesforce:
        yield salesforce
