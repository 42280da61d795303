"""The examples that ``twinforce demo`` runs."""

from __future__ import annotations

from .... import AsyncSalesforce, errors
from ..shown import tell


async def run_examples(salesforce: AsyncSalesforce, account_id: str) -> None:
    """Run the examples of the README on the org of *salesforce*, and print what came of each."""
    async with salesforce.composite.batch(halt_on_error=True) as batch:
        query = batch.query("SELECT Id, Name FROM Account LIMIT 10")
        contact = batch.sobject.create("Contact", {"FirstName": "Jon", "LastName": "Doe"})
    names = ", ".join(record["Name"] for record in query.records)
    tell("A query and a create", batch, accounts=names, created_contact=contact.id)

    batch = salesforce.composite.batch(halt_on_error=True)
    query = batch.query("SELECT Id, Name FROM Account LIMIT 10")
    contact = batch.sobject.create("Contact", {"FirstName": "Jon", "LastName": "Doe"})
    await batch.execute()
    names = ", ".join(record["Name"] for record in query.records)
    tell("The same, with execute()", batch, accounts=names, created_contact=contact.id)

    async with salesforce.composite.batch() as batch:
        query_accounts = batch.query("SELECT Id, Name FROM Account LIMIT 10")
        query_contacts = batch.query("SELECT Id, Name FROM Contact LIMIT 10")
    accounts, contacts = len(query_accounts.records), len(query_contacts.records)
    tell("Two queries", batch, found=f"{accounts} accounts, {contacts} contacts")

    async with salesforce.composite.batch() as batch:
        contact = batch.sobject.create("Contact", {"FirstName": "Jon", "LastName": "Doe"})
        account = batch.sobject.update("Account", account_id, {"Name": "New Name"})
        opportunity = batch.sobject.upsert(
            "Opportunity", "ExternalId__c", {"ExternalId__c": "123", "Name": "New Opportunity"}
        )
    tell(
        "A create, an update and an upsert",
        batch,
        created_contact=contact.id,
        updated_account=account.id,
        upserted_opportunity=f"{opportunity.id} (created: {opportunity.created})",
    )

    async with salesforce.composite.batch() as batch:
        for number in range(60):
            batch.sobject.create("Contact", {"LastName": f"Contact {number}"})
    tell("More than 25, in order", batch, succeeded=len(batch.succeeded))

    async with salesforce.composite.batch(halt_on_error=True) as batch:
        nameless = batch.sobject.create("Contact", {"FirstName": "Jon"})
        following = batch.sobject.create("Contact", {"LastName": "Doe"})
    tell(
        "A failure, with halt_on_error",
        batch,
        the_first=nameless.error,
        the_second=following.state.value,
    )

    batch = salesforce.composite.batch(autoraise=True)
    batch.query("SELECT Id, Nam FROM Account")
    try:
        await batch.execute()
    except errors.MalformedRequestError as error:
        tell("A failure, with autoraise", batch, raised=error)
