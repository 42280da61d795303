"""The clients of twinforce over a local org, in process."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from twinforce import Timeout
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


@pytest.mark.parametrize("version", ["99.0", "68.0", "33.0", "67", "v67.0"])
def test_a_version_that_the_org_does_not_speak_is_refused(org: LocalOrg, version: str) -> None:
    for make in (org.client, org.async_client):
        with pytest.raises(
            ValueError, match=rf"version must be from 34\.0 to 67\.0, .*'{version}'"
        ):
            make(version=version)
    nothing: Any = 67.0
    with pytest.raises(TypeError, match="version must be text"):
        org.client(version=nothing)
    with org.client(version="34.0") as oldest:
        assert oldest.limits()


async def test_the_options_of_a_client_are_passed_on(org: LocalOrg) -> None:
    nothing: Any = 5
    with org.client(version="60.0", timeout=Timeout(read=1)) as sf:
        assert sf.version == "60.0"
    with pytest.raises(TypeError, match="timeout must be a Timeout"):
        org.client(timeout=nothing)
    with pytest.raises(TypeError, match="timeout must be a Timeout"):
        org.async_client(timeout=nothing)
    for make in (org.client, org.async_client):
        parameters = inspect.signature(make).parameters
        assert [parameters["version"].default, parameters["timeout"].default] == ["67.0", Timeout()]
