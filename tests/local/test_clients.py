"""The clients of twinforce over a local org, in process."""

from __future__ import annotations

import pytest

from twinforce.errors import NotFoundError
from twinforce.local import LocalOrg


def test_the_blocking_client(org: LocalOrg) -> None:
    with org.client() as sf:
        contact_id = sf.sobject.create("Contact", {"LastName": "Doe"})
        with sf.composite.batch() as batch:
            query = batch.query("SELECT Id, Name FROM Contact")
            missing = batch.sobject.get("Contact", "003Lo0000000009IAA")
        assert [record["Id"] for record in query.records] == [contact_id]
        assert isinstance(missing.error, NotFoundError)
        with pytest.raises(NotFoundError):
            sf.sobject.get("Contact", "003Lo0000000009IAA")


async def test_the_async_client(org: LocalOrg) -> None:
    org.add_field("Opportunity", "ExternalId__c", "Text", external_id=True)
    org.require("Opportunity", "Name")
    async with org.async_client(version="60.0") as sf:
        batch = sf.composite.batch()
        account = batch.sobject.create("Account", {"Name": "Acme"})
        opportunity = batch.sobject.upsert(
            "Opportunity", "ExternalId__c", {"ExternalId__c": "1/2", "Name": "New Opportunity"}
        )
        await batch.execute()
        assert account.id.startswith("001")
        assert opportunity.created
        assert (await sf.sobject.get("Account", account.id))["Name"] == "Acme"


def test_closing_a_client_leaves_the_org_open(org: LocalOrg) -> None:
    with org.client() as sf:
        sf.sobject.create("Account", {"Name": "A"})
    with org.client() as sf:
        assert len(list(sf.query("SELECT Id FROM Account"))) == 1
