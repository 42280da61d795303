"""A local org for every test that asks for one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.server import ScriptedServer
from twinforce.local import LocalOrg


@pytest.fixture
def org() -> Iterator[LocalOrg]:
    """An empty org with an external id, small pages, and little that it requires."""
    with LocalOrg(page_size=200) as org:
        org.add_field("Opportunity", "ExternalId__c", "Text", external_id=True)
        org.add_field("Contact", "Key__c", "Text", external_id=True, unique=True)
        org.require("Opportunity", "Name")
        yield org


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """Serve what a test tells it to."""
    with ScriptedServer() as server:
        yield server
